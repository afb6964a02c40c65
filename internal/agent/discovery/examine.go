package discovery

import (
	"context"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// A server is one database server and the ways to it.
type server struct {
	answer
	ways  []way
	found control.Found
}

// examine asks all ways of a target, and looks into the servers behind them
// where that needs no password.
func (d *Discovery) examine(ctx context.Context, t target) []server {
	hint, ways := t.hint, t.ways
	var met []server
	for hint == "" && len(ways) > 0 {
		// Nobody knows what this is: one way is asked, so that the two
		// packets remain two though the port has more addresses.
		a, out := d.ask(ctx, ways[0], d.pace.planFor("", false, t.likely))
		if out == unknown {
			return nil
		}
		if out == recognised {
			met, hint = meet(met, a, ways[0]), a.engine
		}
		ways = ways[1:]
	}
	answers := make([]answer, len(ways))
	outcomes := make([]outcome, len(ways))
	var all sync.WaitGroup
	for i, w := range ways {
		all.Go(func() {
			answers[i], outcomes[i] = d.ask(ctx, w, d.pace.planFor(hint, t.sure || w.network != "tcp", t.likely))
		})
	}
	all.Wait()
	for i, w := range ways {
		if outcomes[i] == recognised {
			met = meet(met, answers[i], w)
		}
	}
	for i := range met {
		met[i].found = d.look(ctx, met[i])
	}
	return met
}

// meet adds an answer to the servers met on one port. Two addresses of one
// port that answer alike are one server.
func meet(met []server, a answer, w way) []server {
	for i := range met {
		if alike(met[i].answer, a) {
			met[i].ways = append(met[i].ways, w)
			return met
		}
	}
	return append(met, server{answer: a, ways: []way{w}})
}

func alike(a, b answer) bool {
	return a.engine == b.engine && a.product == b.product && a.version == b.version && a.identity == b.identity
}

// look describes a server, with its databases where we may list them.
func (d *Discovery) look(ctx context.Context, s server) control.Found {
	f := control.Found{
		Engine: s.engine, Product: s.product, Version: s.version,
		Databases: []control.Database{},
	}
	f.Address, f.Addresses = addresses(s.ways)
	driver := d.Drivers[s.engine]
	switch {
	case s.full:
		f.Problem = control.FromError(engine.ErrTooManyConnections.Because(nil, "address", f.Address))
	case s.refusal != "":
		f.Problem = control.FromError(ErrTurnedAway.Because(nil, "address", f.Address, "message", s.refusal))
	case driver == nil || s.engine != engine.Postgres:
		f.Problem = control.FromError(ErrNotSupported.Because(nil, "product", f.Product))
	default:
		d.login(ctx, driver, s.ways, &f)
	}
	return f
}

// addresses returns the first way's address, and those of the others.
func addresses(ways []way) (string, []string) {
	var all []string
	for _, w := range ways {
		all = append(all, w.address)
	}
	return all[0], all[1:]
}

// joinSockets gives the sockets of MySQL and Redis, whose names do not tell a
// port, to the servers they belong to.
func (d *Discovery) joinSockets(ctx context.Context, all []server) []server {
	var joined, sockets []server
	for _, s := range all {
		if s.ways[0].network == "tcp" || (s.engine != engine.MySQL && s.engine != engine.MariaDB && s.engine != engine.Redis) {
			joined = append(joined, s)
		} else {
			sockets = append(sockets, s)
		}
	}
	for _, s := range sockets {
		i := slices.IndexFunc(joined, func(t server) bool { return alike(t.answer, s.answer) && d.same(ctx, t, s) })
		if i < 0 {
			joined = append(joined, s)
			continue
		}
		joined[i].ways = append(joined[i].ways, s.ways...)
		joined[i].found.Address, joined[i].found.Addresses = addresses(joined[i].ways)
	}
	return joined
}

// same reports whether two servers that answer alike are one. Redis tells by a
// number of its own. MySQL counts its connections: when one to b, made between
// two to a, gets a number between theirs, then they count together.
func (d *Discovery) same(ctx context.Context, a, b server) bool {
	if a.engine == engine.Redis {
		return a.identity != ""
	}
	if a.refusal != "" || b.refusal != "" {
		return false // turned away before being counted
	}
	var serial [3]uint32
	for i, w := range []way{a.ways[0], b.ways[0], a.ways[0]} {
		got, out := d.ask(ctx, w, d.pace.planFor(engine.MySQL, true, nil))
		if out != recognised {
			return false
		}
		serial[i] = got.serial
	}
	return serial[0] < serial[1] && serial[1] < serial[2]
}

// isLoopback reports whether the way is a port of the loopback interface.
func (w way) isLoopback() bool {
	return w.network == "tcp" && w.rank() < 2
}

// family is the name under which the settings of an engine are compared:
// MariaDB and MySQL are one driver.
func family(kind string) string {
	if kind == engine.MariaDB {
		return engine.MySQL
	}
	return kind
}
