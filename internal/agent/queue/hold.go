package queue

import (
	"context"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// A gate is open until it is shut. Its zero value is open.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // closed when the gate opens; nil: it is open
}

// pass returns when the gate is open or ctx ends.
func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut == nil {
		return
	}
	select {
	case <-shut:
	case <-ctx.Done():
	}
}

// set shuts or opens the gate.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case shut && g.shut == nil:
		g.shut = make(chan struct{})
	case !shut && g.shut != nil:
		close(g.shut)
		g.shut = nil
	}
}

// Hold makes a run stand still until [Queue.Release]: one that runs at the next
// piece it writes or reads, one that waits does not begin. What a run holds, it
// keeps meanwhile: a backup the snapshot on its server, and its databases are
// taken. Its worker is free for others. A run that is held can be cancelled.
// [ErrOver] when it is no longer in the queue.
func (q *Queue) Hold(ctx context.Context, id string) (control.Run, error) {
	return q.edit(ctx, id, func(e *entry) {
		if e.run.Held {
			return
		}
		e.run.Held = true
		if e.run.Status == backup.Running {
			e.gate.set(true)
			q.running--
		}
	})
}

// Release undoes [Queue.Hold]. A run that was held in the middle goes on at
// once, though all workers may be busy, because it has things open.
func (q *Queue) Release(ctx context.Context, id string) (control.Run, error) {
	return q.edit(ctx, id, func(e *entry) {
		if !e.run.Held {
			return
		}
		e.run.Held = false
		if e.run.Status == backup.Running {
			e.gate.set(false)
			q.running++
		}
	})
}
