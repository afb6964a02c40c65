package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

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
// place, or of all databases of the server. Damage that was found is not made
// up for by reading another piece.
func bury(ctx context.Context, tx *sql.Tx, r control.Run) error {
	_, err := tx.ExecContext(ctx, `UPDATE runs SET dead = 0, run = json_remove(run, '$.dead')
		WHERE dead = 1 AND kind = ?1 AND server = ?2 AND database IN (?3, '*') AND coalesce(json_extract(run, '$.destination'), '') = ?4
		AND (kind <> 'copy' OR json_extract(run, '$.backup') = ?5)
		AND (kind <> 'reread' OR json_extract(run, '$.problem.code') <> 'agent.reread_damaged')`,
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

// selectLastRuns steps through the index from server to server and from database
// to database: a GROUP BY would read all of it, which takes long after years.
const selectLastRuns = `WITH RECURSIVE
	s (server) AS (
		SELECT min(server) FROM runs WHERE kind = ?1 AND status NOT IN ('queued', 'running', 'cancelled')
		UNION ALL
		SELECT (SELECT min(server) FROM runs WHERE kind = ?1 AND server > s.server AND status NOT IN ('queued', 'running', 'cancelled'))
		FROM s WHERE server IS NOT NULL),
	d (server, database) AS (
		SELECT server, (SELECT min(database) FROM runs WHERE kind = ?1 AND server = s.server AND status NOT IN ('queued', 'running', 'cancelled'))
		FROM s WHERE server IS NOT NULL
		UNION ALL
		SELECT server, (SELECT min(database) FROM runs WHERE kind = ?1 AND server = d.server AND database > d.database AND status NOT IN ('queued', 'running', 'cancelled'))
		FROM d WHERE database IS NOT NULL)
	SELECT run FROM runs WHERE seq IN (
		SELECT (SELECT max(seq) FROM runs WHERE kind = ?1 AND server = d.server AND database = d.database AND status NOT IN ('queued', 'running', 'cancelled'))
		FROM d WHERE database IS NOT NULL)
	ORDER BY seq`

// LastRuns returns, for every database of every server, its last run of a kind
// that is over and was not cancelled by a person.
func (db *DB) LastRuns(ctx context.Context, kind backup.RunKind) ([]control.Run, error) {
	return list(ctx, db.read, scanJSON[control.Run], selectLastRuns, string(kind))
}

// Run finds a run by its ID, the unique beginning of one, or [Latest].
func (db *DB) Run(ctx context.Context, id string) (control.Run, error) {
	return find(ctx, db.read, scanJSON[control.Run], "SELECT run FROM runs WHERE true", "seq", id)
}

// find looks up by ID, beginning of an ID, or Latest in the given order. query
// ends in a condition.
func find[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query, order, id string) (none T, err error) {
	if id == Latest {
		return one(ctx, q, scan, query+" ORDER BY "+order+" DESC, id DESC LIMIT 1")
	}
	if id == "" || strings.Trim(strings.ToLower(id), "0123456789abcdef-") != "" {
		return none, ErrNotFound
	}
	found, err := list(ctx, q, scan, query+" AND id >= ? AND id < ? LIMIT 2", strings.ToLower(id), strings.ToLower(id)+"g")
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

func most(limit int) int {
	if limit <= 0 || limit > MaxList {
		return MaxList
	}
	return limit
}
