package agent_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/schedule"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// ids of backups, the newest first.
func idsOf(all []control.Backup) (ids []string) {
	for _, b := range all {
		ids = append(ids, b.ID)
	}
	return ids
}

func TestAJobKeepsWhatItsRuleSaysEverywhere(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	l.shelf("cloud")
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk", "cloud"}, Rule: retention.Rule{Last: 2}})
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Destination: "disk"})
	byHand := result[control.BackupResult](l, r, err).Backup
	var made []string
	for i := range 5 {
		h.engine.Host("db").Set("orders", enginemem.Database{"items": table(200 + i)})
		made = append(made, backUp().Backup)
		if i == 1 {
			must[control.Backup](t)(l.SetLabel(ctx, made[1], control.Label{Pinned: true}))
		}
	}
	all := l.list()
	if want := []string{made[4], made[3], made[1], byHand}; !slices.Equal(idsOf(all), want) {
		t.Fatalf("left are %v, want %v", idsOf(all), want)
	}
	for _, b := range all[:3] {
		if b.Destination != "disk" || !slices.Equal(b.Copies, []string{"cloud"}) {
			t.Errorf("backup %+v", b)
		}
	}
	prunes := l.of(backup.RunPrune)
	if len(prunes) == 0 || prunes[0].Trigger != "retention" || prunes[0].Status != backup.OK {
		t.Fatalf("prunes %+v", prunes)
	}
	var did control.PruneResult
	check(t, json.Unmarshal(prunes[0].Result, &did))
	if len(did.Removed) != 1 || did.Removed[0] != made[2] || did.Kept != 3 || did.BeforeBytes == 0 {
		t.Errorf("did %+v", did)
	}
	// All that is left is whole.
	for _, id := range idsOf(all) {
		r, err := l.Verify(ctx, id, control.VerifyRequest{Level: "full"})
		result[control.VerifyResult](l, r, err)
	}
}

func TestNothingIsRemovedAfterAFailedRunAndNeverTheLastProven(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	proven := backUp().Backup
	r, err := l.Verify(ctx, proven, control.VerifyRequest{Level: "full"})
	result[control.VerifyResult](l, r, err)
	for range 3 {
		backUp()
	}
	h.engine.Host("db").SetPassword("changed")
	backUp()
	j := must[[]control.Job](t)(l.Jobs(ctx))[0]
	j.Last = 1
	must[control.Job](t)(l.EditJob(ctx, "nightly", j))
	prune := func() control.PruneResult {
		t.Helper()
		r, err := l.Prune(ctx, control.PruneRequest{Destination: "disk"})
		return result[control.PruneResult](l, r, err)
	}
	if did := prune(); len(did.Removed) != 0 || did.Kept != 4 {
		t.Errorf("after a failed run: %+v", did)
	}
	preview := must[control.PrunePreview](t)(l.PreviewPrune(ctx, control.PruneRequest{}))
	if len(preview.Backups) != 4 || !slices.Contains(preview.Backups[0].Why, retention.Failing) {
		t.Errorf("preview %+v", preview)
	}
	h.engine.Host("db").SetPassword("hunter2")
	newest := backUp().Backup
	if left := idsOf(l.list()); !slices.Equal(left, []string{newest, proven}) {
		t.Errorf("left are %v, want %v", left, []string{newest, proven})
	}
	if did := prune(); len(did.Removed) != 0 || did.Kept != 2 {
		t.Errorf("again: %+v", did)
	}
}

