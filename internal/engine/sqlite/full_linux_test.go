package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

// smallDisk is a folder on a disk of its own. It needs root.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a small disk (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the room that is left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "of another program"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	for err = nil; err == nil; {
		_, err = f.Write([]byte{0})
	}
	if !errors.Is(err, unix.ENOSPC) || f.Close() != nil {
		t.Fatal(err)
	}
}

// Another program takes the rest of the disk while a database is restored:
// before the first byte, in the midst, and when it is about to be put in place.
func TestADiskThatFillsUpInARestoreLeavesNothingHalf(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		for name, target := range map[string]engine.Target{
			"new":     {Database: "back.db"},
			"over":    {Database: "old.db", Overwrite: true},
			"a table": {Database: "old.db", Tables: []string{"wide"}},
		} {
			for at, when := range map[string]func(p backup.Progress) bool{
				"first": func(backup.Progress) bool { return true },
				"half":  func(p backup.Progress) bool { return p.Done >= p.Total/2 },
				"last":  func(p backup.Progress) bool { return p.Done == p.Total },
			} {
				if target.Tables == nil && !target.Overwrite && at == "last" {
					continue // all is written by then: that is a restore that went well
				}
				t.Run(mode+" "+name+" "+at, func(t *testing.T) { fillUp(t, mode, target, when) })
			}
		}
	}
}

func fillUp(t *testing.T, mode string, target engine.Target, when func(backup.Progress) bool) {
	from := newFixtures(t, mode)
	from.Create(t, "shop.db", enginetest.Empty)
	db := connect(t, from.path("shop.db"))
	run(t, db, "CREATE TABLE wide (id INTEGER PRIMARY KEY, v BLOB)",
		"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i+1 FROM n WHERE i < 600) INSERT INTO wide SELECT i, randomblob(4000) FROM n")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	m := take(t, from.server(t), "shop.db")

	f := newFixtures(t, mode)
	f.dir = smallDisk(t, "12m")
	for _, name := range []string{"old.db", "neighbour.db"} {
		f.Create(t, name, enginetest.Awkward)
	}
	before := map[string]string{"old.db": textOf(t, f.path("old.db")), "neighbour.db": textOf(t, f.path("neighbour.db"))}
	filled := false
	target.Streams = 1
	target.Observe = func(p backup.Progress) {
		if !filled && p.Phase == backup.PhaseLoad && when(p) {
			filled = true
			fill(t, f.dir)
		}
	}
	_, err := f.server(t).Restore(t.Context(), m, target)
	if !filled || !errors.Is(err, engine.ErrNoRoom) {
		t.Fatalf("filled %v: %v", filled, err)
	}
	if _, err := os.Stat(f.path("back.db")); err == nil {
		t.Error("half a database has the name of a whole one")
	}
	for name, want := range before {
		if got := textOf(t, f.path(name)); got != want {
			t.Errorf("%s was changed", name)
		}
	}
	if err := os.Remove(filepath.Join(f.dir, "of another program")); err != nil {
		t.Fatal(err)
	}
	if left := f.Leftovers(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	target.Observe = nil
	restoreTo(t, f.server(t), m, target)
	if target.Tables == nil && textOf(t, f.path(target.Database)) != textOf(t, from.path("shop.db")) {
		t.Error("the next restore made another database")
	}
}
