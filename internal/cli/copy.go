package cli

import (
	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) backupCopy() *cobra.Command {
	var to string
	c := a.command("copy ID --to DEST", args("ID"), nil)
	c.Flags().StringVar(&to, "to", "", "")
	completeBy(c, "to", a.offer(destinationNames))
	c.ValidArgsFunction = first(a.offer(backupIDs))
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := need(c, "to"); err != nil {
			return err
		}
		ctx := c.Context()
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.CopyBackup(ctx, args[0], control.CopyRequest{Destination: to})
		if err != nil {
			return err
		}
		empty := func(r control.Run) control.CopyResult {
			return control.CopyResult{Run: r.ID, Status: r.Status, Backup: r.Backup, Destination: r.Destination, Seconds: seconds(r)}
		}
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.CopyResult) {
			a.done("copy.done", "destination", v.Destination, "added", a.texts.Bytes(v.AddedBytes), "time", a.elapsed(v.Seconds))
		})
	}
	return c
}
