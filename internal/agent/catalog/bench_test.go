package catalog

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// large makes a catalog with 100,000 backups of 50 databases on two
// destinations, one in ten of them labelled, and as many runs.
func large(b *testing.B) *DB {
	b.Helper()
	ctx, dir := context.Background(), b.TempDir()
	db, err := Open(ctx, filepath.Join(dir, "c.db"), filepath.Join(dir, "c.json"), noon)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	do := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	do(db.AddDestination(ctx, control.Destination{Name: "disk", URL: "file:///d", Repository: "r1"}))
	do(db.AddDestination(ctx, control.Destination{Name: "cloud", URL: "file:///c", Repository: "r2"}))
	const n = 100_000
	made, labels := make([]Stored, n), map[string]Labelled{}
	runs := make([]control.Run, n)
	for i := range made {
		at := noon.Add(time.Duration(i) * time.Minute)
		x := aBackup(string(backup.NewID(at)), at)
		x.Database, x.Job = fmt.Sprintf("database%02d", i%50), "nightly"
		made[i].Backup = x
		if i%10 == 0 {
			labels[x.ID] = Labelled{Label: control.Label{Tags: []string{fmt.Sprint("tag", i%1000)}, Note: "before the migration"}, Written: at}
		}
		runs[i] = control.Run{ID: string(backup.NewID(at)), Kind: backup.RunBackup, Status: backup.OK, Server: "shop", Database: x.Database, Queued: at}
	}
	do(db.SetBackups(ctx, "r1", nil, made))
	for i := range made {
		made[i].Copied = true
	}
	do(db.SetBackups(ctx, "r2", nil, made[n/2:]))
	do(db.SetLabels(ctx, labels))
	do(db.SaveRuns(ctx, runs...))
	return db
}

func BenchmarkLists(b *testing.B) {
	db := large(b)
	newest, err := db.Backup(b.Context(), Latest)
	if err != nil {
		b.Fatal(err)
	}
	filters := map[string]BackupFilter{
		"all": {}, "database": {Database: "database07"}, "destination": {Destination: "cloud"}, "tag": {Tag: "tag110"},
		"search/common": {Search: "NIGHTLY"}, "search/one database": {Search: "base07"}, "search/note": {Search: "migration"},
		"search/nothing": {Search: "no such thing"}, "search/id": {Search: newest.ID[:13]},
		"search/in a database": {Database: "database07", Search: "night"},
	}
	for name, f := range filters {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := db.Backups(b.Context(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, f := range map[string]func(context.Context) error{
		"runs":         func(ctx context.Context) error { _, err := db.Runs(ctx, 0); return err },
		"dead runs":    func(ctx context.Context) error { _, err := db.DeadRuns(ctx, 0); return err },
		"last runs":    func(ctx context.Context) error { _, err := db.LastRuns(ctx, backup.RunBackup); return err },
		"last backups": func(ctx context.Context) error { _, err := db.LastBackups(ctx); return err },
		"last proven":  func(ctx context.Context) error { _, err := db.LastProven(ctx); return err },
		"last whole":   func(ctx context.Context) error { _, err := db.LastWhole(ctx); return err },
		"histories":    func(ctx context.Context) error { _, err := db.Histories(ctx); return err },
		"one":          func(ctx context.Context) error { _, err := db.Backup(ctx, newest.ID); return err },
		"labels":       func(ctx context.Context) error { _, err := db.Labels(ctx); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
