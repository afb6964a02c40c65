package agent_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// shelf is a destination in a folder that can be unplugged.
type shelf struct {
	t    *testing.T
	name string
	dir  string
}

func (l *living) shelf(name string) shelf {
	l.t.Helper()
	s := shelf{l.t, name, filepath.Join(l.t.TempDir(), name)}
	must[control.Destination](l.t)(l.AddDestination(l.t.Context(), control.NewDestination{
		Destination: control.Destination{Name: name, URL: local.URL(s.dir)}, Passphrase: passphrase,
	}))
	return s
}

func (s shelf) unplug() { s.t.Helper(); check(s.t, os.Rename(s.dir, s.dir+".away")) }
func (s shelf) plug()   { s.t.Helper(); check(s.t, os.Rename(s.dir+".away", s.dir)) }

// job adds a job of the database orders and makes backups by its name.
func (l *living) job(j control.Job) (make func() control.Run) {
	l.t.Helper()
	j.Server, j.Databases, j.Attempts = "shop", []string{"orders"}, 1
	if j.Type == "" {
		j.Type = backup.Incremental
	}
	must[control.Job](l.t)(l.AddJob(l.t.Context(), j))
	return func() control.Run {
		l.t.Helper()
		run := l.wait(must[control.Runs](l.t)(l.Backup(l.t.Context(), control.BackupRequest{Job: j.Name})))[0]
		l.settle()
		return run
	}
}

// settle waits until no run is queued or running, also of those that follow
// from others.
func (l *living) settle() {
	l.t.Helper()
	for {
		active := must[control.StatusReport](l.t)(l.Status(l.t.Context())).Active
		if len(active) == 0 {
			return
		}
		var ids []string
		for _, r := range active {
			ids = append(ids, r.ID)
		}
		l.wait(control.Runs{Runs: ids})
	}
}

func (l *living) list() []control.Backup {
	l.t.Helper()
	return must[[]control.Backup](l.t)(l.Backups(l.t.Context(), client.BackupFilter{}))
}

// of returns the runs of a kind, newest first.
func (l *living) of(kind backup.RunKind) []control.Run {
	l.t.Helper()
	return slices.DeleteFunc(must[[]control.Run](l.t)(l.Runs(l.t.Context(), 0)), func(r control.Run) bool { return r.Kind != kind })
}

func TestABackupIsCopiedToTheOtherDestinationsOfItsJob(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	cloud := l.shelf("cloud")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk", "cloud"}})
	first := backUp()
	second := backUp()
	if first.Status != backup.OK || second.Status != backup.OK {
		t.Fatalf("runs %+v %+v", first, second)
	}
	all := l.list()
	if len(all) != 2 || all[0].ID != second.Backup || all[0].Destination != "disk" || !slices.Equal(all[0].Copies, []string{"cloud"}) || all[1].Copies == nil {
		t.Fatalf("backups %+v", all)
	}
	copies := l.of(backup.RunCopy)
	if len(copies) != 2 || copies[0].Trigger != "copy" || copies[0].Backup != second.Backup || copies[0].Destination != "cloud" || copies[0].Job != "nightly" {
		t.Fatalf("copies %+v", copies)
	}
	var made control.CopyResult
	check(t, json.Unmarshal(copies[0].Result, &made))
	if made.Status != backup.OK || made.AddedBytes == 0 || made.Destination != "cloud" {
		t.Errorf("copy %+v", made)
	}
	if again := must[[]control.Backup](t)(l.Backups(t.Context(), client.BackupFilter{Destination: "cloud"})); len(again) != 2 || again[0].Destination != "disk" {
		t.Errorf("on cloud: %+v", again)
	}
	// A database has two backups, not four.
	for _, d := range l.listed(false).Databases {
		if d.Database == "orders" && d.Backups != 2 {
			t.Errorf("%d backups", d.Backups)
		}
	}

	// Without the first destination the copy is restored.
	dir := must[string](t)(local.Dir(h.disk))
	check(t, os.Rename(dir, dir+".away"))
	r, err := l.Restore(t.Context(), "latest", control.RestoreRequest{Server: "shop", Database: "rescued"})
	if back := result[control.RestoreResult](l, r, err); back.Rows != 200 {
		t.Errorf("restored %+v", back)
	}
	if run := must[control.Run](t)(l.Run(t.Context(), r.Runs[0])); len(run.Warnings) != 1 || run.Warnings[0].Code != "agent.other_copy_used" {
		t.Errorf("warnings %+v", run.Warnings)
	}
	r, err = l.Verify(t.Context(), "latest", control.VerifyRequest{Level: "full"})
	if v := result[control.VerifyResult](l, r, err); v.Destination != "cloud" {
		t.Errorf("proved %+v", v)
	}
	check(t, os.Rename(dir+".away", dir))
	r, err = l.Verify(t.Context(), "latest", control.VerifyRequest{Level: "basic", Destination: "cloud"})
	if v := result[control.VerifyResult](l, r, err); v.Destination != "cloud" {
		t.Errorf("proved %+v", v)
	}

	// A rebuild sees the same, and knows where each was made.
	before := l.list()
	check(t, l.end())
	h.loseCatalog(t)
	l = h.start(t)
	l.settle()
	after := l.list()
	for i := range after {
		before[i].Proof = nil // proofs are not in the repositories
	}
	if a, b := must[[]byte](t)(json.Marshal(before)), must[[]byte](t)(json.Marshal(after)); string(a) != string(b) {
		t.Errorf("before %s\nafter  %s", a, b)
	}
	check(t, os.RemoveAll(cloud.dir))
}

