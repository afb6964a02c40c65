//go:build integration && unix

package discovery

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// program starts a server of the test that ends with it.
func program(t *testing.T, debian, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", name, debian)
	}
	cmd := exec.Command(path, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("stop %s: %v", name, err)
		}
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("%s: %v\n%s", name, err, out.String())
		}
	})
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(l)
}

func awaitPort(t *testing.T, network, address string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		conn, err := net.Dial(network, address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func startRedis(t *testing.T, args ...string) (port uint16, socket string) {
	t.Helper()
	dir, port := shortDir(t), freePort(t)
	socket = filepath.Join(dir, "redis.sock")
	program(t, "redis-server", "redis-server", append([]string{
		"--port", strconv.Itoa(int(port)), "--bind", "127.0.0.1", "-::1", "--unixsocket", socket, "--save", "", "--dir", dir}, args...)...)
	awaitPort(t, "unix", socket)
	return port, socket
}

func startMariaDB(t *testing.T) (port uint16, socket string) {
	t.Helper()
	dir, port := shortDir(t), freePort(t)
	socket = filepath.Join(dir, "my.sock")
	data := filepath.Join(dir, "data")
	install, err := exec.LookPath("mariadb-install-db")
	if err != nil {
		t.Fatal("mariadb-install-db is missing: apt-get install mariadb-server")
	}
	me := "--user=" + loginNames()[0]
	if out, err := exec.Command(install, "--no-defaults", me, "--datadir="+data, "--skip-test-db").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program(t, "mariadb-server", "mariadbd", "--no-defaults", me, "--datadir="+data, "--socket="+socket, "--pid-file="+filepath.Join(dir, "pid"),
		"--bind-address=127.0.0.1,::1", "--port="+strconv.Itoa(int(port)))
	awaitPort(t, "tcp", address4(port))
	return port, socket
}

func address4(port uint16) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// only makes a discovery that sees these ports, with nothing known of who owns
// them, and these sockets.
func only(ports []uint16, sockets ...target) *Discovery {
	return &Discovery{
		listening: func(context.Context) (machine, error) { return unnamed(ports...), nil },
		sockets:   func() []target { return sockets },
	}
}

// hiding adds that programs of these engines run somewhere here.
func hiding(d *Discovery, engines ...string) *Discovery {
	visible := d.listening
	d.listening = func(ctx context.Context) (machine, error) {
		here, err := visible(ctx)
		here.hidden = engines
		return here, err
	}
	return d
}

func TestRedisOnAnUnknownPortIsFoundOnceWithItsVersion(t *testing.T) {
	port, socket := startRedis(t)
	f := one(t, hiding(only([]uint16{port}, socketOf(engine.Redis, socket)), engine.Redis))
	if f.Engine != engine.Redis || f.Product != "Redis" || !strings.Contains(f.Version, ".") || f.Address != address4(port) {
		t.Errorf("got %+v", f)
	}
	if !slices.Contains(f.Addresses, socket) {
		t.Errorf("the socket is not among %v", f.Addresses)
	}
	if f.Problem == nil || f.Problem.Code != string(ErrNotSupported.Code) {
		t.Errorf("problem %+v", f.Problem)
	}
}

func TestRedisWithPasswordIsRedis(t *testing.T) {
	port, _ := startRedis(t, "--requirepass", "secret")
	f := one(t, hiding(only([]uint16{port}), engine.Redis))
	if f.Engine != engine.Redis || f.Version != "" {
		t.Errorf("got %+v", f)
	}
}

func TestTwoRedisServersAreTwo(t *testing.T) {
	port, _ := startRedis(t)
	_, socket := startRedis(t)
	got := run(t, hiding(only([]uint16{port}, socketOf(engine.Redis, socket)), engine.Redis))
	if len(got.Servers) != 2 {
		t.Errorf("found %+v", got.Servers)
	}
}

func TestMariaDBIsFoundOnceOverPortsAndSocket(t *testing.T) {
	port, socket := startMariaDB(t)
	f := one(t, only([]uint16{port}, socketOf(engine.MySQL, socket)))
	if f.Engine != engine.MariaDB || f.Product != "MariaDB" || f.Address != address4(port) || strings.ContainsAny(f.Version, "-") || !strings.Contains(f.Version, ".") {
		t.Errorf("got %+v", f)
	}
	want := []string{"[::1]:" + strconv.Itoa(int(port)), socket}
	if !slices.Equal(f.Addresses, want) {
		t.Errorf("addresses %v, want %v", f.Addresses, want)
	}
}

func TestTwoMariaDBServersOfOneVersionAreTwo(t *testing.T) {
	port, _ := startMariaDB(t)
	_, socket := startMariaDB(t)
	got := run(t, only([]uint16{port}, socketOf(engine.MySQL, socket)))
	if len(got.Servers) != 2 {
		t.Errorf("found %+v", got.Servers)
	}
}

func postgresPort(t *testing.T, s *pgtest.Server) uint16 {
	t.Helper()
	_, digits, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}

func socketTarget(t *testing.T, s *pgtest.Server) target {
	t.Helper()
	sockets := socketsIn([]struct{ engine, pattern string }{{engine.Postgres, filepath.Join(s.Socket, ".s.PGSQL.*")}})
	if len(sockets) != 1 {
		t.Fatalf("sockets %v", sockets)
	}
	return sockets[0]
}

func TestPostgresIsFoundAndLogsNothing(t *testing.T) {
	for _, ssl := range []string{"off", "on"} {
		t.Run("ssl="+ssl, func(t *testing.T) {
			s := pgtest.Start(t, pgtest.Options{})
			if ssl == "on" {
				certify(t, s)
			}
			before := s.Cluster.Log()
			f := one(t, only([]uint16{postgresPort(t, s)}, socketTarget(t, s)))
			if f.Engine != engine.Postgres || f.Address != s.Addr || f.User != "" {
				t.Errorf("got %+v", f)
			}
			if !slices.Contains(f.Addresses, filepath.Join(s.Socket, ".s.PGSQL."+strconv.Itoa(int(postgresPort(t, s))))) {
				t.Errorf("addresses %v", f.Addresses)
			}
			// A session of ours comes after the handshakes, so what they
			// logged is there.
			s.Exec(t, "postgres", "SELECT 1")
			if log := strings.TrimPrefix(s.Cluster.Log(), before); log != "" {
				t.Errorf("the server logged:\n%s", log)
			}
		})
	}
}

// certify switches the server to TLS.
func certify(t *testing.T, s *pgtest.Server) {
	t.Helper()
	cert, key := filepath.Join(s.DataDir, "server.crt"), filepath.Join(s.DataDir, "server.key")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl (apt-get install openssl): %v\n%s", err, out)
	}
	info, err := os.Stat(s.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("no owner of %s", s.DataDir)
	}
	for _, name := range []string{cert, key} {
		if err := errors.Join(os.Chmod(name, 0o600), os.Chown(name, int(owner.Uid), int(owner.Gid))); err != nil {
			t.Fatal(err)
		}
	}
	s.Exec(t, "postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	for end := time.Now().Add(10 * time.Second); ; <-time.After(20 * time.Millisecond) {
		if s.Query(t, "postgres", "SHOW ssl")[0][0] == "on" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no TLS:\n%s", s.Cluster.Log())
		}
	}
}

