package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// ErrAmbiguous: more than one record begins with what was given.
var ErrAmbiguous = errors.New("more than one record")

// Latest stands for the newest record where an ID is wanted.
const Latest = "latest"

// MaxList is how many records a list has at most, and when no number is given.
const MaxList = 1000

// SaveRuns writes runs as they are now, all or none. Progress is not kept. A run
// that ended well takes those off the list of the dead that it makes up for.
func (db *DB) SaveRuns(ctx context.Context, runs ...control.Run) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, r := range runs {
			r.Progress = nil
			text, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encode run: %w", err)
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO runs (id, status, kind, server, database, run, dead) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO UPDATE SET status = excluded.status, run = excluded.run, dead = excluded.dead`,
				r.ID, string(r.Status), string(r.Kind), r.Server, r.Database, string(text), r.Dead)
			if err == nil && r.Status == backup.OK {
				err = bury(ctx, tx, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// bury takes the dead runs that did the same as a run which ended well off
// their list: a copy is one of that backup, anything else of that database and
// place, or of all databases of the server.
func bury(ctx context.Context, tx *sql.Tx, r control.Run) error {
	_, err := tx.ExecContext(ctx, `UPDATE runs SET dead = 0, run = json_remove(run, '$.dead')
		WHERE dead = 1 AND kind = ?1 AND server = ?2 AND database IN (?3, '*') AND coalesce(json_extract(run, '$.destination'), '') = ?4
		AND (kind <> 'copy' OR json_extract(run, '$.backup') = ?5)`,
		string(r.Kind), r.Server, r.Database, r.Destination, r.Backup)
	return err
}

// DeadRuns lists the runs that failed for good and that nobody has seen to,
// newest first.
func (db *DB) DeadRuns(ctx context.Context, limit int) ([]control.Run, error) {
	return list(ctx, db.read, scanJSON[control.Run], "SELECT run FROM runs WHERE dead = 1 ORDER BY seq DESC LIMIT ?", most(limit))
}

// Runs lists runs, newest first.
func (db *DB) Runs(ctx context.Context, limit int) ([]control.Run, error) {
	return list(ctx, db.read, scanJSON[control.Run], "SELECT run FROM runs ORDER BY seq DESC LIMIT ?", most(limit))
}

// UnfinishedRuns lists the runs that are queued or running, oldest first.
func (db *DB) UnfinishedRuns(ctx context.Context) ([]control.Run, error) {
	return list(ctx, db.read, scanJSON[control.Run], "SELECT run FROM runs WHERE status IN ('queued', 'running') ORDER BY seq")
}

// LastRuns returns, for every database of every server, its last run of a kind
// that is over and was not cancelled by a person.
func (db *DB) LastRuns(ctx context.Context, kind backup.RunKind) ([]control.Run, error) {
	return list(ctx, db.read, scanJSON[control.Run], `SELECT run FROM runs WHERE seq IN (
		SELECT max(seq) FROM runs WHERE kind = ? AND status NOT IN ('queued', 'running', 'cancelled') GROUP BY server, database)
		ORDER BY seq`, string(kind))
}

// Run finds a run by its ID, the unique beginning of one, or [Latest].
func (db *DB) Run(ctx context.Context, id string) (control.Run, error) {
	return find(ctx, db.read, scanJSON[control.Run], "SELECT run FROM runs", "seq", id)
}

// A BackupFilter limits a list of backups; its zero value means all.
type BackupFilter struct {
	Database    string
	Destination string // its name
	Limit       int    // at most [MaxList], also for 0
}

const selectBackups = `SELECT b.backup, d.name, (SELECT p.proof FROM proofs p WHERE p.seq = b.proof)
	FROM backups b JOIN destinations d ON d.repository = b.repository`

// Backups lists backups with their newest proofs, newest first.
func (db *DB) Backups(ctx context.Context, f BackupFilter) ([]control.Backup, error) {
	query, args := selectBackups+" WHERE true", []any{}
	if f.Database != "" {
		query, args = query+" AND b.database = ?", append(args, f.Database)
	}
	if f.Destination != "" {
		query, args = query+" AND d.name = ?", append(args, f.Destination)
	}
	query += " ORDER BY b.started DESC, b.id DESC LIMIT ?"
	return list(ctx, db.read, scanBackup, query, append(args, most(f.Limit))...)
}

// LastBackups returns the newest backup of every database of every server.
func (db *DB) LastBackups(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` WHERE b.id IN (
		SELECT id FROM (SELECT id, max(started) FROM backups GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// LastFull returns when the newest full backup of a database on a destination
// began; the zero time when there is none.
func (db *DB) LastFull(ctx context.Context, server, database, destination string) (time.Time, error) {
	scan := func(row scanner) (ms int64, err error) {
		err = row.Scan(&ms)
		return ms, err
	}
	started, err := one(ctx, db.read, scan, `SELECT started FROM backups WHERE server = ? AND database = ? AND json_extract(backup, '$.type') = 'full'
			AND repository = (SELECT repository FROM destinations WHERE name = ?) ORDER BY started DESC LIMIT 1`, server, database, destination)
	switch {
	case errors.Is(err, ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	return time.UnixMilli(started).UTC(), nil
}

// LastProven returns, for every database of every server, the backup that was
// proved last, with that proof.
func (db *DB) LastProven(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` WHERE b.id IN (
		SELECT id FROM (SELECT id, max(proof) FROM backups WHERE proof IS NOT NULL GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// LastWhole returns, for every database of every server, the newest backup of
// which the newest proof succeeded.
func (db *DB) LastWhole(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` WHERE b.id IN (
		SELECT id FROM (SELECT id, max(started) FROM backups WHERE whole = 1 GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// A History says how many backups of a database there are and how its size
// developed.
type History struct {
	Server, Database string
	Backups          int
	Trend            []int64 // plain bytes of the newest, oldest first, at most [MaxTrend]
}

// MaxTrend is how many sizes a History has at most.
const MaxTrend = 30

// Histories returns the history of every database of every server.
func (db *DB) Histories(ctx context.Context) ([]History, error) {
	return list(ctx, db.read, scanHistory, `SELECT s.server, s.database, s.n, (
		SELECT json_group_array(plain ORDER BY started, id) FROM (
			SELECT plain, started, id FROM backups b WHERE b.server = s.server AND b.database = s.database ORDER BY started DESC, id DESC LIMIT ?))
		FROM (SELECT server, database, count(*) n FROM backups GROUP BY server, database) s`, MaxTrend)
}

func scanHistory(row scanner) (h History, err error) {
	var trend string
	if err = row.Scan(&h.Server, &h.Database, &h.Backups, &trend); err == nil {
		err = json.Unmarshal([]byte(trend), &h.Trend)
	}
	return h, err
}

// Backup finds a backup by its ID, the unique beginning of one, or [Latest].
func (db *DB) Backup(ctx context.Context, id string) (control.Backup, error) {
	return find(ctx, db.read, scanBackup, selectBackups, "b.started", id)
}

// find looks up by ID, beginning of an ID, or Latest in the given order.
func find[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query, order, id string) (none T, err error) {
	if id == Latest {
		return one(ctx, q, scan, query+" ORDER BY "+order+" DESC, id DESC LIMIT 1")
	}
	if id == "" || strings.Trim(strings.ToLower(id), "0123456789abcdef-") != "" {
		return none, ErrNotFound
	}
	found, err := list(ctx, q, scan, query+" WHERE id >= ? AND id < ? LIMIT 2", strings.ToLower(id), strings.ToLower(id)+"g")
	switch {
	case err != nil:
		return none, err
	case len(found) == 0:
		return none, ErrNotFound
	case len(found) > 1:
		return none, ErrAmbiguous
	}
	return found[0], nil
}

func scanBackup(row scanner) (b control.Backup, err error) {
	var text, destination string
	var proof sql.NullString
	if err := row.Scan(&text, &destination, &proof); err != nil {
		return b, err
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return b, err
	}
	b.Destination = destination
	if proof.Valid {
		b.Proof = new(control.VerifyResult)
		err = json.Unmarshal([]byte(proof.String), b.Proof)
	}
	return b, err
}

// AddBackup takes note of a backup in a repository; one that is already known
// is replaced.
func (db *DB) AddBackup(ctx context.Context, repository string, b control.Backup) error {
	return db.change(ctx, func(tx *sql.Tx) error { return insertBackup(ctx, tx, repository, b) })
}

// BackupIDs lists the backups that the catalog knows of a repository.
func (db *DB) BackupIDs(ctx context.Context, repository string) ([]string, error) {
	scan := func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}
	return list(ctx, db.read, scan, "SELECT id FROM backups WHERE repository = ?", repository)
}

// SetBackups takes note of backups in a repository and forgets those that are
// gone.
func (db *DB) SetBackups(ctx context.Context, repository string, gone []string, backups []control.Backup) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, id := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM backups WHERE id = ? AND repository = ?", id, repository); err != nil {
				return err
			}
		}
		for _, b := range backups {
			if err := insertBackup(ctx, tx, repository, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertBackup(ctx context.Context, tx *sql.Tx, repository string, b control.Backup) error {
	b.Destination, b.Proof = "", nil
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode backup: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO backups (id, repository, server, database, started, backup, plain) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		b.ID, repository, b.Server, b.Database, b.Started.UnixMilli(), string(text), b.PlainBytes)
	if err != nil {
		return err
	}
	return noteProof(ctx, tx, b.ID) // there may be one from before a rebuild
}

// noteProof makes a backup say how its newest proof ended.
func noteProof(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `UPDATE backups SET (proof, whole) = (SELECT seq, status = 'ok' FROM proofs WHERE backup = ?1 ORDER BY seq DESC LIMIT 1)
		WHERE id = ?1 AND EXISTS (SELECT 1 FROM proofs WHERE backup = ?1)`, id)
	return err
}

// AddProof keeps the result of a proof.
func (db *DB) AddProof(ctx context.Context, v control.VerifyResult) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode proof: %w", err)
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO proofs (backup, status, at, proof) VALUES (?, ?, ?, ?)",
			v.Backup, string(v.Status), v.At.UnixMilli(), string(text))
		if err != nil {
			return err
		}
		return noteProof(ctx, tx, v.Backup)
	})
}

func most(limit int) int {
	if limit <= 0 || limit > MaxList {
		return MaxList
	}
	return limit
}
