package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) pruneCommand() *cobra.Command {
	var r control.PruneRequest
	var sure bool
	c := a.command("prune [--to DEST] [--dry-run] [--yes]", args(), nil)
	c.Flags().StringVar(&r.Destination, "to", "", "")
	c.Flags().BoolVar(&r.DryRun, "dry-run", false, "")
	c.Flags().BoolVar(&sure, "yes", false, "")
	completeBy(c, "to", a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		preview, err := agent.PreviewPrune(ctx, r)
		if err != nil {
			return err
		}
		if r.DryRun {
			return a.showPrune(preview)
		}
		removed, stay := parted(preview)
		if err := a.acceptRemoval(ctx, removed, stay, sure); err != nil {
			return err
		}
		started, err := agent.Prune(ctx, r)
		if err != nil {
			return err
		}
		runs, err := a.follow(ctx, agent, started.Runs)
		if err != nil {
			return err
		}
		return a.pruned(runs)
	}
	return c
}

// parted tells those that would go from those that stay.
func parted(p control.PrunePreview) (removed []control.RetentionEntry, stay int) {
	for _, e := range p.Backups {
		if e.Keep {
			stay++
		} else {
			removed = append(removed, e)
		}
	}
	return removed, stay
}

func (a *app) showPrune(p control.PrunePreview) error {
	if a.json {
		return a.out.document(p)
	}
	removed, stay := parted(p)
	a.showRemoved(removed, stay)
	return nil
}

// pruneWords are what there is to say of a prune.
func pruneWords(a *app, v control.PruneResult) []string {
	return []string{
		"destination", v.Destination, "removed", a.texts.N("count.backups", int64(len(v.Removed))), "kept", a.texts.Count(int64(v.Kept)),
		"freed", a.texts.Bytes(v.FreedBytes), "before", a.texts.Bytes(v.BeforeBytes), "after", a.texts.Bytes(v.AfterBytes),
	}
}

// pruned prints what came of runs, one a destination.
func (a *app) pruned(runs []control.Run) error {
	docs := make([]outcome[control.PruneResult], len(runs))
	for i, run := range runs {
		docs[i].result = control.PruneResult{Run: run.ID, Status: run.Status, Destination: run.Destination, Removed: []string{}, Seconds: seconds(run)}
		if len(run.Result) > 0 {
			var err error
			if docs[i].result, err = result[control.PruneResult](run); err != nil {
				return err
			}
		}
		docs[i].error = a.errorDocument(runProblem(run))
		a.warn(run.Destination, run.Warnings)
		if a.json || docs[i].error != nil {
			continue
		}
		v := docs[i].result
		a.done("prune.done", pruneWords(a, v)...)
		if v.WaitingBytes > 0 && !a.quiet {
			fmt.Fprintf(a.out, "  %s\n", a.t("prune.waiting", "size", a.texts.Bytes(v.WaitingBytes)))
		}
	}
	failures, _ := errors.AsType[*failures](failed(runs))
	if a.json {
		if err := a.out.document(docs); err != nil {
			return err
		}
	}
	if failures == nil {
		return nil
	}
	failures.printed = a.json
	return failures
}
