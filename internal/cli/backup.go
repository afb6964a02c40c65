package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

func (a *app) backupCommand() *cobra.Command {
	var r control.BackupRequest
	var kind string
	c := a.command("backup JOB | --server S --database D[,D] [--to DEST] [flags]", args("[JOB]"), nil)
	c.Flags().StringVar(&r.Server, "server", "", "")
	c.Flags().Var(&nameList{&r.Databases}, "database", "")
	c.Flags().StringVar(&r.Destination, "to", "", "")
	addTypeFlag(c, &kind)
	addVerifyFlag(c, &r.Verify)
	completeBy(c, "server", a.offer(serverNames))
	completeBy(c, "to", a.offer(destinationNames))
	c.ValidArgsFunction = first(a.offer(jobNames))
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			r.Job = args[0]
			if err := refuse(c, "JOB", "server", "database", "to"); err != nil {
				return err
			}
		} else if err := need(c, "server", "database"); err != nil {
			return err
		}
		r.Type = backup.Type(kind)
		ctx := c.Context()
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.Backup(ctx, r)
		if err != nil {
			return err
		}
		return a.followBackups(ctx, agent, started)
	}
	c.AddCommand(a.backupCopy())
	return c
}

// followBackups waits for backups and prints what came of them.
func (a *app) followBackups(ctx context.Context, agent *client.Client, started control.Runs) error {
	began := a.opt.Now()
	if len(started.Skipped) > 0 && !a.json && !a.quiet {
		fmt.Fprintln(a.err, a.err.paint(yellow, "▲ "+a.t("backup.skipped", "databases", visible(list(started.Skipped)))))
	}
	runs, err := a.follow(ctx, agent, started.Runs)
	if err != nil {
		return err
	}
	results := make([]control.BackupResult, len(runs))
	for i, run := range runs {
		results[i] = emptyBackup(run)
		if len(run.Result) > 0 {
			if results[i], err = result[control.BackupResult](run); err != nil {
				return err
			}
		}
		subject := run.Database
		if len(runs) == 1 {
			subject = ""
		}
		a.warn(subject, run.Warnings)
	}
	failures, _ := errors.AsType[*failures](failed(runs))
	if a.json {
		err = a.out.document(a.backupDocument(runs, results, started.Skipped, a.opt.Now().Sub(began)))
	} else {
		a.showBackups(runs, results)
	}
	if err != nil || failures == nil {
		return err
	}
	failures.printed = a.json
	return failures
}

func emptyBackup(run control.Run) control.BackupResult {
	return control.BackupResult{Run: run.ID, Backup: run.Backup, Status: run.Status, Database: run.Database, Seconds: seconds(run)}
}

// seconds is how long a run took; 0 when it never began.
func seconds(run control.Run) float64 {
	if run.Started == nil || run.Finished == nil {
		return 0
	}
	return run.Finished.Sub(*run.Started).Seconds()
}

// backupDocument is what rahat backup --json prints: the result of the one
// run, or the sums of several, and each run by itself.
type backupDocument struct {
	control.BackupResult
	Error *errorDocument                  `json:"error,omitempty"`
	Runs  []outcome[control.BackupResult] `json:"runs"`
	// Skipped are databases that the account cannot read.
	Skipped []string `json:"skipped,omitempty"`
}

func (a *app) backupDocument(runs []control.Run, results []control.BackupResult, skipped []string, wall time.Duration) backupDocument {
	doc := backupDocument{Runs: []outcome[control.BackupResult]{}, Skipped: skipped}
	doc.Status = backup.OK
	for i, run := range runs {
		r := results[i]
		o := outcome[control.BackupResult]{r, a.errorDocument(runProblem(run))}
		doc.Runs = append(doc.Runs, o)
		doc.PlainBytes += r.PlainBytes
		doc.StoredBytes += r.StoredBytes
		doc.AddedBytes += r.AddedBytes
		doc.Rows += r.Rows
		if o.error != nil && doc.Error == nil {
			doc.Error, doc.Status = o.error, run.Status
		}
	}
	if len(runs) == 1 {
		doc.BackupResult = results[0]
		doc.Status = runs[0].Status
		return doc
	}
	doc.Seconds = wall.Seconds()
	return doc
}

func (a *app) showBackups(runs []control.Run, results []control.BackupResult) {
	if len(runs) == 1 {
		if len(runs[0].Result) > 0 {
			a.showBackup(results[0])
		}
		return
	}
	if a.quiet {
		return
	}
	rows := make([][]cell, len(runs))
	for i, run := range runs {
		r := results[i]
		if len(run.Result) == 0 {
			rows[i] = append([]cell{word(run.Database), a.status(run.Status)}, number(""), number(""), number(""), number(""), word(""), word(""))
			continue
		}
		rows[i] = []cell{
			word(r.Database), a.status(run.Status), number(a.texts.Bytes(r.PlainBytes)), number(a.texts.Bytes(r.AddedBytes)),
			a.rows(r.Rows), number(a.elapsed(r.Seconds)), a.proof(r.Verify), word(shortID(r.Backup)),
		}
	}
	a.out.table(a.heads("database", "result", "size", "added", "rows", "time", "proof", "backup"), rows)
}

func (a *app) showBackup(r control.BackupResult) {
	a.done("backup.done", "database", r.Database, "what", a.amount(r.Rows, a.texts.Bytes(r.PlainBytes)),
		"added", a.texts.Bytes(r.AddedBytes), "type", a.typeName(r.Type), "time", a.elapsed(r.Seconds))
	if r.Verify != nil {
		a.showProof(*r.Verify)
	}
	if !a.quiet {
		fmt.Fprintf(a.out, "  %s\n", a.t("backup.id", "id", r.Backup))
		if r.Verify == nil {
			a.next("next.verify")
		}
	}
}

// amount says how much something was: its rows, if it has any, and more.
func (a *app) amount(rows int64, more string) string {
	if rows == 0 {
		return more // pages of a file, or an empty database
	}
	return a.texts.N("count.rows", rows) + ", " + more
}

// rows is a count of rows for a table; engines that keep pages have none.
func (a *app) rows(n int64) cell {
	if n == 0 {
		return number("–")
	}
	return number(a.texts.Count(n))
}

// elapsed writes seconds as a duration.
func (a *app) elapsed(s float64) string {
	return a.texts.Duration(time.Duration(s * float64(time.Second)))
}

// proof shows the newest proof of a backup.
func (a *app) proof(v *control.VerifyResult) cell {
	switch {
	case v == nil:
		return word("○ " + a.t("proof.none")).in(dim)
	case v.Status == backup.OK:
		return word("✓ " + a.levelName(v.Level)).in(green)
	}
	return word("✗ " + a.levelName(v.Level)).in(red)
}

// shortest is how much of an ID is shown at least: its moment in milliseconds.
const shortest = len("019e5f3a-b2c1")

// shortID is an ID for a table, where it need not be unique for sure.
func shortID(id string) string { return id[:min(len(id), shortest)] }

// shortIDs returns the beginnings of ids, all as long as it takes to tell them
// apart.
func shortIDs(ids []string) []string {
	for n := shortest; ; n++ {
		out := make([]string, len(ids))
		longest := 0
		for i, id := range ids {
			out[i] = id[:min(len(id), n)]
			longest = max(longest, len(id))
		}
		sorted := slices.Sorted(slices.Values(out))
		if n >= longest || len(slices.Compact(sorted)) == len(ids) {
			return out
		}
	}
}
