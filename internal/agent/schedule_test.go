package agent_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// hourly is a job of the furnished house.
func hourly(databases ...string) control.Job {
	return control.Job{Name: "hourly", Server: "shop", Databases: databases, Destinations: []string{"disk"}, Type: backup.Incremental, Schedule: "every 1h", Zone: "UTC"}
}

// startQuick starts an agent whose heart beats quickly.
func (h *house) startQuick(t *testing.T) *living {
	t.Helper()
	h.heartbeat = 20 * time.Millisecond
	return h.start(t)
}

// wind sets the agent's clock to just after the next full hour.
func (h *house) wind() {
	now := h.now()
	h.shift.Add(int64(now.Truncate(time.Hour).Add(time.Hour + time.Second).Sub(now)))
}

// until asks for the runs until they are as wanted, and returns them, the
// oldest first.
func (l *living) until(what string, ok func([]control.Run) bool) []control.Run {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	for {
		runs, err := l.Runs(ctx, 0)
		if err != nil {
			l.t.Fatalf("waiting for %s: %v", what, err)
		}
		slices.Reverse(runs)
		if ok(runs) {
			return runs
		}
		select { // an agent of its own time is asked until it has got there
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ended(n int) func([]control.Run) bool {
	return func(runs []control.Run) bool {
		over := 0
		for _, r := range runs {
			if r.Status.Over() {
				over++
			}
		}
		return over >= n
	}
}

func TestAJobRunsWhenItIsDueAndOnceForWhatItMissed(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	j := hourly("orders", "empty")
	j.Priority, j.Attempts, j.Verify = 3, 5, "basic"
	must[control.Job](t)(l.AddJob(t.Context(), j))
	h.wind()
	runs := l.until("the first backups", ended(2))
	for i, r := range runs {
		if r.Job != "hourly" || r.Trigger != "schedule" || r.Status != backup.OK || r.Attempt != 1 || r.Attempts != 5 || r.Priority != 3 || r.Level != "basic" || r.Database != j.Databases[i] {
			t.Errorf("run %+v", r)
		}
	}
	check(t, l.end())
	h.shift.Add(int64(72*time.Hour + 30*time.Minute)) // the computer was off
	l = h.startQuick(t)
	runs = l.until("what was missed", ended(4))
	for _, r := range runs[2:] {
		if r.Trigger != "catch_up" || r.Status != backup.OK {
			t.Errorf("run %+v", r)
		}
	}
	check(t, l.Pause(t.Context()))
	h.shift.Add(int64(5 * time.Hour))
	must[control.Job](t)(l.PauseJob(t.Context(), "hourly"))
	check(t, l.Resume(t.Context()))
	h.shift.Add(int64(5 * time.Hour))
	must[control.Job](t)(l.ResumeJob(t.Context(), "hourly"))
	runs = l.until("what was missed in the pause", ended(6))
	if len(runs) != 6 {
		t.Errorf("%d runs, want 6: %+v", len(runs), runs)
	}
}

func TestEveryDatabaseIsAskedForWhenItIsDueAndAServerThatIsAwayIsTold(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	var away atomic.Bool
	away.Store(true)
	h.engine.Host("db").SetHook(func(string) error {
		if away.Load() {
			return engine.ErrUnreachable.Because(errors.New("no route to host"), "address", "db")
		}
		return nil
	})
	must[control.Job](t)(l.AddJob(t.Context(), hourly("*")))
	h.wind()
	runs := l.until("a run that waits", func(runs []control.Run) bool { return len(runs) == 1 && runs[0].RetryAt != nil })
	if r := runs[0]; r.Database != "*" || r.Status != backup.Queued || r.Attempt != 1 || r.Attempts != 3 || r.Problem == nil || r.Problem.Code != "engine.unreachable" {
		t.Errorf("waiting: %+v", r)
	}
	away.Store(false)
	if again := must[control.Runs](t)(l.RetryRun(t.Context(), runs[0].ID)); !slices.Equal(again.Runs, []string{runs[0].ID}) {
		t.Errorf("hurried: %+v", again)
	}
	runs = l.until("backups of all", ended(3))
	var names []string
	for _, r := range runs {
		if r.Status != backup.OK || r.Trigger != "schedule" || r.Job != "hourly" {
			t.Errorf("run %+v, %+v", r, r.Problem)
		}
		names = append(names, r.Database)
	}
	if got := strings.Join(names, " "); got != "* empty orders" || runs[0].Attempt != 2 || runs[1].Attempt != 1 {
		t.Errorf("databases %s", got)
	}
}

func TestWhatFailsForGoodIsKeptUntilSomebodyHasSeenToIt(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	ctx := t.Context()
	job := hourly("orders")
	job.Attempts = 1
	must[control.Job](t)(l.AddJob(ctx, job))
	folder := must[string](t)(local.Dir(h.disk))
	check(t, os.Rename(folder, folder+".away"))
	h.wind()
	failed := l.until("the failure", ended(1))[0]
	if failed.Status != backup.Failed || !failed.Dead || failed.Problem.Code != "store.unavailable" {
		t.Fatalf("failed: %+v", failed)
	}
	dead := func() (ids []string) {
		for _, r := range must[[]control.Run](t)(l.DeadRuns(ctx, 0)) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	if got := dead(); !slices.Equal(got, []string{failed.ID}) {
		t.Errorf("dead: %v", got)
	}
	again := l.wait(must[control.Runs](t)(l.RetryRun(ctx, failed.ID)))[0]
	if again.Trigger != "retry" || again.Status != backup.Failed || !again.Dead || again.ID == failed.ID {
		t.Errorf("again: %+v", again)
	}
	if got := dead(); !slices.Equal(got, []string{again.ID}) {
		t.Errorf("dead after the second failure: %v", got)
	}
	for range 2 {
		if r := must[control.Run](t)(l.DismissRun(ctx, again.ID)); r.Dead || r.Status != backup.Failed {
			t.Errorf("dismissed: %+v", r)
		}
	}
	if got := dead(); len(got) != 0 {
		t.Errorf("dead after it was dismissed: %v", got)
	}
	check(t, os.Rename(folder+".away", folder))
	good := l.wait(must[control.Runs](t)(l.RetryRun(ctx, again.ID)))[0]
	if good.Status != backup.OK {
		t.Errorf("with the folder back: %+v", good)
	}
	for id, want := range map[string]string{good.ID: "agent.run_went_well", "ffff": "agent.no_run"} {
		if _, err := l.RetryRun(ctx, id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("retry of %s: %v, want %s", id, err, want)
		}
	}
}

func TestARunThatTakesTooLongIsMadeUpForOnce(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	must[control.Job](t)(l.AddJob(t.Context(), hourly("orders")))
	begun, open := gate(h)
	defer open()
	h.wind()
	<-begun
	for range 3 { // three times it is due again
		h.wind()
		l.until("the warning", func(runs []control.Run) bool { return len(runs[0].Warnings) > 0 })
	}
	if runs := must[[]control.Run](t)(l.Runs(t.Context(), 0)); len(runs) != 1 || len(runs[0].Warnings) != 1 || runs[0].Warnings[0].Code != "agent.overrun" {
		t.Errorf("while it is on: %+v", runs)
	}
	open()
	runs := l.until("what was missed", ended(2))
	if len(runs) != 2 || runs[0].Status != backup.OK || len(runs[0].Warnings) != 1 || runs[1].Status != backup.OK {
		t.Errorf("in the end: %+v", runs)
	}
}

func TestARunIsHeldInTheMiddle(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	begun, open := gate(h)
	defer open()
	r := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
	<-begun
	if run := must[control.Run](t)(l.PauseRun(ctx, r.Runs[0])); !run.Held || run.Status != backup.Running {
		t.Errorf("held: %+v", run)
	}
	h.engine.Host("db").SetHook(nil)
	open()
	others := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"empty"}}))
	l.wait(others)
	if run := must[control.Run](t)(l.Run(ctx, r.Runs[0])); !run.Held || run.Status != backup.Running || h.engine.Host("db").OpenSnapshots() != 1 {
		t.Errorf("after another backup: %+v, %d snapshots", run, h.engine.Host("db").OpenSnapshots())
	}
	if run := must[control.Run](t)(l.ResumeRun(ctx, r.Runs[0])); run.Held {
		t.Errorf("resumed: %+v", run)
	}
	if run := l.wait(r)[0]; run.Status != backup.OK || run.Held {
		t.Errorf("in the end: %+v", run)
	}
}

