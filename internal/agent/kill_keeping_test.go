package agent_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// childHold makes the child an agent whose stores stand still at one call and
// for ever: "put cloud manifests/ 1" is the first Put of a key that begins with
// manifests/ to an address that holds "cloud". It makes the file "held" in its
// home then.
const childHold = "RAHAT_TEST_CHILD_HOLD"

func holdingChild(home paths.Home, hold string) int {
	var call, place, prefix string
	var number int64
	if _, err := fmt.Sscan(hold, &call, &place, &prefix, &number); err != nil {
		return 2
	}
	h := &house{home: home, engine: enginemem.New()}
	h.driver = h.engine
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(10)})
	cfg := h.config()
	cfg.OpenVault = fileVault(home)
	var calls atomic.Int64
	cfg.OpenStore = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		st, err := openStore(ctx, url, secret, create)
		if err != nil || !strings.Contains(url, place) {
			return st, err
		}
		return &holding{Store: st, call: call, prefix: prefix, reach: func() {
			// Counted only once the test says so: setting up needs calls too.
			if _, err := os.Stat(filepath.Join(string(home), "armed")); err != nil || calls.Add(1) != number {
				return
			}
			_ = os.WriteFile(filepath.Join(string(home), "held"), nil, 0o600)
			select {}
		}}, nil
	}
	if agent.Run(context.Background(), cfg) != nil {
		return 1
	}
	return 0
}

type holding struct {
	store.Store
	call, prefix string
	reach        func()
}

func (s *holding) Unwrap() store.Store { return s.Store }

func (s *holding) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	if s.call == "put" && strings.HasPrefix(key, s.prefix) {
		s.reach()
	}
	return s.Store.Put(ctx, key, r)
}

func (s *holding) Delete(ctx context.Context, key string) error {
	if s.call == "delete" && strings.HasPrefix(key, s.prefix) {
		s.reach()
	}
	return s.Store.Delete(ctx, key)
}

// Whatever call a copy or a prune dies at, the next agent finds every backup
// whole, finishes the work by itself, and goes on.
func TestAnAgentKilledInACopyOrAPruneLosesNothing(t *testing.T) {
	points := []string{
		"put cloud leases/ 1", "put cloud manifests/ 1", "delete cloud leases/ 1", // of the copy
		"delete disk manifests/ 1", "delete cloud manifests/ 1", // of the rule
	}
	if testing.Short() {
		points = points[1:2]
	}
	for _, hold := range points {
		t.Run(hold, func(t *testing.T) { killAt(t, hold) })
	}
}

func killAt(t *testing.T, hold string) {
	ctx := t.Context()
	home, root := paths.Home(t.TempDir()), t.TempDir()
	killed(t, home, func(c *client.Client) {
		must[control.Server](t)(c.AddServer(ctx, control.NewServer{Server: control.Server{Name: "shop", Engine: engine.Postgres, Address: "db"}}))
		for _, name := range []string{"disk", "cloud"} {
			must[control.Destination](t)(c.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: name, URL: local.URL(filepath.Join(root, name))}}))
		}
		must[control.Job](t)(c.AddJob(ctx, control.Job{
			Name: "nightly", Server: "shop", Databases: []string{"orders"}, Destinations: []string{"disk", "cloud"}, Type: backup.Incremental, Rule: retention.Rule{Last: 1},
		}))
		first := must[control.Runs](t)(c.Backup(ctx, control.BackupRequest{Job: "nightly"}))
		must[[]control.Run](t)(c.Follow(ctx, first.Runs, nil))
		quiet(t, c)
		check(t, os.WriteFile(filepath.Join(string(home), "armed"), nil, 0o600))
		must[control.Runs](t)(c.Backup(ctx, control.BackupRequest{Job: "nightly"}))
		awaitFile(t, filepath.Join(string(home), "held"))
	}, childHold+"="+hold)

	h := &house{home: home, engine: enginemem.New()}
	h.driver = h.engine
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(10)})
	h.vault = must[vault.Vault](t)(fileVault(home)(ctx))
	l := h.start(t)
	for _, r := range must[control.StatusReport](t)(l.Status(ctx)).Active {
		if r.RetryAt != nil { // what killed the agent is not done again at once
			must[control.Runs](t)(l.RetryRun(ctx, r.ID))
		}
	}
	l.settle()
	for _, b := range l.list() {
		for _, place := range append([]string{b.Destination}, b.Copies...) {
			r, err := l.Verify(ctx, b.ID, control.VerifyRequest{Level: "full", Destination: place})
			result[control.VerifyResult](l, r, err)
		}
	}
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "nightly"})))
	l.settle()
	newest := l.list()[0]
	if newest.Destination != "disk" || len(newest.Copies) != 1 || newest.Copies[0] != "cloud" {
		t.Errorf("the newest is %+v", newest)
	}
	// One that is proved may stay beside the newest: the last proven.
	if n := len(l.list()); n > 2 {
		t.Errorf("%d backups are left by a rule that keeps one", n)
	}
	r, err := l.Verify(ctx, newest.ID, control.VerifyRequest{Level: "full", Destination: "cloud"})
	result[control.VerifyResult](l, r, err)
}

