package server

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// source is one database of one server.
type source struct{ server, database string }

// facts are what the state is judged by.
type facts struct {
	servers []control.Server
	jobs    []control.Job
	runs    []control.Run    // the last backup run of each source that ended by itself
	backups []control.Backup // the newest backup of each source
	proven  []control.Backup // the backup of each source that was proved last
	whole   []control.Backup // the newest of each source whose newest proof succeeded

	histories []catalog.History
	records   map[string]schedule.Record // of what is done by a schedule

	// What does not come from the catalog.
	now    time.Time
	active []control.Run // those that a paused agent does not begin left out
}

// A verdict is what the facts come to.
type verdict struct {
	state    control.State
	concerns []control.Concern // the worst first
	has      map[source]bool   // what there is a backup of, on servers that are configured
	proving  []source          // what has no proof yet and is being proved, by name
}

// judge puts how things stand in one word and says why. Not protected: there is
// no backup at all, or a database that ought to have one has none. Attention: a
// last backup failed or was not made when it was due, or the newest proof of a
// database failed, is too old or is lacking, unless it is just being made; a
// backup counts only when it has been restored. Sources of servers that are no
// longer configured are of no concern.
func judge(f facts) verdict {
	configured := map[string]bool{}
	for _, s := range f.servers {
		configured[s.Name] = true
	}
	has, covered := map[source]bool{}, map[string]bool{}
	for _, b := range f.backups {
		if configured[b.Server] {
			has[source{b.Server, b.Database}], covered[b.Server] = true, true
		}
	}
	why := worries{}
	for i, r := range f.runs {
		switch at := (source{r.Server, r.Database}); {
		case !configured[r.Server] || vain(r, f.jobs):
		case r.Database == everything && covered[r.Server]:
			if r.Status != backup.OK && !madeUp(r, f.runs[i+1:]) {
				why.add(at, failed, r.Problem)
			}
		case !has[at]:
			why.add(at, noBackup, r.Problem)
		case r.Status != backup.OK:
			why.add(at, failed, r.Problem)
		}
	}
	why.ofJobs(f.jobs, has, covered)
	why.ofSchedules(f, has, covered)
	why.ofProofAges(f, has)
	v := verdict{state: control.Protected, has: has}
	v.proving = why.ofProofs(f, has)
	v.concerns = why.list(has)
	switch {
	case len(has) == 0 || len(v.concerns) > 0 && rank(v.concerns[0], has) == 0:
		v.state = control.NotProtected
	case len(v.concerns) > 0:
		v.state = control.Attention
	}
	return v
}

// The kinds of concerns.
const (
	noBackup  = "no_backup"
	failed    = "failed"
	disproven = "disproven"
	overdue   = "overdue"
	proofOld  = "proof_old"
	unproven  = "unproven"
)

// severity is the order of the kinds, the worst first.
var severity = []string{noBackup, failed, disproven, overdue, proofOld, unproven}

// worries holds the worst concern of each source.
type worries map[source]control.Concern

func (w worries) add(at source, kind string, p *control.Problem) {
	if old, ok := w[at]; !ok || slices.Index(severity, kind) < slices.Index(severity, old.Kind) {
		c := control.Concern{Kind: kind, Server: at.server, Database: at.database, Problem: p}
		c.Text = concernText(c)
		w[at] = c
	}
}

// ofJobs adds what jobs want and no backup was made of.
func (w worries) ofJobs(jobs []control.Job, has map[source]bool, covered map[string]bool) {
	for _, j := range jobs {
		for _, at := range lacking(j, has, covered) {
			w.add(at, noBackup, nil)
		}
	}
}

// lacking are the databases of a job that no backup was made of.
func lacking(j control.Job, has map[source]bool, covered map[string]bool) (all []source) {
	for _, d := range j.Databases {
		if at := (source{j.Server, d}); d == everything && !covered[j.Server] || d != everything && !has[at] {
			all = append(all, at)
		}
	}
	return all
}

// ofProofs adds what has backups, of which none was proved or the last proof
// failed. It returns what is being proved for the first time.
func (w worries) ofProofs(f facts, has map[source]bool) (proving []source) {
	proof, now := map[source]backup.Status{}, f.provenNow()
	for _, b := range f.proven {
		proof[source{b.Server, b.Database}] = b.Proof.Status
	}
	for at := range has {
		switch {
		case proof[at] == backup.OK:
		case proof[at] != "":
			w.add(at, disproven, nil)
		case now[at]:
			proving = append(proving, at)
		default:
			w.add(at, unproven, nil)
		}
	}
	slices.SortFunc(proving, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.database, b.database))
	})
	return proving
}

