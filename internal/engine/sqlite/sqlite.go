// Package sqlite is the driver for SQLite database files. Its server is a file
// or a folder with files in it; a database's name is its path below the folder,
// with slashes, or an absolute path.
//
// DECISIONS.md says how a consistent view is taken and how a database in use is
// overwritten.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong beyond what every engine knows. All have the parameter
// path.
var (
	// ErrNotDatabase: the file is no SQLite database, or it is encrypted.
	ErrNotDatabase = problem.New("sqlite.not_a_database")
	// ErrCorrupt: the database is damaged.
	ErrCorrupt = problem.New("sqlite.corrupt")
	// ErrBusy: another program kept the database locked for too long.
	ErrBusy = problem.New("sqlite.busy")
	// ErrInUse: a program has the database open, so it cannot be overwritten.
	ErrInUse = problem.New("sqlite.in_use")
	// ErrNoFile: there is no file or folder at the address. It is an
	// [engine.ErrUnreachable] as well.
	ErrNoFile = problem.New("sqlite.no_file")
	// ErrBadName: the name cannot be that of a database file.
	ErrBadName = problem.New("sqlite.bad_name")
)

// Driver opens SQLite files. Its zero value is ready.
type Driver struct {
	// Temp is the folder for temporary files; "" means [os.TempDir]. A
	// database in rollback-journal mode is copied there while it is backed
	// up, so that its writers wait for a local copy only.
	Temp string
}

var (
	_ engine.Driver    = Driver{}
	_ engine.Sandboxer = Driver{}
	_ engine.Exporter  = Driver{}
	_ engine.Browser   = Driver{}
	_ engine.Server    = (*server)(nil)
	_ engine.Checker   = (*server)(nil)
	_ engine.Dropper   = (*server)(nil)
	_ engine.Runner    = (*server)(nil)

	_ engine.Preflighter = (*server)(nil)
)

// Kind implements [engine.Driver].
func (Driver) Kind() string { return engine.SQLite }

// Open implements [engine.Driver]. Config.Address is the absolute path of a
// file or folder; user and password mean nothing.
func (d Driver) Open(cfg engine.Config) (engine.Server, error) {
	if !filepath.IsAbs(cfg.Address) || strings.ContainsRune(cfg.Address, 0) {
		return nil, engine.ErrBadConfig.Because(nil, "reason", "the address must be the full path of a file or a folder")
	}
	return &server{address: filepath.Clean(cfg.Address), temp: d.temp()}, nil
}

// Sandbox implements [engine.Sandboxer]: a server on the empty folder.
func (d Driver) Sandbox(ctx context.Context, dir, _ string) (engine.Server, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	return d.Open(engine.Config{Address: dir})
}

func (d Driver) temp() string {
	if d.Temp != "" {
		return d.Temp
	}
	return os.TempDir()
}

type server struct {
	address string // absolute
	temp    string
}

// Close implements [engine.Server].
func (s *server) Close() error { return nil }

// root returns the folder that names are relative to, and the one name when
// the address is a file.
func (s *server) root() (dir, only string, err error) {
	path, err := filepath.EvalSymlinks(s.address)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(path); err == nil && info.IsDir() {
			return path, "", nil
		}
	}
	if err != nil {
		return "", "", s.unreachable(err)
	}
	return filepath.Dir(path), filepath.Base(path), nil
}

func (s *server) unreachable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return engine.ErrPrivilege.Because(err, "user", account(), "object", s.address)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoFile.Because(engine.ErrUnreachable.Because(err, "address", s.address), "path", s.address)
	}
	return engine.ErrUnreachable.Because(err, "address", s.address)
}

// tempPrefix starts the names of files that are being made. They are not
// databases yet.
const tempPrefix = ".rahat-"

// sideFiles are the endings of what SQLite keeps beside a database.
var sideFiles = []string{"-wal", "-shm", "-journal"}

// path returns where the database of a name lies or would lie. A relative name
// cannot lead out of the root, not even over a symbolic link.
func (s *server) path(name string) (string, error) {
	root, _, err := s.root()
	if err != nil {
		return "", err
	}
	path, base := filepath.FromSlash(name), filepath.Base(filepath.FromSlash(name))
	bad := strings.ContainsRune(name, 0) || strings.HasPrefix(base, tempPrefix) || os.IsPathSeparator(lastByte(name))
	for _, end := range sideFiles {
		bad = bad || strings.HasSuffix(base, end)
	}
	if filepath.IsAbs(path) && !bad {
		return filepath.Clean(path), nil
	}
	if bad || !filepath.IsLocal(path) || filepath.Clean(path) == "." {
		return "", ErrBadName.Because(nil, "path", name)
	}
	path = filepath.Join(root, path)
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != root {
			continue // a folder yet to be made; what holds it decides
		}
		if err != nil {
			return "", s.unreachable(err)
		}
		if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
			return "", ErrBadName.Because(errors.New("a symbolic link leads out of the folder"), "path", name)
		}
		return path, nil
	}
}

func lastByte(s string) byte {
	if s == "" {
		return filepath.Separator
	}
	return s[len(s)-1]
}

// existing is path for a database that must be there.
func (s *server) existing(name string) (string, error) {
	path, err := s.path(name)
	if errors.Is(err, ErrBadName) {
		return "", engine.ErrNoDatabase.Because(err, "database", name)
	}
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", engine.ErrPrivilege.Because(err, "user", account(), "object", path)
	case err != nil:
		return "", engine.ErrNoDatabase.Because(err, "database", name)
	case !info.Mode().IsRegular():
		return "", engine.ErrNoDatabase.Because(errors.New("not a regular file"), "database", name)
	}
	return path, nil
}

// account names who we are, for messages about rights.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint(os.Getuid())
}
