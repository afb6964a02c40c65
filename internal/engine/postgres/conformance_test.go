package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

func TestTheDriverKeepsThePromisesOfAnEngine(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	if err := zoo.Roles(t.Context(), s.Connect(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "postgres", "CREATE ROLE weak LOGIN PASSWORD 'weak'")
	enginetest.Run(t, engine.Postgres, func(t *testing.T) engine.Server {
		srv, err := Driver{}.Open(open(t, s, nil).cfg)
		if err != nil {
			t.Fatal(err)
		}
		return srv
	}, fixtures{s})
}

// fixtures makes and looks at databases for the conformance suite.
type fixtures struct{ s *pgtest.Server }

func quoteName(n string) string { return `"` + strings.ReplaceAll(n, `"`, `""`) + `"` }

func (f fixtures) Secret() string   { return f.s.Password }
func (f fixtures) System() []string { return []string{"postgres", "template0", "template1"} }

func (f fixtures) Create(t testing.TB, name string, c enginetest.Content) {
	t.Helper()
	switch c {
	case enginetest.Empty:
		f.s.Exec(t, "postgres", "CREATE DATABASE "+quoteName(name))
	case enginetest.Awkward:
		a := zoo.Animals(major(t, f.s))[0]
		a.Name = name
		err := a.Build(t.Context(), major(t, f.s), func(db string) (*pgconn.PgConn, error) { return pgconn.Connect(t.Context(), f.s.DSN(db)) })
		if err != nil {
			t.Fatal(err)
		}
	case enginetest.Ledger:
		f.s.Exec(t, "postgres", "CREATE DATABASE "+quoteName(name))
		for _, tab := range []string{"cash", "bank"} {
			f.s.Exec(t, name, fmt.Sprintf(`CREATE TABLE %[1]s (id int PRIMARY KEY, amount bigint NOT NULL, pad text);
INSERT INTO %[1]s SELECT i, 1000, repeat(md5(i::text), 8) FROM generate_series(1, 20000) i`, tab))
		}
	}
}

func (f fixtures) Driver() engine.Driver { return Driver{} }

func (f fixtures) Drop(t testing.TB, name string) {
	t.Helper()
	if err := open(t, f.s, nil).Drop(context.WithoutCancel(t.Context()), name); err != nil {
		t.Error(err)
	}
}

func (f fixtures) Text(t testing.TB, name string) (string, bool) {
	t.Helper()
	if len(f.s.Query(t, "postgres", "SELECT 1 FROM pg_database WHERE datname = E'"+strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(name)+"'")) == 0 {
		return "", false
	}
	all := facts(t, f.s, name)
	var lines []string
	for k, v := range all {
		lines = append(lines, fmt.Sprintf("%q = %q", k, v))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), true
}

func (f fixtures) Holds(t testing.TB, name string) error {
	t.Helper()
	if sum := f.s.Query(t, name, "SELECT (SELECT sum(amount) FROM cash) + (SELECT sum(amount) FROM bank)")[0][0]; sum != "40000000" {
		return fmt.Errorf("the sum is %s", sum)
	}
	return nil
}

func (f fixtures) Hammer(t testing.TB, name string) (writes func() int64, stop func()) {
	t.Helper()
	c := f.s.Connect(t, name)
	var n atomic.Int64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
			}
			sql := fmt.Sprintf("BEGIN; UPDATE cash SET amount = amount - %[1]d WHERE id = %[2]d; UPDATE bank SET amount = amount + %[1]d WHERE id = %[3]d; COMMIT", i%9, 1+i*7919%20000, 1+i*104729%20000)
			if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Errorf("move money: %v", err)
				return
			}
			n.Add(1)
		}
	}()
	return n.Load, func() { close(end); <-ended }
}

// Leftovers looks for backends of ours, databases being filled, and tools.
func (f fixtures) Leftovers(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, r := range f.s.Query(t, "postgres", "SELECT pid, state, left(query, 80) FROM pg_stat_activity WHERE application_name = 'rahat'") {
		out = append(out, "backend "+strings.Join(r, " "))
	}
	for _, r := range f.s.Query(t, "postgres", "SELECT datname FROM pg_database") {
		if workRE.MatchString(r[0]) {
			out = append(out, "database "+r[0])
		}
	}
	return append(out, toolsRunning(t)...)
}

// toolsRunning lists programs of PostgreSQL that are children of this process.
func toolsRunning(t testing.TB) []string {
	t.Helper()
	var out []string
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if strings.Contains(string(b), "(pg_dump)") && len(fields) > 1 && fields[1] == fmt.Sprint(os.Getpid()) {
			out = append(out, "process "+string(b[:min(len(b), 60)]))
		}
	}
	return out
}

func (f fixtures) Troubled(t testing.TB, what enginetest.Trouble) (engine.Server, string, bool) {
	t.Helper()
	switch what {
	case enginetest.WrongPassword:
		return openAs(t, f.s, f.s.User, "wrong", nil), "postgres", true
	case enginetest.MissingRight:
		f.Drop(t, "private")
		f.s.Exec(t, "postgres", "CREATE DATABASE private")
		f.s.Exec(t, "private", "CREATE TABLE secret (a int)")
		t.Cleanup(func() { f.Drop(t, "private") })
		return openAs(t, f.s, "weak", "weak", nil), "private", true
	case enginetest.Unreachable:
		cfg := open(t, f.s, nil).cfg
		cfg.Address = "127.0.0.1:1"
		srv, err := Driver{}.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return srv, "postgres", true
	}
	return nil, "", false
}