func TestBackupsOfOtherComputersAreLeftAlone(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}, Rule: retention.Rule{Last: 1}})
	backUp()
	st := must[*local.Store](t)(local.Open(must[string](t)(local.Dir(h.disk))))
	repo := must[*repository.Repository](t)(repository.Open(ctx, st, repository.Options{Machine: "other"}, repository.Passphrase(vault.NewSecret(passphrase))))
	theirs := backup.NewID(time.Now())
	w := must[*repository.Writer](t)(repo.Begin(ctx, backup.Manifest{
		ID: theirs, Type: backup.Full, Engine: "postgres", Machine: "other", Server: "shop", Job: "nightly", Database: "orders", Started: time.Now(),
	}, nil))
	must[*backup.Manifest](t)(w.Commit(ctx, nil))
	l.wait(must[control.Runs](t)(l.RebuildCatalog(ctx)))
	backUp()
	newest := backUp().Backup
	if left := idsOf(l.list()); !slices.Equal(left, []string{newest, string(theirs)}) {
		t.Errorf("left are %v, theirs is %s", left, theirs)
	}
}

func TestARenamedJobKeepsItsBackupsInOrder(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}, Rule: retention.Rule{Last: 2}})
	backUp()
	backUp()
	j := must[[]control.Job](t)(l.Jobs(ctx))[0]
	j.Name = "daily"
	must[control.Job](t)(l.EditJob(ctx, "nightly", j))
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "daily"})))
	l.settle()
	if left := l.list(); len(left) != 2 || left[0].Job != "daily" || left[1].Job != "nightly" {
		t.Errorf("left are %+v", left)
	}
}

func TestAPreviewShowsWhatAJobWouldDo(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	for range 3 {
		backUp()
	}
	j := must[[]control.Job](t)(l.Jobs(ctx))[0]
	j.Last, j.Schedule, j.FullSchedule, j.Prove, j.Zone = 1, "02:00", "sun 02:00", "@monthly", "Europe/Istanbul"
	p := must[control.JobPreview](t)(l.PreviewJob(ctx, j))
	if len(p.Removed) != 2 || p.Kept != 1 || len(p.Next) != 10 || len(p.Prove) != 10 || len(p.NextFull) < 1 || len(p.NextFull) > 2 {
		t.Errorf("preview %+v", p)
	}
	for _, at := range p.NextFull {
		if zone := must[*time.Location](t)(time.LoadLocation("Europe/Istanbul")); at.In(zone).Weekday() != time.Sunday || at.In(zone).Hour() != 2 {
			t.Errorf("a full at %v", at.In(zone))
		}
	}
	if len(l.list()) != 3 {
		t.Error("a preview has removed something")
	}
	for code, change := range map[problem.Code]func(*control.Job){
		retention.ErrNegative.Code: func(j *control.Job) { j.Days = -3 },
		schedule.ErrSpec.Code:      func(j *control.Job) { j.Schedule = "whenever" },
		schedule.ErrZone.Code:      func(j *control.Job) { j.Zone = "Mars/Olympus" },
	} {
		bad := j
		change(&bad)
		if _, err := l.PreviewJob(ctx, bad); err == nil || control.FromError(err).Code != string(code) {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	if _, err := l.PreviewPrune(ctx, control.PruneRequest{Destination: "x"}); err == nil {
		t.Errorf("no such destination: %v", err)
	}
	// A new job has nothing to remove.
	j.Name = "new"
	if p := must[control.JobPreview](t)(l.PreviewJob(ctx, j)); len(p.Removed) != 0 || p.Kept != 0 {
		t.Errorf("a new job: %+v", p)
	}
}

func TestEveryTemplateMakesAJob(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	all := must[[]control.JobTemplate](t)(l.JobTemplates(t.Context()))
	if len(all) < 4 {
		t.Errorf("%d templates", len(all))
	}
	for _, x := range all {
		for _, lang := range i18n.Languages() {
			if !i18n.For(lang).Has(x.Text.Code) {
				t.Errorf("%s: no text %s", lang, x.Text.Code)
			}
		}
		j := x.Job
		j.Name, j.Server, j.Databases, j.Destinations = x.Name, "shop", []string{"*"}, []string{"disk"}
		must[control.Job](t)(l.AddJob(t.Context(), j))
		if p := must[control.JobPreview](t)(l.PreviewJob(t.Context(), j)); len(p.Next) != 10 || j.Rule.Empty() || len(p.NextFull) == 0 && x.Name != "hourly" && x.Name != "laptop" {
			t.Errorf("%s: %+v", x.Name, p)
		}
	}
}

// lingering waits when it has listed the backups, if it is to.
type lingering struct {
	store.Store
	wait func()
}

func (s *lingering) Unwrap() store.Store { return s.Store }

func (s *lingering) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range s.Store.List(ctx, prefix) {
			if !yield(o, err) {
				return
			}
		}
		if strings.HasPrefix(prefix, "manifests") {
			s.wait()
		}
	}
}

