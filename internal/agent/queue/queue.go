// Package queue runs what is asked for: the urgent first, else in order, a few
// at a time, never two at once on the same database. It knows nothing of
// databases; a run is a function. Every change of a run is saved and told to
// subscribers.
//
// A run that has [control.Run.Attempts] is one that nobody waits for: what made
// it fail and may pass makes it wait for another attempt, an agent that stops
// leaves it queued for the next, and when it has failed for good it stays on
// the list of the dead until somebody has seen to it. A run without is over when
// it ends, however it ends, because whoever asked for it is told.
//
// Destinations have no limit of their own: no more runs than there are workers
// can be at one, which is what a repository is made for.
package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it.
var (
	// ErrCancelled: a person stopped the run.
	ErrCancelled = problem.New(problem.Cancelled)
	// ErrInterrupted: the agent stopped or died while the run was on.
	ErrInterrupted = problem.New("agent.interrupted")
	// ErrStopping: the agent is about to exit and takes no more work.
	ErrStopping = problem.New("agent.stopping")
	// ErrOver: the run {run} has ended already.
	ErrOver = problem.New("agent.run_over")
	// ErrPanic: a defect of ours ended the run.
	ErrPanic = problem.New(problem.Internal)
)

// A Store keeps runs.
type Store interface {
	// SaveRuns writes runs as they are now, all or none.
	SaveRuns(ctx context.Context, runs ...control.Run) error
}

// Work is one run to be.
type Work struct {
	// Run says what it is about. The queue fills ID, Status and the times,
	// unless there is an ID: then it is a run that an agent before this one
	// left, which keeps what it has.
	Run control.Run
	// Excludes are the things the run needs for itself: two runs that name
	// the same one never run at once. See [Database].
	Excludes []string
	// Do does it. It must return soon after ctx ends. report may be called
	// from several goroutines until Do returns; while the run is held it does
	// not return until ctx ends, so that nothing goes on.
	Do func(ctx context.Context, run control.Run, report backup.Observe) (Outcome, error)
}

// Database is the thing to exclude for work on a database.
func Database(server, database string) string { return server + "\x00" + database }

// Outcome is what a run brought, which may be something even if it failed.
type Outcome struct {
	Backup   string // the backup made or used
	Result   any    // one of the Result types of package control; nil: none
	Warnings []control.Problem
	Scripts  []control.ScriptResult
}

// Options are the parts a queue needs.
type Options struct {
	Store   Store
	Broker  *Broker
	Log     *slog.Logger
	Now     backup.Clock
	Workers int // runs at once; at least 1
	// Passes reports whether what a problem says may be over soon, so that
	// another attempt makes sense; nil: never.
	Passes func(control.Problem) bool
	// StartPaused is how the queue begins; see [Queue.Pause].
	StartPaused bool
	// Idle is called when the last run has ended and no other can begin; it
	// may be nil. The next run may already have begun.
	Idle func()
}

// A Queue holds the runs that are not over. Its methods may be called from
// several goroutines.
type Queue struct {
	Options

	mu       sync.Mutex
	entries  []*entry // in the order they were added
	running  int      // those that are held not counted
	paused   bool     // starts nothing that is queued
	refusing bool     // takes no more work
	stopping bool     // and starts nothing that is queued
	wg       sync.WaitGroup
}

// entry is one run in the queue. Its run is guarded by the queue's lock.
type entry struct {
	work   Work
	run    control.Run
	ctx    context.Context
	cancel context.CancelCauseFunc
	meter  *meter // of this attempt
	gate   gate
	// warnings are what others than the work have to say of the run.
	warnings []control.Problem
}

// New returns an empty queue.
func New(opt Options) *Queue {
	opt.Workers = max(1, opt.Workers)
	if opt.Idle == nil {
		opt.Idle = func() {}
	}
	if opt.Passes == nil {
		opt.Passes = func(control.Problem) bool { return false }
	}
	return &Queue{Options: opt, paused: opt.StartPaused}
}

