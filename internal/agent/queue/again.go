package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

const (
	// firstWait bounds how long a run waits for its second attempt; each
	// further wait may be twice as long.
	firstWait = 2 * time.Minute
	// mostWait bounds every wait.
	mostWait = time.Hour
)

// wait returns how long a run waits after so many attempts: anything from
// nothing to a bound that grows, so that runs which failed together do not come
// back together. That is half of the bound on average.
func wait(attempts int) time.Duration {
	most := mostWait
	if n := max(attempts, 1) - 1; n < 5 { // a sixth would be more than mostWait
		most = firstWait << n
	}
	return rand.N(most) //nolint:gosec // not a secret
}

// again decides whether a run that has just ended is tried once more, and makes
// it a queued run if so. When it was the last attempt the run is dead. held says
// whether it stood still when it ended.
func (q *Queue) again(run *control.Run, held bool) bool {
	if run.Attempts == 0 {
		return false
	}
	switch {
	case run.Status == backup.Interrupted: // by an agent that stops in good order: no attempt
		run.Attempt--
		run.Held, run.Problem = held, nil
	case run.Status != backup.Failed:
		return false
	case run.Attempt >= run.Attempts || !q.Passes(*run.Problem):
		run.Dead = true
		return false
	default:
		at := q.Now().UTC().Add(wait(run.Attempt))
		run.RetryAt = &at
	}
	run.Status, run.Started, run.Finished, run.Progress, run.Result = backup.Queued, nil, nil, nil, nil
	return true
}

// Resume makes a run that died with its agent one to be queued again, by
// [Queue.Add]. That counts as an attempt, so that a run which kills the agent
// does not do so for ever. ok is false when it has died too often, or when it is
// a run that somebody waited for.
func Resume(run control.Run, now time.Time, why control.Problem) (_ control.Run, ok bool) {
	const lives = 3 // also of a run that has fewer attempts: it did not fail
	if run.Attempts == 0 {
		return run, false
	}
	if run.Status == backup.Running {
		if run.Attempt >= max(run.Attempts, lives) {
			return run, false
		}
		run.Attempts = max(run.Attempts, run.Attempt+1)
		at := now.UTC().Add(wait(run.Attempt))
		run.RetryAt, run.Problem = &at, &why
	}
	run.Status, run.Started, run.Finished, run.Progress, run.Result = backup.Queued, nil, nil, nil, nil
	return run, true
}

// waits reports whether a run waits for the moment of another attempt. A moment
// farther away than any wait is that of a clock which was set back since.
func (q *Queue) waits(e *entry) bool {
	if e.run.RetryAt == nil {
		return false
	}
	left := e.run.RetryAt.Sub(q.Now())
	return left > 0 && left <= mostWait
}

// Tick begins the runs whose moment has come. Call it every now and then; a
// computer that sleeps makes timers useless.
func (q *Queue) Tick() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.schedule()
}

// Hurry lets a run that waits for another attempt have it now. Others are left
// as they are. [ErrOver] when it is no longer in the queue.
func (q *Queue) Hurry(ctx context.Context, id string) (control.Run, error) {
	return q.edit(ctx, id, func(e *entry) { e.run.RetryAt = nil })
}

// Warn adds a warning to a run, unless it has one of that code, and reports
// whether it did.
func (q *Queue) Warn(ctx context.Context, id string, w control.Problem) (added bool, err error) {
	_, err = q.edit(ctx, id, func(e *entry) {
		for _, old := range e.warnings {
			if old.Code == w.Code {
				return
			}
		}
		added = true
		e.warnings = append(e.warnings, w)
		e.run.Warnings = e.warnings
	})
	return added, err
}

// edit changes a run that is not over, saves it and tells of it, and starts
// what can be started then. The change holds also if it cannot be saved.
func (q *Queue) edit(ctx context.Context, id string, f func(*entry)) (control.Run, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.find(id)
	if e == nil {
		return control.Run{}, ErrOver.Because(nil, "run", id)
	}
	f(e)
	q.Broker.run(e.run)
	err := q.Store.SaveRuns(ctx, e.run)
	q.schedule() //nolint:contextcheck // as in Add
	if err != nil {
		return e.run, fmt.Errorf("save run: %w", err)
	}
	return e.run, nil
}
