package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// restore measures a whole restore against pg_restore with two workers. Both
// make a new database, with indexes and constraints.
func (b *bench) restore(ctx context.Context) error {
	place, folder, err := b.newPlace(ctx)
	if err != nil {
		return err
	}
	made, _, err := b.backup(ctx, place, "full")
	if err != nil {
		return err
	}
	dump := filepath.Join(b.dir, "shop.dump")
	if _, err := b.db.tool("pg_dump", b.db.Name, "-Fc", "-f", dump).Output(ctx); err != nil {
		return err
	}
	var ours, theirs []float64
	var peak int64
	ourTurn := func() error {
		var result control.RestoreResult
		spent, err := b.measured(func() error {
			return b.agent.CLI.JSON(ctx, &result, "restore", made.Backup, "--to-server", serverName, "--to-database", "back")
		})
		if err != nil {
			return err
		}
		if result.Rows != made.Rows {
			return fmt.Errorf("restored %d of %d rows", result.Rows, made.Rows)
		}
		ours, peak = append(ours, spent.wall.Seconds()), max(peak, spent.peak)
		return b.db.SQL(ctx, "postgres", "DROP DATABASE back")
	}
	peerTurn := func() error {
		began := time.Now()
		if err := b.db.SQL(ctx, "postgres", "CREATE DATABASE peer TEMPLATE template0"); err != nil {
			return err
		}
		if _, err := b.db.tool("pg_restore", "peer", "-j2", dump).Output(ctx); err != nil {
			return err
		}
		theirs = append(theirs, time.Since(began).Seconds())
		return b.db.SQL(ctx, "postgres", "DROP DATABASE peer")
	}
	turns := []func() error{ourTurn, peerTurn}
	for round := range b.opt.Rounds {
		b.say("restore, round %d of %d", round+1, b.opt.Rounds)
		for i := range turns {
			if err := errors.Join(settle(ctx), b.db.SQL(ctx, "postgres", "CHECKPOINT")); err != nil {
				return err
			}
			if err := turns[(round+i)%len(turns)](); err != nil {
				return err
			}
		}
	}
	b.add("restore, time / pg_restore -j2", median(ours)/median(theirs), atMost(1.0), seconds(median(ours)), seconds(median(theirs)))
	b.add("restore, most memory of the agent", float64(peak)/1e6, atMost(200), megabytes(peak), "")
	return b.dropPlace(ctx, place, folder)
}
