// Package catalog is the agent's memory: configured servers, destinations and
// jobs, the history of runs, and what the repositories hold. It may be lost:
// backups come back from the manifests, the configuration from a mirror in plain
// JSON beside it, and the history of runs, proofs and what else there is from a
// copy that is made every few minutes. It holds no secrets.
package catalog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it.
var (
	// ErrOpen: the catalog {path} cannot be opened: {cause}.
	ErrOpen = problem.New("catalog.open_failed")
	// ErrTooNew: the catalog {path} was written by a newer version.
	ErrTooNew = problem.New("catalog.too_new")
	// ErrDamaged: the catalog cannot be read.
	ErrDamaged = problem.New("catalog.damaged")
	// ErrRecovered is no failure but a warning: the damaged catalog was put
	// aside as {path}, and a new one begun.
	ErrRecovered = problem.New("catalog.recovered")
	// ErrCopied (warning): the damaged catalog was put aside as {path}, and the
	// copy of {at} took its place.
	ErrCopied = problem.New("catalog.copied")
	// ErrMissing (warning): the catalog was gone, and a new one was begun.
	ErrMissing = problem.New("catalog.missing")
	// ErrMissingCopied (warning): the catalog was gone, and the copy of {at}
	// took its place.
	ErrMissingCopied = problem.New("catalog.missing_copied")
	// ErrMirror: the copy of the configuration {path} cannot be written or
	// read: {cause}.
	ErrMirror = problem.New("catalog.mirror_failed")
	// ErrNoSpace: the disk with the catalog is full.
	ErrNoSpace = problem.New("catalog.no_space")
	// ErrNotFound: there is no record of that name. Callers give it the
	// problem of what they were looking for.
	ErrNotFound = errors.New("no such record")
	// ErrExists: there is a record of that name.
	ErrExists = errors.New("record exists")
)

//go:embed schema/schema.sql migrations/*.sql
var files embed.FS

// A DB is an open catalog. Its methods may be called from several goroutines:
// readers see the last committed state, writers wait for each other.
type DB struct {
	read, write *sql.DB
	file        string
	mirror      mirror
	edit        sync.Mutex // held while the configuration and its mirror change
	changes     atomic.Uint64
	copied      atomic.Uint64 // the changes that the copy has
	begun       bool          // there was no catalog before
	fresh       bool
	recovered   *problem.Problem
}

// Open opens the catalog in file, and makes one if there is none, with the
// configuration that the file config mirrors. One that is gone or cannot be read,
// which is put aside first, is made anew from its copy; [DB.Recovered] tells.
func Open(ctx context.Context, file, config string, now time.Time) (*DB, error) {
	mirrored, copied := exists(config), exists(copyOf(file))
	db, err := open(ctx, file, config)
	var l loss
	switch {
	case err == nil && !(db.begun && copied):
		if db.begun && mirrored {
			db.recovered = ErrMissing.Because(nil)
		}
		return db, nil
	case err == nil:
		err = errors.Join(db.Close(), removeCatalog(file))
	case errors.Is(err, ErrMirror) && copied: // it was needed, and is damaged as well
		err = removeCatalog(file)
	case damaged(err):
		l = loss{cause: err, aside: fmt.Sprintf("%s.damaged-%s", file, now.UTC().Format("20060102T150405.000"))}
		err = putAside(file, l.aside)
	}
	if err == nil {
		db, err = l.makeUp(ctx, file, config)
	}
	if err != nil {
		return nil, openProblem(err, file)
	}
	return db, nil
}

func openProblem(err error, file string) error {
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return err
	}
	return ErrOpen.Because(err, "path", file, "cause", err.Error())
}

// Fresh reports whether backups have to be read from the destinations, because
// this catalog was begun or taken from a copy. It does until [DB.Settle].
func (db *DB) Fresh() bool { return db.fresh }

// Settle takes note that the backups are read, or will be whatever happens.
func (db *DB) Settle(ctx context.Context) error {
	db.fresh = false
	return db.SetSetting(ctx, keyUnread, strconv.FormatBool(false))
}

// Recovered returns a warning if the catalog was damaged or gone.
func (db *DB) Recovered() *problem.Problem { return db.recovered }

// Close closes the catalog.
func (db *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write} {
		if pool != nil { // Open may have failed half-way
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Shrink gives back the memory that holds pages of the catalog's file, which a
// day's work fills. It may be called at any time, also while others read.
func (db *DB) Shrink(ctx context.Context) error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write} {
		_, err := pool.ExecContext(ctx, "PRAGMA shrink_memory")
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("shrink catalog: %w", err)
	}
	return nil
}

// open opens or makes the catalog and brings it to the newest form.
func open(ctx context.Context, file, config string) (db *DB, err error) {
	// SQLite gives its other files the rights of this one.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db = &DB{file: file, mirror: mirror{path: config}}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if db.write, err = connect(file, "immediate", 1, cached); err != nil {
		return db, err
	}
	if db.read, err = connect(file, "deferred", 2, cached); err != nil {
		return db, err
	}
	if err = db.migrate(ctx); err != nil {
		return db, err
	}
	if err = db.check(ctx); err != nil {
		return db, err
	}
	unread, err := db.Setting(ctx, keyUnread)
	if err != nil {
		return db, err
	}
	db.fresh = unread == strconv.FormatBool(true)
	return db, db.agree(ctx)
}

