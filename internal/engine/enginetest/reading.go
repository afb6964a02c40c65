package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

func testProbe(s *suite) {
	name := s.create("rahat_probe", Awkward)
	before := s.text(name)
	info, err := s.server.Probe(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if info.Version == "" || info.Product == "" {
		s.Errorf("probe says %+v, want version and product", info)
	}
	s.same("after probe", s.text(name), before)
}

func testDiscover(s *suite) {
	made := []string{"rahat_b", "rahat_a", "rahat_c", oddName()}
	for _, name := range made {
		s.create(name, Empty)
	}
	dbs, err := s.server.Discover(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	names := []string{}
	for _, d := range dbs {
		names = append(names, d.Name)
		if slices.Contains(made, d.Name) && !d.Readable {
			s.Errorf("%s is said to be unreadable", d.Name)
		}
	}
	if !slices.IsSorted(names) {
		s.Errorf("not sorted: %q", names)
	}
	for _, name := range made {
		if !slices.Contains(names, name) {
			s.Errorf("%s is missing in %q", name, names)
		}
	}
	if w, ok := s.f.(WithSystem); ok {
		for _, name := range w.System() {
			if slices.Contains(names, name) {
				s.Errorf("the system's own %s is listed", name)
			}
		}
	}
}

func testUnknown(s *suite) {
	snap, err := s.server.Snapshot(s.Context(), "rahat_no_such_database", engine.SnapshotOptions{Streams: 1})
	if err == nil {
		s.close(snap)
	}
	if !errors.Is(err, engine.ErrNoDatabase) {
		s.Errorf("snapshot: %v, want ErrNoDatabase", err)
	}
}

func testParts(s *suite) {
	name := s.create("rahat_parts", Awkward)
	snap := s.snapshot(name)
	parts := snap.Parts()
	seen := map[backup.Name]bool{}
	for _, p := range parts {
		known := p.Kind == backup.Rows || p.Kind == backup.Pages || p.Kind == backup.Bytes
		if p.Name == "" || p.Format == "" || !known || seen[p.Name] || p.Kind == backup.Pages && p.PageSize <= 0 {
			s.Errorf("part %+v is malformed or doubled", p)
		}
		seen[p.Name] = true
	}
	if len(parts) == 0 || !slices.IsSortedFunc(parts, func(a, b backup.Part) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) }) {
		s.Errorf("%d parts, not sorted by name", len(parts))
	}
	if again := snap.Parts(); !reflect.DeepEqual(again, parts) {
		s.Error("the parts changed while the snapshot was open")
	}
	if err := snap.Dump(s.Context(), backup.Part{Name: "rahat no such part", Kind: backup.Bytes}, io.Discard); err == nil {
		s.Error("a part that is not there was dumped")
	}
	s.close(snap)

	one, two := s.take(name), s.take(name)
	for i, p := range one.Stored.Parts {
		if i >= len(two.Stored.Parts) || two.Stored.Parts[i].Name != p.Name {
			s.Fatal("an unchanged database has other parts the second time")
		}
		if steady(p.Part) && two.Stored.Parts[i].Checksum != p.Checksum {
			s.Errorf("part %s of an unchanged database changed", p.Name)
		}
	}
}

func testTroubles(s *suite) {
	for what, want := range map[Trouble]error{
		WrongPassword: engine.ErrAuth, MissingRight: engine.ErrPrivilege, Unreachable: engine.ErrUnreachable,
	} {
		server, database, ok := s.f.Troubled(s.T, what)
		if !ok {
			continue
		}
		if what != MissingRight {
			if _, err := server.Probe(s.Context()); !errors.Is(err, want) {
				s.Errorf("probe: %v, want %v", err, want)
			}
			if _, err := server.Discover(s.Context()); !errors.Is(err, want) {
				s.Errorf("discover: %v, want %v", err, want)
			}
		}
		if _, err := Take(s.Context(), server, s.kind, database); !errors.Is(err, want) {
			s.Errorf("back up: %v, want %v", err, want)
		}
		if err := server.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}
}

func testTwoAtOnce(s *suite) {
	name := s.create("rahat_two", Awkward)
	want := s.take(name)
	one, two := s.snapshot(name), s.snapshot(name)
	defer s.close(one)
	defer s.close(two)
	var wg sync.WaitGroup
	for i, snap := range []engine.Snapshot{one, two} {
		wg.Go(func() {
			got, err := Collect(s.Context(), snap, s.kind, name)
			if err != nil {
				s.Errorf("dump %d: %v", i, err)
				return
			}
			for j, p := range got.Stored.Parts {
				if steady(p.Part) && p.Checksum != want.Stored.Parts[j].Checksum {
					s.Errorf("dump %d: part %s differs", i, p.Name)
				}
			}
		})
	}
	wg.Wait()
}

func testConsistent(s *suite) {
	name := s.create("rahat_ledger", Ledger)
	writes, stop := s.f.Hammer(s.T, name)
	for writes() < 3 {
		s.pause("the writer to start")
	}
	snap := s.snapshot(name)
	during := writes()
	m, err := Collect(s.Context(), snap, s.kind, name)
	if err != nil {
		stop()
		s.Fatal(err)
	}
	for deadline := time.Now().Add(patience); writes() <= during; {
		if time.Now().After(deadline) {
			s.Error("the open snapshot stops writers")
			break
		}
		s.pause("the writer to go on")
	}
	s.close(snap)
	stop()
	s.restore(m, engine.Target{Database: s.forget("rahat_ledger_back")})
	if err := s.f.Holds(s.T, "rahat_ledger_back"); err != nil {
		s.Errorf("the backup is torn: %v", err)
	}
	if err := s.f.Holds(s.T, name); err != nil {
		s.Errorf("the fixture is wrong: %v", err)
	}
}

