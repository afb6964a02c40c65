package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control/client"
)

func (a *app) agentCommand() *cobra.Command {
	run := a.command("run", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error { return a.runAgent(ctx) })
	status := a.command("status", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		c, err := a.reach()
		if err != nil {
			return err
		}
		h, err := c.Hello(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(h)
		}
		a.facts([][2]string{
			{"version", h.Version},
			{"pid", fmt.Sprint(h.PID)},
			{"started", a.moment(h.Started)},
			{"home", h.Home},
			{"vault", a.t("vault." + h.Vault)},
		})
		return nil
	})
	stop := a.command("stop", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error { return a.stopAgent(ctx) })
	return a.group("agent", run, status, stop)
}

// stopped is the document of rahat agent stop.
type stopped struct {
	Stopped bool `json:"stopped"` // false: there was none
}

// stopAgent asks the agent to stop and waits until it is gone. That there is
// none is what was wanted.
func (a *app) stopAgent(ctx context.Context) error {
	c, err := a.reach()
	if err != nil {
		return err
	}
	err = c.Stop(ctx)
	if errors.Is(err, client.ErrUnreachable) {
		if a.json {
			return a.out.document(stopped{false})
		}
		a.done("agent.none")
		return nil
	}
	if err != nil {
		return err
	}
	if err := awaitGone(ctx, c); err != nil {
		return err
	}
	if a.json {
		return a.out.document(stopped{true})
	}
	a.done("agent.stopped")
	return nil
}

// awaitGone asks the agent until it no longer answers. Running work is ended
// cleanly first, which may take as long as it likes.
func awaitGone(ctx context.Context, c *client.Client) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		// Connections that were open before the stop say nothing.
		c.Close()
		if _, err := c.Hello(ctx); errors.Is(err, client.ErrUnreachable) {
			return nil
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
