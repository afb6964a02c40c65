package catalog

import (
	"context"
	"database/sql"

	"github.com/rahatbackup/rahat/internal/control"
)

// A Merge is a part of a configuration that takes the place of what has the same
// names, or is added.
type Merge struct {
	Servers      []control.Server
	Destinations []control.Destination
	Jobs         []control.Job
	Channels     []control.Channel
}

// Merge brings in all of it, or nothing. Backups of a destination that gets
// another repository are forgotten; they stay where they are.
func (db *DB) Merge(ctx context.Context, m Merge) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		for _, s := range m.Servers {
			if _, err := tx.ExecContext(ctx, "DELETE FROM servers WHERE name = ?", s.Name); err != nil {
				return err
			}
			if err := insertServer(ctx, tx, s); err != nil {
				return err
			}
		}
		for _, d := range m.Destinations {
			if err := replaceDestination(ctx, tx, d); err != nil {
				return err
			}
		}
		for _, j := range m.Jobs {
			if _, err := tx.ExecContext(ctx, "DELETE FROM jobs WHERE name = ?", j.Name); err != nil {
				return err
			}
			if err := insertJob(ctx, tx, j); err != nil {
				return err
			}
		}
		for _, c := range m.Channels {
			if _, err := tx.ExecContext(ctx, "DELETE FROM channels WHERE name = ?", c.Name); err != nil {
				return err
			}
			if err := insertChannel(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func replaceDestination(ctx context.Context, tx *sql.Tx, d control.Destination) error {
	var repository string
	err := tx.QueryRowContext(ctx, "SELECT coalesce(max(repository), '') FROM destinations WHERE name = ?", d.Name).Scan(&repository)
	if err != nil {
		return err
	}
	if repository != "" && repository != d.Repository {
		if err := forgetRepository(ctx, tx, d.Name); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM destinations WHERE name = ?", d.Name); err != nil {
		return err
	}
	return insertDestination(ctx, tx, d)
}