func TestWhatAPruneRemovesDoesNotComeBackByBeingListedBefore(t *testing.T) {
	for _, destination := range []string{"", "disk"} {
		t.Run("rebuild of "+destination, func(t *testing.T) {
			h := newHouse(t)
			var armed atomic.Bool
			listed, on := make(chan struct{}), make(chan struct{})
			h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
				st, err := openStore(ctx, url, secret, create)
				return &lingering{st, func() {
					if armed.CompareAndSwap(true, false) {
						close(listed)
						<-on
					}
				}}, err
			}
			l := h.start(t)
			l.furnish(h)
			ctx := t.Context()
			job := control.Job{Name: "nightly", Destinations: []string{"disk"}, Server: "shop", Databases: []string{"orders"}, Type: backup.Incremental}
			backUp := l.job(job)
			backUp()
			kept := backUp().Backup
			job.Rule.Last = 1
			must[control.Job](t)(l.EditJob(ctx, job.Name, job))
			armed.Store(true)
			var rebuild control.Runs
			if destination == "" {
				rebuild = must[control.Runs](t)(l.RebuildCatalog(ctx))
			} else {
				must[control.Destination](t)(l.UnlockDestination(ctx, destination, control.Unlock{Passphrase: passphrase}))
			}
			<-listed
			prune := must[control.Runs](t)(l.Prune(ctx, control.PruneRequest{}))
			if r := must[control.Run](t)(l.Run(ctx, prune.Runs[0])); r.Status != backup.Queued {
				t.Errorf("the prune is %s while backups are being listed", r.Status)
			}
			close(on)
			l.wait(control.Runs{Runs: append(rebuild.Runs, prune.Runs...)})
			l.settle()
			if left := idsOf(l.list()); !slices.Equal(left, []string{kept}) {
				t.Errorf("the catalog has %v, want %s", left, kept)
			}
		})
	}
}

// A server that cannot even be asked for its databases fails for all of them.
func TestNothingIsRemovedWhileAServerCannotBeAskedForItsDatabases(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	ctx := t.Context()
	j := hourly("*")
	j.Attempts = 1
	must[control.Job](t)(l.AddJob(ctx, j))
	for range 3 {
		l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "hourly"})))
	}
	h.engine.Host("db").SetPassword("changed")
	h.wind()
	l.until("a run of all that fails", func(runs []control.Run) bool {
		return slices.ContainsFunc(runs, func(r control.Run) bool { return r.Database == "*" && r.Status == backup.Failed })
	})
	j.Last = 1
	must[control.Job](t)(l.EditJob(ctx, "hourly", j))
	prune := func() control.PruneResult {
		t.Helper()
		r, err := l.Prune(ctx, control.PruneRequest{Destination: "disk"})
		return result[control.PruneResult](l, r, err)
	}
	made := len(l.list())
	if did := prune(); len(did.Removed) != 0 || did.Kept != made {
		t.Errorf("while the server refuses us: %+v", did)
	}
	h.engine.Host("db").SetPassword("hunter2")
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "hourly"})))
	l.settle()
	if prune(); len(l.list()) >= made {
		t.Errorf("when all is well again %d backups are left of %d", len(l.list()), made+1)
	}
}
