package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
	"github.com/rahatbackup/rahat/internal/problem"
)

// waiting blocks until a statement like this waits for a lock.
func waiting(t *testing.T, s *pgtest.Server, like string) {
	t.Helper()
	eventually(t, like+" waits", func() bool {
		return len(s.Query(t, "postgres", "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '"+like+"%'")) > 0
	})
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !yes() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// background runs SQL that will have to wait, and returns its end.
func background(t *testing.T, s *pgtest.Server, database, sql string) <-chan error {
	t.Helper()
	c := s.Connect(t, database)
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), sql).ReadAll()
		done <- err
	}()
	return done
}

// T1, T2: DDL between the snapshot and the rows waits, and its queue does not
// stop us.
func TestTruncateAndAlterBetweenSnapshotAndRowsLoseNothing(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int); INSERT INTO a SELECT generate_series(1, 1000); INSERT INTO b SELECT generate_series(1, 1000)")
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{Streams: 2})
	if err != nil {
		t.Fatal(err)
	}
	truncate := background(t, s, "d", "TRUNCATE a")
	alter := background(t, s, "d", "ALTER TABLE b ALTER i TYPE bigint")
	waiting(t, s, "TRUNCATE")
	waiting(t, s, "ALTER")
	runtime.GC() // T17: nothing but the snapshot holds the exporting connection
	m, err := dumpAll(t.Context(), snap, "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(<-truncate, <-alter); err != nil {
		t.Error(err)
	}
	for _, p := range m.m.Parts {
		if p.Table != nil && p.Rows != 1000 {
			t.Errorf("%s: %d rows", p.Name, p.Rows)
		}
	}
	if len(m.m.Warnings) != 1 || m.m.Warnings[0].Code != string(ErrDDLWaits.Code) {
		t.Errorf("warnings %v", m.m.Warnings)
	}
}

