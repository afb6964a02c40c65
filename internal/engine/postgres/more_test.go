package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

// mainZoo builds the great database of the zoo and returns its name.
func mainZoo(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	if err := zoo.Roles(t.Context(), s.Connect(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	a := zoo.Animals(major(t, s))[0]
	if err := a.Build(t.Context(), major(t, s), func(db string) (*pgconn.PgConn, error) { return pgconn.Connect(t.Context(), s.DSN(db)) }); err != nil {
		t.Fatal(err)
	}
	return a.Name
}

// A docker that runs what it is asked to right here: it proves how we call it,
// not how a container behaves.
func TestToolsRunInAContainerByAFakeDockerThatRunsThemHere(t *testing.T) {
	s := filled(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := `#!/bin/sh
echo "$@" >> ` + log + `
[ "$1" = exec ] || exit 9; shift
while :; do case "$1" in -i) shift;; -e) shift 2;; *) break;; esac; done
[ "$1" = shop-db ] || { echo "no such container: $1" >&2; exit 1; }
shift
export PATH="` + filepath.Dir(dumpFor(t, s)) + `:$PATH"
exec "$@"
`
	docker := filepath.Join(dir, "docker")
	if err := os.WriteFile(docker, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	options := map[string]string{OptContainer: "shop-db", OptContainerBin: docker, OptContainerAt: s.Addr}
	m := take(t, open(t, s, options), "d")
	if m.m.Tool == "" || len(m.data[partSchema]) == 0 {
		t.Errorf("tool %q, schema of %d bytes", m.m.Tool, len(m.data[partSchema]))
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), s.Password) {
		t.Error("the password is in the arguments of docker")
	}
	options[OptContainer] = "other"
	if _, err := open(t, s, options).Snapshot(t.Context(), "d", engine.SnapshotOptions{}); !errors.Is(err, engine.ErrToolMissing) {
		t.Errorf("%v", err)
	}
}

func TestOneTableComesBackWithWhatIsItsOwn(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE ROLE clerk", "CREATE DATABASE shop", "CREATE DATABASE existing")
	s.Exec(t, "shop", `CREATE TYPE state AS ENUM ('new', 'old'); CREATE SCHEMA sales;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := upper(NEW.note); RETURN NEW; END';
CREATE TABLE customer (id int PRIMARY KEY);
INSERT INTO customer SELECT generate_series(1, 10);
CREATE TABLE sales.orders (id serial PRIMARY KEY, customer int REFERENCES customer, s state DEFAULT 'new', note text CHECK (note <> ''));
CREATE TRIGGER t BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE INDEX by_note ON sales.orders (note);
COMMENT ON INDEX sales.by_note IS 'x';
GRANT SELECT ON sales.orders TO clerk;
INSERT INTO sales.orders (customer, note) SELECT 1 + i % 10, 'n' || i FROM generate_series(1, 100) i;
CREATE TABLE part (d int) PARTITION BY RANGE (d); CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (100); INSERT INTO part SELECT generate_series(0, 50)`)
	srv := open(t, s, nil)
	m := take(t, srv, "shop")
	done := restore(t, srv, m, engine.Target{Database: "fresh", Tables: []string{"orders", "public.part"}}, ErrLeftOut)
	if len(done.Warnings) != 1 || !strings.Contains(done.Warnings[0].Params["objects"], "orders_customer_fkey") {
		t.Errorf("warnings %v", done.Warnings)
	}
	const look = `SELECT count(*), max(note), (SELECT last_value FROM sales.orders_id_seq), (SELECT count(*) FROM pg_indexes WHERE schemaname = 'sales'),
  (SELECT count(*) FROM pg_trigger WHERE tgname = 't'), has_table_privilege('clerk', 'sales.orders', 'SELECT'), (SELECT count(*) FROM part), obj_description('sales.by_note'::regclass) FROM sales.orders`
	want := "[100 N99 100 2 1 t 51 x]"
	if got := fmt.Sprint(s.Query(t, "fresh", look)[0]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if rows := s.Query(t, "fresh", "SELECT 1 FROM pg_class WHERE relname = 'customer'"); len(rows) > 0 {
		t.Error("a table nobody asked for")
	}

	// Into a database that exists and has the other table: the foreign key holds.
	s.Exec(t, "existing", "CREATE TABLE customer (id int PRIMARY KEY); INSERT INTO customer SELECT generate_series(1, 10)")
	restore(t, srv, m, engine.Target{Database: "existing", Tables: []string{"sales.orders"}})
	if _, err := srv.Restore(t.Context(), m, engine.Target{Database: "existing", Tables: []string{"sales.orders"}}); !errors.Is(err, ErrTableExists) {
		t.Errorf("again: %v", err)
	}
	s.Exec(t, "existing", "DELETE FROM sales.orders WHERE id > 5")
	restore(t, srv, m, engine.Target{Database: "existing", Tables: []string{"sales.orders"}, Overwrite: true})
	if got := s.Query(t, "existing", "SELECT count(*) FROM sales.orders")[0][0]; got != "100" {
		t.Errorf("%s rows after overwrite", got)
	}
	s.Exec(t, "existing", "CREATE VIEW v AS SELECT * FROM sales.orders", "DELETE FROM sales.orders")
	if _, err := srv.Restore(t.Context(), m, engine.Target{Database: "existing", Tables: []string{"sales.orders"}, Overwrite: true}); !errors.Is(err, ErrTableNeeded) {
		t.Errorf("needed: %v", err)
	}
	if got := s.Query(t, "existing", "SELECT count(*) FROM v")[0][0]; got != "0" {
		t.Errorf("the table was touched: %s rows", got)
	}
	if _, err := srv.Restore(t.Context(), m, engine.Target{Database: "existing", Tables: []string{"nothing"}}); !errors.Is(err, engine.ErrTableNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestASandboxProvesABackupAndIsGoneAfterwards(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	name := mainZoo(t, s)
	m := take(t, open(t, s, nil), name)
	dir, err := os.MkdirTemp("", "rahat-sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	t.Setenv(EnvBin, s.BinDir+string(os.PathListSeparator)+os.Getenv(EnvBin))
	started, err := Driver{}.Sandbox(t.Context(), dir, m.m.ServerVersion)
	if err != nil {
		t.Fatal(err)
	}
	srv, ok := started.(*server)
	if !ok {
		t.Fatalf("%T", started)
	}
	sock := srv.host
	if st, err := os.Stat(filepath.Dir(sock)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	restore(t, srv, m, engine.Target{Database: "postgres", Scratch: true}, ErrRolesMade)
	again := take(t, srv, "postgres")
	for name, b := range m.data {
		if strings.HasPrefix(string(name), tablePrefix) && len(again.data[name]) != len(b) {
			t.Errorf("%s: %d bytes, were %d", name, len(again.data[name]), len(b))
		}
	}
	checks, err := srv.Check(t.Context(), "postgres")
	if err != nil || len(checks) != 3 {
		t.Fatalf("%v, %v", checks, err)
	}
	for _, c := range checks {
		if c.Status != engine.CheckOK || c.Count == 0 {
			t.Errorf("%+v", c)
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(sock, ".s.PGSQL.*")); err != nil || len(left) > 0 {
		t.Errorf("sockets %v, %v", left, err)
	}
	if _, err := (Driver{}).Sandbox(t.Context(), dir, "99.1"); !errors.Is(err, engine.ErrNoSandbox) {
		t.Errorf("%v", err)
	}
}

func TestChecksFindAnIndexThatTheServerDoesNotTrust(t *testing.T) {
	s := filled(t)
	s.Exec(t, "d", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_pkey'::regclass")
	checks, err := open(t, s, nil).Check(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if c := checks[0]; c.Status != engine.CheckFailed || !strings.Contains(c.Detail, "t_pkey") {
		t.Errorf("%+v", c)
	}
	if c := checks[2]; c.Status != engine.CheckSkipped {
		t.Errorf("amcheck was put into a database of others: %+v", c)
	}
}

func TestTheExportedScriptMakesTheDatabaseAgain(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	name := mainZoo(t, s)
	c, err := pgconn.Connect(t.Context(), s.DSN(name)+" default_transaction_read_only=off")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	// See Export.
	if _, err := c.Exec(t.Context(), "DROP MATERIALIZED VIEW IF EXISTS public.leans_mat; DROP INDEX IF EXISTS public.leans_idx; DROP TABLE zoo.aaa_refs").ReadAll(); err != nil {
		t.Fatal(err)
	}
	m := take(t, open(t, s, nil), name)
	want := facts(t, s, name)
	for _, clean := range []bool{false, true} {
		var out bytes.Buffer
		if err := (Driver{}).Export(t.Context(), m, "sql", engine.ExportOptions{Clean: clean}, &out); err != nil {
			t.Fatal(err)
		}
		s.Exec(t, "postgres", "DROP DATABASE IF EXISTS out", "CREATE DATABASE out TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
		s.Psql(t, "out", out.String())
		for _, d := range zoo.Diff(want, facts(t, s, "out")) {
			if !strings.Contains(d, "database properties") && !strings.Contains(d, ": setting ") {
				t.Errorf("clean %v: %s", clean, d)
			}
		}
		if err := open(t, s, nil).Drop(t.Context(), "out"); err != nil {
			t.Error(err)
		}
	}
}

func TestDiscoverShowsPostgresOnlyWhenSomebodyUsesIt(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE b", "CREATE DATABASE a", `CREATE DATABASE "x.rahat-0123abcd"`, "CREATE ROLE low LOGIN PASSWORD 'x'", "REVOKE CONNECT ON DATABASE b FROM PUBLIC")
	list, err := openAs(t, s, "low", "x", nil).Discover(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != "a" || !list[0].Readable || list[0].SizeBytes == 0 || list[1].Readable {
		t.Errorf("%+v, %v", list, err)
	}
	s.Exec(t, "postgres", "CREATE TABLE mine ()")
	if list, err = open(t, s, nil).Discover(t.Context()); err != nil || len(list) != 3 || list[2].Name != "postgres" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A backup outlives its server: it must come back on any newer one.
func TestABackupOfTheOldestServerComesBackOnTheNewest(t *testing.T) {
	dirs := pgtest.BinDirs(t)
	old, latest := pgtest.Start(t, pgtest.Options{BinDir: dirs[0]}), pgtest.Start(t, pgtest.Options{BinDir: dirs[len(dirs)-1]})
	name := mainZoo(t, old)
	m := take(t, open(t, old, nil), name)
	// What newer servers evaluate with an empty search path cannot lean on it.
	done := restore(t, open(t, latest, nil), m, engine.Target{Database: name}, ErrRolesMade, ErrStatement)
	for _, w := range done.Warnings {
		if w.Is(ErrStatement) && !strings.Contains(w.Params["object"], "leans") {
			t.Errorf("%v", w)
		}
	}
	contents := func(f zoo.Facts) zoo.Facts {
		out := zoo.Facts{}
		for k, v := range f {
			for _, kind := range []string{"rows ", "sequence ", "large object ", "setting ", "policy ", "schemata "} {
				if strings.HasPrefix(k, kind) && !strings.Contains(k, "leans_mat") {
					out[k] = v
				}
			}
		}
		return out
	}
	for _, d := range zoo.Diff(contents(facts(t, old, name)), contents(facts(t, latest, name))) {
		t.Error(d)
	}
}
