package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

func take(t *testing.T, s engine.Server, name string) *enginetest.Memory {
	t.Helper()
	m, err := enginetest.Take(t.Context(), s, engine.SQLite, name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func restoreTo(t *testing.T, s engine.Server, m *enginetest.Memory, target engine.Target) {
	t.Helper()
	if _, err := s.Restore(t.Context(), m, target); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, s engine.Server) []string {
	t.Helper()
	dbs, err := s.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, d := range dbs {
		list = append(list, d.Name)
	}
	return list
}

func TestDiscoverFindsFilesByTheirHeader(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Empty)
	whole, err := os.ReadFile(f.path("shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.path("sub/folder/no extension"), whole)
	write(t, f.path("1/2/3/4/5/deep.db"), whole)
	write(t, f.path("1/2/3/4/5/6/too-deep.db"), whole)
	write(t, f.path("shop.db-journal"), whole)
	write(t, f.path(tempPrefix+"restore-1.tmp"), whole)
	write(t, f.path("empty.db"), nil)
	write(t, f.path("short.db"), whole[:10])
	write(t, f.path("text.db"), []byte(strings.Repeat("no database ", 100)))
	outside := filepath.Join(t.TempDir(), "outside.db")
	write(t, outside, whole)
	if runtime.GOOS != "windows" { // where links need a right
		for link, to := range map[string]string{"link.db": outside, "linked": filepath.Dir(outside), "loop": f.dir} {
			if err := os.Symlink(to, f.path(link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := names(t, f.server(t)), []string{"1/2/3/4/5/deep.db", "shop.db", "sub/folder/no extension"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	single, err := Driver{}.Open(engine.Config{Address: f.path("shop.db")})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, single); !slices.Equal(got, []string{"shop.db"}) {
		t.Errorf("found %q, want shop.db", got)
	}
	take(t, single, "shop.db")
	info, err := single.Probe(t.Context())
	if err != nil || info.SizeBytes != int64(len(whole)) || info.Product != "SQLite" || !strings.HasPrefix(info.Version, "3.") {
		t.Errorf("probe: %+v, %v", info, err)
	}
	for _, bad := range []string{"text.db", "short.db"} {
		s, err := Driver{}.Open(engine.Config{Address: f.path(bad)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Discover(t.Context()); !errors.Is(err, ErrNotDatabase) {
			t.Errorf("%s: %v, want ErrNotDatabase", bad, err)
		}
	}
	for _, address := range []string{"", "relative", "/a\x00b"} {
		if _, err := (Driver{}).Open(engine.Config{Address: address}); !errors.Is(err, engine.ErrBadConfig) {
			t.Errorf("address %q: %v, want ErrBadConfig", address, err)
		}
	}
}

func TestNamesCannotLeadOut(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	s := f.server(t)
	m := take(t, s, "shop.db")
	outside := t.TempDir()
	bad := []string{"", ".", "..", "../x.db", "a/../../x.db", "a\x00b", "x.db-wal", "x.db-shm", "x.db-journal", ".rahat-x", "x/"}
	if runtime.GOOS != "windows" {
		if err := os.Symlink(outside, f.path("way-out")); err != nil {
			t.Fatal(err)
		}
		bad = append(bad, "way-out/x.db", "way-out/new/x.db")
	}
	for _, name := range bad {
		if _, err := s.Restore(t.Context(), m, engine.Target{Database: name, Streams: 1}); !errors.Is(err, ErrBadName) {
			t.Errorf("restore to %q: %v, want ErrBadName", name, err)
		}
		if _, err := s.Snapshot(t.Context(), name, engine.SnapshotOptions{Streams: 1}); !errors.Is(err, engine.ErrNoDatabase) {
			t.Errorf("snapshot of %q: %v, want ErrNoDatabase", name, err)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("written outside: %v, %v", entries, err)
	}
	for _, name := range []string{"new/folder/x.db", filepath.Join(outside, "absolute.db")} {
		restoreTo(t, s, m, engine.Target{Database: name, Streams: 1})
		if got := take(t, s, name); got.Stored.Parts[0].Checksum != m.Stored.Parts[0].Checksum {
			t.Errorf("%s differs", name)
		}
		dropper, ok := s.(engine.Dropper)
		if !ok {
			t.Fatal("not a Dropper")
		}
		if err := dropper.Drop(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
}

// A crash leaves a half transaction in the journal or the WAL; the backup must
// not have it, and what was committed must be there.
func TestASnapshotAfterACrashHasWhatWasCommitted(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			f := newFixtures(t, mode)
			f.Create(t, "shop.db", enginetest.Ledger)
			db := connect(t, f.path("shop.db"), "cache_size(5)", "wal_autocheckpoint(0)")
			run(t, db, "UPDATE left_side SET balance = balance - 1 WHERE id < 100", "UPDATE right_side SET balance = balance + 1 WHERE id < 100",
				"BEGIN", "UPDATE left_side SET balance = 0, note = 'half'") // spills to the disk
			s := f.server(t)
			sides := 0
			for _, end := range append([]string{""}, sideFiles...) {
				b, err := os.ReadFile(f.path("shop.db" + end))
				if errors.Is(err, os.ErrNotExist) || end == "-shm" {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				sides++
				write(t, f.path("crashed.db"+end), b)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if sides != 2 {
				t.Fatalf("%d files of a crash, want 2", sides)
			}
			m := take(t, s, "crashed.db")
			restoreTo(t, s, m, engine.Target{Database: "back.db", Streams: 1})
			if err := f.Holds(t, "back.db"); err != nil {
				t.Error(err)
			}
			if got := columnOf(t, f.path("back.db"), "SELECT balance FROM left_side WHERE id IN (1, 500) ORDER BY id"); !slices.Equal(got, []string{"99", "100"}) {
				t.Errorf("balances %q, want 99 and 100", got)
			}
		})
	}
}

func columnOf(t *testing.T, path, query string) []string {
	t.Helper()
	db := connect(t, path)
	defer db.Close()
	return column(t, db, query)
}

// Backups one after the other while a writer hammers: each one is whole.
func TestEverySnapshotUnderAWriterIsWhole(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			f := newFixtures(t, mode)
			f.Create(t, "shop.db", enginetest.Ledger)
			s := f.server(t)
			writes, stop := f.Hammer(t, "shop.db")
			sums := map[string]bool{}
			for range 6 {
				m := take(t, s, "shop.db")
				sums[m.Stored.Parts[0].Checksum] = true
				restoreTo(t, s, m, engine.Target{Database: "back.db", Overwrite: true, Streams: 1})
				if err := f.Holds(t, "back.db"); err != nil {
					t.Error(err)
				}
			}
			stop()
			if len(sums) < 2 || writes() < 10 {
				t.Errorf("%d different states after %d writes: the writer did not work", len(sums), writes())
			}
		})
	}
}

func TestWhatIsNoDatabaseOrDamagedIsSaid(t *testing.T) {
	f := newFixtures(t, "delete")
	f.Create(t, "shop.db", enginetest.Ledger)
	s := f.server(t)
	whole, err := os.ReadFile(f.path("shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.path("text.db"), []byte(strings.Repeat("no database ", 1000)))
	write(t, f.path("header.db"), append(bytes.Clone(whole[:16]), make([]byte, 8000)...))
	for _, name := range []string{"text.db", "header.db"} {
		if _, err := s.Snapshot(t.Context(), name, engine.SnapshotOptions{Streams: 1}); !errors.Is(err, ErrNotDatabase) {
			t.Errorf("%s: %v, want ErrNotDatabase", name, err)
		}
	}
	torn := bytes.Clone(whole)
	copy(torn[len(torn)/2:], bytes.Repeat([]byte{0xa5}, 20_000))
	write(t, f.path("torn.db"), torn)
	checks, err := checker(t, s).Check(t.Context(), "torn.db")
	if err != nil || checks[0].Name != checkIntegrity || checks[0].Status != engine.CheckFailed || checks[0].Detail == "" {
		t.Errorf("checks %+v, %v", checks, err)
	}
	checks, err = checker(t, s).Check(t.Context(), "header.db")
	if err != nil || len(checks) != 1 || checks[0].Status != engine.CheckFailed {
		t.Errorf("checks %+v, %v", checks, err)
	}
}

func TestCheckCountsTheRowsOfEveryTable(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	db := connect(t, f.path("shop.db"))
	run(t, db, "INSERT INTO child VALUES (3, 'an orphan')")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	checks, err := checker(t, f.server(t)).Check(t.Context(), "shop.db")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, c := range checks {
		if c.Status != engine.CheckOK {
			t.Errorf("%+v", c)
		}
		if c.Name == checkRows {
			rows[c.Detail] = c.Count
		}
	}
	if rows["no_key"] != 3 || rows["keyed"] != 4 || rows["child"] != 3 || rows["search"] != 2 {
		t.Errorf("rows %v", rows)
	}
	if k := checks[1]; k.Name != checkForeignKeys || k.Count != 1 || !strings.Contains(k.Detail, "child -> keyed") {
		t.Errorf("foreign keys: %+v", k)
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestPagesOfEverySizeComeBack(t *testing.T) {
	t.Parallel()
	f := newFixtures(t, "wal")
	s := f.server(t)
	for _, size := range []string{"512", "1024", "4096", "65536"} {
		for _, encoding := range []string{"UTF-8", "UTF-16le"} {
			name := size + encoding + ".db"
			db := connect(t, f.path(name))
			run(t, db, "PRAGMA page_size = "+size, "PRAGMA encoding = '"+encoding+"'", "PRAGMA auto_vacuum = 1", "PRAGMA journal_mode = wal")
			run(t, db, awkward...)
			m := take(t, s, name)
			if p := m.Stored.Parts[0]; p.Kind != backup.Pages || columnOf(t, f.path(name), "PRAGMA page_size")[0] != size || p.Bytes%int64(p.PageSize) != 0 {
				t.Errorf("%s: %+v", name, p)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			restoreTo(t, s, m, engine.Target{Database: "back" + name, Streams: 1})
			if textOf(t, f.path("back"+name)) != textOf(t, f.path(name)) {
				t.Errorf("%s differs", name)
			}
		}
	}
	// An empty file is an empty database.
	write(t, f.path("empty.db"), nil)
	m := take(t, s, "empty.db")
	restoreTo(t, s, m, engine.Target{Database: "back.db", Streams: 1})
	restoreTo(t, s, m, engine.Target{Database: "512UTF-8.db", Overwrite: true, Streams: 1})
	if got := columnOf(t, f.path("512UTF-8.db"), "SELECT count(*) FROM sqlite_schema"); got[0] != "0" {
		t.Errorf("%s objects are left", got[0])
	}
}

func TestASandboxIsAFolder(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	m := take(t, f.server(t), "shop.db")
	dir := t.TempDir()
	box, err := Driver{}.Sandbox(t.Context(), dir, m.Stored.ServerVersion)
	if err != nil {
		t.Fatal(err)
	}
	var last backup.Progress
	restoreTo(t, box, m, engine.Target{Database: "proof", Scratch: true, Streams: 1, Observe: func(p backup.Progress) { last = p }})
	if again := take(t, box, "proof"); again.Stored.Parts[0].Checksum != m.Stored.Parts[0].Checksum {
		t.Error("the proof differs from the backup")
	}
	if last.Done != m.Stored.PlainBytes || last.Total != last.Done || last.Phase != backup.PhaseLoad {
		t.Errorf("progress ended at %+v", last)
	}
}

// A process that closes any descriptor of a file loses its locks on it.
func TestLookingAtADatabaseDoesNotDropItsLocks(t *testing.T) {
	f := newFixtures(t, "delete")
	f.Create(t, "shop.db", enginetest.Ledger)
	s := f.server(t)
	write := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+f.path("shop.db"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	c, err := openToRead(t.Context(), f.path("shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	for what, look := range map[string]func() error{
		"nothing":  func() error { return nil },
		"discover": func() error { _, err := s.Discover(t.Context()); return err },
		"check":    func() error { _, err := checker(t, s).Check(t.Context(), "shop.db"); return err },
		"snapshot": func() error { _, err := enginetest.Take(t.Context(), s, engine.SQLite, "shop.db"); return err },
		"restore": func() error {
			m := take(t, s, "shop.db")
			if _, err := s.Restore(t.Context(), m, engine.Target{Database: "shop.db", Streams: 1}); !errors.Is(err, engine.ErrTargetExists) {
				return fmt.Errorf("restore: %w", err)
			}
			return nil
		},
	} {
		if err := look(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if out, err := write(); err == nil || !strings.Contains(out, "locked") {
			t.Errorf("after %s another program could write: %s %v", what, out, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := write(); err != nil {
		t.Errorf("the lock stayed: %s %v", out, err)
	}
}

func checker(t *testing.T, s engine.Server) engine.Checker {
	t.Helper()
	c, ok := s.(engine.Checker)
	if !ok {
		t.Fatal("not a Checker")
	}
	return c
}
