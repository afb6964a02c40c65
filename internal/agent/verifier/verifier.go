// Package verifier proves backups, at three levels: every byte can be read
// (basic), the structure can be restored (database), and everything restored
// equals what was in the database when it was backed up (full).
package verifier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// The levels of a proof.
const (
	Basic    = "basic"
	Database = "database"
	Full     = "full"
)

// What can go wrong, as a person meets it.
var (
	// ErrLevel: there is no level {level}.
	ErrLevel = problem.New("verifier.unknown_level")
	// ErrNoRoom: the temporary folder {path} cannot be used.
	ErrNoRoom = problem.New("verifier.no_room")
)

// The names of the checks this package makes itself; engines add theirs.
const (
	CheckObjects   = "objects"       // every stored byte read, deciphered, and found right
	CheckRestore   = "restore"       // restored into a throw-away server
	CheckChecksums = "row_checksums" // rows of every table equal those of the dump's snapshot
	CheckContents  = "contents"      // the same for parts that are not rows
	CheckTables    = "tables"        // no table more or fewer
)

// A Verifier proves backups; Run may be called from several goroutines. Set the
// fields before the first call.
type Verifier struct {
	Now     backup.Clock
	TempDir string // for throw-away servers; "": the system's
	Streams int    // tables restored and compared at once; at least 1
}

// A Result is what a proof found. It counts as a proof only when OK.
type Result struct {
	Level   string
	Checks  []engine.Check
	Rows    int64 // compared
	Seconds float64
}

// OK reports whether nothing failed.
func (r *Result) OK() bool {
	for _, c := range r.Checks {
		if c.Status == engine.CheckFailed {
			return false
		}
	}
	return len(r.Checks) > 0
}

// Run proves one backup. The error is for proofs that could not be made; what a
// proof found is in the result.
func (v *Verifier) Run(ctx context.Context, level string, repo *repository.Repository, m *backup.Manifest, driver engine.Driver, obs backup.Observe) (Result, error) {
	start := v.Now()
	if obs == nil {
		obs = func(backup.Progress) {}
	}
	r := Result{Level: level}
	var err error
	switch level {
	case Basic:
		err = v.objects(ctx, &r, repo, m, obs)
	case Database:
		err = v.inSandbox(ctx, &r, emptied(repo.Source(m)), driver, obs, v.examine)
	case Full:
		err = v.inSandbox(ctx, &r, repo.Source(m), driver, obs, v.compareAndExamine)
	default:
		return r, ErrLevel.Because(nil, "level", level)
	}
	r.Seconds = v.Now().Sub(start).Seconds()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r, err
}

// add runs one check and keeps what it found.
func (v *Verifier) add(r *Result, name string, f func() (count int64, finding string)) bool {
	start := v.Now()
	n, finding := f()
	c := engine.Check{Name: name, Status: engine.CheckOK, Detail: finding, Count: n, Seconds: v.Now().Sub(start).Seconds()}
	if finding != "" {
		c.Status = engine.CheckFailed
	}
	r.Checks = append(r.Checks, c)
	return finding == ""
}

func (v *Verifier) objects(ctx context.Context, r *Result, repo *repository.Repository, m *backup.Manifest, obs backup.Observe) (err error) {
	v.add(r, CheckObjects, func() (int64, string) {
		var report repository.Report
		if report, err = repo.Check(ctx, m.ID, obs); err != nil {
			return 0, err.Error()
		}
		r.Rows = report.Rows
		return report.Blobs, damageFound(report.Damage)
	})
	return err
}

// damageFound says which objects are damaged, in which way, and what needs them.
func damageFound(damage []repository.Damage) string {
	var objects []string
	parts := map[string][]string{}
	for _, d := range damage {
		object := fmt.Sprintf("%s (%s)", d.Object, problem.Of(d.Err).Code)
		if parts[object] == nil {
			objects = append(objects, object)
		}
		parts[object] = append(parts[object], string(d.Part))
	}
	for i, object := range objects {
		objects[i] = object + ": " + first(parts[object], ", ")
	}
	return first(objects, "; ")
}

// first joins the first few of a list and counts the others.
func first(list []string, separator string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, separator)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(list[:most], separator), separator, len(list)-most)
}

// inSandbox restores src into a throw-away server and lets then look at it. A
// restore that fails is a finding of the proof, unless it was cancelled.
func (v *Verifier) inSandbox(ctx context.Context, r *Result, src engine.Source, driver engine.Driver, obs backup.Observe,
	then func(context.Context, *Result, engine.Source, engine.Server, string, backup.Observe) error) (err error) {
	sandboxer, ok := driver.(engine.Sandboxer)
	if !ok {
		return engine.ErrNoSandbox.Because(nil, "engine", driver.Kind())
	}
	dir, err := os.MkdirTemp(v.TempDir, "rahat-proof-")
	if err != nil {
		return ErrNoRoom.Because(err, "path", v.TempDir)
	}
	defer func() {
		if e := os.RemoveAll(dir); e != nil {
			err = errors.Join(err, fmt.Errorf("remove throw-away server: %w", e))
		}
	}()
	obs(backup.Progress{Phase: backup.PhaseConnect})
	server, err := sandboxer.Sandbox(ctx, dir, src.Manifest().ServerVersion)
	if err != nil {
		return fmt.Errorf("start throw-away server: %w", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	database := sandboxName(src.Manifest())
	var restored engine.Restored
	var restoreErr error
	ok = v.add(r, CheckRestore, func() (int64, string) {
		restored, restoreErr = server.Restore(ctx, src, engine.Target{Database: database, Streams: max(1, v.Streams), Scratch: true, Observe: obs})
		if restoreErr != nil {
			return 0, restoreErr.Error()
		}
		return restored.Rows, ""
	})
	if errors.Is(restoreErr, engine.ErrNoRoom) { // says nothing of the backup
		r.Checks = r.Checks[:len(r.Checks)-1]
		return ErrNoRoom.Because(restoreErr, "path", dir)
	}
	if !ok {
		return context.Cause(ctx) // nil unless cancelled: the finding is in the result
	}
	return then(ctx, r, src, server, database, obs)
}

// sandboxName keeps the database's own name: settings and functions may name it.
func sandboxName(m *backup.Manifest) string { return string(m.Database) }

// examine runs what the engine itself can prove.
func (v *Verifier) examine(ctx context.Context, r *Result, _ engine.Source, server engine.Server, database string, _ backup.Observe) error {
	checker, ok := server.(engine.Checker)
	if !ok {
		return nil
	}
	checks, err := checker.Check(ctx, database)
	r.Checks = append(r.Checks, checks...)
	if err != nil {
		return fmt.Errorf("examine restored database: %w", err)
	}
	return nil
}

func (v *Verifier) compareAndExamine(ctx context.Context, r *Result, src engine.Source, server engine.Server, database string, obs backup.Observe) error {
	if err := v.compare(ctx, r, src, server, database, obs); err != nil {
		return err
	}
	return v.examine(ctx, r, src, server, database, obs)
}
