package agent_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// A dyingVault fails every change after the first few.
type dyingVault struct {
	vault.Vault
	left atomic.Int64 // changes that it still takes
}

var errVaultDied = errors.New("the vault died")

func (v *dyingVault) Set(ctx context.Context, name string, s vault.Secret) error {
	if v.left.Add(-1) < 0 {
		return errVaultDied
	}
	return v.Vault.Set(ctx, name, s)
}

func (v *dyingVault) Delete(ctx context.Context, name string) error {
	if v.left.Add(-1) < 0 {
		return errVaultDied
	}
	return v.Vault.Delete(ctx, name)
}

const healthy = 1 << 40

// Wherever the move of a destination to another address with another secret
// breaks off, the old address is read with the old secret or the new with the new.
func TestAMoveThatBreaksOffLeavesADestinationThatWorks(t *testing.T) {
	h := newHouse(t)
	v := &dyingVault{Vault: h.vault}
	v.left.Store(healthy)
	h.vault = v
	dirs := []string{must[string](t)(local.Dir(h.disk)), filepath.Join(t.TempDir(), "moved")}
	urls := []string{h.disk, local.URL(dirs[1])}
	var asked sync.Map // what the store at an address asks for
	h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		if want, ok := asked.Load(url); ok && secret.Reveal() != want {
			return nil, store.ErrAccess.Because(nil, "place", url)
		}
		return openStore(ctx, url, secret, create)
	}
	l := h.start(t)
	l.furnish(h)
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	backUp()
	refuse := refuseEdits(t, h)
	at, round := 0, 0
	for _, refused := range []bool{false, true} {
		for steps := range int64(6) {
			round++
			to := 1 - at
			check(t, os.RemoveAll(dirs[to]))
			check(t, os.CopyFS(dirs[to], os.DirFS(dirs[at])))
			secret := fmt.Sprint("secret ", round)
			asked.Store(urls[to], secret)
			refuse(refused)
			v.left.Store(steps)
			_, err := l.EditDestination(t.Context(), "disk", control.DestinationEdit{URL: urls[to], Secret: secret})
			v.left.Store(healthy)
			refuse(false)
			moved := must[[]control.Destination](t)(l.Destinations(t.Context()))[0].URL == urls[to]
			if moved != (err == nil) || refused && moved || !refused && steps > 1 && !moved {
				t.Errorf("refused %v, %d steps: %v, moved %v", refused, steps, err, moved)
			}
			if moved {
				at = to
			}
			if run := backUp(); run.Status != backup.OK {
				t.Errorf("refused %v, %d steps, moved %v: %+v", refused, steps, moved, run.Problem)
			}
		}
	}
}

// refuseEdits returns what makes the catalog refuse to change destinations.
func refuseEdits(t *testing.T, h *house) func(bool) {
	t.Helper()
	db, err := sql.Open("sqlite", h.home.Catalog()+"?_pragma=busy_timeout(5000)")
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	return func(yes bool) {
		t.Helper()
		statement := "DROP TRIGGER IF EXISTS refuse"
		if yes {
			statement = "CREATE TRIGGER refuse BEFORE UPDATE ON destinations BEGIN SELECT RAISE(ABORT, 'no'); END"
		}
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// Two edits at once that change different things are both kept, also when one of
// them waits for a store that is slow.
func TestEditsOfADestinationAtOnceAreAllKept(t *testing.T) {
	h := newHouse(t)
	reached, proceed := make(chan bool, 1), make(chan bool)
	var slow atomic.Bool
	h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		if secret.Reveal() == "fresh" && slow.CompareAndSwap(true, false) {
			reached <- true
			<-proceed
		}
		return openStore(ctx, url, secret, create)
	}
	l := h.start(t)
	l.furnish(h)
	slow.Store(true)
	done := make(chan error, 1)
	days := 3
	go func() {
		_, err := l.EditDestination(t.Context(), "disk", control.DestinationEdit{Secret: "fresh"})
		done <- err
	}()
	<-reached
	must[control.Destination](t)(l.EditDestination(t.Context(), "disk", control.DestinationEdit{RereadDays: &days}))
	close(proceed)
	check(t, <-done)
	if d := must[[]control.Destination](t)(l.Destinations(t.Context()))[0]; d.RereadDays != days {
		t.Errorf("an edit was lost: %+v", d)
	}
}