func TestMissedCopiesAreMadeUpForWhenTheDestinationIsBack(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	cloud := l.shelf("cloud")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk", "cloud"}, Type: backup.Differential})
	backUp()
	cloud.unplug()
	for range 3 {
		if run := backUp(); run.Status != backup.OK {
			t.Fatalf("a copy that fails must not fail the backup: %+v", run.Problem)
		}
	}
	if copies := l.of(backup.RunCopy); len(copies) != 4 || copies[0].Status != backup.Failed || copies[0].Problem.Code != "store.unavailable" {
		t.Fatalf("copies %+v", copies)
	}
	cloud.plug()
	backUp()
	for i, b := range l.list() {
		if !slices.Equal(b.Copies, []string{"cloud"}) {
			t.Errorf("backup %d has copies %v", i, b.Copies)
		}
	}
	if copies := l.of(backup.RunCopy); len(copies) != 4+1+3 {
		t.Errorf("%d copies for three that were missed and one that was due", len(copies))
	}

	// And when the agent starts.
	cloud.unplug()
	backUp()
	check(t, l.end())
	cloud.plug()
	l = h.start(t)
	l.settle()
	if b := l.list()[0]; !slices.Equal(b.Copies, []string{"cloud"}) {
		t.Errorf("after the start %+v", b)
	}
}

func TestAnEmergencyDestinationTakesWhatTheFirstCannot(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	first, other := l.shelf("first"), l.shelf("other")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"first"}, Emergency: "other"})
	backUp()
	first.unplug()
	run := backUp()
	if run.Status != backup.OK || len(run.Warnings) != 1 || run.Warnings[0].Code != "agent.emergency_used" || run.Warnings[0].Params["emergency"] != "other" {
		t.Fatalf("run %+v, problem %+v", run, run.Problem)
	}
	var made control.BackupResult
	check(t, json.Unmarshal(run.Result, &made))
	if b := l.list()[0]; made.Destination != "other" || b.ID != run.Backup || b.Destination != "other" || b.Copies != nil {
		t.Errorf("made %+v, backup %+v", made, b)
	}
	first.plug()
	backUp()
	if b := must[control.Backup](t)(l.GetBackup(t.Context(), run.Backup)); b.Destination != "other" || !slices.Equal(b.Copies, []string{"first"}) {
		t.Errorf("it did not come back: %+v", b)
	}
	if newest := l.list()[0]; newest.Destination != "first" || newest.Copies != nil {
		t.Errorf("the newest is %+v", newest)
	}
	// When both are gone the run fails, for the reason of the first.
	first.unplug()
	other.unplug()
	if run := backUp(); run.Status != backup.Failed || run.Problem.Code != "store.unavailable" {
		t.Errorf("run %+v", run)
	}
	first.plug()
	other.plug()
	// What is wrong with the database is not the destination's fault.
	h.engine.Host("db").SetPassword("changed")
	if run := backUp(); run.Status != backup.Failed || run.Problem.Code != "engine.auth_failed" || len(run.Warnings) != 0 {
		t.Errorf("run %+v", run)
	}
}

