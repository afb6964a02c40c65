// Package pruner removes backups by the rules of jobs and gives back the room
// of what no backup needs any more. What may go is decided by package retention
// for each database on each destination by itself, so that a destination never
// relies on what another one has.
package pruner

import (
	"cmp"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/retention"
)

// A Backup is a backup as one destination holds it.
type Backup struct {
	retention.Backup
	Job, Server, Database string
	StoredBytes           int64
}

// A Policy is what holds for the backups that a job made of one database.
type Policy struct {
	Rule retention.Rule
	Zone *time.Location // of the job; nil is UTC
	// Failing says that the last run of the database failed.
	Failing bool
}

// A Decision is what becomes of one backup. It goes when Why is empty.
type Decision struct {
	Backup
	Why []retention.Why
}

// Keep reports whether the backup stays.
func (d Decision) Keep() bool { return len(d.Why) > 0 }

// source is what one rule is applied to at a time.
type source struct{ job, server, database string }

// Decide applies to the backups of each job and database the policy that holds
// for them. The result is ordered by job, server and database, the newest first.
func Decide(backups []Backup, policy func(job, server, database string) Policy, now time.Time) []Decision {
	groups := map[source][]Backup{}
	for _, b := range backups {
		at := source{b.Job, b.Server, b.Database}
		groups[at] = append(groups[at], b)
	}
	all := make([]Decision, 0, len(backups))
	for at, group := range groups {
		all = append(all, decide(group, policy(at.job, at.server, at.database), now)...)
	}
	slices.SortStableFunc(all, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.Job, b.Job), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Database, b.Database))
	})
	return all
}

func decide(group []Backup, p Policy, now time.Time) []Decision {
	byID := make(map[string]Backup, len(group))
	list := make([]retention.Backup, 0, len(group))
	for _, b := range group {
		byID[b.ID] = b
		list = append(list, b.Backup)
	}
	out := make([]Decision, 0, len(group))
	for _, d := range retention.Apply(p.Rule, list, retention.State{Now: now, Zone: p.Zone, Failing: p.Failing}) {
		out = append(out, Decision{Backup: byID[d.ID], Why: d.Why})
	}
	return out
}
