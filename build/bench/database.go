package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/build/step"
	"github.com/rahatbackup/rahat/internal/engine/postgres/cluster"
)

// generate is the SQL that fills the database.
//
//go:embed gen.sql
var generate string

// A Database is a throw-away PostgreSQL server with one generated database.
type Database struct {
	Name string
	bin  string // folder of the programs of its version
	c    *cluster.Cluster
}

// StartDatabase starts a server below dir and generates a database of about
// scale GB. The caller closes it and removes dir.
func StartDatabase(ctx context.Context, dir string, scale float64) (*Database, error) {
	bin, err := newestPostgres()
	if err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, cluster.Options{BinDir: bin, Dir: dir, TCP: true, Settings: map[string]string{
		"shared_buffers": "512MB", "maintenance_work_mem": "128MB", "max_wal_size": "8GB", "wal_level": "replica", "max_wal_senders": "4",
	}})
	if err != nil {
		return nil, err
	}
	d := &Database{Name: "shop", bin: bin, c: c}
	if err := d.fill(ctx, scale); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return d, nil
}

func (d *Database) fill(ctx context.Context, scale float64) error {
	if err := d.SQL(ctx, "postgres", "CREATE DATABASE "+d.Name); err != nil {
		return err
	}
	psql := d.tool("psql", d.Name, "-q", "-v", "scale="+strconv.FormatFloat(scale, 'f', -1, 64), "-f", "-")
	psql.Stdin = strings.NewReader(generate)
	_, err := psql.Output(ctx)
	return err
}

// SQL runs statements, each in a transaction of its own.
func (d *Database) SQL(ctx context.Context, database string, statements ...string) error {
	for _, s := range statements {
		if _, err := d.tool("psql", database, "-q", "-c", s).Output(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Query returns the one value of a query.
func (d *Database) Query(ctx context.Context, sql string) (string, error) {
	out, err := d.tool("psql", d.Name, "-At", "-c", sql).Output(ctx)
	return strings.TrimSpace(out), err
}

// tool returns a client tool that is logged in. The password is in its
// environment, not in its arguments.
func (d *Database) tool(name, database string, args ...string) step.Command {
	all := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(d.c.Port), "-U", cluster.Superuser, "-d", database}
	if name == "psql" {
		all = append(all, "-X", "-v", "ON_ERROR_STOP=1")
	}
	return step.Cmd(filepath.Join(d.bin, name), append(all, args...)...).With(d.env()...)
}

func (d *Database) env() []string { return []string{"PGPASSWORD=" + d.c.Password} }

// Address returns host:port.
func (d *Database) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.c.Port)) }

// Login returns the superuser's name and password.
func (d *Database) Login() (user, password string) { return cluster.Superuser, d.c.Password }

// Close stops the server and removes its files.
func (d *Database) Close() error { return d.c.Close() }

// newestPostgres returns the program folder of the newest server that is
// installed.
func newestPostgres() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("find PostgreSQL on %s: none below /usr/lib/postgresql", runtime.GOOS)
	}
	slices.SortFunc(found, func(a, b string) int { return major(a) - major(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

// major reads the version out of .../postgresql/15/bin/postgres.
func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}
