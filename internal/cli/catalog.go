package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) catalogCommand() *cobra.Command {
	rebuild := a.command("rebuild", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.RebuildCatalog(ctx)
		if err != nil {
			return err
		}
		empty := func(r control.Run) control.RebuildResult { return control.RebuildResult{Run: r.ID, Status: r.Status} }
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.RebuildResult) {
			a.done("catalog.rebuilt", "backups", a.texts.N("count.backups", int64(v.Backups)))
			if v.Damaged > 0 {
				a.say(yellow, "▲ "+a.texts.N("catalog.damaged", int64(v.Damaged)))
			}
		})
	})
	return a.group("catalog", rebuild)
}
