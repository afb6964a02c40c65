package archiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var slots = repository.Slots{Secret: repository.NewSecret()}

// shopOf makes a database of a few tables, one of them big enough for several
// chunks; version changes a row in a hundred.
func shopOf(version int) enginemem.Database {
	d := enginemem.Database{}
	for _, n := range []int{0, 1, 50, 10000} {
		t := enginemem.Table{Columns: []string{"id", "name", "note"}}
		for i := range n {
			v := 0
			if i%100 == 7 {
				v = version
			}
			t.Rows = append(t.Rows, []enginemem.Value{enginemem.Text(fmt.Sprintf("%08d", i)), enginemem.Text(fmt.Sprintf("Işıl %d", i*7919%1000)), enginemem.Text(strings.Repeat(fmt.Sprint(v, "x"), 20))})
		}
		d[fmt.Sprintf("table %d", n)] = t
	}
	return d
}

// A bench is one host with a database, and an archiver.
type bench struct {
	host   *enginemem.Host
	server engine.Server
	a      Archiver
}

func newBench(t *testing.T) *bench {
	t.Helper()
	e := enginemem.New()
	host := e.Host("h")
	host.Set("shop", shopOf(0))
	s, err := e.Open(enginemem.Config("h", ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := host.OpenSnapshots(); n != 0 {
			t.Errorf("%d snapshots are left open", n)
		}
	})
	return &bench{host: host, server: s, a: Archiver{Now: time.Now, Machine: "m", Agent: "test", Streams: 2}}
}

func (b *bench) run(ctx context.Context, repo *repository.Repository, typ backup.Type) (*backup.Manifest, error) {
	return b.a.Run(ctx, Request{ID: backup.NewID(time.Now()), Server: b.server, ServerName: "s", Engine: enginemem.Kind, Database: "shop", Type: typ, Repository: repo})
}

// restored checks that a backup brings back exactly want.
func (b *bench) restored(t *testing.T, repo *repository.Repository, id backup.ID, want enginemem.Database) {
	t.Helper()
	m, err := repo.Manifest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.server.Restore(t.Context(), repo.Source(m), engine.Target{Database: "again", Overwrite: true, Streams: 2}); err != nil {
		t.Fatal(err)
	}
	got, ok := b.host.Get("again")
	if !ok || fmt.Sprint(text(got)) != fmt.Sprint(text(want)) {
		t.Fatalf("restored database differs")
	}
}

func text(d enginemem.Database) map[string][]string {
	m := map[string][]string{}
	for name, t := range d {
		m[name] = nil
		for _, row := range t.Rows {
			var b strings.Builder
			for _, v := range row {
				b.WriteString(*v)
				b.WriteByte('|')
			}
			m[name] = append(m[name], b.String())
		}
	}
	return m
}

func TestRunMakesBackupsThatRestore(t *testing.T) {
	b := newBench(t)
	repo, err := repository.Create(t.Context(), mem.New(), slots, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := b.run(t.Context(), repo, backup.Incremental)
	if err != nil {
		t.Fatal(err)
	}
	if first.Type != backup.Full || len(first.Warnings) > 0 {
		t.Errorf("the first incremental is a %s with %v", first.Type, first.Warnings)
	}
	b.host.Set("shop", shopOf(1))
	second, err := b.run(t.Context(), repo, backup.Incremental)
	if err != nil {
		t.Fatal(err)
	}
	if second.Type != backup.Incremental || second.Base != first.ID || second.Depth != 1 || second.AddedBytes >= first.AddedBytes/2 {
		t.Errorf("second: %s on %q, depth %d, added %d of %d", second.Type, second.Base, second.Depth, second.AddedBytes, first.AddedBytes)
	}
	b.restored(t, repo, first.ID, shopOf(0))
	b.restored(t, repo, second.ID, shopOf(1))
}

// Whatever call of the store fails, there is a complete backup or none, the
// earlier one restores, and the next run works.
func TestEveryStoreFailureLeavesACompleteBackupOrNone(t *testing.T) {
	for name, like := range map[string]fault.Rule{
		"fails": {}, "fails late": {Late: true}, "fails after some bytes": {After: 100}, "fails for ever": {Forever: true},
		"slow": {Delay: time.Minute, SlowOnly: true, Forever: true},
	} {
		if testing.Short() && name != "fails late" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.host.Set("shop", shopOf(0))
				open := func() store.Store {
					st := mem.New()
					repo, err := repository.Create(t.Context(), st, slots, repository.Options{})
					if err != nil {
						t.Fatal(err)
					}
					b.host.Set("shop", shopOf(0))
					if _, err := b.run(t.Context(), repo, backup.Full); err != nil {
						t.Fatal(err)
					}
					b.host.Set("shop", shopOf(1))
					<-time.After(time.Second) // backups are ordered by their time
					return st
				}
				work := func(st store.Store) error {
					repo, err := repository.Open(t.Context(), st, repository.Options{}, repository.SecretKey(slots.Secret))
					if err != nil {
						return err
					}
					_, err = b.run(t.Context(), repo, backup.Incremental)
					return err
				}
				turns, err := fault.Walk(like, open, work, func(s fault.Step) { afterFault(t, b, s) })
				if err != nil {
					t.Fatal(err)
				}
				if turns < 5 {
					t.Errorf("only %d failures were met", turns)
				}
				t.Logf("%d failures", turns)
			})
		})
	}
}

