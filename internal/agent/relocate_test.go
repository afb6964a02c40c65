package agent_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

func TestADestinationThatWasMovedIsFoundAgain(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	l.shelf("other")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	before := backUp().Backup
	from := must[string](t)(local.Dir(h.disk))
	to := filepath.Join(t.TempDir(), "moved")
	others := must[[]control.Destination](t)(l.Destinations(ctx))[1].URL
	for url, want := range map[string]error{others: server.ErrOtherRepository, local.URL(to): store.ErrUnavailable, "ftp://x": store.ErrBadURL} {
		if _, err := l.EditDestination(ctx, "disk", control.DestinationEdit{URL: url}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", url, err, want)
		}
	}
	check(t, os.Rename(from, to))
	if run := l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "nightly"})))[0]; run.Status == backup.OK {
		t.Error("a backup was made to a folder that is away")
	}
	if d := must[control.Destination](t)(l.EditDestination(ctx, "disk", control.DestinationEdit{URL: local.URL(to)})); d.URL != local.URL(to) {
		t.Errorf("edited %+v", d)
	}
	if made := backUp().Backup; l.list()[0].ID != made || l.list()[0].Base != before {
		t.Errorf("after the move %s was made, and there are %+v; want it to lean on %s", made, l.list(), before)
	}
	r, err := l.Verify(ctx, before, control.VerifyRequest{Level: "full"})
	result[control.VerifyResult](l, r, err)
}

// A secret that does not open the store is not kept, and one that does is used
// at once, also where a repository was open with the old one.
func TestADestinationGetsANewSecret(t *testing.T) {
	h := newHouse(t)
	var asked atomic.Value // what the store asks for
	asked.Store("")
	h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		if secret.Reveal() != asked.Load() {
			return nil, store.ErrAccess.Because(nil, "place", url)
		}
		return openStore(ctx, url, secret, create)
	}
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	backUp()
	asked.Store("fresh")
	for _, wrong := range []string{"stale", ""} {
		if _, err := l.EditDestination(ctx, "disk", control.DestinationEdit{URL: h.disk, Secret: wrong}); !errors.Is(err, store.ErrAccess) {
			t.Errorf("secret %q: %v, want ErrAccess", wrong, err)
		}
	}
	must[control.Destination](t)(l.EditDestination(ctx, "disk", control.DestinationEdit{Secret: "fresh"}))
	if run := backUp(); run.Status != backup.OK {
		t.Errorf("run %+v", run)
	}
}

// A bucket says in words of its own why it takes nothing; the backup is made all
// the same.
func TestABucketThatIsGoneIsAnEmergency(t *testing.T) {
	h := newHouse(t)
	var gone atomic.Bool
	h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		if url == h.disk && gone.Load() {
			return nil, problem.New("s3.no_bucket").Because(nil, "bucket", "b", "endpoint", "e")
		}
		return openStore(ctx, url, secret, create)
	}
	l := h.start(t)
	l.furnish(h)
	l.shelf("other")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}, Emergency: "other"})
	gone.Store(true)
	if run := backUp(); run.Status != backup.OK || len(l.list()) != 1 || l.list()[0].Destination != "other" {
		t.Errorf("run %+v, problem %+v, backups %+v", run, run.Problem, l.list())
	}
}
