package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// Another program takes the disk of the server while a database is restored to
// it. The server may even stop over that: it writes its log to the same disk.
func TestAServerWhoseDiskFillsUpInARestoreHasNothingHalf(t *testing.T) {
	m := take(t, open(t, filled(t), nil), "d")

	disk, err := os.MkdirTemp("", "rahat-small-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "mode=1777,size=256m"); err != nil {
		t.Fatalf("mount a small disk (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(disk, unix.MNT_DETACH), os.Remove(disk)); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", disk)
	small := pgtest.Start(t, pgtest.Options{})
	small.Exec(t, "postgres", "CREATE DATABASE neighbour")
	small.Exec(t, "neighbour", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i", "CHECKPOINT")

	filler := filepath.Join(disk, "of another program")
	done := false
	_, err = open(t, small, nil).Restore(t.Context(), m, engine.Target{Database: "d", Streams: 1, Observe: func(p backup.Progress) {
		if !done && p.Phase == backup.PhaseLoad {
			done = true
			fillBut(t, disk, filler, 2<<20)
		}
	}})
	if !done || !errors.Is(err, engine.ErrNoRoom) && !errors.Is(err, engine.ErrServerLost) {
		t.Fatalf("filled %v: %v", done, err)
	}
	t.Logf("told as %v", err)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	small.Restart(t) // if it did not by itself
	for _, row := range small.Query(t, "postgres", "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database") {
		if row[0] == "d" && row[1] != unfinished {
			t.Error("half a database has the name of a whole one")
		}
	}
	if n := small.Query(t, "neighbour", "SELECT count(*) FROM t")[0][0]; n != "1000" {
		t.Errorf("the neighbour has %s rows", n)
	}
	restore(t, open(t, small, nil), m, engine.Target{Database: "d"})
	if n := small.Query(t, "d", "SELECT count(*) FROM t")[0][0]; n != "50000" {
		t.Errorf("the next restore made %s rows", n)
	}
	var names []string
	for _, row := range small.Query(t, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1") {
		names = append(names, row[0])
	}
	if !slices.Equal(names, []string{"d", "neighbour", "postgres"}) {
		t.Errorf("databases %v", names)
	}
}

// fillBut leaves so many bytes of a disk.
func fillBut(t *testing.T, dir, file string, left int64) {
	var now unix.Statfs_t
	err := unix.Statfs(dir, &now)
	if err == nil {
		err = os.WriteFile(file, make([]byte, int64(now.Bavail)*now.Bsize-left), 0o600)
	}
	if err != nil {
		t.Errorf("fill the disk: %v", err)
	}
}
