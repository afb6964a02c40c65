package sqlite

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

// A program that has the database open sees the restored content and goes on.
func TestOverwritingKeepsOpenConnectionsAndRights(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"wal", "delete"} {
		for _, sourceMode := range []string{"wal", "delete"} {
			t.Run(sourceMode+" over "+mode, func(t *testing.T) {
				source := newFixtures(t, sourceMode)
				source.Create(t, "shop.db", enginetest.Awkward)
				m := take(t, source.server(t), "shop.db")
				f := newFixtures(t, mode)
				f.Create(t, "shop.db", enginetest.Ledger)
				if err := os.Chmod(f.path("shop.db"), 0o640); err != nil {
					t.Fatal(err)
				}
				before, err := os.Stat(f.path("shop.db"))
				if err != nil {
					t.Fatal(err)
				}
				program := connect(t, f.path("shop.db"))
				defer program.Close()
				run(t, program, "UPDATE left_side SET balance = 7 WHERE id = 1")
				restoreTo(t, f.server(t), m, engine.Target{Database: "shop.db", Overwrite: true, Streams: 1})
				if got := column(t, program, "SELECT count(*) FROM no_key"); got[0] != "3" {
					t.Errorf("the program sees %s rows", got[0])
				}
				run(t, program, "INSERT INTO no_key VALUES (1, 2)")
				after, err := os.Stat(f.path("shop.db"))
				if err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
					t.Errorf("the file is another: %v, %v", after.Mode(), err)
				}
				if got := columnOf(t, f.path("shop.db"), "PRAGMA integrity_check"); got[0] != "ok" {
					t.Errorf("integrity: %q", got)
				}
			})
		}
	}
}

