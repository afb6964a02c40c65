package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

var (
	// ErrNotAgain: the run {run} needs more than what is kept of it.
	ErrNotAgain = problem.New("agent.run_not_repeatable")
	// ErrNotOver: the run {run} is still on or waits for its turn.
	ErrNotOver = problem.New("agent.run_not_over")
	// ErrWentWell: the run {run} did what it was to do.
	ErrWentWell = problem.New("agent.run_went_well")
)

// The triggers of runs that nobody asked for at that moment, and of those that
// a person had done again; see [control.Run].
const (
	bySchedule = "schedule"
	byCatchUp  = "catch_up"
	byRetry    = "retry"
)

// attempts is how often a run is tried that has no job to say so.
const attempts = 3

// passing are the problems that may be over within minutes without anybody's
// doing, so that another attempt makes sense. A full disk is not among them, nor
// what was refused: only a person can change that, and ought to be told now and
// not after the last attempt.
var passing = map[problem.Code]bool{
	engine.ErrUnreachable.Code:        true,
	engine.ErrUnknownHost.Code:        true, // a laptop that has just woken up has no network yet
	engine.ErrStarting.Code:           true,
	engine.ErrTooManyConnections.Code: true,
	engine.ErrServerLost.Code:         true,
	engine.ErrChanged.Code:            true,
	"postgres.schema_busy":            true,
	"sqlite.busy":                     true,
	store.ErrUnavailable.Code:         true,
	repository.ErrLease.Code:          true, // it slept, or was held, for longer than a day
	vault.ErrUnavailable.Code:         true, // the keychain comes after the login
}

// Passes reports whether what p says may pass by itself.
func Passes(p control.Problem) bool { return passing[problem.Code(p.Code)] }

// workOf makes the work of a run out of the run itself, which says all there is
// to know: so it can be done again, also by an agent that was started since.
// What it names is looked up when it begins. [ErrNotAgain] for kinds that were
// told more than their run keeps.
func (s *Server) workOf(ctx context.Context, r control.Run) (queue.Work, error) {
	w := queue.Work{Run: r}
	switch r.Kind {
	case backup.RunBackup:
		w.Excludes = []string{queue.Database(r.Server, r.Database)}
		w.Do = s.to(func(d control.Destination) do { return s.scripted(s.backup(r.Type, r.Level, d)) })
		if r.Database == everything {
			w.Do = s.backupAll
		}
	case backup.RunVerify:
		w.Do = s.verify(r.Level, "")
	case backup.RunCopy:
		w.Excludes = copyExcludes(r)
		w.Do = s.copy
	case backup.RunReread:
		w.Excludes = []string{taskReread + r.Destination}
		w.Do = s.to(s.reread)
	case backup.RunPrune:
		w.Excludes = []string{excludePrune + r.Destination}
		w.Do = s.prune
	case backup.RunRebuild:
		w, err := s.rebuildWork(ctx, r.Destination)
		w.Run = r
		return w, err
	default:
		return w, ErrNotAgain.Because(nil, "run", r.ID)
	}
	return w, nil
}

// to looks up the destination of a run when it begins.
func (s *Server) to(f func(d control.Destination) do) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (queue.Outcome, error) {
		d, err := s.destinationOf(ctx, run.Destination)
		if err != nil {
			return queue.Outcome{}, err
		}
		return f(d)(ctx, run, report)
	}
}

// Interrupted settles the runs that the last agent left unfinished: those that
// nobody waits for are to be queued again, the others are over.
func (s *Server) Interrupted(ctx context.Context, now time.Time) error {
	runs, err := s.Catalog.UnfinishedRuns(ctx)
	if err != nil || len(runs) == 0 {
		return err
	}
	for i, r := range runs {
		if err := s.unsettled(ctx, r); err != nil {
			return err
		}
		why := cutOff(r)
		again, ok := queue.Resume(r, now, why)
		if !ok {
			at := now.UTC()
			again.Status, again.Finished, again.Problem, again.Dead = backup.Interrupted, &at, &why, r.Attempts > 0
			again.Held, again.RetryAt = false, nil
		}
		if r.Status == backup.Running {
			s.Log.WarnContext(ctx, "run was interrupted by the end of the last agent", "run", r.ID, "kind", r.Kind, "server", r.Server, "database", r.Database, "again", ok)
		}
		runs[i] = again
	}
	return s.Catalog.SaveRuns(ctx, runs...)
}

