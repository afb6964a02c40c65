package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control/client"
)

// patience is how long a person at a prompt waits for completions.
const patience = 400 * time.Millisecond

// names asks the agent for what may be completed.
type names func(context.Context, *app, *client.Client) ([]cobra.Completion, error)

// offer completes with what a running agent knows; it starts none. Errors are
// no help at a prompt, so then nothing is offered.
func (a *app) offer(ask names) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(c.Context(), patience)
		defer cancel()
		agent, err := a.reach()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := ask(ctx, a, agent)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []cobra.Completion
		for _, s := range all {
			if strings.HasPrefix(s, typed) {
				out = append(out, s)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// first completes the first argument only.
func first(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, typed)
	}
}

// offered is a completion with what it is.
func offered(name string, about ...string) cobra.Completion {
	return cobra.CompletionWithDesc(visible(name), visible(strings.Join(about, " ")))
}

func serverNames(ctx context.Context, _ *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Servers(ctx)
	for _, s := range all {
		out = append(out, offered(s.Name, s.Engine, s.Address))
	}
	return out, err
}

func destinationNames(ctx context.Context, _ *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Destinations(ctx)
	for _, d := range all {
		out = append(out, offered(d.Name, d.URL))
	}
	return out, err
}

func jobNames(ctx context.Context, _ *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Jobs(ctx)
	for _, j := range all {
		out = append(out, offered(j.Name, j.Server+":", list(j.Databases)))
	}
	return out, err
}

func databaseNames(ctx context.Context, _ *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Backups(ctx, client.BackupFilter{})
	seen := map[string]bool{}
	for _, b := range all {
		if !seen[b.Database] {
			seen[b.Database] = true
			out = append(out, offered(b.Database, b.Server))
		}
	}
	return out, err
}

// mostOffered bounds what a prompt is filled with.
const mostOffered = 50

func backupIDs(ctx context.Context, a *app, c *client.Client) ([]cobra.Completion, error) {
	all, err := c.Backups(ctx, client.BackupFilter{Limit: mostOffered})
	if err != nil {
		return nil, err
	}
	out := []cobra.Completion{offered("latest", a.t("complete.latest"))}
	for _, b := range all {
		out = append(out, offered(b.ID, b.Database, a.moment(b.Finished)))
	}
	return out, nil
}

func runIDs(ctx context.Context, a *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Runs(ctx, mostOffered)
	for _, r := range all {
		out = append(out, offered(r.ID, a.t("kind."+string(r.Kind)), r.Database, a.t("status."+string(r.Status))))
	}
	return out, err
}

func activeRunIDs(ctx context.Context, a *app, c *client.Client) (out []cobra.Completion, err error) {
	s, err := c.Status(ctx)
	for _, r := range s.Active {
		out = append(out, offered(r.ID, a.t("kind."+string(r.Kind)), r.Database))
	}
	return out, err
}

func completeFolders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// shells are those there are completions for.
var shells = map[string]func(*cobra.Command, *paper) error{
	"bash":       func(c *cobra.Command, p *paper) error { return c.GenBashCompletionV2(p, true) },
	"zsh":        func(c *cobra.Command, p *paper) error { return c.GenZshCompletion(p) },
	"fish":       func(c *cobra.Command, p *paper) error { return c.GenFishCompletion(p, true) },
	"powershell": func(c *cobra.Command, p *paper) error { return c.GenPowerShellCompletionWithDesc(p) },
}

var shellNames = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	c := a.command("completion "+strings.Join(shellNames, "|"), args("SHELL"), func(_ context.Context, c *cobra.Command, args []string) error {
		generate, ok := shells[args[0]]
		if !ok {
			return errChoice.Because(nil, "flag", "SHELL", "value", args[0], "possible", list(shellNames))
		}
		if err := generate(c.Root(), a.out); err != nil {
			return fmt.Errorf("write completion of %s: %w", args[0], err)
		}
		return nil
	})
	c.ValidArgsFunction = first(cobra.FixedCompletions(shellNames, cobra.ShellCompDirectiveNoFileComp))
	return c
}
