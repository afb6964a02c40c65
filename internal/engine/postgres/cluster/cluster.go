// Package cluster starts throw-away PostgreSQL servers: the driver proves
// backups on them, tests run against them. They are fast, not durable, and
// reachable by their maker only.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/clienttool"
)

// Superuser is the name of the first role of a cluster. It is the customary one,
// so that objects owned by it elsewhere find their owner here.
const Superuser = "postgres"

// Options says what to start.
type Options struct {
	BinDir string // where initdb and postgres lie
	// Dir is where the server may keep its files: it exists, is empty and
	// is removed by the caller.
	Dir string
	// TCP makes the server listen on 127.0.0.1 beside its socket. On
	// Windows, which the server knows no sockets on, it always does.
	TCP      bool
	Settings map[string]string // of postgresql.conf, over the fast defaults
	InitArgs []string          // further arguments of initdb
	HBA      string            // replaces pg_hba.conf
}

// A Cluster is a running server.
type Cluster struct {
	Dir      string // the data directory
	Socket   string // the directory of the socket; empty on Windows
	Port     int
	Password string // of Superuser
	User     *clienttool.User

	binDir  string
	private string // a directory of ours, when Options.Dir would not do
	cancel  context.CancelCauseFunc
	ended   chan struct{}
	exit    error
	log     *syncBuffer
}

// errStop is the cause the server is stopped with.
var errStop = errors.New("stop the server")

// attempts is how often a port is chosen anew when another program took it.
const attempts = 5

// Start makes a cluster in opt.Dir and starts it. The server ends with Stop, and
// on Linux at the latest when this process does; elsewhere a process that was
// killed leaves it running until the machine restarts.
func Start(ctx context.Context, opt Options) (*Cluster, error) {
	c := &Cluster{binDir: opt.BinDir, Password: rand.Text(), log: &syncBuffer{}}
	if err := c.place(opt.Dir); err != nil {
		return nil, err
	}
	if err := c.init(ctx, opt); err != nil {
		return nil, errors.Join(err, c.clean())
	}
	var err error
	for range attempts {
		if err = c.start(ctx, opt); err == nil {
			return c, nil
		}
		if ctx.Err() != nil || !strings.Contains(c.log.String(), "in use") {
			break
		}
	}
	return nil, errors.Join(err, c.clean())
}

// Restart starts a stopped cluster again, with the same data and port choice
// anew.
func (c *Cluster) Restart(ctx context.Context, opt Options) error { return c.start(ctx, opt) }

// maxSocketPath is the longest path of a socket on the systems we know.
const maxSocketPath = 103

// place finds the directories: PostgreSQL refuses to run as root, so for root
// they belong to another user, who must be able to reach them.
func (c *Cluster) place(dir string) error {
	if os.Geteuid() == 0 {
		u, err := unprivileged()
		if err != nil {
			return err
		}
		c.User = u
	}
	if c.User != nil && !reachable(dir, c.User) || len(filepath.Join(dir, "sock", ".s.PGSQL.65535")) > maxSocketPath {
		private, err := os.MkdirTemp("", "rahat-pg-")
		if err != nil {
			return fmt.Errorf("make server directory: %w", err)
		}
		c.private, dir = private, private
	}
	c.Dir = filepath.Join(dir, "data")
	dirs := []string{dir, c.Dir}
	if runtime.GOOS != "windows" {
		c.Socket = filepath.Join(dir, "sock")
		dirs = append(dirs, c.Socket)
	}
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("make server directory: %w", err)
		}
		if c.User == nil {
			continue
		}
		if err := own(d, c.User); err != nil {
			return fmt.Errorf("make server directory: %w", err)
		}
	}
	return nil
}