// quiet waits until an agent has nothing to do.
func quiet(t *testing.T, c *client.Client) {
	t.Helper()
	for {
		active := must[control.StatusReport](t)(c.Status(t.Context())).Active
		if len(active) == 0 {
			return
		}
		var ids []string
		for _, r := range active {
			ids = append(ids, r.ID)
		}
		must[[]control.Run](t)(c.Follow(t.Context(), ids, nil))
	}
}

func awaitFile(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never came: %v", path, ctx.Err())
		case <-tick.C:
		}
	}
}

func TestTwoAgentsOnOneRepositoryLeaveEachOtherAlone(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	other := newHouse(t)
	other.disk = h.disk
	o := other.start(t)
	o.furnish(other) // takes the repository by its passphrase
	o.settle()
	mine := l.job(control.Job{Name: "mine", Destinations: []string{"disk"}, Rule: retention.Rule{Last: 2}})
	theirs := o.job(control.Job{Name: "theirs", Destinations: []string{"disk"}, Rule: retention.Rule{Last: 3}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 6 {
			other.engine.Host("db").Set("orders", enginemem.Database{"items": table(100 + i)})
			r, err := o.Backup(context.Background(), control.BackupRequest{Job: "theirs"})
			if err == nil {
				_, err = o.Follow(context.Background(), r.Runs, nil)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for i := range 6 {
		h.engine.Host("db").Set("orders", enginemem.Database{"items": table(300 + i)})
		if run := mine(); run.Status != backup.OK {
			t.Errorf("run %d: %+v", i, run.Problem)
		}
		if i%2 == 1 {
			l.wait(must[control.Runs](t)(l.Prune(t.Context(), control.PruneRequest{})))
		}
	}
	<-done
	o.settle()
	mine()
	theirs()
	for _, x := range []*living{l, o} {
		x.wait(must[control.Runs](t)(x.RebuildCatalog(t.Context())))
		count := map[string]int{}
		for _, b := range x.list() {
			count[b.Job]++
			r, err := x.Verify(t.Context(), b.ID, control.VerifyRequest{Level: "full"})
			result[control.VerifyResult](x, r, err)
		}
		if count["mine"] != 2 || count["theirs"] != 3 {
			t.Errorf("left are %v", count)
		}
	}
}

func TestADestinationThatGoesInMidCopyLeavesNoHalfACopy(t *testing.T) {
	h := newHouse(t)
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(20_000)})
	// The folder goes when the copy is about to write for the n-th time.
	var cloud shelf
	var left atomic.Int64
	h.open = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		st, err := openStore(ctx, url, secret, create)
		if err != nil || !strings.HasSuffix(url, "/cloud") {
			return st, err
		}
		return &holding{Store: st, call: "put", reach: func() {
			if left.Add(-1) == 0 {
				cloud.unplug()
			}
		}}, nil
	}
	l := h.start(t)
	l.furnish(h)
	cloud = l.shelf("cloud")
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk", "cloud"}})
	for n := range 4 {
		h.engine.Host("db").Set("orders", enginemem.Database{"items": table(20_000 + n)})
		left.Store(int64(n + 1))
		if run := backUp(); run.Status != backup.OK {
			t.Errorf("backup %d: %+v", n, run.Problem)
		}
		if left.Load() > 0 {
			break // no copy writes so often
		}
		if copies := l.of(backup.RunCopy); copies[0].Status != backup.Failed || copies[0].Problem.Code != "store.unavailable" {
			t.Errorf("copy %d: %+v", n, copies[0])
		}
		cloud.plug()
	}
	left.Store(0)
	backUp()
	for _, b := range l.list() {
		for _, place := range append([]string{b.Destination}, b.Copies...) {
			r, err := l.Verify(t.Context(), b.ID, control.VerifyRequest{Level: "basic", Destination: place})
			result[control.VerifyResult](l, r, err)
		}
		if len(b.Copies) != 1 {
			t.Errorf("backup %s is not copied", b.ID)
		}
	}
}
