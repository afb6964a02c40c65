package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

func isProblem(err error, want *problem.Problem, param, value string) bool {
	return errors.Is(err, want) && strings.Contains(problem.Of(err).Params[param], value)
}

func replaceOnce(t *testing.T, s, from, to string) string {
	t.Helper()
	if strings.Count(s, from) != 1 {
		t.Fatalf("%q stands %d times in %s", from, strings.Count(s, from), s)
	}
	return strings.Replace(s, from, to, 1)
}

// filled makes a server with a database d of some rows.
func filled(t *testing.T) *pgtest.Server {
	t.Helper()
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE TABLE t (i int PRIMARY KEY, pad text); INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 50000) i")
	return s
}

// at calls f once, when the first bytes come.
type at struct {
	f    func()
	done bool
}

func (a *at) Write(p []byte) (int, error) {
	if !a.done {
		a.done = true
		a.f()
	}
	return len(p), nil
}

func dumpMain(ctx context.Context, snap engine.Snapshot, w io.Writer) error {
	for _, p := range snap.Parts() {
		if p.Table != nil {
			return snap.Dump(ctx, p, w)
		}
	}
	return errors.New("no table")
}

func TestAServerThatDiesInMidDumpIsLost(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := filled(t)
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	err = dumpMain(t.Context(), snap, &at{f: func() { s.Kill(t) }})
	if !errors.Is(err, engine.ErrServerLost) {
		t.Errorf("%v", err)
	}
	if err := snap.Close(); err != nil {
		t.Logf("close: %v", err) // the connection is broken, which is no news
	}
}

func TestADatabaseDroppedMeanwhileIsGone(t *testing.T) {
	s := filled(t)
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	s.Exec(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'd'")
	s.Exec(t, "postgres", "DROP DATABASE d")
	if err := dumpMain(t.Context(), snap, io.Discard); !errors.Is(err, engine.ErrNoDatabase) {
		t.Errorf("%v", err)
	}
}

// Its connections end as those of a server that is shut down, which it is not.
func TestADatabaseDroppedByForceInMidDumpIsGone(t *testing.T) {
	s := filled(t)
	snap, err := open(t, s, nil).Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if err != nil {
		t.Fatal(err)
	}
	err = dumpMain(t.Context(), snap, &at{f: func() { s.Exec(t, "postgres", "DROP DATABASE d WITH (FORCE)") }})
	if !errors.Is(err, engine.ErrNoDatabase) || problem.Of(err).Code != engine.ErrNoDatabase.Code {
		t.Errorf("%v", err)
	}
	if err := snap.Close(); err != nil {
		t.Logf("close: %v", err) // the connection is broken, which is no news
	}
}

func TestAPgDumpThatFailsIsQuotedAndNothingIsLeft(t *testing.T) {
	s := filled(t)
	for name, c := range map[string]struct {
		script string
		want   *problem.Problem
	}{
		"exit 1":         {"echo 'pg_dump: error: out of cheese' >&2; exit 1", engine.ErrToolFailed},
		"killed":         {"kill -KILL $$", engine.ErrToolFailed},
		"cut off":        {"\"$real\" \"$@\" | head -c 1000; exit 0", engine.ErrToolFailed},
		"empty":          {"exit 0", engine.ErrToolFailed},
		"version":        {"echo 'pg_dump: error: aborting because of server version mismatch' >&2; exit 1", engine.ErrToolTooOld},
		"denied":         {"echo 'pg_dump: error: query failed: ERROR:  permission denied for schema x' >&2; exit 1", engine.ErrPrivilege},
		"broken library": {"echo 'ERROR:  could not load library \"plpgsql.so\": undefined symbol: x' >&2; exit 1", ErrLibrary},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, s, tool(t, s, c.script)).Snapshot(t.Context(), "d", engine.SnapshotOptions{})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			nothingLeft(t, s)
		})
	}
}

