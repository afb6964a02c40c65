package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
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
			{"memory", a.t("agent.memory", "used", a.texts.Bytes(h.Memory.Used), "spare", a.texts.Bytes(h.Memory.Spare))},
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
	home, err := paths.Default()
	if err != nil {
		return err
	}
	if err := awaitGone(ctx, c, home); err != nil {
		return err
	}
	if a.json {
		return a.out.document(stopped{true})
	}
	a.done("agent.stopped")
	return nil
}

// awaitGone waits until the agent no longer answers and has let go of its home:
// a script may remove that next. Running work is ended cleanly first, which may
// take as long as it likes.
func awaitGone(ctx context.Context, c *client.Client, home paths.Home) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		// Connections that were open before the stop say nothing.
		c.Close()
		if _, err := c.Hello(ctx); errors.Is(err, client.ErrUnreachable) && !ipc.Locked(home.Lock()) {
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
