package restorer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

// faults are the ways in which the calls of a store fail, each in turn.
var faults = map[string]fault.Rule{
	"fails": {}, "fails late": {Late: true}, "fails after some bytes": {After: 100}, "fails for ever": {Forever: true},
	"slow": {Delay: time.Minute, SlowOnly: true, Forever: true},
}

// A shelf is a repository with two backups, of which the newer leans on the
// older.
type shelf struct {
	e     *enginemem.Engine
	s     engine.Server
	st    *mem.Store
	key   repository.Key
	last  backup.ID
	rows  int64
	tries int
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	secret := repository.NewSecret()
	b := &shelf{e: enginemem.New(), st: mem.New(), key: repository.SecretKey(secret), rows: 3000}
	var err error
	if b.s, err = b.e.Open(enginemem.Config("h", "")); err != nil {
		t.Fatal(err)
	}
	repo, err := repository.Create(t.Context(), b.st, repository.Slots{Secret: secret}, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := archiver.Archiver{Now: time.Now}
	for version, kind := range []backup.Type{backup.Full, backup.Incremental} {
		b.e.Host("h").Set("shop", enginemem.Database{"t": b.table(version)})
		b.last = backup.NewID(time.Now())
		if _, err := a.Run(t.Context(), archiver.Request{ID: b.last, Server: b.s, Engine: enginemem.Kind, Database: "shop", Type: kind, Repository: repo}); err != nil {
			t.Fatal(err)
		}
	}
	if err := repo.Close(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *shelf) table(version int) enginemem.Table {
	t := enginemem.Table{Columns: []string{"id", "what"}, Key: 1}
	for i := range b.rows {
		what := fmt.Sprint("row ", i*i)
		if i%500 == 0 {
			what += fmt.Sprint(" of version ", version)
		}
		t.Rows = append(t.Rows, []enginemem.Value{enginemem.Text(fmt.Sprintf("%06d", i)), enginemem.Text(what)})
	}
	return t
}

// with opens the newest backup in a store, for a piece of work.
func (b *shelf) with(t *testing.T, st store.Store, do func(*repository.Repository, *backup.Manifest) error) error {
	t.Helper()
	repo, err := repository.Open(t.Context(), st, repository.Options{}, b.key)
	if err != nil {
		return err
	}
	m, err := repo.Manifest(t.Context(), b.last)
	if err == nil {
		err = do(repo, m)
	}
	return errors.Join(err, repo.Close())
}

// restore makes a new database of it.
func (b *shelf) restore(t *testing.T, st store.Store) (name string, err error) {
	b.tries++
	name = fmt.Sprint("again", b.tries)
	return name, b.with(t, st, func(repo *repository.Repository, m *backup.Manifest) error {
		done, err := Run(t.Context(), repo, m, b.s, engine.Target{Database: name, Streams: 1})
		if err == nil && done.Rows != b.rows {
			t.Errorf("%d rows are said to be restored", done.Rows)
		}
		return err
	})
}

// whole checks that a database is there as it was backed up.
func (b *shelf) whole(t *testing.T, when, name string) {
	t.Helper()
	d, there := b.e.Host("h").Get(name)
	if !there || !reflect.DeepEqual(d["t"].Rows, b.table(1).Rows) {
		t.Errorf("%s: the restored database is not the one that was backed up (it is there: %v)", when, there)
	}
}

// Whichever call of the store fails in a restore, there is a whole database or
// none, and the next restore makes one.
func TestAnyFailedCallEndsARestoreWithAWholeDatabaseOrNone(t *testing.T) {
	for kind, like := range faults {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newShelf(t)
				name := ""
				turns, err := fault.Walk(like, func() store.Store { return b.st.Clone() }, func(s store.Store) (err error) {
					name, err = b.restore(t, s)
					return err
				}, func(s fault.Step) {
					when := fmt.Sprintf("%+v", s.Call)
					if s.Err == nil {
						b.whole(t, when, name)
					} else if _, there := b.e.Host("h").Get(name); there || !errors.Is(s.Err, fault.ErrInjected) {
						t.Errorf("%s: %v; a database is left: %v", when, s.Err, there)
					}
					next, err := b.restore(t, s.Inner)
					if err != nil {
						t.Fatalf("%s: the next one: %v", when, err)
					}
					b.whole(t, when, next)
				})
				if err != nil || turns < 3 {
					t.Errorf("%d turns, %v", turns, err)
				}
				b.whole(t, "the last", name)
				t.Logf("%d calls in turn", turns)
			})
		})
	}
}

// Whichever call fails in an export, there is a whole file or none.
func TestAnyFailedCallEndsAnExportWithAWholeFileOrNone(t *testing.T) {
	for kind, like := range faults {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newShelf(t)
				file, whole := filepath.Join(t.TempDir(), "x"), ""
				export := func(s store.Store) error {
					if err := os.RemoveAll(file); err != nil { // of a turn that met no fault
						return err
					}
					return b.with(t, s, func(repo *repository.Repository, m *backup.Manifest) error {
						_, _, err := Export(t.Context(), repo, m, b.e, "", engine.ExportOptions{}, file)
						return err
					})
				}
				take := func() string {
					text, err := os.ReadFile(file)
					if err == nil {
						err = os.Remove(file)
					}
					if left, rerr := os.ReadDir(filepath.Dir(file)); rerr != nil || len(left) > 0 {
						t.Errorf("left behind: %v, %v", left, rerr)
					}
					if err != nil {
						return ""
					}
					return string(text)
				}
				if err := export(b.st); err != nil {
					t.Fatal(err)
				}
				whole = take()
				turns, err := fault.Walk(like, func() store.Store { return b.st.Clone() }, export, func(s fault.Step) {
					if got := take(); s.Err == nil && got != whole || s.Err != nil && got != "" {
						t.Errorf("%+v: %v, and a file of %d bytes, want %d", s.Call, s.Err, len(got), len(whole))
					}
				})
				if err != nil || turns < 3 || take() != whole {
					t.Errorf("%d turns, %v", turns, err)
				}
			})
		})
	}
}
