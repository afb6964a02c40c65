package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

// noSchedule takes a schedule away.
const noSchedule = "none"

// planFlags say when a job does what, and how hard it tries.
type planFlags struct {
	schedule, zone, full, prove string
	proofDays, priority, tries  int
}

func (f *planFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.schedule, "schedule", "", "")
	c.Flags().StringVar(&f.zone, "zone", "", "")
	c.Flags().StringVar(&f.full, "full-schedule", "", "")
	c.Flags().StringVar(&f.prove, "prove", "", "")
	c.Flags().Var(&bounded{&f.proofDays, 0, 3650}, "proof-days", "")
	c.Flags().Var(&bounded{&f.priority, -10, 10}, "priority", "")
	c.Flags().Var(&bounded{&f.tries, 0, 20}, "attempts", "")
}

// apply puts the flags that were given into j.
func (f *planFlags) apply(c *cobra.Command, j *control.Job) {
	for name, set := range map[string]struct {
		to   *string
		from string
	}{"schedule": {&j.Schedule, f.schedule}, "zone": {&j.Zone, f.zone}, "full-schedule": {&j.FullSchedule, f.full}, "prove": {&j.Prove, f.prove}} {
		if !c.Flags().Changed(name) {
			continue
		}
		if *set.to = set.from; set.from == noSchedule {
			*set.to = ""
		}
	}
	for name, set := range map[string]struct {
		to   *int
		from int
	}{"proof-days": {&j.ProofDays, f.proofDays}, "priority": {&j.Priority, f.priority}, "attempts": {&j.Attempts, f.tries}} {
		if c.Flags().Changed(name) {
			*set.to = set.from
		}
	}
}

// planFacts are what a job's plan says, for rahat job show.
func (a *app) planFacts(j control.Job) [][2]string {
	facts := [][2]string{{"schedule", j.Schedule}, {"full", j.FullSchedule}, {"proofs", j.Prove}, {"zone", j.Zone}}
	if j.ProofDays > 0 {
		facts = append(facts, [2]string{"proof_days", a.texts.N("count.days", int64(j.ProofDays))})
	}
	if j.Priority != 0 {
		facts = append(facts, [2]string{"priority", strconv.Itoa(j.Priority)})
	}
	if j.Attempts != 0 {
		facts = append(facts, [2]string{"attempts", strconv.Itoa(j.Attempts)})
	}
	return facts
}

// pauseCommands are rahat pause and rahat resume.
func (a *app) pauseCommands() (pause, resume *cobra.Command) {
	do := func(name, key string, call func(*client.Client, context.Context) error) *cobra.Command {
		return a.command(name, args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
			agent, err := a.connect(ctx)
			if err != nil {
				return err
			}
			if err := call(agent, ctx); err != nil {
				return err
			}
			if a.json {
				return a.out.document(map[string]bool{"paused": name == "pause"})
			}
			a.done(key)
			return nil
		})
	}
	return do("pause", "pause.paused", (*client.Client).Pause), do("resume", "pause.resumed", (*client.Client).Resume)
}

// runSwitch is a command that does something to one run and prints it.
func (a *app) runSwitch(name, key string, offered names, call func(*client.Client, context.Context, string) (control.Run, error)) *cobra.Command {
	c := a.command(name+" ID", args("ID"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		r, err := call(agent, ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(r)
		}
		a.done(key, "run", shortID(r.ID))
		if name == "pause" && r.Kind == "backup" && r.Started != nil && !a.quiet {
			fmt.Fprintf(a.out, "  %s\n", a.out.paint(yellow, "▲ "+a.t("run.holds_snapshot", "server", visible(r.Server))))
		}
		return nil
	})
	c.ValidArgsFunction = first(a.offer(offered))
	return c
}

func (a *app) runRetry() *cobra.Command {
	c := a.command("retry ID", args("ID"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		r, err := agent.RetryRun(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(r)
		}
		for _, id := range r.Runs {
			a.done("run.retrying", "run", shortID(id))
		}
		return nil
	})
	c.ValidArgsFunction = first(a.offer(deadRunIDs))
	return c
}

func deadRunIDs(ctx context.Context, a *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.DeadRuns(ctx, mostOffered)
	for _, r := range all {
		out = append(out, offered(r.ID, a.t("kind."+string(r.Kind)), r.Database, a.t("status."+string(r.Status))))
	}
	return out, err
}
