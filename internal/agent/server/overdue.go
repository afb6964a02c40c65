package server

import (
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// leastGrace is how late a backup may be at least before it is overdue.
const leastGrace = time.Hour

// A miss is a moment of a schedule that should have been met by now.
type miss struct {
	at  time.Time
	gap time.Duration // until the next moment
}

// missable returns the latest moment since a schedule was made that is longer
// ago than its grace: half the time until the next, and at least [leastGrace].
func missable(s schedule.Schedule, since, now time.Time) (m miss, ok bool) {
	for until := now.Add(-leastGrace); ; until = m.at.Add(-1) {
		if since.After(until) {
			return m, false
		}
		if m.at, ok = s.Due(since, until); !ok {
			return m, false
		}
		next, more := s.Next(m.at)
		if !more {
			return m, true
		}
		if m.gap = next.Sub(m.at); !now.Before(m.at.Add(max(leastGrace, m.gap/2))) {
			return m, true
		}
	}
}

// ofSchedules adds the databases that were not backed up when they were due.
func (w worries) ofSchedules(f facts, has map[source]bool, covered map[string]bool) {
	for _, j := range f.jobs {
		if j.Schedule == "" || j.Paused {
			continue
		}
		r, known := f.records[taskBackup+j.Name]
		s, err := schedule.Parse(j.Schedule, j.Zone)
		if err != nil || !known {
			continue // the plan complains, or has not seen it yet
		}
		m, ok := missable(s, r.Since, f.now)
		if !ok {
			continue
		}
		for _, at := range lacking(j, has, covered) {
			w.neverRan(at)
		}
		for at, last := range f.of(j, has, m.gap) {
			made := last.Finished
			if made.After(f.now.Add(leastGrace)) {
				made = r.Begun // by a clock that was set right since; the schedule has begun anew
			}
			if made.Before(m.at) {
				w.add(at, overdue, nil)
			}
		}
	}
}

// neverRan says of a database without a backup that the first one did not happen
// when it was due. If it was tried, that is what matters.
func (w worries) neverRan(at source) {
	c, ok := w[at]
	if !ok || c.Kind != noBackup || c.Problem != nil {
		return
	}
	c.Kind, c.Text.Code = overdue, "state.overdue.never"
	if at.database == everything {
		c.Text.Code += ".all"
	}
	w[at] = c
}

// ofProofAges adds the databases whose last good proof is older than their job
// wants.
func (w worries) ofProofAges(f facts, has map[source]bool) {
	proven := map[source]time.Time{}
	for _, b := range f.proven {
		if b.Proof.Status == backup.OK {
			proven[source{b.Server, b.Database}] = b.Proof.At
		}
	}
	for _, j := range f.jobs {
		if j.ProofDays == 0 {
			continue
		}
		oldest := f.now.Add(-time.Duration(j.ProofDays) * 24 * time.Hour)
		for at := range f.of(j, has, 24*time.Hour) {
			if made, ok := proven[at]; ok && made.Before(oldest) {
				w.add(at, proofOld, nil)
			}
		}
	}
}

// of returns the newest backups of a job's databases. Of a job of all databases
// those are left out that others have been backed up without for longer than a
// while: they were dropped, or nobody may read them any more. One that fails is
// told of anyway.
func (f facts) of(j control.Job, has map[source]bool, while time.Duration) map[source]control.Backup {
	all := slices.Contains(j.Databases, everything)
	found := map[source]control.Backup{}
	var newest time.Time
	for _, b := range f.backups {
		at := source{b.Server, b.Database}
		if b.Server == j.Server && has[at] && (all || slices.Contains(j.Databases, b.Database)) {
			found[at] = b
			if b.Finished.After(newest) {
				newest = b.Finished
			}
		}
	}
	for at, b := range found {
		if all && newest.Sub(b.Finished) > while {
			delete(found, at)
		}
	}
	return found
}

// provenNow are the databases that are being proved, or are about to be.
func (f facts) provenNow() map[source]bool {
	now := map[source]bool{}
	for _, r := range f.active {
		proves := r.Kind == backup.RunVerify || r.Kind == backup.RunBackup && r.Level != "" && r.Level != noProof
		if proves && !r.Held && r.RetryAt == nil {
			now[source{r.Server, r.Database}] = true
		}
	}
	return now
}
