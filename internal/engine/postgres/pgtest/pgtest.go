// Package pgtest starts real PostgreSQL servers for tests. A machine without
// one fails the test with what to install: a skipped test proves nothing.
package pgtest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine/postgres/cluster"
)

// BinDirs returns the directories with initdb and postgres that tests of every
// version run on: those named in RAHAT_TEST_PG, separated as in PATH, else the
// newest that is installed.
func BinDirs(t testing.TB) []string {
	t.Helper()
	if list := os.Getenv("RAHAT_TEST_PG"); list != "" {
		return filepath.SplitList(list)
	}
	newest, best := "", clienttool.Version{}
	for _, dir := range clienttool.Glob("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", `C:\Program Files\PostgreSQL\*\bin`) {
		for _, tool := range clienttool.Find(t.Context(), clienttool.Host{}, []string{dir}, "postgres") {
			if tool.Version.Compare(best) > 0 {
				newest, best = dir, tool.Version
			}
		}
	}
	if newest == "" {
		t.Fatal("no PostgreSQL server on this machine: install one (Debian: apt-get install postgresql) or name its bin directory in RAHAT_TEST_PG")
	}
	return []string{newest}
}

// Options says what kind of server a test wants. The zero value is an ordinary
// one of the newest version.
type Options struct {
	BinDir   string            // empty: the newest of BinDirs
	Settings map[string]string // of postgresql.conf
	HBA      string            // replaces pg_hba.conf
	InitArgs []string          // of initdb
}

// A Server is a running server that ends with the test. Its superuser is User.
type Server struct {
	Addr     string // 127.0.0.1:port
	Socket   string // the directory of its socket
	User     string
	Password string
	BinDir   string
	DataDir  string
	Cluster  *cluster.Cluster

	opt cluster.Options
}

// Start starts a server that listens on 127.0.0.1 and on a socket. It is
// configured as servers are by default, except that it does not wait for disks.
func Start(t testing.TB, opt Options) *Server {
	t.Helper()
	if opt.BinDir == "" {
		dirs := BinDirs(t)
		opt.BinDir = dirs[len(dirs)-1]
	}
	dir, err := os.MkdirTemp("", "rahat-pgtest-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	set := map[string]string{"wal_level": "replica", "max_wal_senders": "4", "max_replication_slots": "4", "autovacuum": "off", "unix_socket_permissions": "0777"}
	for k, v := range opt.Settings {
		set[k] = v
	}
	copt := cluster.Options{BinDir: opt.BinDir, Dir: dir, TCP: true, Settings: set, HBA: opt.HBA, InitArgs: opt.InitArgs}
	c, err := cluster.Start(context.WithoutCancel(t.Context()), copt)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Socket: c.Socket, User: cluster.Superuser, Password: c.Password, BinDir: opt.BinDir, DataDir: c.Dir, Cluster: c, opt: copt}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Kill ends the server at once, with all its processes, as a crash would; nothing
// is written or sent any more.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	children := s.Query(t, "postgres", "SELECT pid FROM pg_stat_activity")
	b, err := os.ReadFile(filepath.Join(s.DataDir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(string(b), "\n")
	kill(t, pid) // first, so that it does not start anew what ends
	for _, row := range children {
		kill(t, row[0])
	}
	s.Cluster.Stop()
}

func kill(t testing.TB, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// Restart stops the server if it still runs, and starts it again with what it
// has, at another port.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Cluster.Stop()
	if err := s.Cluster.Restart(t.Context(), s.opt); err != nil {
		t.Fatal(err)
	}
	s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Cluster.Port))
}

// DSN returns a connection string of the superuser for a database, by TCP. It
// holds the password.
func (s *Server) DSN(database string) string {
	host, port, _ := net.SplitHostPort(s.Addr)
	q := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return "host=" + host + " port=" + port + " user=" + s.User + " password=" + s.Password + " dbname='" + q.Replace(database) + "' sslmode=disable"
}

// Connect opens a connection of the superuser that ends with the test.
func (s *Server) Connect(t testing.TB, database string) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Logf("close connection: %v", err) // tests break connections on purpose
		}
	})
	return c
}

// Exec runs scripts of SQL statements, each script as one implicit
// transaction unless it says otherwise.
func (s *Server) Exec(t testing.TB, database string, scripts ...string) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for _, sql := range scripts {
		if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%v\n%.300s", err, sql)
		}
	}
}

// Query returns the rows of a query as text; NULL is "<null>".
func (s *Server) Query(t testing.TB, database, sql string) [][]string {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	res, err := c.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%.300s", err, sql)
	}
	var out [][]string
	for _, r := range res {
		for _, row := range r.Rows {
			line := make([]string, len(row))
			for i, v := range row {
				line[i] = string(v)
				if v == nil {
					line[i] = "<null>"
				}
			}
			out = append(out, line)
		}
	}
	return out
}

// Psql runs a script with psql, which knows \gexec and the like.
func (s *Server) Psql(t testing.TB, database, script string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	err := clienttool.Host{}.Run(t.Context(), clienttool.Command{
		Path: filepath.Join(s.BinDir, "psql"), Args: []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", s.User},
		Env: []string{"PGPASSWORD=" + s.Password, "PGDATABASE=" + database}, Stdin: strings.NewReader(script)})
	if err != nil {
		t.Fatal(err)
	}
}
