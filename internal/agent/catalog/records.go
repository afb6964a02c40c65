package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/control"
)

// Servers lists the servers by name.
func (db *DB) Servers(ctx context.Context) ([]control.Server, error) {
	return list(ctx, db.read, scanServer, "SELECT name, engine, address, user, options FROM servers ORDER BY name")
}

// Server returns one server, or [ErrNotFound].
func (db *DB) Server(ctx context.Context, name string) (control.Server, error) {
	return one(ctx, db.read, scanServer, "SELECT name, engine, address, user, options FROM servers WHERE name = ?", name)
}

// AddServer adds a server; [ErrExists] if there is one of that name.
func (db *DB) AddServer(ctx context.Context, s control.Server) error {
	return db.configure(ctx, func(tx *sql.Tx) error { return insertServer(ctx, tx, s) })
}

// EditServer changes the server of the same name, or says [ErrNotFound].
func (db *DB) EditServer(ctx context.Context, s control.Server) error {
	options, err := encodeOptions(s.Options)
	if err != nil {
		return err
	}
	return db.configure(ctx, func(tx *sql.Tx) error {
		return affectOne(tx.ExecContext(ctx, "UPDATE servers SET engine = ?, address = ?, user = ?, options = ? WHERE name = ?",
			s.Engine, s.Address, s.User, options, s.Name))
	})
}

// RemoveServer removes a server, or says [ErrNotFound].
func (db *DB) RemoveServer(ctx context.Context, name string) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		return affectOne(tx.ExecContext(ctx, "DELETE FROM servers WHERE name = ?", name))
	})
}

func insertServer(ctx context.Context, tx *sql.Tx, s control.Server) error {
	options, err := encodeOptions(s.Options)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO servers VALUES (?, ?, ?, ?, ?)", s.Name, s.Engine, s.Address, s.User, options)
	return err
}

func encodeOptions(options map[string]string) (string, error) {
	if options == nil {
		options = map[string]string{}
	}
	j, err := json.Marshal(options)
	if err != nil {
		return "", fmt.Errorf("encode server options: %w", err)
	}
	return string(j), nil
}

func scanServer(row scanner) (s control.Server, err error) {
	var options string
	if err := row.Scan(&s.Name, &s.Engine, &s.Address, &s.User, &options); err != nil {
		return s, err
	}
	err = json.Unmarshal([]byte(options), &s.Options)
	if len(s.Options) == 0 {
		s.Options = nil
	}
	return s, err
}

const selectDestinations = "SELECT name, url, repository, options FROM destinations"

// Destinations lists the destinations by name.
func (db *DB) Destinations(ctx context.Context) ([]control.Destination, error) {
	return list(ctx, db.read, scanDestination, selectDestinations+" ORDER BY name")
}

// Destination returns one destination, or [ErrNotFound].
func (db *DB) Destination(ctx context.Context, name string) (control.Destination, error) {
	return one(ctx, db.read, scanDestination, selectDestinations+" WHERE name = ?", name)
}

// AddDestination adds a destination; [ErrExists] if its name or its repository
// is already there.
func (db *DB) AddDestination(ctx context.Context, d control.Destination) error {
	return db.configure(ctx, func(tx *sql.Tx) error { return insertDestination(ctx, tx, d) })
}

// EditDestination changes the destination of the same name, or says
// [ErrNotFound].
func (db *DB) EditDestination(ctx context.Context, d control.Destination) error {
	options, err := encodeDestination(d)
	if err != nil {
		return err
	}
	return db.configure(ctx, func(tx *sql.Tx) error {
		return affectOne(tx.ExecContext(ctx, "UPDATE destinations SET url = ?, repository = ?, options = ? WHERE name = ?",
			d.URL, d.Repository, options, d.Name))
	})
}

// RemoveDestination removes a destination and forgets its backups, which stay
// where they are. [ErrNotFound] if there is none.
func (db *DB) RemoveDestination(ctx context.Context, name string) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		if err := forgetRepository(ctx, tx, name); err != nil {
			return err
		}
		return affectOne(tx.ExecContext(ctx, "DELETE FROM destinations WHERE name = ?", name))
	})
}