// nothingLeft waits until the server has noticed that we hung up.
func nothingLeft(t *testing.T, s *pgtest.Server) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Second); ; <-tick.C {
		got := (fixtures{s}).Leftovers(t)
		if len(got) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("left: %v", got)
			return
		}
	}
}

// fakeTools makes folders with a pg_dump that states a version.
func fakeTools(t *testing.T, versions ...string) string {
	t.Helper()
	var dirs []string
	for _, v := range versions {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pg_dump"), []byte("#!/bin/sh\necho 'pg_dump (PostgreSQL) "+v+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	return strings.Join(dirs, string(os.PathListSeparator))
}

// T7 and the rules of versions.
func TestTheSmallestToolThatIsNotOlderThanTheServerIsChosen(t *testing.T) {
	srv := &server{runner: clienttool.Host{}}
	for _, c := range []struct {
		have   []string
		server clienttool.Version
		want   string
		warn   bool
		err    error
	}{
		{[]string{"90.1", "92.0", "91.3", "91.5"}, clienttool.Version{Major: 91, Minor: 4}, "91.5", false, nil},
		{[]string{"92.0"}, clienttool.Version{Major: 91, Minor: 4}, "92.0", false, nil},
		{[]string{"91.3"}, clienttool.Version{Major: 91, Minor: 4}, "91.3", true, nil},
		{[]string{"91.3", "nonsense"}, clienttool.Version{Major: 99}, "", false, engine.ErrToolTooOld},
	} {
		t.Setenv(EnvBin, fakeTools(t, c.have...))
		got, warning, err := srv.findDump(t.Context(), c.server)
		if !errors.Is(err, c.err) || c.err == nil && (got.Version.String() != c.want || (warning != nil) != c.warn) {
			t.Errorf("%v for %v: %v, %v, %v", c.have, c.server, got.Version, warning, err)
		}
	}
	srv.cfg.Options = map[string]string{OptTools: t.TempDir()}
	if _, _, err := srv.findDump(t.Context(), clienttool.Version{Major: 15}); !errors.Is(err, engine.ErrToolMissing) {
		t.Errorf("%v", err)
	}
}

func TestEveryReasonNotToConnectIsToldApart(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{HBA: "local all all scram-sha-256\nhost all stranger 127.0.0.1/32 reject\nhost all nobody 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
		Settings: map[string]string{"max_connections": "12", "max_wal_senders": "0", "superuser_reserved_connections": "3"}})
	s.Exec(t, "postgres", "CREATE ROLE stranger LOGIN PASSWORD 'x'; CREATE ROLE plain LOGIN PASSWORD 'x'")
	for name, c := range map[string]struct {
		cfg  engine.Config
		db   string
		want error
	}{
		"password": {engine.Config{Address: s.Addr, User: "postgres", Password: vault.NewSecret("wrong-secret")}, "postgres", engine.ErrAuth},
		"none":     {engine.Config{Address: s.Addr, User: "postgres", Options: map[string]string{OptPassFile: "/nonexistent"}}, "postgres", engine.ErrNoPassword},
		"no role":  {engine.Config{Address: s.Addr, User: "nobody"}, "postgres", engine.ErrNoUser},
		"web":      {engine.Config{Address: webServer(t), User: "postgres"}, "postgres", engine.ErrOtherProgram},
		"no rule":  {engine.Config{Address: s.Addr, User: "stranger", Password: vault.NewSecret("x")}, "postgres", engine.ErrNoLogin},
		"host":     {engine.Config{Address: "no-such-host.invalid:5432", User: "x"}, "postgres", engine.ErrUnknownHost},
		"refused":  {engine.Config{Address: "127.0.0.1:1", User: "x"}, "postgres", engine.ErrUnreachable},
		"socket":   {engine.Config{Address: "/nonexistent/.s.PGSQL.1", User: "x"}, "postgres", engine.ErrUnreachable},
		"database": {engine.Config{Address: s.Addr, User: "postgres", Password: vault.NewSecret(s.Password)}, "gone", engine.ErrNoDatabase},
		"tls":      {engine.Config{Address: s.Addr, User: "postgres", Password: vault.NewSecret(s.Password), Options: map[string]string{OptSSLMode: "require"}}, "postgres", engine.ErrBadConfig},
	} {
		srv, err := Driver{}.Open(c.cfg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = srv.Snapshot(t.Context(), c.db, engine.SnapshotOptions{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s tells the password: %v", name, err)
		}
	}
	for range 20 { // take what there is
		c := openAs(t, s, "plain", "x", nil)
		conn, err := c.connect(t.Context(), "postgres", 0, nil)
		if err != nil {
			if !errors.Is(err, engine.ErrTooManyConnections) {
				t.Errorf("%v", err)
			}
			return
		}
		defer func() {
			if err := conn.close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	t.Error("no end of connections")
}

// webServer answers whatever it is sent as many a web server does, and returns where.
func webServer(t *testing.T) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// Agents of other tests look at this port too, and may hang up.
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func TestSettingsThatMakeNoSenseAreRefusedWithoutConnecting(t *testing.T) {
	for _, cfg := range []engine.Config{
		{Address: ""}, {Address: "host:port"}, {Address: "h:0"}, {Address: "h:70000"},
		{Address: "h", Options: map[string]string{"sslmod": "require"}}, {Address: "h", Options: map[string]string{OptSSLMode: "yes"}},
		{Address: "h", Options: map[string]string{OptSSLMode: "verify-full", OptSSLRootCert: "/nonexistent"}},
	} {
		if _, err := (Driver{}).Open(cfg); !errors.Is(err, engine.ErrBadConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	for addr, want := range map[string]string{"h": "h 5432", "h:6": "h 6", "[::1]:6": "::1 6", "::1": "::1 5432", "/run/pg": "/run/pg 5432", "/run/pg:6": "/run/pg 6",
		"/run/pg/.s.PGSQL.7": "/run/pg 7", ":6": "localhost 6"} {
		s, err := Driver{}.Open(engine.Config{Address: addr})
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if got, ok := s.(*server); !ok || got.host+" "+strconv.Itoa(int(got.port)) != want {
			t.Errorf("%s: %s %d, want %s", addr, got.host, got.port, want)
		}
	}
}

func TestARestoreThatCannotBeDoneChangesNothing(t *testing.T) {
	s := filled(t)
	s.Exec(t, "postgres", "CREATE ROLE nobody LOGIN PASSWORD 'x'")
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	without := func(part backup.Name) *memory {
		c := &memory{m: m.m, data: m.data}
		c.m.Parts = nil
		for _, p := range m.m.Parts {
			if p.Name != part {
				c.m.Parts = append(c.m.Parts, p)
			}
		}
		return c
	}
	cut := &memory{m: m.m, data: map[backup.Name][]byte{}}
	for k, v := range m.data {
		cut.data[k] = v
	}
	cut.data["table/public.t"] = bytes.ReplaceAll(m.data["table/public.t"][:100000], []byte("\n7\t"), []byte("\nseven\t"))
	bare := &memory{m: m.m, data: m.data}
	bare.m.Detail = nil
	for name, c := range map[string]struct {
		srv    *server
		src    *memory
		target engine.Target
		want   error
	}{
		"exists":                {srv, m, engine.Target{Database: "d"}, engine.ErrTargetExists},
		"rights":                {openAs(t, s, "nobody", "x", nil), m, engine.Target{Database: "e"}, engine.ErrTargetPrivilege},
		"name":                  {srv, m, engine.Target{Database: strings.Repeat("x", 64)}, engine.ErrBadConfig},
		"system":                {srv, m, engine.Target{Database: "template1", Overwrite: true}, engine.ErrBadConfig},
		"no schema":             {srv, without(partSchema), engine.Target{Database: "e"}, ErrDamaged},
		"no detail":             {srv, bare, engine.Target{Database: "e"}, ErrDamaged},
		"rows wrong":            {srv, cut, engine.Target{Database: "e"}, ErrRows},
		"rows wrong, overwrite": {srv, cut, engine.Target{Database: "d", Overwrite: true}, ErrRows},
	} {
		_, err := c.srv.Restore(t.Context(), c.src, c.target)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if got := len(s.Query(t, "postgres", "SELECT 1 FROM pg_database")); got != 4 {
			t.Errorf("%s: %d databases", name, got)
		}
	}
	if got := s.Query(t, "d", "SELECT count(*) FROM t")[0][0]; got != "50000" {
		t.Errorf("%s rows in the old database", got)
	}
}

func TestADamagedArchiveIsAnErrorAndNotAPanic(t *testing.T) {
	s := filled(t)
	m := take(t, open(t, s, nil), "d")
	whole := m.data[partSchema]
	for n := range len(whole) - 10 {
		if _, err := archive.Read(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("%d of %d bytes are taken for whole", n, len(whole))
		}
	}
}

func TestManyTablesAreBackedUpOrTheServersLimitIsNamed(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{Settings: map[string]string{"max_locks_per_transaction": "10", "max_connections": "20", "max_prepared_transactions": "0"}})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	for i := range 8 { // each in its own transaction: creating takes locks too
		s.Exec(t, "d", fmt.Sprintf("DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE t%%s_%%s (a int)', %d, i); END LOOP; END $$", i))
	}
	srv := open(t, s, nil)
	_, err := srv.Snapshot(t.Context(), "d", engine.SnapshotOptions{})
	if !errors.Is(err, ErrLocks) {
		t.Fatalf("%v", err)
	}
	more := pgtest.Start(t, pgtest.Options{})
	more.Exec(t, "postgres", "CREATE DATABASE d")
	for i := range 8 {
		more.Exec(t, "d", fmt.Sprintf("DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE t%%s_%%s (a serial PRIMARY KEY)', %d, i); END LOOP; END $$", i))
	}
	m := take(t, open(t, more, nil), "d")
	restore(t, open(t, more, nil), m, engine.Target{Database: "d2"})
	if got := more.Query(t, "d2", "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384")[0][0]; got != "2400" {
		t.Errorf("%s tables", got)
	}
}

// A restore that was killed leaves a database that says so; the next one drops
// it, and nothing else.
func TestTheNextRestoreSweepsWhatAKilledOneLeft(t *testing.T) {
	s := filled(t)
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	const killed, alive, used, foreign = "x.rahat-0123abcd", "y.rahat-0123abcd", "z.rahat-0123abcd", "w.rahat-0123abcd"
	for _, name := range []string{killed, alive, used, foreign} {
		s.Exec(t, "postgres", "CREATE DATABASE "+ident(name))
		if name != foreign {
			s.Exec(t, "postgres", "COMMENT ON DATABASE "+ident(name)+" IS "+literal(unfinished))
		}
	}
	holder := s.Connect(t, "postgres")
	if _, err := holder.Exec(t.Context(), fmt.Sprintf("SELECT pg_advisory_lock(%d, %d)", lockClass, lockNumber(alive))).ReadAll(); err != nil {
		t.Fatal(err)
	}
	s.Connect(t, used)
	restore(t, srv, m, engine.Target{Database: "d2"})
	left := map[string]bool{}
	for _, r := range s.Query(t, "postgres", "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database") {
		left[r[0]] = true
		if r[0] == "d2" && r[1] == unfinished {
			t.Error("a finished restore is still marked as unfinished")
		}
	}
	if left[killed] || !left[alive] || !left[used] || !left[foreign] {
		t.Errorf("left: %v", left)
	}
}
