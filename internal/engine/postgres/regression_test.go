//go:build regress

package postgres

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

// The database that PostgreSQL's own regression suite leaves behind is the
// hardest one its makers could think of. RAHAT_PG_REGRESS names the folder with
// the suite's sql, data and parallel_schedule, of the version of the server in
// RAHAT_PG_REGRESS_BIN. Scripts that need the suite's C library fail in part,
// which is fine: what the rest makes is what we compare.
func TestPostgreSQLsOwnRegressionDatabaseComesBackEqual(t *testing.T) {
	suite, bin := os.Getenv("RAHAT_PG_REGRESS"), os.Getenv("RAHAT_PG_REGRESS_BIN")
	if suite == "" {
		t.Fatal("RAHAT_PG_REGRESS is not set: go run ./build fetches the suite and sets it")
	}
	s := pgtest.Start(t, pgtest.Options{BinDir: bin, InitArgs: []string{"--no-locale"}, Settings: map[string]string{"max_prepared_transactions": "2", "autovacuum": "off"}})
	s.Exec(t, "postgres", "CREATE DATABASE regression TEMPLATE template0", `ALTER DATABASE regression SET lc_messages = 'C'`,
		`ALTER DATABASE regression SET lc_monetary = 'C'`, `ALTER DATABASE regression SET timezone_abbreviations = 'Default'`)
	schedule, err := os.ReadFile(filepath.Join(suite, "parallel_schedule"))
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	for line := range strings.Lines(string(schedule)) {
		names, ok := strings.CutPrefix(line, "test:")
		if !ok {
			continue
		}
		for _, name := range strings.Fields(names) {
			file := filepath.Join(suite, "sql", name+".sql")
			if _, err := os.Stat(file); err != nil || name == "tablespace" { // needs the suite's runner
				continue
			}
			scripts++
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			cmd := exec.CommandContext(ctx, filepath.Join(s.BinDir, "psql"), "-X", "-a", "-q", "-d", "regression", "-v", "HIDE_TABLEAM=on", "-f", file)
			cmd.Env = append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+s.User, "PGPASSWORD="+s.Password, "PGTZ=PST8PDT", "PGDATESTYLE=Postgres, MDY",
				"PGOPTIONS=-c intervalstyle=postgres_verbose", "PG_ABS_SRCDIR="+suite, "PG_LIBDIR="+suite, "PG_DLSUFFIX=.so", "PG_ABS_BUILDDIR="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil { // errors of statements do not end psql
				t.Logf("%s: %v: %s", name, err, tailOf(out))
			}
			cancel()
		}
	}
	srv := open(t, s, nil)
	tables := s.Query(t, "regression", "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid >= 16384")[0][0]
	m := take(t, srv, "regression")
	t.Logf("%d scripts, %s tables, %d parts", scripts, tables, len(m.m.Parts))
	want := facts(t, s, "regression")
	done, err := srv.Restore(t.Context(), m, engine.Target{Database: "regression2", Streams: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range done.Warnings {
		t.Logf("warning: %v", w)
	}
	diff := zoo.Diff(want, facts(t, s, "regression2"))
	for _, d := range diff {
		if !known(d) {
			t.Error(d)
		}
	}
	t.Log(fmt.Sprintf("%d facts, %d differ, %d rows", len(want), len(diff), done.Rows))
}

func tailOf(b []byte) string {
	b = bytes.TrimSpace(b)
	return string(b[max(0, len(b)-200):])
}

// known tells differences that SQL text cannot carry, so that pg_dump has them too.
func known(diff string) bool {
	for _, k := range []string{
		// Names the server gives to the constraints of partitions.
		"constraint fkpart4.dropfk..", "constraint public.fk_partitioned_fk_4",
		// An operator that was only ever mentioned.
		"operator public.!==",
		// A materialized view over data that changed since: it is fresh now.
		"rows public.mvtest_bb",
		// Children whose inherited columns did not come first.
		"schema gtestxx_4;", "schema test_type_diff2_c1;", "schema test_type_diff2_c2;",
	} {
		if strings.Contains(diff, ": "+k) {
			return true
		}
	}
	return false
}
