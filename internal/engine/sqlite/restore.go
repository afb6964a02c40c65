package sqlite

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// Restore implements [engine.Server]. Target.Database is a path below the
// folder of the server, whose missing folders are made, or an absolute one.
//
// A new database is written under a temporary name, flushed, and then named in
// one step. An existing one is overwritten by SQLite itself in one
// transaction, so that programs that have it open go on with the new content
// and a crash leaves the old or the new one.
func (s *server) Restore(ctx context.Context, src engine.Source, target engine.Target) (engine.Restored, error) {
	target.Tables = slices.Clone(target.Tables)
	r := &restore{src: src, target: target}
	done, err := r.run(ctx, s)
	if err != nil {
		return engine.Restored{}, fmt.Errorf("restore to %s: %w", target.Database, err)
	}
	return done, nil
}

type restore struct {
	src    engine.Source
	target engine.Target
	part   backup.StoredPart
	path   string // of the target
	exists bool   // something is there already
}

func (r *restore) run(ctx context.Context, s *server) (done engine.Restored, err error) {
	if err := r.check(ctx, s); err != nil {
		return done, err
	}
	dir := filepath.Dir(r.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return done, r.cannotWrite(err)
	}
	sweep(dir)
	temp, err := r.fetch(ctx, dir)
	if err != nil {
		return done, r.cannotWrite(err)
	}
	defer func() { err = errors.Join(err, removeDatabase(temp)) }()
	done.Bytes = r.part.Bytes
	if len(r.target.Tables) > 0 {
		done.Rows, err = r.tables(ctx, temp)
		return done, err
	}
	if r.exists {
		return done, r.overwrite(ctx, temp)
	}
	return done, r.publish(ctx, temp)
}

// check finds out everything that can be known before something is written.
func (r *restore) check(ctx context.Context, s *server) (err error) {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if r.path, err = s.path(r.target.Database); err != nil {
		return err
	}
	if r.part, err = databasePart(r.src.Manifest()); err != nil {
		return err
	}
	if err := r.hasTables(); err != nil {
		return err
	}
	if err := r.mayWrite(); err != nil {
		return err
	}
	if r.target.Scratch {
		return nil
	}
	return r.enoughRoom(ctx)
}

func databasePart(m *backup.Manifest) (backup.StoredPart, error) {
	for _, p := range m.Parts {
		if p.Name == partName && p.Format == format {
			return p, nil
		}
	}
	return backup.StoredPart{}, fmt.Errorf("the backup holds no part %q of format %q", partName, format)
}

// hasTables looks for the wanted tables in the manifest, before the backup is
// read.
func (r *restore) hasTables() error {
	if len(r.target.Tables) == 0 {
		return nil
	}
	var d detail
	if err := json.Unmarshal(r.src.Manifest().Detail, &d); err != nil {
		return fmt.Errorf("read detail of the backup: %w", err)
	}
	for i, want := range r.target.Tables {
		name, ok := findTable(d.Tables, want)
		if !ok {
			return engine.ErrTableNotFound.Because(nil, "table", want)
		}
		r.target.Tables[i] = name
	}
	return nil
}

// findTable looks a table up as SQLite does: ASCII letters in any case, and
// "main." in front or not.
func findTable(tables []string, want string) (name string, ok bool) {
	for _, t := range tables {
		if asciiEqual(t, want) || asciiEqual("main."+t, want) {
			return t, true
		}
	}
	return "", false
}

func asciiEqual(a, b string) bool { return asciiLower(a) == asciiLower(b) }

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// mayWrite looks at what is in the place of the target.
func (r *restore) mayWrite() error {
	info, err := os.Lstat(r.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r.noRemains()
	case err != nil:
		return r.cannotWrite(err)
	case !info.Mode().IsRegular():
		return engine.ErrTargetExists.Because(errors.New("not a regular file"), "database", r.target.Database)
	}
	r.exists = true
	if len(r.target.Tables) == 0 && !r.target.Overwrite {
		return engine.ErrTargetExists.Because(nil, "database", r.target.Database)
	}
	_, err = header(r.path) // a photograph is not overwritten by mistake
	return err
}

// noRemains refuses a name beside which the WAL or journal of a database that
// is gone still lies: SQLite would play it into the restored one.
func (r *restore) noRemains() error {
	for _, end := range sideFiles {
		if _, err := os.Lstat(r.path + end); err == nil && !r.target.Overwrite {
			return engine.ErrTargetExists.Because(fmt.Errorf("%s%s is left of an earlier database", r.path, end), "database", r.target.Database)
		}
	}
	return nil
}

