package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

// addKeepFlags adds the flags that say how a destination is kept.
func addKeepFlags(c *cobra.Command, lock, reread *int) {
	c.Flags().Var(&bounded{lock, 0, 36500}, "lock-days", "")
	c.Flags().Var(&bounded{reread, 0, 3650}, "reread-days", "")
}

func (a *app) destinationEdit() *cobra.Command {
	var e control.DestinationEdit
	var lock, reread int
	c := a.command("edit NAME [flags]", args("NAME"), nil)
	c.Flags().StringVar(&e.URL, "url", "", "")
	secret := addSecretFlags(c, "secret")
	addKeepFlags(c, &lock, &reread)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if e.URL != "" {
			if e.URL, err = placeURL(e.URL); err != nil {
				return err
			}
		}
		if e.Secret, err = a.secret(c.Context(), secret); err != nil {
			return err
		}
		agent, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		if c.Flags().Changed("lock-days") {
			e.LockDays = &lock
		}
		if c.Flags().Changed("reread-days") {
			e.RereadDays = &reread
		}
		d, err := agent.EditDestination(c.Context(), args[0], e)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(d)
		}
		a.done("destination.edited", "name", d.Name)
		return nil
	}
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}

func (a *app) destinationReread() *cobra.Command {
	c := a.command("reread NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.Reread(ctx, args[0])
		if err != nil {
			return err
		}
		empty := func(r control.Run) control.RereadResult {
			return control.RereadResult{Run: r.ID, Status: r.Status, Destination: r.Destination, Seconds: seconds(r)}
		}
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.RereadResult) {
			a.done("reread.done", "destination", v.Destination, "size", a.texts.Bytes(v.Bytes), "covered", a.texts.Percent(v.Covered), "time", a.elapsed(v.Seconds))
		})
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}