// Add queues work, all or none of it, and returns the IDs of its runs in the
// same order. The runs are saved before Add returns and do not end with ctx.
func (q *Queue) Add(ctx context.Context, work ...Work) ([]string, error) {
	entries := make([]*entry, 0, len(work))
	runs := make([]control.Run, 0, len(work))
	ids := make([]string, 0, len(work))
	for _, w := range work {
		e := &entry{work: w, run: w.Run, warnings: w.Run.Warnings}
		if e.run.Status = backup.Queued; e.run.ID == "" {
			now := q.Now().UTC()
			e.run.ID, e.run.Queued = string(backup.NewID(now)), now
		}
		e.ctx, e.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
		entries, runs, ids = append(entries, e), append(runs, e.run), append(ids, e.run.ID)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refusing {
		return nil, ErrStopping.Because(nil)
	}
	// Saved under the lock, so that the order in the catalog is the order
	// of work.
	if err := q.Store.SaveRuns(ctx, runs...); err != nil {
		return nil, fmt.Errorf("save runs: %w", err)
	}
	for _, e := range entries {
		q.entries = append(q.entries, e)
		q.Broker.run(e.run)
	}
	q.schedule() //nolint:contextcheck // a run does not end with the request that made room for it
	return ids, nil
}

// schedule starts what can be started: the urgent first, then first come first
// served. A run that has to wait for a thing keeps later ones from taking it
// before; one that waits for its moment or for a person does not.
func (q *Queue) schedule() {
	if q.paused || q.stopping {
		return
	}
	taken := map[string]bool{}
	for _, e := range q.entries {
		for _, x := range e.work.Excludes {
			taken[x] = taken[x] || e.run.Status == backup.Running
		}
	}
	for _, e := range q.ready() {
		free := !slices.ContainsFunc(e.work.Excludes, func(x string) bool { return taken[x] })
		for _, x := range e.work.Excludes {
			taken[x] = true
		}
		if free && q.running < q.Workers {
			q.begin(e)
		}
	}
}

// ready returns the runs that wait for nothing but their turn, in its order.
func (q *Queue) ready() []*entry {
	var list []*entry
	for _, e := range q.entries {
		if e.run.Status == backup.Queued && !e.run.Held && !q.waits(e) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b *entry) int { return cmp.Compare(b.run.Priority, a.run.Priority) })
	return list
}

// begin starts an attempt of a run.
func (q *Queue) begin(e *entry) {
	now := q.Now().UTC()
	e.run.Status, e.run.Started, e.run.RetryAt, e.run.Problem = backup.Running, &now, nil, nil
	if e.run.Attempts > 0 {
		e.run.Attempt++
	}
	e.meter = &meter{emit: func(p backup.Progress) { q.progress(e, p) }}
	q.running++
	q.Broker.run(e.run)
	if err := q.Store.SaveRuns(e.ctx, e.run); err != nil {
		q.Log.Error("cannot save run", "run", e.run.ID, "err", err)
	}
	run := e.run // later changes are not the work's business
	q.wg.Go(func() { q.execute(e, run) })
}

// execute does one attempt of a run from start to end.
func (q *Queue) execute(e *entry, run control.Run) {
	q.Log.Info("run started", "run", run.ID, "kind", run.Kind, "server", run.Server, "database", run.Database, "attempt", run.Attempt)
	out, err := q.do(e, run)
	e.meter.stop()
	if q.end(e, out, err) {
		q.Idle()
	}
}

// end takes note of how an attempt ended, starts the next run, and reports
// whether none is left that can run.
func (q *Queue) end(e *entry, out Outcome, err error) (idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !e.run.Held {
		q.running--
	}
	over := q.close(e, e.run, out, err)
	again := q.again(&over, e.run.Held)
	q.Log.Info("run ended", "run", over.ID, "kind", over.Kind, "status", over.Status, "attempt", over.Attempt, "err", err)
	// Saved under the lock, so that a run is never seen to be over and then
	// found unfinished.
	if err := q.Store.SaveRuns(context.WithoutCancel(e.ctx), over); err != nil {
		q.Log.Error("cannot save run", "run", over.ID, "err", err)
	}
	if again && !q.stopping {
		e.run = over
		q.Broker.run(over)
	} else {
		e.cancel(nil)
		q.remove(e, over)
	}
	q.schedule()
	return q.running == 0
}

// do calls the work and turns a panic into an error; the agent lives on.
func (q *Queue) do(e *entry, run control.Run) (out Outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			q.Log.Error("run panicked", "run", run.ID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = ErrPanic.Because(fmt.Errorf("panic: %v", v))
		}
	}()
	return e.work.Do(e.ctx, run, func(p backup.Progress) {
		e.gate.pass(e.ctx)
		e.meter.report(p)
	})
}

