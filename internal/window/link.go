package window

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

// The events that pages hear, and what comes with them.
const (
	// EventAgent brings a [control.Event]. Between two resets no event is
	// missing.
	EventAgent = "agent:event"
	// EventLink brings whether the agent answers, and if not, why: a
	// [control.Problem].
	EventLink = "agent:link"
	// EventOpen brings the route of a page that the person asked for, such as
	// "/databases/pg/shop".
	EventOpen = "open"
)

// The events that pages send.
const (
	// EventReady says that a page listens; it is told how the link stands.
	EventReady = "page:ready"
	// EventRetry asks to try a lost link again at once, and to start an agent
	// that was stopped.
	EventRetry = "agent:retry"
)

const (
	// firstWait and longestWait bound how long the link waits before it tries
	// again; it doubles with each try in vain.
	firstWait   = 250 * time.Millisecond
	longestWait = 4 * time.Second
)

// A Link holds the agent's event stream and hands it to the pages, which on
// Windows cannot hold one themselves. It starts the agent when there is none
// and when it died, but not when somebody asked it to stop. Make one with
// [NewLink]; its methods may be called from several goroutines.
type Link struct {
	home paths.Home
	emit func(event string, data ...any)
	// start returns a client of the agent, which it starts if it must.
	start func(context.Context) (*client.Client, error)
	retry chan struct{}

	tried chan struct{} // closed when the link was first made, or could not be

	mu      sync.Mutex // also keeps what is emitted in order
	known   bool       // whether up says anything yet
	up      bool
	problem *control.Problem // why it is not up

	// These belong to Run.
	seq     uint64
	epoch   string
	stopped bool // on request
}

// NewLink returns a link to the agent of home that tells pages its news through
// emit. It does nothing before Run.
func NewLink(home paths.Home, emit func(event string, data ...any)) *Link {
	start := func(ctx context.Context) (*client.Client, error) {
		return client.Start(ctx, client.StartOptions{Home: home})
	}
	return &Link{home: home, emit: emit, start: start, retry: make(chan struct{}, 1), tried: make(chan struct{})}
}

// Run keeps the link until ctx ends.
func (l *Link) Run(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		began := time.Now()
		err := l.hold(ctx)
		if ctx.Err() != nil {
			return
		}
		l.lost(err)
		if time.Since(began) > longestWait {
			wait = firstWait
		}
		l.pause(ctx, wait)
		wait = min(2*wait, longestWait)
	}
}

// Ready tells a page that has just been loaded how the link stands.
func (l *Link) Ready() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known {
		l.tell()
	}
}

// Retry makes Run try again at once.
func (l *Link) Retry() {
	select {
	case l.retry <- struct{}{}:
	default: // it is about to
	}
}

// Await returns when the link was first made or could not be, so that pages
// that are quicker than an agent that is just starting do not meet a closed
// door; or when ctx ends.
func (l *Link) Await(ctx context.Context) {
	select {
	case <-l.tried:
	case <-ctx.Done():
	}
}

// pause waits until it is time to try again. An agent that was stopped on
// request is looked for all the same: somebody else may start it.
func (l *Link) pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.retry:
		l.stopped = false
	}
}

// hold connects to the agent and passes its events on until it goes.
func (l *Link) hold(ctx context.Context) error {
	c, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if l.epoch == "" {
		l.seq, l.epoch = status.Seq, status.Epoch
	}
	l.stopped = false
	l.settle(true, nil)
	for event, err := range c.Events(ctx, l.seq, l.epoch) {
		if err != nil {
			return err
		}
		if event.Kind == "reset" { // another agent, or one too far ahead; its numbers count from now on
			l.epoch = status.Epoch
		}
		l.seq = event.Seq
		l.pass(event)
	}
	return nil
}

// connect returns a client of an agent that answers.
func (l *Link) connect(ctx context.Context) (*client.Client, error) {
	if !l.stopped {
		return l.start(ctx)
	}
	c := client.Default(l.home)
	if _, err := c.Hello(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (l *Link) pass(e control.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emit(EventAgent, e)
}

func (l *Link) lost(err error) {
	l.stopped = l.stopped || errors.Is(err, client.ErrStopped)
	if l.stopped && errors.Is(err, client.ErrUnreachable) {
		err = ErrAgentStopped.Because(err)
	}
	l.settle(false, control.FromError(ofVersions(err)))
}

// settle takes note of how the link stands and tells the pages.
func (l *Link) settle(up bool, why *control.Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known {
		close(l.tried)
	}
	l.known, l.up, l.problem = true, up, why
	l.tell()
}

func (l *Link) tell() {
	if l.up {
		l.emit(EventLink, true)
		return
	}
	l.emit(EventLink, false, l.problem)
}

// ofVersions says of two versions that do not fit which is the older one: what
// there is to do depends on it.
func ofVersions(err error) error {
	if !errors.Is(err, client.ErrVersion) {
		return err
	}
	theirs := problem.Of(err).Params
	which := ErrAgentOlder
	if api, e := strconv.Atoi(theirs["agent_api"]); e == nil && api > version.API {
		which = ErrAgentNewer
	}
	return which.Because(err, "agent", theirs["agent"], "client", version.Version)
}