// unprivileged returns the user a server of root's runs as.
func unprivileged() (*clienttool.User, error) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := clienttool.LookupUser(name); err == nil {
			return u, nil
		}
	}
	return nil, errors.New("start server: PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// init makes the data directory.
func (c *Cluster) init(ctx context.Context, opt Options) error {
	pw := filepath.Join(c.Dir + ".pw")
	if err := os.WriteFile(pw, []byte(c.Password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write password file: %w", err)
	}
	defer func() { _ = os.Remove(pw) }() // it goes with the directory at the latest
	if c.User != nil {
		if err := own(pw, c.User); err != nil {
			return fmt.Errorf("write password file: %w", err)
		}
	}
	args := append([]string{"-D", c.Dir, "-U", Superuser, "-A", "scram-sha-256", "--pwfile=" + pw,
		"-E", "UTF8", "--locale=C", "--no-sync"}, opt.InitArgs...)
	err := clienttool.Host{}.Run(ctx, clienttool.Command{Path: c.bin("initdb"), Args: args, User: c.User, Dir: filepath.Dir(c.Dir), Env: []string{"LC_ALL=C"}})
	if err != nil {
		return fmt.Errorf("make throw-away server: %w", err)
	}
	if opt.HBA == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "pg_hba.conf"), []byte(opt.HBA), 0o600); err != nil {
		return fmt.Errorf("write pg_hba.conf: %w", err)
	}
	return nil
}

func (c *Cluster) bin(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(c.binDir, name)
}

// settings are those of a server whose data may be lost at any time.
func (c *Cluster) settings(opt Options) []string {
	listen := ""
	if opt.TCP || c.Socket == "" {
		listen = "127.0.0.1"
	}
	set := map[string]string{
		"listen_addresses": listen, "port": strconv.Itoa(c.Port), "unix_socket_directories": c.Socket,
		"unix_socket_permissions": "0700",
		"fsync":                   "off", "full_page_writes": "off", "synchronous_commit": "off", "wal_level": "minimal", "max_wal_senders": "0",
		"autovacuum": "off", "max_wal_size": "4GB", "checkpoint_timeout": "1h", "shared_buffers": "128MB",
		"max_locks_per_transaction": "256", "max_connections": "60", "max_prepared_transactions": "10",
		"logging_collector": "off", "lc_messages": "C", "bonjour": "off",
	}
	for k, v := range opt.Settings {
		set[k] = v
	}
	var args []string
	for k, v := range set {
		args = append(args, "-c", k+"="+v)
	}
	return args
}

// start runs the server and waits until it lets us in.
func (c *Cluster) start(ctx context.Context, opt Options) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	c.Port = port
	c.ended = make(chan struct{})
	c.log.Reset()
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	c.cancel = cancel
	args := append([]string{"-D", c.Dir}, c.settings(opt)...)
	go func() {
		defer close(c.ended)
		c.exit = clienttool.Host{}.Run(run, clienttool.Command{Path: c.bin("postgres"), Args: args, User: c.User,
			Dir: c.Dir, Env: []string{"LC_ALL=C", "TZ=UTC"}, Stdout: c.log, Stderr: c.log})
	}()
	if err := c.await(ctx); err != nil {
		c.Stop()
		return fmt.Errorf("start throw-away server: %w: %s", err, c.log.tail())
	}
	return nil
}

// startLimit is how long a server may take to come up.
const startLimit = time.Minute

// await asks until the server answers.
func (c *Cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, c.DSN("template1"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.ended:
			return fmt.Errorf("the server ended: %w", c.exit)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Host returns where to dial: the socket's directory or 127.0.0.1.
func (c *Cluster) Host() string {
	if c.Socket == "" {
		return "127.0.0.1"
	}
	return c.Socket
}

// DSN returns a connection string for Superuser. It holds the password.
func (c *Cluster) DSN(database string) string {
	q := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=%d user=%s password=%s dbname='%s' sslmode=disable", q.Replace(c.Host()), c.Port, Superuser, c.Password, q.Replace(database))
}

// Stop ends the server, by force if need be, and waits until it is gone.
func (c *Cluster) Stop() {
	if c.cancel == nil {
		return
	}
	// SIGTERM to the group would make the postmaster wait for its
	// clients; its backends get the signal too and end, so it does not.
	c.cancel(errStop)
	<-c.ended
}

// Close stops the server and removes what Options.Dir does not hold.
func (c *Cluster) Close() error {
	c.Stop()
	return c.clean()
}

func (c *Cluster) clean() error {
	if c.private == "" {
		return nil
	}
	if err := os.RemoveAll(c.private); err != nil {
		return fmt.Errorf("remove server directory: %w", err)
	}
	return nil
}

// Log returns what the server has said.
func (c *Cluster) Log() string { return c.log.String() }

// freePort asks the kernel for a port nobody listens on.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return strconv.Atoi(port)
}
