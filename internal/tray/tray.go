package tray

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

// An Agent is what the tray asks of the agent; [client.Client] is one. Its
// methods may be called from several goroutines.
type Agent interface {
	Hello(ctx context.Context) (control.Hello, error)
	Status(ctx context.Context) (control.StatusReport, error)
	Databases(ctx context.Context, refresh bool) (control.Databases, error)
	Settings(ctx context.Context) (control.Settings, error)
	Destinations(ctx context.Context) ([]control.Destination, error)
	Events(ctx context.Context, after uint64, epoch string) iter.Seq2[control.Event, error]
	Backup(ctx context.Context, r control.BackupRequest) (control.Runs, error)
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	Stop(ctx context.Context) error
}

// Config is what a tray works with. All of it is needed.
type Config struct {
	Agent Agent
	// Start makes sure that the agent runs; it starts one if there is none.
	Start func(ctx context.Context) error
	// Open shows the window, with the page of a database unless that is empty.
	Open func(ctx context.Context, server, database string) error
	// Show draws a view. It is called from one goroutine, at most about once a
	// second while nobody clicks, and only when something changed.
	Show func(View)
	// Lang is spoken until the agent has said what the person chose.
	Lang string
	Now  func() time.Time
}

const (
	callLimit = 10 * time.Second // for an answer of the agent
	pace      = time.Second      // between views while something runs
	minute    = time.Minute      // after which ages read differently
	look      = 5 * time.Second  // between looks whether somebody started the agent

	// Between attempts to start the agent.
	firstWait, longestWait = time.Second, time.Minute
	// An agent that ran for so long may be started again without delay.
	steady = time.Minute
)

// A Tray follows one agent and does what is clicked. Make it with [New].
type Tray struct {
	cfg   Config
	inbox chan func(context.Context) // work for the goroutine of Run
	done  chan struct{}              // closed when Run ends

	// The rest belongs to the goroutine of Run.
	state
	shown  *View
	calls  sync.WaitGroup
	quit   bool
	again  bool // somebody asked for the agent
	timer  *time.Timer
	drawn  time.Time // when a view was last made
	unread bool      // the state must be read anew
}

// New returns a tray that has shown nothing yet.
func New(cfg Config) *Tray {
	return &Tray{
		cfg: cfg, inbox: make(chan func(context.Context)), done: make(chan struct{}),
		state: state{lang: cfg.Lang}, timer: time.NewTimer(0),
	}
}

// Run follows the agent until ctx ends or the person quits. In the second case
// the agent is stopped too, and an error says that it could not be.
func (t *Tray) Run(ctx context.Context) error {
	defer close(t.done)
	work, cancel := context.WithCancel(ctx)
	defer t.calls.Wait()
	defer cancel()
	t.show()
	wait := firstWait
	for !t.quit && ctx.Err() == nil {
		began := t.cfg.Now()
		err := t.attend(work)
		if t.quit || ctx.Err() != nil {
			break
		}
		if t.cfg.Now().Sub(began) >= steady {
			wait = firstWait
		}
		t.down(err)
		if t.rest(work, wait) {
			wait = firstWait
		} else {
			wait = min(2*wait, longestWait)
		}
	}
	// An agent of another version is left alone: nobody can tell what it does.
	if !t.quit || t.link == otherness {
		return nil
	}
	stop, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancelStop()
	if err := t.cfg.Agent.Stop(stop); err != nil && !errors.Is(err, client.ErrUnreachable) {
		return err
	}
	return nil
}

// attend makes sure that the agent runs and follows it until it goes, which is
// the error, or until ctx ends or the person quits.
func (t *Tray) attend(ctx context.Context) error {
	// A start that was begun is waited for: the agent would come up after the
	// person has quit.
	if err := t.cfg.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := t.read(ctx); err != nil {
		return err
	}
	t.link, t.trouble = up, nil
	t.show()
	t.timer.Reset(0) // whoever wanted to leave after a run that the agent took with it, may
	events, stop := t.listen(ctx)
	defer stop()
	ages := time.NewTicker(minute)
	defer ages.Stop()
	for !t.quit {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case n := <-events:
			if n.err != nil {
				return n.err
			}
			t.news(n.event)
		case f := <-t.inbox:
			f(ctx)
			t.show()
		case <-ages.C:
			t.show()
		case <-t.timer.C:
			if err := t.refresh(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// A news is an event, or why there will be no more.
type news struct {
	event control.Event
	err   error
}

// listen hands out what happens after the state that was read. stop ends it and
// waits until it has ended.
func (t *Tray) listen(ctx context.Context) (events <-chan news, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	out, ended := make(chan news), make(chan struct{})
	after, epoch := t.status.Seq, t.status.Epoch
	go func() {
		defer close(ended)
		for e, err := range t.cfg.Agent.Events(ctx, after, epoch) {
			select {
			case out <- news{e, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, func() {
		cancel()
		<-ended
	}
}

// news takes note of an event. What it changes is shown at the next beat.
func (t *Tray) news(e control.Event) {
	if e.Kind != "reset" && e.Seq <= t.status.Seq {
		return // the state that was read knows of it
	}
	if t.take(e) {
		t.unread = true
	}
	t.timer.Reset(max(0, pace-t.cfg.Now().Sub(t.drawn)))
}

// refresh brings the view up to date.
func (t *Tray) refresh(ctx context.Context) error {
	if t.unread {
		if err := t.read(ctx); err != nil {
			return err
		}
	}
	if t.leaving && !t.busy() {
		t.quit = true
		return nil
	}
	t.show()
	return nil
}

// read asks the agent for all that is shown. Events that happen meanwhile wait,
// and those that the answers know of are skipped then.
func (t *Tray) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	settings, err := t.cfg.Agent.Settings(ctx)
	if err != nil {
		return err
	}
	databases, err := t.cfg.Agent.Databases(ctx, false)
	if err != nil {
		return err
	}
	status, err := t.cfg.Agent.Status(ctx)
	if err != nil {
		return err
	}
	t.lang = settings.Language
	if t.lang == "system" {
		t.lang = settings.Locale
	}
	t.databases, t.status, t.unread = databases.Databases, status, false
	return nil
}

// down takes note of why there is no agent.
func (t *Tray) down(err error) {
	t.trouble = problem.Of(err)
	switch {
	case errors.Is(err, client.ErrVersion):
		t.link = otherness
	case errors.Is(err, client.ErrStopped):
		t.link, t.trouble, t.leaving = stopped, nil, false
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		t.link, t.trouble = lost, nil
	default:
		t.link = failed
	}
	t.show()
}

// rest waits before the agent is started again: for a while; or, if somebody
// stopped it on purpose, until it is there or asked for. It reports whether
// somebody did.
func (t *Tray) rest(ctx context.Context, wait time.Duration) (asked bool) {
	t.again = false
	over := time.NewTimer(wait)
	defer over.Stop()
	for !t.quit && !t.again {
		select {
		case <-ctx.Done():
			return false
		case f := <-t.inbox:
			f(ctx)
			t.show()
		case <-over.C:
			if t.link != stopped {
				return false
			}
			if _, err := t.cfg.Agent.Hello(ctx); !errors.Is(err, client.ErrUnreachable) {
				return true
			}
			over.Reset(look)
		}
	}
	return true
}

// show draws the view if it differs from what is seen.
func (t *Tray) show() {
	t.drawn = t.cfg.Now()
	v := render(&t.state, t.drawn)
	if t.shown == nil || !reflect.DeepEqual(v, *t.shown) {
		t.shown = &v
		t.cfg.Show(v)
	}
}
