package agent_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

func TestALabelIsKeptBesideTheBackup(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	cloud := l.shelf("cloud")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	id := backUp().Backup
	backUp()
	ctx := t.Context()
	b := must[control.Backup](t)(l.SetLabel(ctx, id, control.Label{Pinned: true, Tags: []string{" Sürüm", "a", "a"}, Note: "before the move\n"}))
	if !b.Pinned || !slices.Equal(b.Tags, []string{"Sürüm", "a"}) || b.Note != "before the move" {
		t.Fatalf("got %+v", b.Label)
	}
	found := func(f client.BackupFilter, want int) {
		t.Helper()
		all := must[[]control.Backup](t)(l.Backups(ctx, f))
		if len(all) != want || want == 1 && (all[0].ID != id || !all[0].Pinned) {
			t.Errorf("%+v finds %+v", f, all)
		}
	}
	found(client.BackupFilter{Tag: "sürüm"}, 1)
	found(client.BackupFilter{Tag: "sür"}, 0)
	found(client.BackupFilter{Search: "THE MOVE"}, 1)
	found(client.BackupFilter{Search: "sür", Database: "orders"}, 1)

	// A copy takes the label with it.
	r, err := l.CopyBackup(ctx, id, control.CopyRequest{Destination: "cloud"})
	result[control.CopyResult](l, r, err)
	check(t, l.RemoveDestination(ctx, "cloud"))
	r = must[control.Runs](t)(l.RebuildCatalog(ctx))
	l.wait(r)
	found(client.BackupFilter{Tag: "a"}, 1)

	// Another computer sees it, or this one without its catalog.
	check(t, l.end())
	h.loseCatalog(t)
	l = h.start(t)
	l.settle()
	found(client.BackupFilter{Tag: "sürüm"}, 1)

	for _, bad := range []control.Label{{Tags: []string{""}}, {Tags: []string{"a,b"}}, {Tags: []string{"a\x1b"}}, {Note: strings.Repeat("x", 5000)}} {
		if _, err := l.SetLabel(ctx, id, bad); err == nil || control.FromError(err).Code != "agent.invalid" {
			t.Errorf("%.40v: %v", bad, err)
		}
	}
	must[control.Backup](t)(l.SetLabel(ctx, id, control.Label{}))
	found(client.BackupFilter{Tag: "sürüm"}, 0)
	found(client.BackupFilter{Search: "the move"}, 0)
	check(t, os.RemoveAll(cloud.dir))
}