// close returns the run as it is when it is over.
func (q *Queue) close(e *entry, run control.Run, out Outcome, err error) control.Run {
	now := q.Now().UTC()
	run.Finished, run.Held, run.Progress, run.Warnings = &now, false, nil, append(slices.Clip(e.warnings), out.Warnings...)
	run.Scripts = out.Scripts
	if out.Backup != "" {
		run.Backup = out.Backup
	}
	if out.Result != nil {
		j, e := json.Marshal(out.Result)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("encode result: %w", e))
		} else {
			run.Result = j
		}
	}
	run.Status, run.Problem = verdict(e.ctx, err)
	return run
}

// verdict says how a run ended. Work that was done before it noticed that it
// was cancelled is done.
func verdict(ctx context.Context, err error) (backup.Status, *control.Problem) {
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return backup.OK, nil
	case errors.Is(cause, ErrInterrupted):
		return backup.Interrupted, control.FromError(cause)
	case errors.Is(cause, ErrCancelled):
		return backup.Cancelled, control.FromError(cause)
	}
	return backup.Failed, control.FromError(err)
}

// remove takes a run that is over out of the queue and tells so.
func (q *Queue) remove(e *entry, over control.Run) {
	e.run = over
	q.entries = slices.DeleteFunc(q.entries, func(x *entry) bool { return x == e })
	q.Broker.run(over)
}

// progress takes note of how far a run is.
func (q *Queue) progress(e *entry, p backup.Progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.run.Status == backup.Running {
		e.run.Progress = &p
		q.Broker.run(e.run)
	}
}

// Active returns the runs that are not over, in the order they were added.
func (q *Queue) Active() []control.Run {
	q.mu.Lock()
	defer q.mu.Unlock()
	runs := make([]control.Run, 0, len(q.entries))
	for _, e := range q.entries {
		runs = append(runs, e.run)
	}
	return runs
}

// Get returns a run that is not over.
func (q *Queue) Get(id string) (control.Run, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.find(id); e != nil {
		return e.run, true
	}
	return control.Run{}, false
}

func (q *Queue) find(id string) *entry {
	i := slices.IndexFunc(q.entries, func(e *entry) bool { return e.run.ID == id })
	if i < 0 {
		return nil
	}
	return q.entries[i]
}

// Cancel ends a run: one that waits at once, one that runs as soon as it
// notices. [ErrOver] when it is no longer in the queue.
func (q *Queue) Cancel(ctx context.Context, id string) (control.Run, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.find(id)
	if e == nil {
		return control.Run{}, ErrOver.Because(nil, "run", id)
	}
	e.cancel(ErrCancelled.Because(nil))
	if e.run.Status != backup.Queued {
		return e.run, nil
	}
	if err := q.drop(ctx, e); err != nil {
		return e.run, err
	}
	q.schedule() //nolint:contextcheck // as in Add
	return e.run, nil
}

// drop ends a run that does not run.
func (q *Queue) drop(ctx context.Context, e *entry) error {
	over := q.close(e, e.run, Outcome{}, context.Cause(e.ctx)) //nolint:contextcheck // the run has a context of its own
	if over.RetryAt = nil; q.stopping && over.Attempts > 0 {
		over = e.run // the next agent finds it as it is
	}
	err := q.Store.SaveRuns(ctx, over)
	q.remove(e, over)
	if err != nil {
		return fmt.Errorf("save run: %w", err)
	}
	return nil
}

// Pause begins no queued run until [Queue.Resume]; what runs goes on. Work is
// still taken, and waits.
func (q *Queue) Pause() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = true
}

// Paused reports whether the queue is paused.
func (q *Queue) Paused() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused
}

// Resume undoes [Queue.Pause].
func (q *Queue) Resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused = false
	q.schedule()
}

// Refuse takes no more work; what is there goes on.
func (q *Queue) Refuse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refusing = true
}

// Stop takes no more work, interrupts what is queued or running, and returns
// when all of it is over and saved, or ctx ends. Runs with attempts are saved
// as queued. It may be called again.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.interrupt(ctx)
	done := make(chan struct{})
	go func() { // ends with the runs, which must end when they are cancelled
		q.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("wait for runs: %w", context.Cause(ctx)))
	}
}

func (q *Queue) interrupt(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refusing, q.stopping = true, true
	var errs []error
	for _, e := range slices.Clone(q.entries) {
		e.cancel(ErrInterrupted.Because(errors.New("agent stopping")))
		if e.run.Status == backup.Queued {
			errs = append(errs, q.drop(ctx, e))
		}
	}
	return errors.Join(errs...)
}
