package agent_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// packs are the files with the contents of backups.
func packs(t *testing.T, h *house) (files []string) {
	t.Helper()
	dir := filepath.Join(must[string](t)(local.Dir(h.disk)), "packs")
	check(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	if len(files) == 0 {
		t.Fatal("no packs")
	}
	return files
}

func days(n int) control.DestinationEdit { return control.DestinationEdit{RereadDays: &n} }

// reread reads a piece of the destination and returns what it found.
func (l *living) reread() (control.RereadResult, control.Run) {
	l.t.Helper()
	run := l.wait(must[control.Runs](l.t)(l.Reread(l.t.Context(), "disk")))[0]
	var r control.RereadResult
	check(l.t, json.Unmarshal(run.Result, &r))
	return r, run
}

func TestEverythingStoredIsReadInTimeAPieceADay(t *testing.T) {
	h := newHouse(t)
	l := h.startQuick(t)
	l.furnish(h)
	ctx := t.Context()
	for i := range 8 {
		h.engine.Host("db").Set("orders", enginemem.Database{"items": table(200 + 40*i)})
		l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})))
	}
	if r, run := l.reread(); r.Status != backup.OK || r.Covered != 1 || r.Packs != int64(len(packs(t, h))) || run.Kind != backup.RunReread || run.Attempts != 0 {
		t.Errorf("all at once: %+v, %+v", r, run.Problem)
	}
	if d := must[control.Destination](t)(l.EditDestination(ctx, "disk", days(4))); d.RereadDays != 4 || d.URL != h.disk {
		t.Errorf("edited %+v", d)
	}
	h.shift.Add(int64(30 * 24 * time.Hour)) // what was read then does not count any more
	l.until("the first piece", func(runs []control.Run) bool {
		return runs[len(runs)-1].Kind == backup.RunReread && runs[len(runs)-1].Trigger == "catch_up" && runs[len(runs)-1].Status.Over()
	})
	covered, n := 0.0, 0
	for ; covered < 1 && n < 8; n++ {
		h.shift.Add(int64(23 * time.Hour)) // not yet due by the schedule, or just once
		r, run := l.reread()
		if r.Status != backup.OK || r.Covered < covered {
			t.Fatalf("piece %d: %+v, %+v", n, r, run.Problem)
		}
		covered = r.Covered
	}
	if n > 5 {
		t.Errorf("%d pieces, want 4 in 4 days", n)
	}
}

func TestDamageThatIsFoundIsToldWithWhatItHits(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	made, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	result[control.BackupResult](l, made, err)
	for _, file := range packs(t, h) {
		b := must[[]byte](t)(os.ReadFile(file))
		b[len(b)/2] ^= 1
		check(t, os.Chmod(file, 0o600))
		check(t, os.WriteFile(file, b, 0o600))
	}
	r, run := l.reread()
	if run.Status != backup.Failed || r.Status != backup.Failed || r.Damaged == 0 || run.Problem == nil || run.Problem.Code != "agent.reread_damaged" {
		t.Fatalf("found %+v, run %+v", r, run)
	}
	p := run.Problem.Params
	if p["databases"] != "shop/orders" || p["backups"] != "1" || p["destination"] != "disk" || !strings.Contains(p["tables"], "items") {
		t.Errorf("told %v", p)
	}
	// A full backup stores anew what is damaged.
	made, err = l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Type: backup.Full, Verify: "full"})
	if b := result[control.BackupResult](l, made, err); b.Verify == nil || b.Verify.Status != backup.OK {
		t.Errorf("made anew: %+v", b)
	}
}

// What a destination cannot do is said when it is asked for, not at night.
func TestALockThatCannotBeIsRefusedAtOnce(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx, week := t.Context(), 7
	if _, err := l.EditDestination(ctx, "disk", control.DestinationEdit{LockDays: &week}); !errors.Is(err, repository.ErrNoLock) {
		t.Errorf("edit: %v, want ErrNoLock", err)
	}
	other := control.Destination{Name: "other", URL: local.URL(filepath.Join(t.TempDir(), "other")), LockDays: week}
	if _, err := l.AddDestination(ctx, control.NewDestination{Destination: other}); !errors.Is(err, repository.ErrNoLock) {
		t.Errorf("add: %v, want ErrNoLock", err)
	}
	list := must[[]control.Destination](t)(l.Destinations(ctx))
	if len(list) != 1 || list[0].LockDays != 0 {
		t.Errorf("destinations %+v", list)
	}
	other.LockDays = 0
	must[control.Destination](t)(l.AddDestination(ctx, control.NewDestination{Destination: other})) // what was made there is used
}
