package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

// follow shows the progress of runs until they are over and returns them. The
// first interrupt asks the agent to cancel them, the second leaves them to it.
func (a *app) follow(ctx context.Context, c *client.Client, ids []string) ([]control.Run, error) {
	ctx, leave := context.WithCancelCause(ctx)
	m := newMeter(a, len(ids))
	done := make(chan struct{})
	presses := make(chan struct{}, 2)
	restore := a.onInterrupt(func() {
		select {
		case presses <- struct{}{}:
		default: // the third and later ones change nothing
		}
	})
	var help sync.WaitGroup
	help.Go(func() { m.watch(done) })
	help.Go(func() { a.heed(ctx, c, m, ids, presses, leave) })
	runs, err := c.Follow(ctx, ids, m.observe)
	close(done)
	if err != nil {
		leave(err)
	} else {
		leave(context.Canceled)
	}
	help.Wait()
	restore()
	return runs, err
}

// heed waits for interrupts until ctx ends.
func (a *app) heed(ctx context.Context, c *client.Client, m *meter, ids []string, presses <-chan struct{}, leave context.CancelCauseFunc) {
	var cancelling sync.WaitGroup
	defer cancelling.Wait()
	select {
	case <-ctx.Done():
		return
	case <-presses:
	}
	m.say(a.t("progress.cancelling"))
	cancelling.Go(func() {
		for _, id := range ids {
			// A run that cannot be cancelled is over already, or the agent
			// is gone; following it tells which.
			if _, err := c.Cancel(ctx, id); err != nil && ctx.Err() == nil {
				m.say(visible(err.Error()))
			}
		}
	})
	select {
	case <-ctx.Done():
	case <-presses:
		leave(errLeft.Because(nil, "runs", list(ids)))
	}
}

// result reads what a run that ended well has to say.
func result[T any](run control.Run) (T, error) {
	var v T
	if len(run.Result) == 0 {
		return v, client.ErrProtocol.Because(nil, "cause", "run "+run.ID+" has no result")
	}
	if err := json.Unmarshal(run.Result, &v); err != nil {
		return v, client.ErrProtocol.Because(fmt.Errorf("read result of run %s: %w", run.ID, err), "cause", err.Error())
	}
	return v, nil
}

// outcome is the document of a command that was one run: the run's result, or
// what there is to say without one, and the error if it failed.
type outcome[T any] struct {
	result T
	error  *errorDocument
}

// MarshalJSON puts the error beside the fields of the result.
func (o outcome[T]) MarshalJSON() ([]byte, error) {
	j, err := json.Marshal(o.result)
	if err != nil || o.error == nil {
		return j, err
	}
	e, err := json.Marshal(o.error)
	if err != nil {
		return nil, err
	}
	return append(append(append(j[:len(j)-1:len(j)-1], `,"error":`...), e...), '}'), nil
}

// single follows the one run of started and prints its outcome: with --json as
// a document, else by people. empty is the result of a run that has none.
func single[T any](ctx context.Context, a *app, c *client.Client, started control.Runs, empty func(control.Run) T, people func(control.Run, T)) error {
	runs, err := a.follow(ctx, c, started.Runs)
	if err != nil {
		return err
	}
	if len(runs) != 1 {
		return client.ErrProtocol.Because(nil, "cause", fmt.Sprintf("%d runs instead of one", len(runs)))
	}
	run := runs[0]
	o := outcome[T]{result: empty(run)}
	if len(run.Result) > 0 {
		if o.result, err = result[T](run); err != nil {
			return err
		}
	}
	problem := runProblem(run)
	o.error = a.errorDocument(problem)
	a.warn("", run.Warnings)
	if a.json {
		err = a.out.document(o)
	} else if problem == nil || len(run.Result) > 0 {
		people(run, o.result)
	}
	if err != nil || problem == nil {
		return err
	}
	return &failures{list: []failure{{problem: problem}}, printed: a.json}
}
