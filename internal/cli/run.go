package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

func (a *app) runsCommand() *cobra.Command {
	limit, dead := uint(20), false
	c := a.command("runs [--limit N] [--dead]", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		ask := agent.Runs
		if dead {
			ask = agent.DeadRuns
		}
		runs, err := ask(ctx, int(limit))
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(runs))
		}
		if len(runs) == 0 {
			none := "run.none"
			if dead {
				none = "run.none_dead"
			}
			fmt.Fprintln(a.out, a.t(none))
			return nil
		}
		a.runTable(runs)
		if dead {
			a.next("next.retry", "next.dismiss")
		}
		return nil
	})
	c.Flags().UintVar(&limit, "limit", limit, "")
	c.Flags().BoolVar(&dead, "dead", false, "")
	return c
}

func (a *app) runTable(runs []control.Run) {
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	ids = shortIDs(ids)
	rows := make([][]cell, len(runs))
	for i, r := range runs {
		began, took := r.Queued, ""
		if r.Started != nil {
			began = *r.Started
			end := a.opt.Now()
			if r.Finished != nil {
				end = *r.Finished
			}
			took = a.texts.Duration(end.Sub(began))
		}
		rows[i] = []cell{
			word(ids[i]), word(a.t("kind." + string(r.Kind))), a.status(r.Status), word(r.Server), word(r.Database),
			word(a.moment(began)), number(took), word(a.runNote(r)),
		}
	}
	a.out.table(a.heads("run", "kind", "result", "server", "database", "started", "time", "note"), rows)
}

// runNote says in a few words what matters about a run beside its state.
func (a *app) runNote(r control.Run) string {
	if r.RetryAt != nil && !r.Status.Over() {
		return a.t("run.waits", "when", a.moment(*r.RetryAt), "attempt", strconv.Itoa(r.Attempt+1), "of", strconv.Itoa(r.Attempts))
	}
	if r.Problem != nil {
		title, _ := a.texts.Problem(problem.Of(r.Problem.Err()))
		return title
	}
	if r.Held {
		return a.t("run.held")
	}
	if p := r.Progress; p != nil && !r.Status.Over() && p.Total > 0 {
		return a.texts.Percent(float64(p.Done) / float64(p.Total))
	}
	return ""
}

// attemptNote says of a run that is tried several times how far that is, and
// that it stands still.
func (a *app) attemptNote(r control.Run) string {
	switch {
	case r.Held:
		return a.t("run.held")
	case r.RetryAt != nil:
		return a.runNote(r)
	case r.Attempt > 1:
		return a.t("run.attempt", "attempt", strconv.Itoa(r.Attempt), "of", strconv.Itoa(r.Attempts))
	}
	return ""
}

func (a *app) runCommand() *cobra.Command {
	show := a.command("show ID", args("ID"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		r, err := agent.Run(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(r)
		}
		a.showRun(r)
		return nil
	})
	cancel := a.command("cancel ID", args("ID"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		r, err := agent.Cancel(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(r)
		}
		a.done("run.cancelling", "run", r.ID)
		return nil
	})
	show.ValidArgsFunction = first(a.offer(runIDs))
	cancel.ValidArgsFunction = first(a.offer(activeRunIDs))
	return a.group("run", show, cancel,
		a.runSwitch("pause", "run.paused", activeRunIDs, (*client.Client).PauseRun),
		a.runSwitch("resume", "run.resumed", activeRunIDs, (*client.Client).ResumeRun),
		a.runRetry(), a.runSwitch("dismiss", "run.dismissed", deadRunIDs, (*client.Client).DismissRun))
}

// proofIn returns the proof that a run was, or that followed its backup.
func proofIn(r control.Run) *control.VerifyResult {
	var v control.VerifyResult
	var b control.BackupResult
	switch {
	case r.Kind == backup.RunVerify && json.Unmarshal(r.Result, &v) == nil:
		return &v
	case r.Kind == backup.RunBackup && json.Unmarshal(r.Result, &b) == nil:
		return b.Verify
	}
	return nil
}

func (a *app) showRun(r control.Run) {
	when := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return a.moment(*at)
	}
	facts := [][2]string{
		{"run", r.ID},
		{"kind", a.t("kind." + string(r.Kind))},
		{"result", a.status(r.Status).text},
		{"job", r.Job},
		{"server", r.Server},
		{"database", r.Database},
		{"destination", r.Destination},
		{"backup", r.Backup},
		{"queued", a.moment(r.Queued)},
		{"started", when(r.Started)},
		{"finished", when(r.Finished)},
		{"note", a.attemptNote(r)},
	}
	if r.Started != nil && r.Finished != nil {
		facts = append(facts, [2]string{"time", a.elapsed(seconds(r))})
	}
	a.facts(facts)
	if v, err := result[control.PruneResult](r); err == nil && r.Kind == backup.RunPrune && len(r.Result) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", a.t("prune.done", pruneWords(a, v)...))
	}
	if p := r.Progress; p != nil && !r.Status.Over() {
		m := newMeter(a, 1)
		fmt.Fprintf(a.out, "\n%s\n", m.line(&track{run: r}, a.opt.Now()))
	}
	if p := problem.Of(r.Problem.Err()); p != nil {
		title, remedy := a.text(p)
		fmt.Fprintf(a.out, "\n%s\n  %s\n  %s\n", a.out.paint(red, "✗ "+title), remedy, a.out.paint(dim, string(p.Code)))
		if p.Err != nil {
			fmt.Fprintf(a.out, "  %s\n", a.out.paint(dim, visible(p.Err.Error())))
		}
	}
	a.showScriptResults(r.Scripts)
	if proof := proofIn(r); proof != nil {
		fmt.Fprintln(a.out)
		a.showProofChecks(proof.Checks)
	}
	for _, w := range r.Warnings {
		title, remedy := a.text(problem.Of(w.Err()))
		fmt.Fprintf(a.out, "\n%s\n  %s\n", a.out.paint(yellow, "▲ "+title), remedy)
	}
}