func insertDestination(ctx context.Context, tx *sql.Tx, d control.Destination) error {
	options, err := encodeDestination(d)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO destinations (name, url, repository, options) VALUES (?, ?, ?, ?)", d.Name, d.URL, d.Repository, options)
	return err
}

// encodeDestination returns what of a destination has no column.
func encodeDestination(d control.Destination) (string, error) {
	d.Name, d.URL, d.Repository = "", "", ""
	j, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("encode destination: %w", err)
	}
	return string(j), nil
}

func scanDestination(row scanner) (d control.Destination, err error) {
	var name, url, repository, options string
	if err := row.Scan(&name, &url, &repository, &options); err != nil {
		return d, err
	}
	err = json.Unmarshal([]byte(options), &d)
	d.Name, d.URL, d.Repository = name, url, repository
	return d, err
}

// Jobs lists the jobs by name.
func (db *DB) Jobs(ctx context.Context) ([]control.Job, error) {
	return list(ctx, db.read, scanJSON[control.Job], "SELECT definition FROM jobs ORDER BY name")
}

// Job returns one job, or [ErrNotFound].
func (db *DB) Job(ctx context.Context, name string) (control.Job, error) {
	return one(ctx, db.read, scanJSON[control.Job], "SELECT definition FROM jobs WHERE name = ?", name)
}

// AddJob adds a job; [ErrExists] if there is one of that name.
func (db *DB) AddJob(ctx context.Context, j control.Job) error {
	return db.configure(ctx, func(tx *sql.Tx) error { return insertJob(ctx, tx, j) })
}

// EditJob changes the job called name, and maybe its name. f gets the job as
// it is and returns it as it shall be; [ErrNotFound] if there is none.
func (db *DB) EditJob(ctx context.Context, name string, f func(control.Job) (control.Job, error)) (control.Job, error) {
	var edited control.Job
	err := db.configure(ctx, func(tx *sql.Tx) error {
		old, err := one(ctx, tx, scanJSON[control.Job], "SELECT definition FROM jobs WHERE name = ?", name)
		if err != nil {
			return err
		}
		if edited, err = f(old); err != nil {
			return err
		}
		if err := affectOne(tx.ExecContext(ctx, "DELETE FROM jobs WHERE name = ?", name)); err != nil {
			return err
		}
		return insertJob(ctx, tx, edited)
	})
	return edited, err
}

// RemoveJob removes a job, or says [ErrNotFound].
func (db *DB) RemoveJob(ctx context.Context, name string) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		return affectOne(tx.ExecContext(ctx, "DELETE FROM jobs WHERE name = ?", name))
	})
}

func insertJob(ctx context.Context, tx *sql.Tx, j control.Job) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO jobs VALUES (?, ?)", j.Name, string(text))
	return err
}

// Setting returns one value, or "" if it was never set.
func (db *DB) Setting(ctx context.Context, key string) (string, error) {
	var v string
	err := db.read.QueryRowContext(ctx, "SELECT value FROM settings WHERE key = ?", key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, wrap(err)
}

// SetSetting sets one value.
func (db *DB) SetSetting(ctx context.Context, key, value string) error {
	return db.change(ctx, func(tx *sql.Tx) error { return insertSetting(ctx, tx, key, value) })
}

func insertSetting(ctx context.Context, tx *sql.Tx, key, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
	return err
}

type scanner interface{ Scan(dest ...any) error }

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// list reads all rows of a query; the result is never nil.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close()
	all = []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, wrap(err)
		}
		all = append(all, v)
	}
	return all, wrap(rows.Err())
}

// one reads one row, or returns [ErrNotFound].
func one[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	v, err := scan(q.QueryRowContext(ctx, query, args...))
	return v, wrap(err)
}

// scanJSON reads a row of one JSON document.
func scanJSON[T any](row scanner) (v T, err error) {
	var text string
	if err = row.Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, err
}

// affectOne turns a change of nothing into [ErrNotFound].
func affectOne(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}
