package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

// asNobody runs f as a user who may do little, if we are root. Only this
// thread becomes that user, and it ends with the goroutine.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread()
			const nobody = 65534
			if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); err != 0 {
				done <- err
				return
			}
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAPreflightNamesMissingRights(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "a.db", enginetest.Awkward)
	s := f.server(t)
	m, err := enginetest.Take(t.Context(), s, engine.SQLite, "a.db")
	if err != nil {
		t.Fatal(err)
	}
	open, closed := filepath.Join(f.dir, "open"), filepath.Join(f.dir, "closed")
	err = errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Mkdir(closed, 0o555),
		os.Chmod(f.dir, 0o755), os.Chmod(filepath.Dir(f.dir), 0o755)) // for nobody
	if err != nil {
		t.Fatal(err)
	}
	p, ok := s.(engine.Preflighter)
	if !ok {
		t.Fatal("no preflight")
	}
	for name, want := range map[string]string{"open/b.db": engine.CheckOK, "open/new/b.db": engine.CheckOK, "closed/b.db": engine.CheckFailed, "closed/new/b.db": engine.CheckFailed} {
		asNobody(t, func() {
			found, err := p.Preflight(t.Context(), m, engine.Target{Database: name})
			for _, x := range found {
				if x.Name == engine.PreflightRights && (x.Status != want || want == engine.CheckFailed && !errors.Is(x.Problem, engine.ErrTargetPrivilege)) {
					t.Errorf("%s: %+v", name, x)
				}
			}
			if err != nil || len(found) != 5 {
				t.Errorf("%s: %+v, %v", name, found, err)
			}
		})
	}
}
