package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// leastCopyAge is how old a copy of the catalog gets at least before there is a
// newer one, and again for each mebibyte: of a large one less is written.
const leastCopyAge = 10 * time.Minute

// copyOf is where the copy of the catalog in a file lies: it has what neither the
// repositories nor the mirror have, the history of runs, proofs, what waits to be
// told.
func copyOf(file string) string { return file + ".copy" }

// KeepCopy makes a new copy of the catalog if it has changed since the last one,
// which is not quite new. It stops nobody. A catalog that is damaged does not
// get over a good copy.
func (db *DB) KeepCopy(ctx context.Context, now time.Time) error {
	changes := db.changes.Load()
	last, err := os.Stat(copyOf(db.file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("look at copy of catalog: %w", err)
	case db.copied.Load() == changes:
		return nil
	default:
		wait := leastCopyAge * time.Duration(1+last.Size()>>20)
		if age := now.Sub(last.ModTime()); age >= 0 && age < wait {
			return nil
		}
	}
	return db.saveCopy(ctx, changes, now)
}

// LastCopy makes a copy before the catalog is closed, unless that takes long.
func (db *DB) LastCopy(ctx context.Context, now time.Time) error {
	changes := db.changes.Load()
	info, err := os.Stat(db.file)
	if err != nil || info.Size() > checkedWhole || db.copied.Load() == changes {
		return err
	}
	return db.saveCopy(ctx, changes, now)
}

func (db *DB) saveCopy(ctx context.Context, changes uint64, now time.Time) error {
	temp := copyOf(db.file) + ".new"
	err := newFile(temp, func(f *os.File) error {
		// SQLite fills an empty file, which keeps its rights.
		if err := vacuumInto(ctx, db.file, temp); err != nil {
			return wrap(err)
		}
		return os.Chtimes(temp, now, now)
	})
	if err == nil {
		err = os.Rename(temp, copyOf(db.file))
	}
	if err != nil {
		return fmt.Errorf("copy catalog: %w", err)
	}
	db.copied.Store(changes)
	return nil
}

// vacuumInto copies a catalog on a connection of its own, with a small cache:
// every page is read once. What the connections that stay would take for it,
// they would not give back.
func vacuumInto(ctx context.Context, file, to string) error {
	pool, err := connect(file, "deferred", 1, 100)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", to)
	return errors.Join(err, pool.Close())
}

// newFile makes a private file that is on the disk when f has filled it, or is
// not there.
func newFile(path string, f func(*os.File) error) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = f(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// takeCopy puts the copy in the place of the catalog, which is not there, and
// opens it.
func takeCopy(ctx context.Context, file, config string) (*DB, time.Time, error) {
	info, err := os.Stat(copyOf(file))
	if err != nil {
		return nil, time.Time{}, err
	}
	err = newFile(file, func(f *os.File) error {
		from, err := os.Open(copyOf(file))
		if err != nil {
			return err
		}
		_, err = io.Copy(f, from)
		return errors.Join(err, from.Close())
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	db, err := open(ctx, file, config)
	if err == nil {
		if err = db.SetSetting(ctx, keyUnread, strconv.FormatBool(true)); err == nil {
			db.fresh = true
			return db, info.ModTime(), nil
		}
		err = errors.Join(err, db.Close())
	}
	return nil, time.Time{}, errors.Join(err, removeCatalog(file))
}

// A loss is what became of a catalog that was there.
type loss struct {
	cause error  // nil: the file is gone or empty
	aside string // where a damaged one lies now
}

// makeUp makes a catalog in the place of one that is not there any more: out of
// the copy and the mirror, or of the mirror alone.
func (l loss) makeUp(ctx context.Context, file, config string) (*DB, error) {
	db, at, err := takeCopy(ctx, file, config)
	if err == nil {
		p := ErrCopied
		if l.cause == nil {
			p = ErrMissingCopied
		}
		db.recovered = p.Because(l.cause, "path", l.aside, "at", at.UTC().Format(time.RFC3339))
		return db, nil
	}
	l.cause = errors.Join(l.cause, err)
	if db, err = open(ctx, file, config); err == nil {
		db.recovered = ErrRecovered.Because(l.cause, "path", l.aside)
	}
	return db, err
}

// removeCatalog removes one that cannot be used and has nothing that is not
// elsewhere.
func removeCatalog(file string) error {
	var errs []error
	for _, suffix := range parts {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
