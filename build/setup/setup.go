// Package setup brings what a build command needs onto this machine: system
// packages, PostgreSQL of every major version the driver supports, an S3 server
// and the linter. All of it is checked first, so that a machine that has everything
// answers at once.
package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Tools is what was found or fetched for the tests.
type Tools struct {
	// Servers holds a folder with initdb and postgres for each major version,
	// lowest first.
	Servers []string
	// Clients holds folders with pg_dump, pg_restore and psql, newest first.
	Clients []string
	// Linter is golangci-lint.
	Linter string
	// S3 is the S3 server.
	S3 string
	// Regression is the folder of PostgreSQL's own regression suite, empty
	// when it was not fetched.
	Regression string
}

// Env returns the variables by which tests learn of the tools.
func (t Tools) Env() []string {
	env := []string{
		"RAHAT_TEST_PG=" + strings.Join(t.Servers, string(os.PathListSeparator)),
		"RAHAT_PG_BIN=" + strings.Join(t.Clients, string(os.PathListSeparator)),
		"RAHAT_TEST_S3=" + t.S3,
	}
	if t.Regression != "" {
		env = append(env, "RAHAT_PG_REGRESS="+t.Regression)
	}
	return env
}

// Newest returns the tools without all servers but the newest.
func (t Tools) Newest() Tools {
	if n := len(t.Servers); n > 0 {
		t.Servers = t.Servers[n-1:]
	}
	return t
}

// ForTests makes sure that everything the tests need is there, and says to out
// what it fetches.
func ForTests(ctx context.Context, out io.Writer) (Tools, error) {
	unlock, err := lock(ctx)
	if err != nil {
		return Tools{}, err
	}
	defer unlock()
	if err := installPackages(ctx, out, slices.Concat(testPackages, benchPackages, desktopPackages())); err != nil {
		return Tools{}, err
	}
	tools, err := postgresServers(ctx, out)
	if err != nil {
		return Tools{}, err
	}
	if tools.Linter, err = linter(ctx, out); err != nil {
		return Tools{}, err
	}
	if tools.S3, err = gateway(ctx, out); err != nil {
		return Tools{}, err
	}
	tools.Regression = regressionFolder()
	return tools, nil
}

// ForBench makes sure that PostgreSQL and the programs that the product is
// measured against are there.
func ForBench(ctx context.Context, out io.Writer) error {
	return locked(ctx, func() error {
		return installPackages(ctx, out, append(benchPackages, postgresPackage))
	})
}

// ForDevelopment makes sure that a PostgreSQL server can be started.
func ForDevelopment(ctx context.Context, out io.Writer) error {
	return locked(ctx, func() error {
		return installPackages(ctx, out, []aptPackage{postgresPackage})
	})
}

// ForRun makes sure that databases on this machine can be backed up and
// proved. Without a PostgreSQL server here nothing is needed; with one, its
// programs are: pg_dump to back up, initdb and postgres for the proof.
func ForRun(ctx context.Context, out io.Writer) error {
	if !postgresHere(ctx) {
		return nil
	}
	return locked(ctx, func() error {
		return installPackages(ctx, out, []aptPackage{postgresPackage})
	})
}

// CacheDir returns the folder where fetched things are kept, which the user
// that tests start servers as can read. Root's home is closed to that user.
func CacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/rahat-build", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w", err)
	}
	return filepath.Join(dir, "rahat-build"), nil
}

// lock keeps two builds from filling the cache, or installing packages, at
// the same time.
func lock(ctx context.Context) (unlock func(), err error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cache folder: %w", err)
	}
	l := flock.New(filepath.Join(dir, "lock"))
	if _, err := l.TryLockContext(ctx, lockRetry); err != nil {
		return nil, fmt.Errorf("wait for another setup: %w", err)
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the process at the latest
}

func locked(ctx context.Context, f func() error) error {
	unlock, err := lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}