func afterFault(t *testing.T, b *bench, s fault.Step) {
	t.Helper()
	repo, err := repository.Open(t.Context(), s.Inner, repository.Options{}, repository.SecretKey(slots.Secret))
	if err != nil {
		t.Fatalf("%v: %v", s.Call, err)
	}
	ids, err := repo.Backups(t.Context())
	if err != nil {
		t.Fatalf("%v: %v", s.Call, err)
	}
	for i, id := range ids {
		b.restored(t, repo, id, shopOf(i))
	}
	if len(ids) == 0 || s.Err == nil && len(ids) != 2 {
		t.Errorf("%v: %d backups, run said %v", s.Call, len(ids), s.Err)
	}
	m, err := b.run(t.Context(), repo, backup.Incremental)
	if err != nil {
		t.Fatalf("%v: the next run: %v", s.Call, err)
	}
	b.restored(t, repo, m.ID, shopOf(1))
}

// What was written of a table before its rows turned out to be too wide counts
// for nothing, not even as progress.
func TestATableThatCannotBeHadAsRowsComesInAnotherForm(t *testing.T) {
	b := newBench(t)
	repo, err := repository.Create(t.Context(), mem.New(), slots, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shop := shopOf(0)
	for name, table := range shop {
		table.Wide = true
		shop[name] = table
		break
	}
	b.host.Set("shop", shop)
	m, err := b.run(t.Context(), repo, backup.Full)
	if err != nil {
		t.Fatal(err)
	}
	wide := 0
	for _, p := range m.Parts {
		if p.Table != nil && p.Kind == backup.Bytes {
			wide++
		}
	}
	if wide != 1 {
		t.Errorf("%d tables in the other form", wide)
	}
	b.restored(t, repo, m.ID, shop)
}

func TestADumpThatFailsLeavesNothing(t *testing.T) {
	boom := errors.New("boom")
	for _, step := range []string{"snapshot", "dump"} {
		b := newBench(t)
		repo, err := repository.Create(t.Context(), mem.New(), slots, repository.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var met atomic.Bool // tables are dumped by several
		b.host.SetHook(func(s string) error {
			if strings.HasPrefix(s, step) {
				met.Store(true)
				return boom
			}
			return nil
		})
		if _, err := b.run(t.Context(), repo, backup.Full); !errors.Is(err, boom) || !met.Load() {
			t.Errorf("%s: %v", step, err)
		}
		if ids, err := repo.Backups(t.Context()); err != nil || len(ids) != 0 {
			t.Errorf("%s: %v, %v", step, ids, err)
		}
		b.host.SetHook(nil)
	}
}

func TestACancelledRunSaysWhy(t *testing.T) {
	b := newBench(t)
	repo, err := repository.Create(t.Context(), mem.New(), slots, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("the person said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.host.SetHook(func(s string) error {
		if strings.HasPrefix(s, "dump") {
			cancel(why)
		}
		return nil
	})
	if _, err := b.run(ctx, repo, backup.Full); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if ids, err := repo.Backups(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}

// A defect in a driver ends the run, not the agent.
func TestAPanicOfADriverFailsTheRun(t *testing.T) {
	b := newBench(t)
	repo, err := repository.Create(t.Context(), mem.New(), slots, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.host.SetHook(func(s string) error {
		if strings.HasPrefix(s, "dump") {
			panic("a defect")
		}
		return nil
	})
	if _, err := b.run(t.Context(), repo, backup.Full); problem.Of(err).Code != problem.Internal || !strings.Contains(err.Error(), "a defect") {
		t.Errorf("got %v", err)
	}
	if ids, err := repo.Backups(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}