func TestALockedDatabaseIsNotOverwritten(t *testing.T) {
	t.Parallel()
	f := newFixtures(t, "delete")
	f.Create(t, "source.db", enginetest.Awkward)
	f.Create(t, "shop.db", enginetest.Ledger)
	s := f.server(t)
	m := take(t, s, "source.db")
	program := connect(t, f.path("shop.db"))
	run(t, program, "BEGIN IMMEDIATE", "UPDATE left_side SET balance = 1 WHERE id = 1")
	_, err := s.Restore(t.Context(), m, engine.Target{Database: "shop.db", Overwrite: true, Streams: 1})
	if !errors.Is(err, ErrInUse) {
		t.Errorf("restore: %v, want ErrInUse", err)
	}
	run(t, program, "ROLLBACK")
	if err := errors.Join(program.Close(), f.Holds(t, "shop.db")); err != nil {
		t.Error(err)
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestPagesOfAnotherSizeGoOverAWAL(t *testing.T) {
	t.Parallel()
	f := newFixtures(t, "wal")
	db := connect(t, f.path("source.db"), "page_size(1024)")
	run(t, db, awkward...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f.Create(t, "shop.db", enginetest.Ledger)
	s := f.server(t)
	m := take(t, s, "source.db")
	restoreTo(t, s, m, engine.Target{Database: "shop.db", Overwrite: true, Streams: 1})
	if textOf(t, f.path("shop.db")) != textOf(t, f.path("source.db")) {
		t.Error("the target differs")
	}
}

func TestWhatIsInTheWay(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "source.db", enginetest.Awkward)
	f.Create(t, "good.db", enginetest.Ledger)
	s := f.server(t)
	m := take(t, s, "source.db")
	want := textOf(t, f.path("source.db"))
	restore := func(name string, overwrite bool) error {
		_, err := s.Restore(t.Context(), m, engine.Target{Database: name, Overwrite: overwrite, Streams: 1})
		return err
	}

	// The WAL of a database that is gone would be played into ours.
	wal, err := os.ReadFile(f.path("good.db"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.path("gone.db-wal"), wal)
	if err := restore("gone.db", false); !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("beside a WAL: %v, want ErrTargetExists", err)
	}
	if err := restore("gone.db", true); err != nil || textOf(t, f.path("gone.db")) != want {
		t.Errorf("over a WAL: %v", err)
	}

	// A photograph is not a database.
	write(t, f.path("photo.jpg"), []byte("\xff\xd8\xff\xe0 a photograph of the shop"))
	if err := restore("photo.jpg", true); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("over a photograph: %v, want ErrNotDatabase", err)
	}

	// A damaged database may go, with its side files; its rights stay.
	damaged := append([]byte(magic), bytes.Repeat([]byte{0xa5}, 9000)...)
	write(t, f.path("damaged.db"), damaged)
	write(t, f.path("damaged.db-journal"), wal[:8192])
	if err := os.Chmod(f.path("damaged.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := restore("damaged.db", true); err != nil || textOf(t, f.path("damaged.db")) != want {
		t.Errorf("over a damaged one: %v", err)
	}
	if info, err := os.Stat(f.path("damaged.db")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("rights: %v, %v", info.Mode(), err)
	}

	if err := os.Mkdir(f.path("folder.db"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := restore("folder.db", true); !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("over a folder: %v, want ErrTargetExists", err)
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestAnImageThatIsNoneIsRefused(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	s := f.server(t)
	for what, change := range map[string]func(m *enginetest.Memory){
		"no database":    func(m *enginetest.Memory) { copy(m.Data[partName], "something else") },
		"other page":     func(m *enginetest.Memory) { m.Data[partName][16] ^= 1 },
		"too short":      func(m *enginetest.Memory) { m.Data[partName] = m.Data[partName][:5000] },
		"no part":        func(m *enginetest.Memory) { m.Stored.Parts = nil },
		"half a page":    func(m *enginetest.Memory) { m.Data[partName] = m.Data[partName][:5000]; m.Stored.Parts[0].Bytes = 5000 },
		"half a header":  func(m *enginetest.Memory) { m.Data[partName] = m.Data[partName][:50]; m.Stored.Parts[0].Bytes = 50 },
		"broken detail":  func(m *enginetest.Memory) { m.Stored.Detail = []byte(`{`) },
		"more than said": func(m *enginetest.Memory) { m.Stored.Parts[0].Bytes = 4096 },
	} {
		m := take(t, s, "shop.db")
		change(m)
		target := engine.Target{Database: "back.db", Streams: 1}
		if what == "broken detail" {
			target.Tables = []string{"child"}
		}
		if _, err := s.Restore(t.Context(), m, target); err == nil {
			t.Errorf("%s was restored", what)
		}
		if _, err := os.Stat(f.path("back.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file is there: %v", what, err)
		}
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestMoreThanTheDiskHoldsIsSaidBefore(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Empty)
	s := f.server(t)
	m := take(t, s, "shop.db")
	m.Stored.Parts[0].Bytes = 1 << 60
	_, err := s.Restore(t.Context(), m, engine.Target{Database: "back.db", Streams: 1})
	if !errors.Is(err, engine.ErrTargetSpace) {
		t.Errorf("restore: %v, want ErrTargetSpace", err)
	}
}

// tableText tells what a database holds of keyed and no_key.
func tableText(t *testing.T, path string) string {
	t.Helper()
	text := []string{}
	for _, query := range []string{
		"SELECT type || ' ' || name || ' ' || sql FROM sqlite_schema WHERE tbl_name IN ('keyed', 'no_key') AND sql IS NOT NULL ORDER BY name",
		"SELECT quote(k) || quote(n) || quote(twice) FROM keyed ORDER BY k",
		"SELECT rowid || ' ' || quote(a) || quote(b) FROM no_key ORDER BY rowid",
	} {
		text = append(text, columnOf(t, path, query)...)
	}
	return strings.Join(text, "\n")
}

func TestOneTableComesBackWithAllThatHangsOnIt(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	s := f.server(t)
	m := take(t, s, "shop.db")
	odd := `a "quoted" 'table' ıİ`
	tables := []string{"no_key", "MAIN.Keyed", odd, "log"}

	done, err := s.Restore(t.Context(), m, engine.Target{Database: "new.db", Tables: tables, Streams: 1})
	if err != nil || done.Rows != 3+4+7+1 {
		t.Fatalf("%d rows, %v", done.Rows, err)
	}
	if tables[1] != "MAIN.Keyed" {
		t.Error("the caller's list was changed")
	}
	if got, want := tableText(t, f.path("new.db")), tableText(t, f.path("shop.db")); got != want || strings.Count(got, "\n") != 10 {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, path := range []string{"new.db", "shop.db"} {
		if got := columnOf(t, f.path(path), "SELECT seq FROM sqlite_sequence"); !slices.Equal(got, []string{"11"}) {
			t.Errorf("%s: the sequence stands at %q", path, got)
		}
	}

	program := connect(t, f.path("shop.db"))
	run(t, program, "DELETE FROM no_key", "UPDATE keyed SET n = 0", "INSERT INTO child VALUES (9, NULL)")
	target := engine.Target{Database: "shop.db", Tables: []string{"no_key"}, Streams: 1}
	if _, err := s.Restore(t.Context(), m, target); !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("over a table: %v, want ErrTargetExists", err)
	}
	target.Overwrite = true
	restoreTo(t, s, m, target)
	if got := column(t, program, "SELECT rowid FROM no_key ORDER BY rowid"); !slices.Equal(got, []string{"3", "7", "10"}) {
		t.Errorf("rowids %q", got)
	}
	if got := column(t, program, "SELECT (SELECT sum(n) FROM keyed) + (SELECT count(*) FROM child)"); got[0] != "3" {
		t.Errorf("other tables were touched: %s", got[0])
	}
	if err := program.Close(); err != nil {
		t.Fatal(err)
	}

	target.Tables = []string{"no_key", "search"}
	before := textOf(t, f.path("shop.db"))
	if _, err := s.Restore(t.Context(), m, target); !errors.Is(err, engine.ErrUnsupported) && !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("a virtual table: %v, want ErrUnsupported", err)
	}
	if textOf(t, f.path("shop.db")) != before {
		t.Error("a refused restore changed the database")
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestExportsAreComplete(t *testing.T) {
	f := newFixtures(t, "wal")
	f.Create(t, "shop.db", enginetest.Awkward)
	m := take(t, f.server(t), "shop.db")
	d := Driver{Temp: f.temp}
	var file, script bytes.Buffer
	if err := d.Export(t.Context(), m, "sqlite", engine.ExportOptions{}, &file); err != nil || !bytes.Equal(file.Bytes(), m.Data[partName]) {
		t.Errorf("the file is not the backup: %v", err)
	}
	if err := d.Export(t.Context(), m, "sql", engine.ExportOptions{Clean: true}, &script); err != nil {
		t.Fatal(err)
	}
	for range 2 { // Clean: it may be run over its own result
		db := connect(t, f.path("again.db"))
		run(t, db, script.String())
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db := connect(t, f.path("again.db"))
	run(t, db, "ANALYZE")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, want := strings.Split(textOf(t, f.path("again.db")), "\n"), strings.Split(textOf(t, f.path("shop.db")), "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("line %d of the script's database differs\n got %.200q\nwant %.200q", i, got[min(i, len(got)-1)], want[i])
			break
		}
	}
	full := errors.New("full")
	if err := d.Export(t.Context(), m, "sql", engine.ExportOptions{}, failing{full}); !errors.Is(err, full) {
		t.Errorf("export: %v, want the writer's error", err)
	}
	if err := d.Export(t.Context(), m, "csv", engine.ExportOptions{}, &script); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("export: %v, want ErrUnsupported", err)
	}
	if d.Extension("sql") != ".sql" || d.Extension(d.Formats()[0]) != ".sqlite" {
		t.Error("wrong extensions")
	}
	if left := f.Leftovers(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
