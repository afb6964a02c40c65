package enginetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
)

func testRoundTrip(s *suite) {
	for name, c := range map[string]Content{"rahat_empty": Empty, "rahat_awkward": Awkward, "rahat_large": Ledger} {
		s.create(name, c)
		before := s.text(name)
		m := s.take(name)
		done := s.restore(m, engine.Target{Database: s.forget(name + "_back")})
		s.same(name, s.text(name+"_back"), before)
		s.same(name+" itself", s.text(name), before)
		if m.Stored.Rows() > 0 && done.Rows != m.Stored.Rows() {
			s.Errorf("%s: restored %d rows of %d", name, done.Rows, m.Stored.Rows())
		}
		if c == Ledger && done.Bytes <= 0 {
			s.Errorf("%s: %d bytes were restored", name, done.Bytes)
		}
		if m.Stored.ServerVersion == "" {
			s.Errorf("%s: the backup does not know the server's version", name)
		}
		s.again(name+"_back", m)
	}
}

// again proves that a backup of what was restored equals the backup.
func (s *suite) again(name string, want *Memory) {
	s.Helper()
	got := s.take(name)
	if len(got.Stored.Parts) != len(want.Stored.Parts) {
		s.Errorf("%s: %d parts, the backup has %d", name, len(got.Stored.Parts), len(want.Stored.Parts))
		return
	}
	for i, p := range want.Stored.Parts {
		g := got.Stored.Parts[i]
		if steady(p.Part) && (g.Name != p.Name || g.Checksum != p.Checksum) {
			s.Errorf("%s: part %s, backed up again, differs", name, p.Name)
		}
	}
}

func testNames(s *suite) {
	name := s.create(oddName(), Awkward)
	before := s.text(name)
	m := s.take(name)
	back := s.forget(oddName() + " 2")
	s.restore(m, engine.Target{Database: back})
	s.same(back, s.text(back), before)
}

func testTargetExists(s *suite) {
	m := s.take(s.create("rahat_source", Awkward))
	for _, c := range []Content{Empty, Ledger} {
		target := s.create("rahat_target", c)
		before := s.text(target)
		_, err := s.server.Restore(s.Context(), m, engine.Target{Database: target, Streams: streams})
		if !errors.Is(err, engine.ErrTargetExists) {
			s.Errorf("restore: %v, want ErrTargetExists", err)
		}
		s.same("the target", s.text(target), before)
	}
}

func testOverwrite(s *suite) {
	source, target := s.create("rahat_source", Awkward), s.create("rahat_target", Ledger)
	m := s.take(source)
	s.restore(m, engine.Target{Database: target, Overwrite: true})
	s.same("the target", s.text(target), s.text(source))
	// One that is not there is no reason to refuse.
	s.restore(m, engine.Target{Database: s.forget("rahat_target_new"), Overwrite: true})
	s.same("the new target", s.text("rahat_target_new"), s.text(source))
}

func testBrokenSource(s *suite) {
	m := s.take(s.create("rahat_source", Ledger))
	broken := errors.New("the cable is out")
	for _, after := range []int64{0, 1, m.Stored.PlainBytes / 2, m.Stored.PlainBytes - 1, m.Stored.PlainBytes} {
		target := s.forget("rahat_broken")
		_, err := s.server.Restore(s.Context(), m.FailAfter(after, broken), engine.Target{Database: target, Streams: streams})
		if !errors.Is(err, broken) {
			s.Errorf("source fails after %d of %d bytes: %v, want its error", after, m.Stored.PlainBytes, err)
		}
		s.absent(target)
	}
	s.clean()
	s.restore(m, engine.Target{Database: "rahat_broken"}) // nothing stands in the way
}

func testBrokenOverwrite(s *suite) {
	m := s.take(s.create("rahat_source", Ledger))
	target := s.create("rahat_target", Awkward)
	before := s.text(target)
	broken := errors.New("the cable is out")
	for _, after := range []int64{0, m.Stored.PlainBytes / 2, m.Stored.PlainBytes} {
		_, err := s.server.Restore(s.Context(), m.FailAfter(after, broken), engine.Target{Database: target, Overwrite: true, Streams: streams})
		if !errors.Is(err, broken) {
			s.Errorf("source fails after %d bytes: %v, want its error", after, err)
		}
		s.same("the old database", s.text(target), before)
	}
	s.clean()
}

func testCancelRestore(s *suite) {
	m := s.take(s.create("rahat_source", Ledger))
	target := s.forget("rahat_cancelled")
	ctx, cancel := context.WithCancelCause(s.Context())
	defer cancel(nil)
	var at time.Time
	stop := sync.OnceFunc(func() { at = time.Now(); cancel(errStop) })
	src := m.meet(m.Stored.PlainBytes/2, func() error { stop(); return nil })
	_, err := s.server.Restore(ctx, src, engine.Target{Database: target, Streams: streams})
	if took := time.Since(at); took > patience {
		s.Errorf("stopping took %v", took)
	}
	if !errors.Is(err, errStop) {
		s.Errorf("restore: %v, want the cause of the cancel", err)
	}
	s.absent(target)
	s.clean()
}

func testNoTable(s *suite) {
	m := s.take(s.create("rahat_source", Awkward))
	target := s.forget("rahat_table")
	_, err := s.server.Restore(s.Context(), m, engine.Target{Database: target, Tables: []string{"rahat_no_such_table"}, Streams: 1})
	if !errors.Is(err, engine.ErrTableNotFound) {
		s.Errorf("restore: %v, want ErrTableNotFound", err)
	}
	s.absent(target)
}
