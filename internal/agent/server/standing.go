package server

import (
	"context"
	"slices"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
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
}

// judge puts how things stand in one word. Not protected: there is no backup
// at all, or a database that ought to have one has none. Attention: a last
// backup failed, or the newest proof of a database failed or is lacking; a
// backup counts only when it has been restored. Sources of servers that are no
// longer configured are of no concern.
func judge(f facts) control.State {
	f.runs = slices.DeleteFunc(slices.Clone(f.runs), func(r control.Run) bool { return vain(r, f.jobs) })
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
	if len(has) == 0 || lacking(f, configured, has, covered) {
		return control.NotProtected
	}
	proof := map[source]bool{}
	for _, b := range f.proven {
		proof[source{b.Server, b.Database}] = b.Proof.Status == backup.OK
	}
	for s := range has {
		if !proof[s] {
			return control.Attention
		}
	}
	for _, r := range f.runs {
		if configured[r.Server] && r.Status != backup.OK {
			return control.Attention
		}
	}
	return control.Protected
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

// lacking reports whether a database without any backup was tried or is
// wanted by a job.
func lacking(f facts, configured map[string]bool, has map[source]bool, covered map[string]bool) bool {
	for _, r := range f.runs {
		if configured[r.Server] && !has[source{r.Server, r.Database}] {
			return true
		}
	}
	for _, j := range f.jobs {
		for _, d := range j.Databases {
			if d == everything && !covered[j.Server] || d != everything && !has[source{j.Server, d}] {
				return true
			}
		}
	}
	return false
}

func (s *Server) status(ctx context.Context, _ *struct{}) (control.StatusReport, error) {
	// The number comes first: what happens while the rest is read is told
	// again by the events after it.
	r := control.StatusReport{Seq: s.Broker.Seq(), Epoch: s.Broker.Epoch(), Active: s.Queue.Active(), Since: s.started}
	f, err := s.facts(ctx)
	if err != nil {
		return r, err
	}
	r.State, r.Servers, r.Jobs = judge(f), len(f.servers), len(f.jobs)
	if len(f.backups) > 0 {
		r.Last = &f.backups[0]
	}
	return r, nil
}

func (s *Server) facts(ctx context.Context) (f facts, err error) {
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
	f.proven, err = s.Catalog.LastProven(ctx)
	return f, err
}
