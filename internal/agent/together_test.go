package agent_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// neighbour is one of several agents that share their destinations, with what
// its backups must hold.
type neighbour struct {
	*house
	*living
	job   string
	mu    sync.Mutex
	holds map[string]enginemem.Database
}

// goOn makes backups of a database that changes, with all that follows from them,
// while prunes and proofs that it asks for go on.
func (n *neighbour) goOn(ctx context.Context, rounds, rows int) {
	do := func(what string, ask func() (control.Runs, error)) []control.Run {
		r, err := ask()
		if err != nil {
			n.t.Errorf("%s of %s: %v", what, n.job, err)
			return nil
		}
		runs, err := n.Follow(ctx, r.Runs, nil)
		if err != nil {
			n.t.Errorf("%s of %s: %v", what, n.job, err)
		}
		for _, run := range runs {
			if run.Status != backup.OK {
				n.t.Errorf("%s of %s: %+v: %+v", what, n.job, run, run.Problem)
			}
		}
		return runs
	}
	for i := range rounds {
		d := enginemem.Database{"items": table(rows + i), "more": table(1 + 50*(i%3))}
		n.engine.Host("db").Set("orders", d)
		var others sync.WaitGroup
		others.Go(func() {
			do("prune", func() (control.Runs, error) { return n.Prune(ctx, control.PruneRequest{}) })
		})
		if i > 0 {
			others.Go(func() {
				do("proof", func() (control.Runs, error) {
					return n.Verify(ctx, "latest", control.VerifyRequest{Level: "full"})
				})
			})
		}
		kind := []backup.Type{backup.Incremental, backup.Differential, backup.Full}[i%3]
		for _, run := range do("backup", func() (control.Runs, error) {
			return n.Backup(ctx, control.BackupRequest{Job: n.job, Type: kind})
		}) {
			n.mu.Lock()
			n.holds[run.Backup] = d
			n.mu.Unlock()
		}
		others.Wait()
	}
}

// Two agents share two destinations, and back up, copy, prune and prove at the
// same time. Neither loses anything, and every backup is what it ought to be.
func TestTwoAgentsDoEverythingAtOnce(t *testing.T) {
	rounds := 9
	if testing.Short() {
		rounds = 3
	}
	first := newHouse(t)
	a := &neighbour{house: first, living: first.start(t), job: "mine", holds: map[string]enginemem.Database{}}
	a.furnish(first)
	cloud := a.shelf("cloud")
	second := newHouse(t)
	second.disk = first.disk
	b := &neighbour{house: second, living: second.start(t), job: "theirs", holds: map[string]enginemem.Database{}}
	b.furnish(second)
	must[control.Destination](t)(b.AddDestination(t.Context(), control.NewDestination{
		Destination: control.Destination{Name: "cloud", URL: local.URL(cloud.dir)}, Passphrase: passphrase,
	}))
	b.settle()
	for _, n := range []*neighbour{a, b} {
		n.living.job(control.Job{Name: n.job, Destinations: []string{"disk", "cloud"}, Rule: retention.Rule{Last: 3}})
	}
	var both sync.WaitGroup
	both.Go(func() { a.goOn(t.Context(), rounds, 300) })
	both.Go(func() { b.goOn(t.Context(), rounds, 900) })
	both.Wait()
	a.settle()
	b.settle()
	for _, n := range []*neighbour{a, b} {
		n.examine(min(rounds, 3))
	}
}

// examine restores every backup that is left, reads every copy, and counts them.
func (n *neighbour) examine(want int) {
	n.t.Helper()
	ctx := n.t.Context()
	n.wait(must[control.Runs](n.t)(n.RebuildCatalog(ctx)))
	n.settle()
	left := 0
	for _, b := range n.list() {
		for _, place := range append([]string{b.Destination}, b.Copies...) {
			r, err := n.Verify(ctx, b.ID, control.VerifyRequest{Level: "full", Destination: place})
			result[control.VerifyResult](n.living, r, err)
		}
		if b.Job != n.job {
			continue
		}
		left++
		if len(b.Copies) != 1 {
			n.t.Errorf("backup %s of %s has copies %v", b.ID, n.job, b.Copies)
		}
		r, err := n.Restore(ctx, b.ID, control.RestoreRequest{Server: "shop", Database: "copy of " + b.ID})
		result[control.RestoreResult](n.living, r, err)
		got, _ := n.engine.Host("db").Get("copy of " + b.ID)
		if !reflect.DeepEqual(got, n.holds[b.ID]) {
			n.t.Errorf("backup %s of %s came back as another database", b.ID, n.job)
		}
	}
	// The last that is proven may stay beside those that the rule keeps.
	if left < want || left > want+1 {
		n.t.Errorf("%d backups of %s are left, want %d", left, n.job, want)
	}
}
