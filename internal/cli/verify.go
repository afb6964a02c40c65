package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) verifyCommand() *cobra.Command {
	level, destination := "full", ""
	c := a.command("verify ID [--level LEVEL] [--destination DEST]", args("ID"), nil)
	c.Flags().StringVar(&destination, "destination", "", "")
	completeBy(c, "destination", a.offer(destinationNames))
	choose(c, &level, "level", "basic", "database", "full")
	c.ValidArgsFunction = first(a.offer(backupIDs))
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx := c.Context()
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.Verify(ctx, args[0], control.VerifyRequest{Level: level, Destination: destination})
		if err != nil {
			return err
		}
		empty := func(r control.Run) control.VerifyResult {
			return control.VerifyResult{Run: r.ID, Backup: r.Backup, Status: r.Status, Level: level, Checks: []control.Check{}, Seconds: seconds(r)}
		}
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.VerifyResult) { a.showVerified(v) })
	}
	return c
}

func (a *app) showVerified(v control.VerifyResult) {
	if a.quiet {
		return
	}
	a.showProofChecks(v.Checks)
	a.showProof(v)
}

// showProofChecks lists what a proof looked at.
func (a *app) showProofChecks(checks []control.Check) {
	rows := make([][]cell, len(checks))
	for i, check := range checks {
		count := ""
		if check.Count > 0 {
			count = a.texts.Count(check.Count)
		}
		rows[i] = []cell{word(a.checkName(check.Name)), a.checkStatus(check.Status), number(count), number(a.elapsed(check.Seconds)), word(check.Detail)}
	}
	if len(rows) > 0 {
		a.out.table(a.heads("check", "result", "count", "time", "detail"), rows)
		fmt.Fprintln(a.out)
	}
}

// checkName names a check of a proof; one this program does not know is shown
// as the agent calls it.
func (a *app) checkName(name string) string {
	if key := "check." + name; a.texts.Has(key) {
		return a.t(key)
	}
	return name
}

func (a *app) checkStatus(status string) cell {
	switch status {
	case "ok":
		return word("✓ " + a.t("status.ok")).in(green)
	case "failed":
		return word("✗ " + a.t("status.failed")).in(red)
	}
	return word("– " + a.t("status.skipped")).in(dim)
}

// showProof says in a sentence what a proof came to.
func (a *app) showProof(v control.VerifyResult) {
	params := []string{"level", a.levelName(v.Level), "what", a.amount(v.Rows, a.elapsed(v.Seconds))}
	if v.Status == backup.OK {
		a.say(green, "✓ "+a.t("verify.proven."+v.Level, params...))
		return
	}
	a.say(red, "✗ "+a.t("verify.disproven", params...))
}