// enoughRoom asks for the size of the new database, and once more for the
// journal when an old one is overwritten.
func (r *restore) enoughRoom(ctx context.Context) error {
	usage, err := disk.UsageWithContext(ctx, ground(r.path))
	if err != nil {
		return fmt.Errorf("measure free space: %w", err)
	}
	need := uint64(r.part.Bytes)
	if r.exists {
		need *= 2
	}
	if usage.Free < need {
		return engine.ErrTargetSpace.Because(nil, "database", r.target.Database,
			"need", strconv.FormatUint(need, 10), "free", strconv.FormatUint(usage.Free, 10))
	}
	return nil
}

// noRoom reports whether the disk of a path is full, so that SQLite could not
// make the smallest of its files.
func noRoom(path string) bool {
	usage, err := disk.Usage(ground(path))
	return err == nil && usage.Free < 64<<10
}

// ground is the folder of a path, or the nearest above it that exists.
func ground(path string) string {
	dir := filepath.Dir(path)
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// fetch writes the backup's file into dir under a temporary name.
func (r *restore) fetch(ctx context.Context, dir string) (temp string, err error) {
	f, err := os.CreateTemp(dir, tempPrefix+"restore-*.tmp") // mode 0600
	if err != nil {
		return "", err
	}
	err = r.copyTo(ctx, f)
	if err == nil && !r.target.Scratch {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = checkImage(f.Name(), r.part)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (r *restore) copyTo(ctx context.Context, f *os.File) error {
	in, err := r.src.Open(ctx, r.part)
	if err != nil {
		return fmt.Errorf("open backup: %w", err)
	}
	w := &progress{f: f, total: r.part.Bytes, observe: r.target.Observe}
	if err := errors.Join(copyAll(ctx, w, in, r.part.Bytes), in.Close()); err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	return nil
}

// progress is a file that reports how much was written.
type progress struct {
	f           *os.File
	done, total int64
	observe     backup.Observe
}

func (p *progress) Write(b []byte) (int, error) {
	n, err := p.f.Write(b)
	p.done += int64(n)
	if p.observe != nil {
		p.observe(backup.Progress{Phase: backup.PhaseLoad, Item: partName, Done: p.done, Total: p.total})
	}
	return n, err
}

// checkImage looks whether a file can be what the part says.
func checkImage(path string, part backup.StoredPart) error {
	head, err := header(path)
	if err != nil || len(head) == 0 {
		return err
	}
	if len(head) < 100 {
		return ErrCorrupt.Because(errors.New("shorter than a header"), "path", path)
	}
	size := int64(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 65536
	}
	if size != int64(part.PageSize) || part.Bytes%size != 0 {
		return ErrCorrupt.Because(fmt.Errorf("pages of %d bytes, %d bytes in all, the manifest says pages of %d", size, part.Bytes, part.PageSize), "path", path)
	}
	return nil
}

// publish gives a finished file the target's name, which must be free.
func (r *restore) publish(ctx context.Context, temp string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if r.target.Overwrite {
		if err := removeSides(r.path); err != nil {
			return r.cannotWrite(err)
		}
	}
	err := os.Link(temp, r.path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without links. Nobody else can have made the name
		// between the look and the rename but by a race of milliseconds.
		if _, serr := os.Lstat(r.path); errors.Is(serr, fs.ErrNotExist) {
			err = os.Rename(temp, r.path)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return engine.ErrTargetExists.Because(err, "database", r.target.Database)
	}
	if err != nil {
		return r.cannotWrite(err)
	}
	if r.target.Scratch {
		return nil
	}
	return syncDir(filepath.Dir(r.path))
}

// cannotWrite names what keeps us from writing the target.
func (r *restore) cannotWrite(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return engine.ErrTargetPrivilege.Because(err, "user", account(), "address", filepath.Dir(r.path))
	}
	return meaning(err, r.path)
}

// removeDatabase removes a file and what SQLite may have put beside it.
func removeDatabase(path string) error {
	return errors.Join(ignore(os.Remove(path), fs.ErrNotExist), removeSides(path))
}

func removeSides(path string) error {
	var errs []error
	for _, end := range sideFiles {
		errs = append(errs, ignore(os.Remove(path+end), fs.ErrNotExist))
	}
	return errors.Join(errs...)
}

// sweep removes what restores left that died more than a day ago.
func sweep(dir string) {
	old, err := filepath.Glob(filepath.Join(dir, tempPrefix+"restore-*"))
	if err != nil {
		return // a folder whose name is no pattern keeps its litter
	}
	for _, path := range old {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > 24*time.Hour {
			// What cannot be removed harms nobody: the next restore tries again.
			_ = os.Remove(path)
		}
	}
}

// Drop implements [engine.Dropper].
func (s *server) Drop(ctx context.Context, database string) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("drop %s: %w", database, err)
	}
	path, err := s.existing(database)
	if errors.Is(err, engine.ErrNoDatabase) {
		return nil
	}
	if err == nil {
		_, err = header(path) // only databases are dropped
	}
	if err == nil {
		err = removeDatabase(path)
	}
	if err != nil {
		return fmt.Errorf("drop %s: %w", database, err)
	}
	return nil
}
