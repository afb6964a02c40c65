package agent

import (
	"context"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// restAfter is how long nothing is asked and no run ends before the agent gives
// back the memory that took.
const restAfter = 3 * time.Second

// rest gives memory back when the agent has come to rest: once after each time
// that it was stirred, not at the end of every request of many.
type rest struct {
	stirred chan struct{} // holds one, which stands for all until it is seen
	give    func(context.Context)
}

func newRest(give func(context.Context)) *rest {
	return &rest{stirred: make(chan struct{}, 1), give: give}
}

// stir says that there was something to do. It may be called from anywhere and
// never waits.
func (r *rest) stir() {
	select {
	case r.stirred <- struct{}{}:
	default:
	}
}

// run waits for rest until end is called, which waits until it is over.
func (r *rest) run(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		calm := time.NewTimer(restAfter)
		defer calm.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.stirred:
				calm.Reset(restAfter)
			case <-calm.C:
				r.give(ctx)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// after returns a handler that stirs when one of its answers is given.
func (r *rest) after(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer r.stir()
		h.ServeHTTP(w, req)
	})
}

// idle closes what the runs that have ended worked with.
func (a *agent) idle() {
	if err := a.server.ReleaseIdle(); err != nil {
		a.log.Error("cannot close repositories", "err", err)
	}
	a.rest.stir()
}

// giveBack gives the system the memory that nothing needs now.
func (a *agent) giveBack(ctx context.Context) {
	if err := a.catalog.Shrink(ctx); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot give memory back", "err", err)
	}
	debug.FreeOSMemory()
}