// pause waits a little for something another goroutine does.
func (s *suite) pause(forWhat string) {
	s.Helper()
	select {
	case <-time.After(5 * time.Millisecond):
	case <-s.Context().Done():
		s.Fatalf("waiting for %s: %v", forWhat, context.Cause(s.Context()))
	}
}

// failing is a writer that takes some bytes and then fails.
type failing struct {
	left int64
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if int64(len(p)) > f.left {
		n := int(f.left)
		f.left = 0
		return n, f.err
	}
	f.left -= int64(len(p))
	return len(p), nil
}

func testFailingWriter(s *suite) {
	name := s.create("rahat_failing", Ledger)
	m := s.take(name)
	snap := s.snapshot(name)
	for _, p := range m.Stored.Parts {
		for _, after := range []int64{0, p.Bytes / 2, p.Bytes - 1} {
			if p.Bytes == 0 {
				continue
			}
			full := errors.New("the disk is full")
			if err := snap.Dump(s.Context(), p.Part, &failing{left: after, err: full}); !errors.Is(err, full) {
				s.Errorf("dump %s, writer fails after %d of %d bytes: %v, want the writer's error", p.Name, after, p.Bytes, err)
			}
		}
	}
	s.close(snap)
	s.clean()
	again := s.take(name)
	if len(again.Stored.Parts) != len(m.Stored.Parts) {
		s.Error("the server is not as before")
	}
}

// trigger calls f at its first byte and takes everything.
type trigger struct {
	once sync.Once
	f    func()
}

func (w *trigger) Write(p []byte) (int, error) {
	w.once.Do(w.f)
	return len(p), nil
}

func testCancelDump(s *suite) {
	name := s.create("rahat_cancel", Ledger)
	m := s.take(name)
	part := m.largest()
	snap := s.snapshot(name)
	ctx, cancel := context.WithCancelCause(s.Context())
	defer cancel(nil)
	var at time.Time
	err := snap.Dump(ctx, part.Part, &trigger{f: func() { at = time.Now(); cancel(errStop) }})
	if took := time.Since(at); took > patience {
		s.Errorf("stopping took %v", took)
	}
	if !errors.Is(err, errStop) {
		s.Errorf("dump: %v, want the cause of the cancel", err)
	}
	s.close(snap)
	s.clean()
}

func testCancelled(s *suite) {
	name := s.create("rahat_cancelled", Awkward)
	m := s.take(name)
	snap := s.snapshot(name)
	defer s.close(snap)
	ctx := cancelled(s.Context())
	_, probe := s.server.Probe(ctx)
	_, discover := s.server.Discover(ctx)
	_, snapshot := s.server.Snapshot(ctx, name, engine.SnapshotOptions{Streams: 1})
	_, restore := s.server.Restore(ctx, m, engine.Target{Database: s.forget("rahat_cancelled_back"), Streams: 1})
	for verb, err := range map[string]error{
		"probe": probe, "discover": discover, "snapshot": snapshot, "restore": restore,
		"dump": snap.Dump(ctx, m.largest().Part, io.Discard),
	} {
		if !errors.Is(err, errStop) {
			s.Errorf("%s: %v, want the cause of the cancel", verb, err)
		}
	}
	s.absent("rahat_cancelled_back")
}

func testSecret(s *suite) {
	f, ok := s.f.(Secretive)
	if !ok {
		return // there is none to look for
	}
	secret := f.Secret()
	if len(secret) < 8 {
		s.Fatalf("the secret of the fixtures has %d bytes, too few to look for", len(secret))
	}
	name := s.create("rahat_secret", Ledger)
	watch := watchArguments(s.T, secret)
	m := s.take(name)
	s.restore(m, engine.Target{Database: s.forget("rahat_secret_back")})
	_, exists := s.server.Restore(s.Context(), m, engine.Target{Database: name, Streams: 1})
	_, unknown := s.server.Snapshot(s.Context(), "rahat_no_such_database", engine.SnapshotOptions{Streams: 1})
	broken := m.FailAfter(m.Stored.PlainBytes/2, errors.New("broken"))
	_, broke := s.server.Restore(s.Context(), broken, engine.Target{Database: s.forget("rahat_secret_broken"), Streams: 1})
	seen := watch()
	texts := append(seen, fmt.Sprintf("%+v %s", m.Stored, m.Stored.Detail), fmt.Sprint(exists, unknown, broke), fmt.Sprintf("%+v", s.server))
	if server, database, ok := s.f.Troubled(s.T, WrongPassword); ok {
		_, err := Take(s.Context(), server, s.kind, database)
		texts = append(texts, fmt.Sprint(err), fmt.Sprintf("%+v", errors.Join(err, server.Close())))
	}
	for _, text := range texts {
		if bytes.Contains([]byte(text), []byte(secret)) {
			s.Errorf("the password is in %.200q", text)
		}
	}
}
