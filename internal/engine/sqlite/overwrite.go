package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite"

	"github.com/rahatbackup/rahat/internal/engine"
)

// overwrite replaces the target's content by that of the file temp.
func (r *restore) overwrite(ctx context.Context, temp string) error {
	err := r.inPlace(ctx, temp)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotDatabase) {
		// No program can work with such a file, so it may be replaced.
		return r.replace(ctx, temp)
	}
	if errors.Is(err, ErrBusy) {
		return ErrInUse.Because(err, "path", r.path)
	}
	if errors.Is(err, engine.ErrPrivilege) {
		return engine.ErrTargetPrivilege.Because(err, "user", account(), "address", r.path)
	}
	return err
}

// inPlace has SQLite copy all pages in one transaction
// (https://www.sqlite.org/backup.html). Owner, rights and inode of the file
// stay, and so do the connections of others.
func (r *restore) inPlace(ctx context.Context, temp string) error {
	c, err := open(ctx, r.path, "rw", "synchronous(full)")
	if err != nil {
		return err
	}
	err = c.matchPageSize(ctx, r.part.PageSize)
	if err == nil {
		err = c.Raw(func(dc any) error { return copyPages(ctx, dc, temp) })
		err = explain(ctx, err, r.path)
	}
	return errors.Join(err, c.Close())
}

// matchPageSize leaves WAL mode when the sizes differ, because pages in a WAL
// keep theirs. That needs the database for ourselves.
func (c *conn) matchPageSize(ctx context.Context, want int) error {
	var have int
	if err := c.one(ctx, &have, "PRAGMA page_size"); err != nil || have == want {
		return err
	}
	var mode string
	return c.one(ctx, &mode, "PRAGMA journal_mode = DELETE")
}

// stepPages is how many pages are copied between two looks at ctx.
const stepPages = 2000

func copyPages(ctx context.Context, dc any, from string) (err error) {
	restorer, ok := dc.(interface {
		NewRestore(uri string) (*driver.Backup, error)
	})
	if !ok {
		return fmt.Errorf("copy pages: %T cannot", dc)
	}
	b, err := restorer.NewRestore(uri(from, "rw"))
	if err != nil {
		return err
	}
	// Finish rolls back unless the last step was reached.
	defer func() { err = errors.Join(err, b.Finish()) }()
	for more := true; more; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if more, err = b.Step(stepPages); err != nil {
			return err
		}
	}
	return nil
}

// replace renames temp over a file that is not usable, keeping its rights.
func (r *restore) replace(ctx context.Context, temp string) error {
	info, err := os.Lstat(r.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.cannotWrite(err)
	}
	if err == nil {
		err = errors.Join(os.Chmod(temp, info.Mode().Perm()), keepOwner(temp, info))
	} else {
		err = nil
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return r.cannotWrite(err)
	}
	// First what belongs to the old file: SQLite would play it into the new.
	if err := removeSides(r.path); err != nil {
		return r.cannotWrite(err)
	}
	if err := os.Rename(temp, r.path); err != nil {
		return r.cannotWrite(fmt.Errorf("replace: %w", err))
	}
	return syncDir(filepath.Dir(r.path))
}
