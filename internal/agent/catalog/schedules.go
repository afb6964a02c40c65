package catalog

import (
	"context"
	"database/sql"
	"time"

	"github.com/rahatbackup/rahat/internal/schedule"
)

// Schedules returns what is remembered of everything that is done by a
// schedule, by the name of the task.
func (db *DB) Schedules(ctx context.Context) (map[string]schedule.Record, error) {
	type named struct {
		task string
		schedule.Record
	}
	all, err := list(ctx, db.read, func(row scanner) (n named, err error) {
		var since, begun int64
		err = row.Scan(&n.task, &n.Spec, &since, &begun)
		n.Since, n.Begun = time.UnixMilli(since).UTC(), time.UnixMilli(begun).UTC()
		return n, err
	}, "SELECT task, spec, since, begun FROM schedules")
	records := make(map[string]schedule.Record, len(all))
	for _, n := range all {
		records[n.task] = n.Record
	}
	return records, err
}

// SetSchedule keeps what is to be remembered of a task.
func (db *DB) SetSchedule(ctx context.Context, task string, r schedule.Record) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO schedules (task, spec, since, begun) VALUES (?, ?, ?, ?)
			ON CONFLICT (task) DO UPDATE SET spec = excluded.spec, since = excluded.since, begun = excluded.begun`,
			task, r.Spec, r.Since.UnixMilli(), r.Begun.UnixMilli())
		return err
	})
}

// DropSchedule forgets a task; one that is not known is no error.
func (db *DB) DropSchedule(ctx context.Context, task string) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM schedules WHERE task = ?", task)
		return err
	})
}
