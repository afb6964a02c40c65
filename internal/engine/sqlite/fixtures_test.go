package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

// fixtures makes databases of one journal mode in a folder, without the driver.
type fixtures struct {
	dir, temp string
	mode      string // wal or delete
}

func newFixtures(t testing.TB, mode string) *fixtures {
	return &fixtures{dir: t.TempDir(), temp: t.TempDir(), mode: mode}
}

func (f *fixtures) server(t testing.TB) engine.Server {
	t.Helper()
	s, err := Driver{Temp: f.temp}.Open(engine.Config{Address: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *fixtures) Driver() engine.Driver { return Driver{Temp: f.temp} }

func (f *fixtures) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// connect opens a database as another program would.
func connect(t testing.TB, path string, pragmas ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", uri(path, "rwc", pragmas...))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%.200s: %v", text, err)
		}
	}
}

// accounts is how many rows each side of the ledger has. The race detector makes
// the engine ten times slower, which the size of a database does not help it with.
func accounts() int {
	if testing.Short() {
		return 2_000
	}
	return 20_000
}

func (f *fixtures) Create(t testing.TB, name string, c enginetest.Content) {
	t.Helper()
	db := connect(t, f.path(name), "journal_mode("+f.mode+")", "synchronous(off)")
	run(t, db, "PRAGMA user_version = 7", "PRAGMA application_id = 42")
	switch c {
	case enginetest.Empty:
	case enginetest.Awkward:
		run(t, db, awkward...)
	case enginetest.Ledger:
		for _, table := range []string{"left_side", "right_side"} {
			run(t, db, "CREATE TABLE "+table+" (id INTEGER PRIMARY KEY, balance INT NOT NULL, note TEXT)",
				fmt.Sprintf("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) INSERT INTO %s SELECT i, 100, hex(randomblob(60)) FROM c", accounts(), table))
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

var awkward = []string{
	`CREATE TABLE "a ""quoted"" 'table' ıİ" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "a ""b"" c" TEXT, v, UNIQUE ("a ""b"" c"))`,
	`INSERT INTO "a ""quoted"" 'table' ıİ" VALUES (1, NULL, ''), (5, '', NULL), (6, 'ıİğ 🗝 \ \N' || char(9, 10, 13), x'00ff80'),
		(7, 'a' || char(0) || 'b', 9223372036854775807), (8, 'x', -9223372036854775808), (9, 'y', 0.1), (10, 'z', 9e999), (11, '2026-11-21T02:30:00+03:00', -0.0)`,
	`DELETE FROM "a ""quoted"" 'table' ıİ" WHERE id = 11`,
	`CREATE TABLE no_key (a, b)`,
	`INSERT INTO no_key (rowid, a, b) VALUES (10, 1, 1), (3, 1, 1), (7, zeroblob(9000), 'overflow')`,
	`CREATE TABLE keyed (k TEXT PRIMARY KEY, n INT, twice INT GENERATED ALWAYS AS (n * 2) STORED) WITHOUT ROWID`,
	`INSERT INTO keyed (k, n) VALUES ('ı', 1), ('i', 2), ('İ', 3)`,
	`CREATE TABLE child (id INTEGER PRIMARY KEY, k TEXT REFERENCES keyed (k)) STRICT`,
	`INSERT INTO child VALUES (1, 'ı'), (2, NULL)`,
	`CREATE INDEX by_n ON keyed (n DESC) WHERE n > 1`,
	`CREATE VIEW "odd view" AS SELECT k FROM keyed`,
	`CREATE TABLE log (what TEXT)`,
	`CREATE TRIGGER told AFTER INSERT ON keyed BEGIN INSERT INTO log VALUES (new.k || ';'); END`,
	`INSERT INTO keyed (k, n) VALUES ('told', 4)`,
	`CREATE VIRTUAL TABLE search USING fts5(body)`,
	`INSERT INTO search VALUES ('the quick brown fox'), ('ığdır şehri')`,
	`ANALYZE`,
}

func (f *fixtures) Drop(t testing.TB, name string) {
	t.Helper()
	if err := removeDatabase(f.path(name)); err != nil {
		t.Fatal(err)
	}
}

func (f *fixtures) Text(t testing.TB, name string) (string, bool) {
	t.Helper()
	if _, err := os.Stat(f.path(name)); err != nil {
		return "", false
	}
	return textOf(t, f.path(name)), true
}

func textOf(t testing.TB, path string) string {
	t.Helper()
	db := connect(t, path, "query_only(1)")
	defer db.Close()
	var b strings.Builder
	for _, p := range []string{"user_version", "application_id", "encoding", "integrity_check"} {
		fmt.Fprintln(&b, p, column(t, db, "PRAGMA "+p))
	}
	for _, o := range column(t, db, "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name") {
		fmt.Fprintln(&b, o)
	}
	for _, table := range column(t, db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
		fmt.Fprintln(&b, "table", table)
		list := []string{}
		if column(t, db, "SELECT wr FROM pragma_table_list WHERE name = '"+strings.ReplaceAll(table, "'", "''")+"'")[0] == "0" {
			list = append(list, "rowid")
		}
		for _, c := range column(t, db, "SELECT name FROM pragma_table_xinfo('"+strings.ReplaceAll(table, "'", "''")+"')") {
			list = append(list, "quote("+quote(c)+")", "hex("+quote(c)+")")
		}
		for _, row := range column(t, db, "SELECT "+strings.Join(list, " || ' ' || ")+" FROM "+quote(table)+" ORDER BY 1") {
			fmt.Fprintln(&b, row)
		}
	}
	return b.String()
}

func column(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

func (f *fixtures) Holds(t testing.TB, name string) error {
	t.Helper()
	db := connect(t, f.path(name), "query_only(1)")
	defer db.Close()
	if got := column(t, db, "PRAGMA integrity_check"); len(got) != 1 || got[0] != "ok" {
		return fmt.Errorf("integrity check: %q", got)
	}
	sum := column(t, db, "SELECT (SELECT sum(balance) FROM left_side) + (SELECT sum(balance) FROM right_side)")[0]
	if want := fmt.Sprint(2 * accounts() * 100); sum != want {
		return fmt.Errorf("the sum is %s, want %s", sum, want)
	}
	return nil
}

func (f *fixtures) Hammer(t testing.TB, name string) (func() int64, func()) {
	t.Helper()
	db := connect(t, f.path(name), "synchronous(off)")
	var n atomic.Int64
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
			}
			if err := transfer(db, i%accounts()+1); err != nil {
				t.Errorf("a writer failed: %v", err)
				return
			}
			n.Add(1)
		}
	})
	return n.Load, func() {
		close(end)
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func transfer(db *sql.DB, id int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	for table, by := range map[string]int{"left_side": -3, "right_side": 3} {
		if _, err := tx.Exec("UPDATE "+table+" SET balance = balance + ?, note = hex(randomblob(60)) WHERE id IN (?, ? * 7 % ?)", by, id, id, accounts()); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// Leftovers are temporary files, and files of the folder that are still open.
func (f *fixtures) Leftovers(t testing.TB) (left []string) {
	t.Helper()
	err := filepath.WalkDir(f.dir, func(p string, _ os.DirEntry, err error) error {
		if strings.Contains(filepath.Base(p), tempPrefix) || strings.HasSuffix(p, "-wal") || strings.HasSuffix(p, "-shm") || strings.HasSuffix(p, "-journal") {
			left = append(left, p)
		}
		return err
	})
	entries, terr := os.ReadDir(f.temp)
	if err := errors.Join(err, terr); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if runtime.GOOS != "linux" {
		return left
	}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && (strings.HasPrefix(to, f.dir) || strings.HasPrefix(to, f.temp)) {
			left = append(left, to+" is open")
		}
	}
	return left
}

func (f *fixtures) Troubled(t testing.TB, what enginetest.Trouble) (engine.Server, string, bool) {
	t.Helper()
	if what != enginetest.Unreachable {
		return nil, "", false // files have no passwords, and tests may run as root
	}
	s, err := Driver{}.Open(engine.Config{Address: filepath.Join(f.dir, "no such folder")})
	if err != nil {
		t.Fatal(err)
	}
	return s, "x.db", true
}

// child makes this test binary another program, which writes to a database and
// does not wait for locks.
const child = "RAHAT_TEST_SQLITE_CHILD"

func TestMain(m *testing.M) {
	path := os.Getenv(child)
	if path == "" {
		goleak.VerifyTestMain(m)
		return
	}
	db, err := sql.Open("sqlite", uri(path, "rw"))
	if err == nil {
		_, err = db.Exec("PRAGMA busy_timeout = 0; UPDATE left_side SET balance = balance + 1 WHERE id = 1")
	}
	if err != nil {
		fmt.Fprint(os.Stdout, err)
		os.Exit(3)
	}
	os.Exit(0)
}

func TestConforms(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			f := newFixtures(t, mode)
			enginetest.Run(t, engine.SQLite, func(t *testing.T) engine.Server { return f.server(t) }, f)
		})
	}
}
