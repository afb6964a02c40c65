package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

const (
	// freshFor is how long the answers of servers are taken for true.
	freshFor = time.Minute
	// answerTime bounds how long one server is waited for.
	answerTime = 10 * time.Second
	// askedAtOnce is how many servers are asked at once.
	askedAtOnce = 8
)

// A listing is what one server answered when it was asked for its databases.
type listing struct {
	databases []engine.Database // as it last answered
	problem   *control.Problem  // why it does not now
}

func (l listing) equal(other listing) bool {
	code := func(p *control.Problem) string {
		if p == nil {
			return ""
		}
		return p.Code
	}
	return slices.Equal(l.databases, other.databases) && code(l.problem) == code(other.problem)
}

// known is what a census knew at one moment. It is never changed.
type known struct {
	listings map[string]listing // by the name of the server
	found    []control.Found    // by discovery
	asOf     time.Time          // when the look began that the answers come from; zero: none yet
	looking  bool
}

// A census keeps in memory which databases there are. Servers are asked only
// when somebody wants to know, and in the background, so that nobody waits for
// the slowest. Its methods may be called from several goroutines.
type census struct {
	now backup.Clock
	// ask asks all there is and calls answered for each configured server.
	ask func(ctx context.Context, answered func(server string, l listing)) ([]control.Found, error)
	// told is called when answers have come.
	told func()

	life context.Context // of the looks
	end  context.CancelFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	known known
	stale bool // something has changed since the last look began
}

func newCensus(now backup.Clock, ask func(context.Context, func(string, listing)) ([]control.Found, error), told func()) *census {
	c := &census{now: now, ask: ask, told: told}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// take returns what is known, and has the servers asked if that is too old or
// if refresh demands it.
func (c *census) take(refresh bool) known {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = c.stale || refresh
	now := c.now()
	age := now.Sub(c.known.asOf) // below zero when the clock was set back
	if due := c.stale || age < 0 || age > freshFor; due && !c.known.looking && c.life.Err() == nil {
		c.known.looking, c.stale = true, false
		c.wg.Go(func() { c.look(now) })
	}
	return c.known
}

// peek returns what is known and asks nobody.
func (c *census) peek() known {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// look asks once.
func (c *census) look(begun time.Time) {
	found, err := c.ask(c.life, c.answered)
	c.mu.Lock()
	c.known.looking, c.known.asOf = false, begun
	if err == nil {
		c.known.found = found
	}
	c.mu.Unlock()
	if c.life.Err() == nil {
		c.told()
	}
}

// answered notes the answer of one server.
func (c *census) answered(server string, l listing) {
	c.mu.Lock()
	old, ok := c.known.listings[server]
	if l.problem != nil {
		l.databases = old.databases // they are most likely still there
	}
	news := !ok || !old.equal(l)
	c.edit(func(all map[string]listing) { all[server] = l })
	c.mu.Unlock()
	if news && c.life.Err() == nil {
		c.told()
	}
}

// edit replaces the listings by changed ones; others may hold the old.
func (c *census) edit(f func(map[string]listing)) {
	all := maps.Clone(c.known.listings)
	if all == nil {
		all = map[string]listing{}
	}
	f(all)
	c.known.listings = all
}

// forget drops what is known of a server, which is another one now or gone.
func (c *census) forget(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edit(func(all map[string]listing) { delete(all, server) })
	c.stale = true
}

// expire has the servers asked when somebody next wants to know.
func (c *census) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = true
}

// close ends a look that is under way and waits for it.
func (c *census) close() {
	c.mu.Lock() // after this no look begins
	c.end()
	c.mu.Unlock()
	c.wg.Wait()
}

// askServers asks the configured servers, and this computer for others.
func (s *Server) askServers(ctx context.Context, answered func(string, listing)) (found []control.Found, err error) {
	servers, err := s.Catalog.Servers(ctx)
	if err != nil {
		return nil, s.lookFailed(ctx, err)
	}
	var work errgroup.Group
	work.SetLimit(askedAtOnce)
	work.Go(func() error {
		return s.within(ctx, func(ctx context.Context) error {
			d, err := s.Discover(ctx, control.DiscoverRequest{})
			found = d.Servers
			return err
		})
	})
	for _, cfg := range servers {
		work.Go(func() error {
			var l listing
			l.problem = control.FromError(s.within(ctx, func(ctx context.Context) (err error) {
				l.databases, err = s.databasesOf(ctx, cfg.Name)
				return err
			}))
			answered(cfg.Name, l)
			return nil
		})
	}
	err = work.Wait()
	return found, s.lookFailed(ctx, err)
}

// lookFailed logs why a look did not succeed, unless the agent just ends.
func (s *Server) lookFailed(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "cannot look for databases", "err", err)
	}
	return err
}

// within calls f with a limit of time. A panic becomes an error: no run of the
// agent may die of a look.
func (s *Server) within(ctx context.Context, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, ErrTestTime.Because(nil, "seconds", strconv.Itoa(int(answerTime.Seconds()))))
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			s.Log.ErrorContext(ctx, "look panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = queue.ErrPanic.Because(fmt.Errorf("panic: %v", v))
		}
	}()
	return stopped(ctx, f(ctx))
}

// databasesOf asks a configured server for its databases.
func (s *Server) databasesOf(ctx context.Context, name string) (_ []engine.Database, err error) {
	server, _, err := s.openServer(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	return server.Discover(ctx)
}
