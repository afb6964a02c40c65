// Package discovery finds the database servers of this computer: on TCP ports
// (IPv4 and IPv6), unix sockets and Windows pipes, by shaking hands the way
// each product wants it. It needs no password, and it bothers nobody: what is
// not known to be a database gets at most two small packets. DECISIONS.md says
// which two, and what therefore stays unseen.
package discovery

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Why the databases of a server that was found are not listed. Every other
// reason comes from the engine's driver.
var (
	// ErrNotSupported: {product} was found, and this version cannot back it
	// up.
	ErrNotSupported = problem.New("discovery.not_supported")
	// ErrSlow: {address} shook hands, and then did not list its databases
	// within {seconds} seconds.
	ErrSlow = problem.New("discovery.too_slow")
	// ErrTurnedAway: the server at {address} accepts nobody from this
	// computer: {message}.
	ErrTurnedAway = problem.New("discovery.turned_away")
)

// Discovery finds database servers. Only Drivers and Configured are for its
// maker to set. A Discovery is safe for concurrent use.
type Discovery struct {
	// Drivers, by kind, list databases where no secret of ours is needed. A
	// product without a driver is found all the same.
	Drivers map[string]engine.Driver
	// Configured lists the servers already set up; nil is none.
	Configured func(context.Context) ([]control.Server, error)

	// Seams for tests; nil and zero mean this computer and its own pace.
	listening func(context.Context) (machine, error)
	sockets   func() []target
	dial      func(context.Context, way) (net.Conn, error)
	pace      pace
}

// A pace is how long discovery waits for whom. Local servers answer in a few
// milliseconds; the limits are for the silent.
type pace struct {
	dial     time.Duration
	greeting time.Duration // for servers that speak first, on unknown ports
	patient  time.Duration // the same where the port promises such a server
	answer   time.Duration // to one packet
	login    time.Duration // login and listing of one server, all attempts
	folder   time.Duration // one folder of SQLite files
}

var usualPace = pace{
	dial:     200 * time.Millisecond,
	greeting: 150 * time.Millisecond,
	patient:  350 * time.Millisecond,
	answer:   150 * time.Millisecond,
	login:    3 * time.Second,
	folder:   20 * time.Second,
}

// atOnce bounds the ports looked at together. A silent port costs half a
// second of waiting and nothing else, so the number can be high.
const atOnce = 64

// Run looks for servers and, where psql itself would get in without being
// asked for a password, for their databases. What goes wrong with one server
// is told in its Problem; the error is for a cancelled ctx, with its cause, and
// for a Configured that failed. It takes about half a second, and longer only
// for servers slow to list their databases and for folders of req.
func (d *Discovery) Run(ctx context.Context, req control.DiscoverRequest) (control.Discovery, error) {
	start := time.Now()
	look := d.withDefaults()
	servers, err := look.search(ctx, req)
	if err != nil {
		return control.Discovery{}, err
	}
	if err := look.name(ctx, servers); err != nil {
		return control.Discovery{}, err
	}
	slices.SortFunc(servers, func(a, b control.Found) int {
		return cmp.Or(cmp.Compare(a.Engine, b.Engine), cmp.Compare(a.Address, b.Address))
	})
	return control.Discovery{Servers: servers, Seconds: time.Since(start).Seconds()}, nil
}

func (d *Discovery) withDefaults() *Discovery {
	look := *d
	if look.listening == nil {
		look.listening = listening
	}
	if look.sockets == nil {
		look.sockets = usualSockets
	}
	if look.dial == nil {
		look.dial = dial
	}
	if look.pace == (pace{}) {
		look.pace = usualPace
	}
	return &look
}

// search returns every server once, never nil.
func (d *Discovery) search(ctx context.Context, req control.DiscoverRequest) ([]control.Found, error) {
	targets := d.targets(ctx)
	seen := make([][]server, len(targets)) // by target: no lock needed
	folders := make([]control.Found, len(req.Folders))

	var work errgroup.Group
	work.SetLimit(atOnce)
	for i, folder := range req.Folders {
		work.Go(func() error {
			folders[i] = d.folder(ctx, folder)
			return nil
		})
	}
	for i, t := range targets {
		work.Go(func() error {
			seen[i] = d.examine(ctx, t)
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("look for servers: %w", err)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	all := d.joinSockets(ctx, slices.Concat(seen...))
	found := make([]control.Found, 0, len(all)+len(folders))
	for _, s := range all {
		found = append(found, s.found)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return append(found, folders...), nil
}