// cached is how much of the catalog's pages a connection keeps in memory, in KiB.
// The system keeps all of them; more here would only grow with the catalog.
const cached = 250

// connect opens a pool of connections, each of which caches so many KiB.
// Transactions of the writer take the write lock at once, so that none fails
// half-way.
func connect(file, lock string, most, cache int) (*sql.DB, error) {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", fmt.Sprintf("cache_size(-%d)", cache),
	}, "_txlock": {lock}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: q.Encode()}
	pool, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(1)
	return pool, nil
}

// migrate brings the tables to the newest form, and fills a new catalog from
// the mirror, in one transaction: a catalog is never seen without its
// configuration.
func (db *DB) migrate(ctx context.Context) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	newest := len(steps)
	var have int
	if err := db.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	switch {
	case have == newest:
		return nil
	case have > newest:
		return ErrTooNew.Because(fmt.Errorf("form %d, we know %d", have, newest), "path", db.file)
	case have == 0:
		db.begun = true
		schema, err := files.ReadFile("schema/schema.sql")
		if err != nil {
			return err
		}
		steps = []string{string(schema)}
	default:
		steps = steps[have:]
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, step := range steps {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return fmt.Errorf("change tables: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", newest)); err != nil || !db.begun {
			return err
		}
		if err := insertSetting(ctx, tx, keyUnread, strconv.FormatBool(true)); err != nil {
			return err
		}
		return db.mirror.restore(ctx, tx)
	})
}

// migrations returns the steps in order; step n leads to form n+1.
func migrations() ([]string, error) {
	entries, err := fs.ReadDir(files, "migrations") // sorted by name
	if err != nil {
		return nil, err
	}
	steps := make([]string, 0, len(entries))
	for i, e := range entries {
		if want := fmt.Sprintf("%04d_", i+1); len(e.Name()) < 5 || e.Name()[:5] != want {
			return nil, fmt.Errorf("migration %s does not begin with %s", e.Name(), want)
		}
		text, err := files.ReadFile(path.Join("migrations", e.Name()))
		if err != nil {
			return nil, err
		}
		steps = append(steps, string(text))
	}
	return steps, nil
}

// checkedWhole is the size up to which a catalog is read through at every
// start, in bytes; more would delay the start.
const checkedWhole = 8 << 20

// check finds damage, in all of a small catalog, else in the tables of the
// configuration.
func (db *DB) check(ctx context.Context) error {
	info, err := os.Stat(db.file)
	if err != nil {
		return err
	}
	var report string
	if info.Size() <= checkedWhole {
		if err = db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&report); err == nil && report == "ok" {
			report, err = db.checkDocuments(ctx)
		}
	} else {
		report = "ok"
		for _, table := range []string{"servers", "destinations", "jobs"} {
			if err == nil {
				err = db.read.QueryRowContext(ctx, "PRAGMA quick_check("+table+")").Scan(&report)
			}
		}
	}
	if err == nil && report != "ok" {
		err = ErrDamaged.Because(errors.New(report))
	}
	return err
}

// checkDocuments names a table with a document that is none, or says ok: SQLite
// does not look into what it keeps.
func (db *DB) checkDocuments(ctx context.Context) (string, error) {
	for table, column := range map[string]string{
		"servers": "options", "destinations": "options", "jobs": "definition", "channels": "definition", "runs": "run", "backups": "backup",
		"proofs": "proof", "labels": "label", "letters": "letter",
	} {
		var bad bool
		if err := db.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+" WHERE NOT json_valid("+column+"))").Scan(&bad); err != nil {
			return "", err
		}
		if bad {
			return "documents of " + table, nil
		}
	}
	return "ok", nil
}

// damaged reports whether err says that the file is no good, as opposed to
// locked, forbidden or on a full disk.
func damaged(err error) bool {
	if errors.Is(err, ErrDamaged) {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	primary := e.Code() & 0xff // the rest says more about it
	return primary == sqlite3.SQLITE_CORRUPT || primary == sqlite3.SQLITE_NOTADB
}

// parts are the endings of what SQLite keeps beside a catalog, and of itself.
var parts = []string{"-wal", "-shm", ""}

// putAside renames the catalog with what belongs to it.
func putAside(file, aside string) error {
	for _, suffix := range parts {
		err := os.Rename(file+suffix, aside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put damaged catalog aside: %w", err)
		}
	}
	return nil
}

// Changes counts what was written since the catalog was opened. Who asked for
// it first and then read something need not read it again while it is the same.
func (db *DB) Changes() uint64 { return db.changes.Load() }

// change runs f in a transaction: all of it happens, or nothing.
func (db *DB) change(ctx context.Context, f func(tx *sql.Tx) error) error {
	defer db.changes.Add(1)
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return wrap(err)
	}
	if err := f(tx); err != nil {
		// What f said matters more than whether the rollback was clean; the
		// driver gives up the connection if it was not.
		_ = tx.Rollback()
		return wrap(err)
	}
	return wrap(tx.Commit())
}

// wrap gives errors of SQLite a problem that says what to do.
func wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case damaged(err) && !errors.Is(err, ErrDamaged):
		return ErrDamaged.Because(err)
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() {
		case sqlite3.SQLITE_FULL:
			return ErrNoSpace.Because(err)
		case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE:
			return fmt.Errorf("%w: %w", ErrExists, err)
		}
	}
	return err
}
