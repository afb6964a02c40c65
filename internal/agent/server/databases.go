package server

import (
	"cmp"
	"context"
	"slices"

	"github.com/rahatbackup/rahat/internal/agent/discovery"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

type databasesQuery struct {
	Refresh bool `query:"refresh" doc:"ask the servers anew"`
}

func (s *Server) listDatabases(ctx context.Context, in *databasesQuery) (control.Databases, error) {
	k := s.census.take(in.Refresh)
	f, err := s.facts(ctx)
	if err != nil {
		return control.Databases{}, err
	}
	return control.Databases{Databases: newRoll(f, k).list(), Looking: k.looking, AsOf: k.asOf}, nil
}

// A roll joins what is configured, what is in the catalog and what servers
// have answered to one list of databases.
type roll struct {
	facts
	verdict
	known
	engines map[string]string // of the configured servers, by name
	worry   map[source]control.Concern
	rows    map[source]*control.DatabaseStatus
}

func newRoll(f facts, k known) *roll {
	r := &roll{
		facts: f, verdict: judge(f), known: k,
		engines: map[string]string{}, worry: map[source]control.Concern{}, rows: map[source]*control.DatabaseStatus{},
	}
	for _, s := range f.servers {
		r.engines[s.Name] = s.Engine
	}
	for _, c := range r.concerns {
		r.worry[source{c.Server, c.Database}] = c
	}
	return r
}

// list returns every database once: what needs somebody comes first, then by
// name, and what is not configured last among its like.
func (r *roll) list() []control.DatabaseStatus {
	r.ofServers()
	r.ofCatalog()
	r.mute()
	for at, row := range r.rows {
		r.judgeRow(at, row)
	}
	r.ofSchedules()
	all := make([]control.DatabaseStatus, 0, len(r.rows))
	for _, row := range r.rows {
		all = append(all, *row)
	}
	all = append(all, r.strangers()...)
	slices.SortFunc(all, func(a, b control.DatabaseStatus) int {
		return cmp.Or(urgency(a)-urgency(b), cmp.Compare(a.Server, b.Server), cmp.Compare(address(a), address(b)), cmp.Compare(a.Database, b.Database))
	})
	return all
}

// urgency is the order of the states.
func urgency(d control.DatabaseStatus) int {
	order := slices.Index([]control.State{control.NotProtected, control.Attention, control.Protected}, d.State)
	if d.Found != nil {
		return 2*order + 1
	}
	return 2 * order
}

// address is where a server is that has no name yet.
func address(d control.DatabaseStatus) string {
	if d.Found == nil {
		return ""
	}
	return d.Found.Address
}

// at returns the row of a database.
func (r *roll) at(server, database string) *control.DatabaseStatus {
	key := source{server, database}
	if r.rows[key] == nil {
		r.rows[key] = &control.DatabaseStatus{
			Server: server, Engine: r.engines[server], Database: database, Present: true, Readable: true, Trend: []int64{},
		}
	}
	return r.rows[key]
}

// ofServers adds what configured servers have answered.
func (r *roll) ofServers() {
	for _, s := range r.servers {
		for _, d := range r.listings[s.Name].databases {
			row := r.at(s.Name, d.Name)
			row.SizeBytes, row.Readable = d.SizeBytes, d.Readable
		}
	}
}

// ofCatalog adds what jobs name, what is of concern, and what there are
// backups of.
func (r *roll) ofCatalog() {
	for _, j := range r.jobs {
		for _, d := range j.Databases {
			if d != everything {
				r.at(j.Server, d)
			}
		}
	}
	for at := range r.worry {
		if at.database != everything {
			r.at(at.server, at.database)
		}
	}
	for i := range r.backups {
		b := &r.backups[i]
		row := r.at(b.Server, b.Database)
		row.Last, row.Engine = b, cmp.Or(row.Engine, b.Engine)
	}
	for i := range r.whole {
		b := &r.whole[i]
		r.at(b.Server, b.Database).Proven = b
	}
	for _, h := range r.histories {
		row := r.at(h.Server, h.Database)
		row.Backups, row.Trend = h.Backups, h.Trend
	}
}

// mute adds a row without a name for each server of which no database is
// known, unless it has answered that it has none.
func (r *roll) mute() {
	heard := map[string]bool{}
	for at := range r.rows {
		heard[at.server] = true
	}
	for _, s := range r.servers {
		if l, ok := r.listings[s.Name]; !heard[s.Name] && (!ok || l.problem != nil) {
			r.at(s.Name, "")
		}
	}
}

// judgeRow fills in how a database stands, as the state of all does.
func (r *roll) judgeRow(at source, row *control.DatabaseStatus) {
	_, configured := r.engines[at.server]
	l, asked := r.listings[at.server]
	answered := asked && l.problem == nil
	if !configured || answered && !slices.ContainsFunc(l.databases, func(d engine.Database) bool { return d.Name == at.database }) {
		row.Present = false
	}
	c, ok := r.worry[at]
	row.Concern, row.Problem = c.Kind, c.Problem
	switch {
	case ok && rank(c, r.has) > 0:
		row.State = control.Attention
	case !ok && (r.has[at] || !configured):
		row.State = control.Protected
	default:
		row.State, row.Concern = control.NotProtected, cmp.Or(c.Kind, noBackup)
	}
	if row.Problem == nil && configured && asked {
		row.Problem = l.problem
	}
}

// strangers are the databases of servers that discovery met and nobody has
// configured.
func (r *roll) strangers() (all []control.DatabaseStatus) {
	for _, f := range r.found {
		if r.isConfigured(f) {
			continue
		}
		databases := f.Databases
		if len(databases) == 0 {
			databases = []control.Database{{Readable: f.Problem == nil}}
		}
		f.Databases = []control.Database{} // each row would repeat them all
		for _, d := range databases {
			all = append(all, control.DatabaseStatus{
				Engine: f.Engine, Database: d.Name, State: control.NotProtected, Concern: noBackup, Present: true, Readable: d.Readable,
				SizeBytes: d.SizeBytes, Trend: []int64{}, Found: &f, Problem: f.Problem,
			})
		}
	}
	return all
}

// isConfigured looks again, because a server may have been added or removed
// since discovery met it.
func (r *roll) isConfigured(f control.Found) bool {
	if _, ok := r.engines[f.Server]; ok {
		return true
	}
	return slices.ContainsFunc(r.servers, func(s control.Server) bool {
		return s.Engine == f.Engine && (s.Address == f.Address || slices.Contains(f.Addresses, s.Address))
	})
}

// strange counts the servers that discovery met and that could be configured.
func (r *roll) strange() (n int) {
	for _, f := range r.found {
		useless := f.Problem != nil && f.Problem.Code == string(discovery.ErrNotSupported.Code)
		if !useless && !r.isConfigured(f) {
			n++
		}
	}
	return n
}

// bare counts the databases that can be read and that nobody backs up.
func (r *roll) bare() (n int) {
	for _, s := range r.servers {
		if _, all := r.worry[source{s.Name, everything}]; all {
			continue // the concern counts them
		}
		for _, d := range r.listings[s.Name].databases {
			at := source{s.Name, d.Name}
			if _, ok := r.worry[at]; !ok && !r.has[at] && d.Readable {
				n++
			}
		}
	}
	return n
}
