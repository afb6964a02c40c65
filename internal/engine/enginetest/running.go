package enginetest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
)

// WithRunning is implemented by fixtures whose server is an [engine.Runner].
type WithRunning interface {
	// Endless returns statements that do not end within a minute.
	Endless() string
}

// testRun checks the servers that can run a person's own statements.
func testRun(s *suite) {
	r, ok := s.server.(engine.Runner)
	f, has := s.f.(WithRunning)
	if ok != has {
		s.Fatalf("the server runs statements: %t, the fixtures have some: %t", ok, has)
	}
	if !ok {
		return
	}
	db := s.create("rahat_run", Empty)
	last, _ := s.f.Text(s, db)
	for _, statements := range []string{
		"CREATE TABLE run_one (a integer); CREATE TABLE run_two (a integer)",
		"INSERT INTO run_one VALUES (4711); SELECT * FROM run_one",
	} {
		if err := r.Run(s.Context(), db, statements); err != nil {
			s.Fatalf("run: %v", err)
		}
		text, _ := s.f.Text(s, db)
		if text == last {
			s.Errorf("nothing was done by %s", statements)
		}
		last = text
	}
	if err := r.Run(s.Context(), db, "INSERT INTO run_one VALUES (1); INSERT INTO nowhere VALUES (1)"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		s.Errorf("a statement that fails: %v", err)
	}
	if err := r.Run(s.Context(), "rahat_nowhere", "SELECT 1"); !errors.Is(err, engine.ErrNoDatabase) {
		s.Errorf("no such database: %v", err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(s.Context(), 300*time.Millisecond, enough)
	defer cancel()
	begun := time.Now()
	if err := r.Run(ctx, db, f.Endless()); !errors.Is(err, enough) {
		s.Errorf("statements that do not end: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		s.Errorf("took %v to stop", took)
	}
}