func withPostgres(d *Discovery) *Discovery {
	d.Drivers = map[string]engine.Driver{engine.Postgres: postgres.Driver{}}
	return d
}

func me(t *testing.T) string {
	t.Helper()
	t.Setenv("PGUSER", "")
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	return loginNames()[0]
}

func TestLoginsAreThoseOfPsql(t *testing.T) {
	name := me(t)
	for _, tt := range []struct {
		name, hba, passfile string
		socket, in          bool
	}{
		{"trust on the socket", "local all " + name + " trust\nhost all " + name + " all reject\n", "", true, true},
		{"peer on the socket", "local all " + name + " peer\nhost all " + name + " all reject\n", "", true, true},
		{"trust on the port", "local all " + name + " reject\nhost all " + name + " all trust\n", "", false, true},
		{"password, none kept", "local all " + name + " scram-sha-256\nhost all " + name + " all scram-sha-256\n", "", false, false},
		{"password in .pgpass for localhost", "local all " + name + " reject\nhost all " + name + " all scram-sha-256\n", "localhost:*:*:" + name + ":pw", false, true},
		{"password in .pgpass for 127.0.0.1", "local all " + name + " reject\nhost all " + name + " all scram-sha-256\n", "127.0.0.1:*:*:" + name + ":pw", false, true},
		{"password in .pgpass of another port", "local all " + name + " reject\nhost all " + name + " all scram-sha-256\n", "localhost:1:*:" + name + ":pw", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.passfile != "" {
				file := filepath.Join(t.TempDir(), "pgpass")
				if err := os.WriteFile(file, []byte("# mine\n"+tt.passfile+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				t.Setenv("PGPASSFILE", file)
			}
			s := pgtest.Start(t, pgtest.Options{HBA: tt.hba + "local all all scram-sha-256\nhost all all all scram-sha-256\n"})
			s.Exec(t, "postgres", "CREATE ROLE \""+name+"\" LOGIN PASSWORD 'pw'", "CREATE DATABASE shop")
			f := one(t, withPostgres(only([]uint16{postgresPort(t, s)}, socketTarget(t, s))))
			checkLogin(t, f, name, tt.in, tt.socket)
		})
	}
}

func checkLogin(t *testing.T, f control.Found, name string, in, socket bool) {
	t.Helper()
	if !in {
		if f.User != "" || f.Problem == nil || !slices.Contains([]string{string(engine.ErrAuth.Code), string(engine.ErrNoLogin.Code), string(engine.ErrNoPassword.Code), string(engine.ErrNoUser.Code)}, f.Problem.Code) || len(f.Databases) != 0 || f.Version != "" {
			t.Errorf("got %+v, problem %+v", f, f.Problem)
		}
		return
	}
	if f.User != name || f.Problem != nil || f.Version == "" || filepath.IsAbs(f.Address) != socket {
		t.Errorf("got %+v, problem %+v", f, f.Problem)
	}
	i := slices.IndexFunc(f.Databases, func(db control.Database) bool { return db.Name == "shop" })
	if i < 0 || f.Databases[i].SizeBytes < 1<<20 || !f.Databases[i].Readable {
		t.Errorf("databases %+v", f.Databases)
	}
	if slices.Contains(f.Addresses, f.Address) || len(f.Addresses) == 0 {
		t.Errorf("address %s, others %v", f.Address, f.Addresses)
	}
}

func TestEverythingOfAFullMachineIsFoundInTime(t *testing.T) {
	name := me(t)
	redis, redisSocket := startRedis(t)
	maria, mariaSocket := startMariaDB(t)
	s := pgtest.Start(t, pgtest.Options{HBA: "local all all trust\nhost all all all scram-sha-256\n"})
	s.Exec(t, "postgres", "CREATE ROLE \""+name+"\" LOGIN", "CREATE DATABASE shop")
	ports := []uint16{redis, maria, postgresPort(t, s)}
	for len(ports) < 20 {
		ports = append(ports, silent(t).port)
	}
	d := withPostgres(hiding(only(ports, socketOf(engine.Redis, redisSocket), socketOf(engine.MySQL, mariaSocket), socketTarget(t, s)), engine.Postgres, engine.Redis))
	got := run(t, d)
	t.Logf("20 ports, 3 sockets: %.3f s", got.Seconds)
	if len(got.Servers) != 3 {
		t.Errorf("found %+v", got.Servers)
	}
	if got.Seconds > 0.6 {
		t.Errorf("took %.3f s, want 0.6 at most", got.Seconds)
	}
}

func TestThisMachineTellsWhoListens(t *testing.T) {
	port, _ := startRedis(t)
	here, err := listening(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := here.listeners
	i := slices.IndexFunc(all, func(l listener) bool { return l.port == port })
	if i < 0 || all[i].process != "redis-server" || !all[i].ip.IsLoopback() {
		t.Errorf("port %d is not right in %+v", port, all)
	}
}