func TestACopyIsMadeWhenAskedFor(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	l.shelf("cloud")
	ctx := t.Context()
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Destination: "disk"})
	id := result[control.BackupResult](l, r, err).Backup
	r, err = l.CopyBackup(ctx, "latest", control.CopyRequest{Destination: "cloud"})
	if made := result[control.CopyResult](l, r, err); made.Backup != id || made.AddedBytes == 0 {
		t.Errorf("copy %+v", made)
	}
	for name, want := range map[string]string{"cloud": "agent.copy_exists", "nowhere": "agent.no_destination", "": "agent.destination_needed"} {
		if _, err := l.CopyBackup(ctx, id, control.CopyRequest{Destination: name}); err == nil || control.FromError(err).Code != want {
			t.Errorf("to %q: %v", name, err)
		}
	}
	// The first goes, the copy speaks for the backup.
	check(t, l.RemoveDestination(ctx, "disk"))
	if b := must[control.Backup](t)(l.GetBackup(ctx, id)); b.Destination != "cloud" || b.Copies != nil {
		t.Errorf("backup %+v", b)
	}
	r, err = l.Restore(ctx, id, control.RestoreRequest{Server: "shop", Database: "back"})
	result[control.RestoreResult](l, r, err)
}

func TestBackupsAreFoundByWhatIsKnownOfThem(t *testing.T) {
	h := newHouse(t)
	h.engine.Host("db").Set("İADE", enginemem.Database{"items": table(3)})
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	must[control.Job](t)(l.AddJob(ctx, control.Job{Name: "Gece", Server: "shop", Databases: []string{"orders"}, Destinations: []string{"disk"}, Type: backup.Full}))
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "Gece"})))
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"İADE"}})))
	newest := l.list()[0]
	for search, want := range map[string]int{"gece": 1, "RDER": 1, "iade": 1, "ıade": 1, "SHOP": 2, "nothing": 0, newest.ID[:20]: 1, "": 2, "%": 0, "'": 0} {
		if got := must[[]control.Backup](t)(l.Backups(ctx, client.BackupFilter{Search: search})); len(got) != want {
			t.Errorf("%q finds %d", search, len(got))
		}
	}
}

func TestAJobThatCannotBeIsRefused(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	good := control.Job{Name: "j", Server: "shop", Databases: []string{"orders"}, Destinations: []string{"disk"}, Type: backup.Full}
	for want, change := range map[string]func(*control.Job){
		"retention.negative":   func(j *control.Job) { j.Daily = -1 },
		"agent.no_destination": func(j *control.Job) { j.Emergency = "nowhere" },
		"agent.emergency_same": func(j *control.Job) { j.Emergency = "disk" },
	} {
		j := good
		change(&j)
		if _, err := l.AddJob(ctx, j); err == nil || control.FromError(err).Code != want {
			t.Errorf("want %s, got %v", want, err)
		}
	}
	must[control.Job](t)(l.AddJob(ctx, good))
	good.Name = "k"
	if j := must[control.Job](t)(l.EditJob(ctx, "j", good)); !slices.Equal(j.Former, []string{"j"}) {
		t.Errorf("renamed %+v", j)
	}
	good.Former = []string{"forged"}
	if j := must[control.Job](t)(l.EditJob(ctx, "k", good)); !slices.Equal(j.Former, []string{"j"}) {
		t.Errorf("edited %+v", j)
	}
}