// Requeue queues the runs that [Server.Interrupted] left to be done.
func (s *Server) Requeue(ctx context.Context) error {
	runs, err := s.Catalog.UnfinishedRuns(ctx)
	if err != nil || len(runs) == 0 {
		return err
	}
	work := make([]queue.Work, 0, len(runs))
	for _, r := range runs {
		if _, there := s.Queue.Get(r.ID); there {
			continue // queued since this agent began
		}
		w, err := s.workOf(ctx, r)
		if err != nil {
			w.Do = func(context.Context, control.Run, backup.Observe) (queue.Outcome, error) { return queue.Outcome{}, err }
		}
		work = append(work, w)
	}
	_, err = s.Queue.Add(ctx, work...)
	return err
}

// cutOff says what became of a run whose agent died. What a restore had made
// until then nobody has removed.
func cutOff(r control.Run) control.Problem {
	if r.Kind == backup.RunRestore && r.Started != nil {
		return *control.FromError(ErrRestoreCut.Because(nil, "database", r.Database, "server", r.Server))
	}
	return *control.FromError(queue.ErrInterrupted.Because(nil))
}

// retryRun does anew what a run failed to do, or lets one that waits for another
// attempt have it now.
func (s *Server) retryRun(ctx context.Context, in *identified) (control.Runs, error) {
	r, err := s.getRun(ctx, in)
	if err != nil {
		return control.Runs{}, err
	}
	switch {
	case !r.Status.Over() && r.RetryAt != nil:
		_, err := s.Queue.Hurry(ctx, r.ID)
		return control.Runs{Runs: []string{r.ID}}, err
	case !r.Status.Over():
		return control.Runs{}, ErrNotOver.Because(nil, "run", r.ID)
	case r.Status == backup.OK:
		return control.Runs{}, ErrWentWell.Because(nil, "run", r.ID)
	}
	w, err := s.workOf(ctx, anew(r))
	if errors.Is(err, ErrNotAgain) {
		err = ErrNotAgain.Because(nil, "run", r.ID)
	}
	if err != nil {
		return control.Runs{}, err
	}
	runs, err := s.start(ctx, w)
	if err != nil {
		return runs, err
	}
	_, err = s.dismiss(ctx, r)
	return runs, err
}

// anew is a run that is to do what r failed to do.
func anew(r control.Run) control.Run {
	n := control.Run{
		Kind: r.Kind, Job: r.Job, Server: r.Server, Database: r.Database, Destination: r.Destination, Backup: r.Backup,
		Type: r.Type, Level: r.Level, Trigger: byRetry, Attempts: r.Attempts, Priority: r.Priority,
	}
	if n.Attempts == 0 {
		n.Attempts = attempts
	}
	if n.Kind == backup.RunBackup {
		n.Backup = "" // one that was made and failed its proof
		if n.Type == "" {
			n.Type = backup.Incremental
		}
	}
	return n
}

// dismissRun takes a run off the list of the dead.
func (s *Server) dismissRun(ctx context.Context, in *identified) (control.Run, error) {
	r, err := s.getRun(ctx, in)
	if err != nil {
		return r, err
	}
	if !r.Status.Over() {
		return r, ErrNotOver.Because(nil, "run", r.ID)
	}
	return s.dismiss(ctx, r)
}

func (s *Server) dismiss(ctx context.Context, r control.Run) (control.Run, error) {
	if !r.Dead {
		return r, nil
	}
	r.Dead = false
	if err := s.Catalog.SaveRuns(ctx, r); err != nil {
		return r, fmt.Errorf("save run: %w", err)
	}
	s.Broker.Changed()
	return r, nil
}

func (s *Server) holdRun(ctx context.Context, in *identified) (control.Run, error) {
	r, err := s.getRun(ctx, in)
	if err != nil {
		return r, err
	}
	return s.Queue.Hold(ctx, r.ID)
}

func (s *Server) releaseRun(ctx context.Context, in *identified) (control.Run, error) {
	r, err := s.getRun(ctx, in)
	if err != nil {
		return r, err
	}
	return s.Queue.Release(ctx, r.ID)
}