// madeUp reports whether databases of the server of a run of all its databases
// were backed up since; later are the last runs that were queued after it.
func madeUp(all control.Run, later []control.Run) bool {
	return slices.ContainsFunc(later, func(r control.Run) bool { return r.Server == all.Server && r.Status == backup.OK })
}

// list returns the worst first, and those alike by name.
func (w worries) list(has map[source]bool) []control.Concern {
	return slices.SortedFunc(maps.Values(w), func(a, b control.Concern) int {
		return cmp.Or(rank(a, has)-rank(b, has),
			cmp.Compare(a.Server, b.Server), cmp.Compare(a.Database, b.Database))
	})
}

// rank is the place of a concern among others; 0: there is no backup at all.
func rank(c control.Concern, has map[source]bool) int {
	if c.Kind == overdue && !has[source{c.Server, c.Database}] {
		return 0
	}
	return slices.Index(severity, c.Kind)
}

// vain reports whether a run was of a database that is not there and that no
// job names: mistyped, or dropped since. Nothing can be done about it, so it
// must not worry a person for ever.
func vain(r control.Run, jobs []control.Job) bool {
	if r.Problem == nil || r.Problem.Code != string(engine.ErrNoDatabase.Code) {
		return false
	}
	return !slices.ContainsFunc(jobs, func(j control.Job) bool {
		return j.Server == r.Server && slices.Contains(j.Databases, r.Database)
	})
}

func (s *Server) status(ctx context.Context, _ *struct{}) (control.StatusReport, error) {
	// The number comes first: what happens while the rest is read is told
	// again by the events after it.
	r := control.StatusReport{Seq: s.Broker.Seq(), Epoch: s.Broker.Epoch(), Active: s.Queue.Active(), Since: s.started}
	f, err := s.facts(ctx)
	if err != nil {
		return r, err
	}
	st := newStanding(newRoll(f, s.census.peek()))
	st.paused, st.waiting = s.Queue.Paused(), queued(r.Active)
	r.State, r.Headline, r.Facts, r.Concerns, r.Paused = st.overall(), st.headline(), st.facts(), st.concerns, st.paused
	r.Servers, r.Jobs = len(f.servers), len(f.jobs)
	if len(f.backups) > 0 {
		r.Last = &f.backups[0]
	}
	return r, nil
}

// A ledger keeps the facts until the catalog changes: windows ask often.
type ledger struct {
	mu     sync.Mutex
	filled bool
	at     uint64 // how many changes of the catalog it knows of
	facts  facts
}

// facts returns what the catalog knows. Nobody may change it.
func (s *Server) facts(ctx context.Context) (facts, error) {
	l := &s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	now := s.Catalog.Changes()
	if !l.filled || l.at != now {
		f, err := s.readFacts(ctx)
		if err != nil {
			return f, err
		}
		l.filled, l.at, l.facts = true, now, f
	}
	f := l.facts
	f.now = s.Now()
	paused := s.Queue.Paused()
	f.active = slices.DeleteFunc(s.Queue.Active(), func(r control.Run) bool { return paused && r.Status == backup.Queued })
	return f, nil
}

// readFacts asks of all databases at once, however many there are.
func (s *Server) readFacts(ctx context.Context) (f facts, err error) {
	if f.servers, err = s.Catalog.Servers(ctx); err != nil {
		return f, err
	}
	if f.jobs, err = s.Catalog.Jobs(ctx); err != nil {
		return f, err
	}
	if f.runs, err = s.Catalog.LastRuns(ctx, backup.RunBackup); err != nil {
		return f, err
	}
	if f.backups, err = s.Catalog.LastBackups(ctx); err != nil {
		return f, err
	}
	if f.proven, err = s.Catalog.LastProven(ctx); err != nil {
		return f, err
	}
	if f.whole, err = s.Catalog.LastWhole(ctx); err != nil {
		return f, err
	}
	if f.records, err = s.Catalog.Schedules(ctx); err != nil {
		return f, err
	}
	f.histories, err = s.Catalog.Histories(ctx)
	return f, err
}