func TestNewestBackupsAreProvenBySchedule(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	ctx := t.Context()
	made, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	first := result[control.BackupResult](l, made, err)
	j := hourly("*")
	j.Schedule, j.Prove = "", "every 1h"
	must[control.Job](t)(l.AddJob(ctx, j))
	h.wind()
	r := l.until("the proof", ended(2))[1]
	if r.Kind != backup.RunVerify || r.Level != "full" || r.Backup != first.Backup || r.Trigger != "schedule" || r.Status != backup.OK {
		t.Errorf("run %+v, %+v", r, r.Problem)
	}
	if b := must[control.Backup](t)(l.GetBackup(ctx, first.Backup)); b.Proof == nil || b.Proof.Status != backup.OK {
		t.Errorf("backup %+v", b)
	}
}

func TestAJobThatCannotBePlannedIsRefused(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	for want, edit := range map[string]func(*control.Job){
		"schedule.not_understood":    func(j *control.Job) { j.Schedule = "at noon" },
		"schedule.never":             func(j *control.Job) { j.Schedule = "0 0 30 2 *" },
		"schedule.unknown_zone":      func(j *control.Job) { j.Zone = "Europe/Atlantis" },
		"agent.full_schedule_alone":  func(j *control.Job) { j.Schedule, j.FullSchedule = "", "sun 02:00" },
		"agent.invalid: proof_days":  func(j *control.Job) { j.ProofDays = -1 },
		"agent.invalid: priority":    func(j *control.Job) { j.Priority = 11 },
		"agent.invalid: attempts":    func(j *control.Job) { j.Attempts = -3 },
		"schedule.not_understood ":   func(j *control.Job) { j.Prove = "61 * * * *" },
		"schedule.not_understood  ":  func(j *control.Job) { j.FullSchedule = "every 7h" },
		"schedule.unknown_zone none": func(j *control.Job) { j.Schedule, j.Zone = "", "Nowhere" },
	} {
		j := hourly("orders")
		edit(&j)
		_, err := l.AddJob(t.Context(), j)
		code, field, _ := strings.Cut(want, ":")
		if err == nil || !strings.Contains(err.Error(), strings.Fields(code)[0]) || !strings.Contains(err.Error(), strings.TrimSpace(field)) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if jobs := must[[]control.Job](t)(l.Jobs(t.Context())); len(jobs) != 0 {
		t.Errorf("jobs %+v", jobs)
	}
}