// tool writes a program pg_dump in front of the real one.
func tool(t *testing.T, s *pgtest.Server, script string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nreal=" + dumpFor(t, s) + "\n[ \"$1\" = --version ] && exec \"$real\" --version\n" + script
	if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return map[string]string{OptTools: dir}
}

// T2: a change of a table that got between our locks and pg_dump's ends in a new
// beginning.
func TestAChangeThatWaitsBetweenOurLocksAndPgDumpIsLetThrough(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE a (i int)")
	dir := t.TempDir()
	srv := open(t, s, tool(t, s, fmt.Sprintf("touch %[1]s/begun; while [ ! -e %[1]s/go ]; do sleep 0.02; done; exec \"$real\" \"$@\"", dir)))
	srv.lockWait = 300 * time.Millisecond
	type result struct {
		snap engine.Snapshot
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		snap, err := srv.Snapshot(t.Context(), "d", engine.SnapshotOptions{})
		opened <- result{snap, err}
	}()
	eventually(t, "pg_dump begins", func() bool {
		_, err := os.Stat(filepath.Join(dir, "begun"))
		return err == nil
	})
	alter := background(t, s, "d", "ALTER TABLE a ADD COLUMN late int")
	waiting(t, s, "ALTER")
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := <-opened
	if r.err != nil {
		t.Fatal(r.err)
	}
	if err := <-alter; err != nil {
		t.Error(err)
	}
	if got := len(r.snap.Parts()[0].Name); got == 0 {
		t.Error("no parts")
	}
	for _, p := range r.snap.Parts() {
		if p.Table != nil && len(p.Table.Columns) != 2 {
			t.Errorf("columns %v: not the state after the change", p.Table.Columns)
		}
	}
	if err := r.snap.Close(); err != nil {
		t.Error(err)
	}
}

// T5: rows that belong to another leaf go there by the root.
func TestRowsOfALeafThatTheServerPutsElsewhereAreLoadedByTheRoot(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", `CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
INSERT INTO p SELECT 1 + i % 2 FROM generate_series(1, 100) i; CREATE INDEX ON p (i)`)
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	one, two := backup.Name("table/public.p1"), backup.Name("table/public.p2")
	m.data[one], m.data[two] = m.data[two], m.data[one]
	restore(t, srv, m, engine.Target{Database: "d2"})
	if got := s.Query(t, "d2", "SELECT (SELECT count(*) FROM p1 WHERE i = 1), (SELECT count(*) FROM p2 WHERE i = 2)")[0]; got[0] != "50" || got[1] != "50" {
		t.Errorf("rows %v", got)
	}
}

// T6: rows win over a check that they no longer pass.
func TestRowsThatBreakTheirOwnCheckComeBackAndTheCheckIsNotValidated(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", `CREATE FUNCTION ok(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TABLE c (i int, CONSTRAINT picky CHECK (ok(i)))`, `INSERT INTO c VALUES (1), (2)`, `CREATE OR REPLACE FUNCTION ok(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 1'`)
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	done := restore(t, srv, m, engine.Target{Database: "d2"}, ErrCheckDropped)
	if len(done.Warnings) != 1 {
		t.Errorf("warnings %v", done.Warnings)
	}
	if got := s.Query(t, "d2", "SELECT count(*), (SELECT convalidated FROM pg_constraint WHERE conname = 'picky') FROM c")[0]; got[0] != "2" || got[1] != "f" {
		t.Errorf("got %v", got)
	}
}

// T8: roles the target lacks.
func TestRolesTheTargetLacksAreMadeWithoutLogin(t *testing.T) {
	s, other := pgtest.Start(t, pgtest.Options{}), pgtest.Start(t, pgtest.Options{})
	if err := zoo.Roles(t.Context(), s.Connect(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	a := zoo.Animals(major(t, s))[0]
	if err := a.Build(t.Context(), major(t, s), func(db string) (*pgconn.PgConn, error) { return pgconn.Connect(t.Context(), s.DSN(db)) }); err != nil {
		t.Fatal(err)
	}
	m := take(t, open(t, s, nil), a.Name)
	restore(t, open(t, other, nil), m, engine.Target{Database: a.Name}, ErrRolesMade)
	for _, d := range zoo.Diff(facts(t, s, a.Name), facts(t, other, a.Name)) {
		t.Error(d)
	}
	if got := other.Query(t, "postgres", "SELECT count(*) FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'zoo%'")[0][0]; got != "0" {
		t.Errorf("%s roles can log in", got)
	}
}

func TestSkippedRolesCostOnlyTheirOwnGrants(t *testing.T) {
	s, other := pgtest.Start(t, pgtest.Options{}), pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE ROLE gone; CREATE ROLE kept", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE t (i int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO gone; GRANT SELECT ON t TO kept")
	other.Exec(t, "postgres", "CREATE ROLE kept")
	m := take(t, open(t, s, nil), "d")
	restore(t, open(t, other, nil), m, engine.Target{Database: "d", SkipRoles: true}, ErrRolesMissing, ErrStatement)
	if got := other.Query(t, "d", "SELECT has_table_privilege('kept', 't', 'SELECT'), (SELECT count(*) FROM pg_roles WHERE rolname = 'gone')")[0]; got[0] != "t" || got[1] != "0" {
		t.Errorf("got %v", got)
	}
}

// T9: what an account may not read is said, and never left out.
func TestAnAccountThatMayNotReadAllIsToldWhat(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE ROLE reader LOGIN PASSWORD 'r'", "CREATE DATABASE rls", "CREATE DATABASE lo", "CREATE DATABASE fine")
	s.Exec(t, "rls", "CREATE TABLE t (i int); INSERT INTO t VALUES (1); ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO reader")
	s.Exec(t, "lo", "SELECT lo_from_bytea(99, 'x')")
	s.Exec(t, "fine", "CREATE TABLE t (i int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO reader; SELECT lo_from_bytea(99, 'abc'); ALTER LARGE OBJECT 99 OWNER TO reader")
	srv := openAs(t, s, "reader", "r", nil)
	for db, want := range map[string]error{"rls": ErrRLS, "lo": engine.ErrPrivilege, "fine": nil} {
		snap, err := srv.Snapshot(t.Context(), db, engine.SnapshotOptions{Streams: 1})
		var m *memory
		if err == nil {
			m, err = dumpAll(t.Context(), snap, db)
			if cerr := snap.Close(); cerr != nil {
				t.Error(cerr)
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", db, err, want)
		}
		if p := problem.Of(err); db == "lo" && p != nil && p.Params["object"] != "large object 99" {
			t.Errorf("may not read %q", p.Params["object"])
		}
		if want == nil && err == nil {
			if got := string(m.data[partLargeObjects]); got != "99\t0\t\\\\x616263\n" {
				t.Errorf("large object %q", got)
			}
		}
	}
	if major(t, s) >= 14 { // pg_dump cannot do this much
		s.Exec(t, "postgres", "CREATE ROLE all_reader LOGIN PASSWORD 'r'; GRANT pg_read_all_data TO all_reader")
		if m := take(t, openAs(t, s, "all_reader", "r", nil), "lo"); string(m.data[partLargeObjects]) != "99\t0\t\\\\x78\n" {
			t.Errorf("large object %q", m.data[partLargeObjects])
		}
	}
	info, err := srv.Probe(t.Context())
	if err != nil || len(info.Warnings) == 0 || !info.Warnings[len(info.Warnings)-1].Is(ErrLimited) {
		t.Errorf("probe: %v, %v", info.Warnings, err)
	}
}

// T13: a locale the target lacks.
func TestALocaleTheServerLacksIsNamedAndNothingIsLeft(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	m.m.Detail = bytes.ReplaceAll(m.m.Detail, []byte(`"collate":"C"`), []byte(`"collate":"tr_XX.UTF-8"`))
	_, err := srv.Restore(t.Context(), m, engine.Target{Database: "d2"})
	if !errors.Is(err, ErrLocale) {
		t.Errorf("%v", err)
	}
	restore(t, srv, m, engine.Target{Database: "d3", Scratch: true}, ErrLocale)
	for _, r := range s.Query(t, "postgres", "SELECT datname FROM pg_database") {
		if r[0] == "d2" || strings.Contains(r[0], workMark) {
			t.Errorf("%s is left", r[0])
		}
	}
}

// T18: an index whose sort order changed under it is never asked for rows.
func TestTextKeysAreSortedAndNotReadThroughTheirIndex(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE t (k text PRIMARY KEY, v int); INSERT INTO t SELECT md5(i::text), i FROM generate_series(1, 20000) i; CREATE TABLE n (k int PRIMARY KEY)", "ANALYZE")
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	n, ok := snap.(*snapshot)
	if !ok {
		t.Fatalf("a snapshot is a %T", snap)
	}
	tab := n.tables["table/public.t"]
	p := n.plan(tab, false)
	sql := strings.TrimSuffix(strings.TrimPrefix(n.copySQL(tab, p.order), "COPY ("), ") TO STDOUT WITH (ENCODING E'UTF8')")
	text := fmt.Sprint(s.Query(t, "d", "BEGIN; "+p.setup+"; EXPLAIN "+sql+"; ROLLBACK"))
	if !strings.Contains(text, "Seq Scan") || strings.Contains(text, "Index") {
		t.Errorf("%s: %s", sql, text)
	}
	if p := n.plan(n.tables["table/public.n"], false); p.setup != "" || p.order != `"k"` {
		t.Errorf("whole numbers: %+v", p)
	}
}

func TestTheLargestValueNeedsNoMemory(t *testing.T) {
	const size = 100 << 20
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", fmt.Sprintf("CREATE TABLE t AS SELECT repeat('x', %d) AS v", size))
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{Streams: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var n int64
	for _, p := range snap.Parts() {
		if p.Table == nil {
			continue
		}
		err := snap.Dump(t.Context(), p, writerFunc(func(b []byte) (int, error) {
			n += int64(len(b))
			return len(b), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; n != size+1 || took > 4<<20 {
		t.Errorf("%d bytes came and took %d bytes of memory", n, took)
	}
}

// T19: a value that no text can hold.
// The table comes as binary COPY; a row of more than that holds is an error.
func TestAValueWhoseTextPassesAGigabyteComesBack(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", `CREATE TABLE big (i int PRIMARY KEY, name text, b bytea, c bytea); ALTER TABLE big ALTER b SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTERNAL;
INSERT INTO big SELECT 2, 'İzmir', convert_to(repeat('x', 280000000), 'UTF8') || convert_to(repeat('y', 280000000), 'UTF8'), NULL;
INSERT INTO big VALUES (1, NULL, 'small', '')`)
	srv := open(t, s, nil)
	wide, m := dumpWide(t, srv)
	const sums = "SELECT i, name, md5(b), md5(c) FROM big ORDER BY i"
	want := s.Query(t, "d", sums)
	got, err := srv.Restore(t.Context(), m, engine.Target{Database: "back", Streams: 2})
	if err != nil || got.Rows != 2 || len(got.Warnings) > 0 {
		t.Fatalf("restored %+v, %v", got, err)
	}
	if back := s.Query(t, "back", sums); !reflect.DeepEqual(back, want) {
		t.Errorf("%v instead of %v", back, want)
	}
	if err := (Driver{}).Export(t.Context(), m, "sql", engine.ExportOptions{}, io.Discard); !errors.Is(err, ErrNotAsText) {
		t.Errorf("export: %v", err)
	}
	s.Exec(t, "d", "UPDATE big SET c = b WHERE i = 2")
	snap, err := srv.Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if err := snap.Dump(t.Context(), wide, io.Discard); !errors.Is(err, ErrValueTooBig) {
		t.Errorf("a row of over 1 GB: %v", err)
	}
}

// dumpWide makes a backup of database d, whose table big is too wide for text.
func dumpWide(t *testing.T, srv *server) (wide backup.Part, m *spooled) {
	t.Helper()
	snap, err := srv.Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	m = &spooled{dir: t.TempDir()}
	for _, p := range snap.Parts() {
		err := m.dump(t.Context(), snap, p)
		if other, ok := errors.AsType[*engine.Instead](err); ok {
			wide = other.Part
			err = m.dump(t.Context(), snap, wide)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if wide.Name != "table/public.big" || wide.Kind != backup.Bytes || !wide.Exact {
		t.Fatalf("in another form: %+v", wide)
	}
	d := snap.Describe()
	m.m.Database, m.m.Detail, m.m.ServerVersion = "d", d.Detail, d.ServerVersion
	return wide, m
}

// A spooled is a backup in files, for what is too big for memory.
type spooled struct {
	dir string
	m   backup.Manifest
}

func (m *spooled) file(p backup.Name) string { return filepath.Join(m.dir, url.PathEscape(string(p))) }

func (m *spooled) dump(ctx context.Context, snap engine.Snapshot, p backup.Part) error {
	f, err := os.Create(m.file(p.Name))
	if err != nil {
		return err
	}
	if err := errors.Join(snap.Dump(ctx, p, f), f.Close()); err != nil {
		return err
	}
	m.m.Parts = append(m.m.Parts, backup.StoredPart{Part: p})
	return nil
}

func (m *spooled) Manifest() *backup.Manifest { return &m.m }

func (m *spooled) Open(_ context.Context, p backup.StoredPart) (io.ReadCloser, error) {
	return os.Open(m.file(p.Name))
}

func TestAnUnchangedDatabaseYieldsTheSameBytes(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE t (i serial PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'x' FROM generate_series(1, 100)")
	srv := open(t, s, nil)
	a := take(t, srv, "d")
	second := time.Now().Unix() // an archive holds the second it was made in
	eventually(t, "the next second", func() bool { return time.Now().Unix() > second })
	b := take(t, srv, "d")
	for name, want := range a.data {
		if !bytes.Equal(b.data[name], want) {
			t.Errorf("%s differs", name)
		}
	}
}
