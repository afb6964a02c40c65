package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rahatbackup/rahat/internal/engine"
)

// Bounds of a search, so that a folder like / does not keep us for hours.
const (
	maxDepth     = 5       // folders below the root
	maxEntries   = 100_000 // files and folders looked at
	maxDatabases = 5_000
)

// Probe implements [engine.Server].
func (s *server) Probe(ctx context.Context) (engine.Info, error) {
	dbs, err := s.Discover(ctx)
	if err != nil {
		return engine.Info{}, fmt.Errorf("probe: %w", err)
	}
	info := engine.Info{Version: version(), Product: "SQLite"}
	for _, d := range dbs {
		info.SizeBytes += d.SizeBytes
	}
	return info, nil
}

// version is that of the SQLite inside this program.
func version() string { return sqlite3.SQLITE_VERSION }

// Discover implements [engine.Server]. In a folder it lists the files that
// begin as SQLite files do, to a small depth and without following symbolic
// links. An empty file is one only if it is the address.
func (s *server) Discover(ctx context.Context) ([]engine.Database, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	root, only, err := s.root()
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	if only != "" {
		d, err := single(filepath.Join(root, only))
		if err != nil {
			return nil, fmt.Errorf("discover: %w", err)
		}
		return []engine.Database{d}, nil
	}
	f := finder{ctx: ctx, root: root}
	if err := filepath.WalkDir(root, f.visit); err != nil && !errors.Is(err, fs.SkipAll) {
		return nil, fmt.Errorf("discover: %w", err)
	}
	slices.SortFunc(f.found, func(a, b engine.Database) int { return strings.Compare(a.Name, b.Name) })
	return f.found, nil
}

func single(path string) (engine.Database, error) {
	d := engine.Database{Name: filepath.Base(path), Readable: true}
	_, err := header(path)
	if errors.Is(err, engine.ErrPrivilege) {
		d.Readable = false
		err = nil
	}
	if err != nil {
		return d, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return d, err
	}
	d.SizeBytes = info.Size()
	return d, nil
}

type finder struct {
	ctx     context.Context
	root    string
	entries int
	found   []engine.Database
}

func (f *finder) visit(path string, e fs.DirEntry, err error) error {
	if cause := context.Cause(f.ctx); cause != nil {
		return cause
	}
	if err != nil {
		if path == f.root {
			return err
		}
		return nil // a folder we may not read, or that is gone, is none to back up
	}
	if f.entries++; f.entries > maxEntries || len(f.found) >= maxDatabases {
		return fs.SkipAll
	}
	rel, err := filepath.Rel(f.root, path)
	if err != nil {
		return err
	}
	if e.IsDir() {
		if rel != "." && strings.Count(filepath.ToSlash(rel), "/")+1 > maxDepth {
			return fs.SkipDir
		}
		return nil
	}
	if d, ok := candidate(path, e); ok {
		d.Name = filepath.ToSlash(rel)
		f.found = append(f.found, d)
	}
	return nil
}

// candidate looks whether a file is a database. One that we may not read is
// listed when its name says that it is one.
func candidate(path string, e fs.DirEntry) (d engine.Database, ok bool) {
	if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), tempPrefix) {
		return d, false
	}
	for _, end := range sideFiles {
		if strings.HasSuffix(e.Name(), end) {
			return d, false
		}
	}
	head, err := header(path)
	switch {
	case errors.Is(err, engine.ErrPrivilege):
		return d, slices.Contains([]string{".db", ".sqlite", ".sqlite3", ".db3"}, strings.ToLower(filepath.Ext(path)))
	case err != nil || len(head) == 0:
		return d, false
	}
	if info, err := e.Info(); err == nil {
		d.SizeBytes = info.Size()
	}
	d.Readable = true
	return d, true
}
