package window

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
)

// newTestLink returns a link that starts agents in the test's own process.
func newTestLink(t *testing.T, home paths.Home, p *page) (l *Link, starts *atomic.Int32) {
	t.Helper()
	l, starts = NewLink(home, p.emit), new(atomic.Int32)
	l.start = func(ctx context.Context) (*client.Client, error) {
		c := client.Default(home)
		_, err := c.Hello(ctx)
		if errors.Is(err, client.ErrUnreachable) && ctx.Err() == nil {
			starts.Add(1)
			start(t, home, ours)
			_, err = c.Hello(ctx)
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}
	return l, starts
}

func TestEventsReachPagesWithoutAGapThoughTheStreamIsCut(t *testing.T) {
	t.Parallel()
	home, p := shortHome(t), newPage(t)
	a := start(t, home, ours)
	a.broker.Changed() // before the window was open: not ours to tell
	before := a.broker.Seq()
	l, starts := newTestLink(t, home, p)
	run(t, l)
	const cuts, each = 3, 50
	for range cuts {
		conn := a.stream()
		for n := range each {
			a.broker.Changed()
			if n == each/2 {
				conn.Close()
			}
		}
	}
	a.stream()
	for n := range cuts * each {
		if e := p.event(); e.Seq != before+1+uint64(n) || e.Kind != "catalog" {
			t.Fatalf("event %d after %d is %+v", n+1, before, e)
		}
	}
	if starts.Load() != 0 {
		t.Error("an agent that ran was started")
	}
}

func TestAnAgentThatDiedIsStartedAgain(t *testing.T) {
	t.Parallel()
	home, p := shortHome(t), newPage(t)
	a := start(t, home, ours)
	l, starts := newTestLink(t, home, p)
	run(t, l)
	p.link(true)
	a.die()
	if why := p.link(false); why != "control.unreachable" {
		t.Errorf("the link is down because of %s", why)
	}
	p.link(true)
	if e := p.event(); e.Kind != "reset" {
		t.Errorf("the pages are not told that another agent has begun anew: %+v", e)
	}
	if n := starts.Load(); n != 1 {
		t.Errorf("started %d times", n)
	}
}

func TestAnAgentThatWasStoppedStaysStoppedUntilSomebodyWantsIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]func(*testing.T, paths.Home, *Link){
		"the page asks":             func(_ *testing.T, _ paths.Home, l *Link) { l.Retry() },
		"another program starts it": func(t *testing.T, home paths.Home, _ *Link) { start(t, home, ours) },
	} {
		t.Run(name, func(t *testing.T) {
			home, p := shortHome(t), newPage(t)
			a := start(t, home, ours)
			l, starts := newTestLink(t, home, p)
			run(t, l)
			a.stream()
			a.stop()
			for range 3 { // several tries
				if why := p.link(false); why != "window.agent_stopped" {
					t.Errorf("the link is down because of %s", why)
				}
			}
			if starts.Load() != 0 {
				t.Error("it was started against the person's will")
			}
			want(t, home, l)
			p.link(true)
		})
	}
}

func TestAnAgentOfAnotherVersionIsToldOlderFromNewer(t *testing.T) {
	t.Parallel()
	for api, want := range map[int]string{ours - 1: "window.agent_older", ours + 1: "window.agent_newer"} {
		home, p := shortHome(t), newPage(t)
		a := start(t, home, api)
		l, starts := newTestLink(t, home, p)
		run(t, l)
		if why := p.link(false); why != want {
			t.Errorf("API %d: the link is down because of %s, want %s", api, why, want)
		}
		a.die() // as the remedy says; the version that is installed follows by itself
		p.link(true)
		if starts.Load() != 1 {
			t.Errorf("API %d: started %d times", api, starts.Load())
		}
	}
}

func TestAnAgentThatCannotStartSaysWhyAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	home, p := shortHome(t), newPage(t)
	l := NewLink(home, p.emit)
	l.start = func(context.Context) (*client.Client, error) {
		return nil, client.ErrNoAgent.Because(nil, "program", "/x")
	}
	run(t, l)
	for range 2 {
		if why := p.link(false); why != "control.agent_missing" {
			t.Errorf("the link is down because of %s", why)
		}
	}
}

func TestAPageThatIsLoadedLaterHearsHowTheLinkStands(t *testing.T) {
	t.Parallel()
	home, p := shortHome(t), newPage(t)
	start(t, home, ours)
	l, _ := newTestLink(t, home, p)
	l.Ready()
	if len(p.heard) != 0 {
		t.Errorf("told before anything is known: %+v", p.next())
	}
	run(t, l)
	p.link(true)
	l.Ready()
	if n := p.next(); n.event != EventLink || n.data[0] != true {
		t.Errorf("got %+v", n)
	}
}
