package agent_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/retention"
)

// after waits until so many backups were made, all of them good, and everything
// that follows from them is over.
func (l *living) after(n int) []control.Backup {
	l.t.Helper()
	l.until("backups", func(runs []control.Run) bool {
		over := 0
		for _, r := range runs {
			if r.Kind == backup.RunBackup && r.Status.Over() {
				over++
			}
		}
		return over >= n
	})
	l.settle()
	for _, r := range l.of(backup.RunBackup) {
		if r.Status != backup.OK {
			l.t.Errorf("run %+v: %+v", r, r.Problem)
		}
	}
	all := l.list()
	if len(all) != n {
		l.t.Errorf("%d backups are left of %d: %v", len(all), n, idsOf(all))
	}
	return all
}

func (l *living) notOverdue() {
	l.t.Helper()
	for _, c := range must[control.StatusReport](l.t)(l.Status(l.t.Context())).Concerns {
		if c.Kind == "overdue" {
			l.t.Errorf("concern %+v", c)
		}
	}
}

// seenBySchedule waits until the schedule has noticed that the clock was set back.
func (h *house) seenBySchedule(t *testing.T) {
	t.Helper()
	db := must[*sql.DB](t)(sql.Open("sqlite", h.home.Catalog()))
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var begun int64
		check(t, db.QueryRowContext(ctx, "SELECT max(begun) FROM schedules").Scan(&begun))
		if begun <= h.now().UnixMilli() {
			return
		}
		<-tick.C
	}
}

// Whichever way the clock jumps, one run makes up for what was missed, the
// schedule goes on, and nothing goes that the rule keeps in order of true time.
func TestAClockThatJumpsCostsNothing(t *testing.T) {
	const weeks = 3 * 7 * 24 * time.Hour
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	j := hourly("orders")
	j.Rule = retention.Rule{Days: 2, Last: 4}
	must[control.Job](t)(l.AddJob(t.Context(), j))
	n := 0
	// next lets an hour pass, and sees that it brings one backup and no more.
	next := func() {
		t.Helper()
		h.wind()
		n++
		l.after(n)
		l.notOverdue()
	}
	next()
	next()
	for _, jump := range []time.Duration{weeks, -weeks, -weeks, weeks} {
		t.Logf("jump by %v", jump)
		h.shift.Add(int64(jump))
		if jump > 0 {
			n++ // what seems to have been missed
			l.after(n)
		} else {
			h.seenBySchedule(t)
		}
		next()
		next()
	}
	l.wait(must[control.Runs](t)(l.Prune(t.Context(), control.PruneRequest{})))
	ids := idsOf(l.after(n))
	check(t, l.end())
	h.shift.Add(int64(-weeks))
	l = h.startQuick(t) // by the wrong time
	l.wait(must[control.Runs](t)(l.RebuildCatalog(t.Context())))
	if got := idsOf(l.list()); !slices.Equal(got, ids) {
		t.Errorf("left are %v, want %v", got, ids)
	}
	for _, id := range ids {
		r, err := l.Verify(t.Context(), id, control.VerifyRequest{Level: "full"})
		result[control.VerifyResult](l, r, err)
	}
}

// A clock that jumps while a backup is under way takes its lease away: there is a
// backup that is whole, or none, and the next attempt makes one.
func TestAClockThatJumpsInABackup(t *testing.T) {
	for _, jump := range []time.Duration{21 * 24 * time.Hour, -21 * 24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			h := newHouse(t)
			l := h.start(t)
			l.furnish(h)
			begun, open := gate(h)
			defer open()
			r := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
			<-begun
			h.shift.Add(int64(jump))
			h.engine.Host("db").SetHook(nil)
			open()
			switch run := l.wait(r)[0]; {
			case run.Status == backup.Failed && run.Problem.Code == "repository.lease_lost" && len(l.list()) == 0:
				if jump < 0 {
					t.Error("a lease cannot grow old when the clock is set back")
				}
			case run.Status == backup.OK && len(l.list()) == 1:
				if jump > 0 {
					t.Error("a lease that ran out by the clock was relied on")
				}
			default:
				t.Errorf("run %+v: %+v, %d backups", run, run.Problem, len(l.list()))
			}
			again, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Verify: "full"})
			result[control.BackupResult](l, again, err)
		})
	}
}
