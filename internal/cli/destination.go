package cli

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

func (a *app) destinationCommand() *cobra.Command {
	return a.group("destination", a.destinationAdd(), a.destinationList(), a.destinationEdit(), a.destinationTest(), a.destinationUnlock(), a.destinationReread(), a.destinationRemove(), a.keysCommand())
}

func (a *app) destinationAdd() *cobra.Command {
	var d control.NewDestination
	var identity string
	c := a.command("add NAME --url URL [flags]", args("NAME"), nil)
	c.Flags().StringVar(&d.URL, "url", "", "")
	addKeepFlags(c, &d.LockDays, &d.RereadDays)
	secret := addSecretFlags(c, "secret")
	passphrase := addSecretFlags(c, "passphrase")
	passphrase.twice = true
	c.Flags().StringVar(&identity, "identity-file", "", "")
	c.Flags().StringArrayVar(&d.Recipients, "recipient", nil, "")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if err := need(c, "url"); err != nil {
			return err
		}
		d.Name = args[0]
		if d.URL, err = placeURL(d.URL); err != nil {
			return err
		}
		if d.Secret, err = a.secret(ctx, secret); err != nil {
			return err
		}
		if d.Passphrase, err = a.secret(ctx, passphrase); err != nil {
			return err
		}
		if identity != "" {
			if d.Identity, err = readIdentity(identity); err != nil {
				return err
			}
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		added, err := agent.AddDestination(ctx, d)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(added)
		}
		a.done("destination.added", "name", added.Name, "url", added.URL)
		if d.Passphrase == "" && d.Identity == "" && len(d.Recipients) == 0 && !a.quiet {
			fmt.Fprintf(a.err, "%s\n  %s\n", a.err.paint(yellow, "▲ "+a.t("destination.one_key")), a.t("destination.more_keys"))
		}
		return nil
	}
	return c
}

// placeURL returns the URL of a store. A path is taken for a folder of this
// machine. A password in it is refused: others can read the arguments.
func placeURL(s string) (string, error) {
	if !strings.Contains(s, "://") && !strings.HasPrefix(s, "file:") {
		abs, err := filepath.Abs(s)
		if err != nil {
			return "", fmt.Errorf("find folder %s: %w", s, err)
		}
		path := filepath.ToSlash(abs)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path // file:///C:/...
		}
		return (&url.URL{Scheme: "file", Path: path}).String(), nil
	}
	if passwordWithin.MatchString(s) {
		return "", errSecretInURL.Because(nil, "flag", "--secret")
	}
	return s, nil
}

func (a *app) destinationList() *cobra.Command {
	return a.command("list", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		all, err := fetch(ctx, a, (*client.Client).Destinations)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		if len(all) == 0 {
			fmt.Fprintln(a.out, a.t("destination.none"))
			return nil
		}
		rows := make([][]cell, len(all))
		for i, d := range all {
			rows[i] = words(d.Name, d.URL, d.Repository)
		}
		a.out.table(a.heads("name", "url", "repository"), rows)
		return nil
	})
}

func (a *app) destinationTest() *cobra.Command {
	c := a.command("test NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		t, err := agent.TestDestination(ctx, args[0])
		if err != nil {
			return err
		}
		p := problem.Of(t.Problem.Err())
		if a.json {
			return a.tested(outcome[control.DestinationTest]{t, a.errorDocument(p)}, p)
		}
		a.showChecks(t.Checks)
		if p != nil {
			return p
		}
		a.done("destination.reached", "name", args[0], "backups", a.texts.N("count.backups", int64(t.Backups)))
		if t.FreeBytes >= 0 {
			fmt.Fprintf(a.out, "  %s\n", a.t("destination.free", "size", a.texts.Bytes(t.FreeBytes)))
		}
		return nil
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}

// showChecks prints what was tried on a destination. What failed is explained
// after it; what is only to be known is explained here.
func (a *app) showChecks(all []control.DestinationCheck) {
	for _, c := range all {
		mark, h := "✓", green
		switch c.Status {
		case "failed":
			mark, h = "✗", red
		case "warning":
			mark, h = "▲", yellow
		case "skipped":
			mark, h = "–", dim
		}
		a.say(h, mark+" "+a.t("destination.check."+c.Name)+a.checkDetail(c))
		if c.Status == "warning" && !a.quiet {
			title, remedy := a.text(problem.Of(c.Problem.Err()))
			fmt.Fprintf(a.out, "  %s\n  %s\n", title, remedy)
		}
	}
}

// checkDetail says how long a check took, and how fast it was.
func (a *app) checkDetail(c control.DestinationCheck) string {
	switch {
	case c.Status == "skipped":
		return " (" + a.t("destination.check.skipped") + ")"
	case c.Bytes > 0 && c.Seconds > 0:
		return "  " + a.elapsed(c.Seconds) + ", " + a.texts.Speed(float64(c.Bytes)/c.Seconds)
	}
	return "  " + a.elapsed(c.Seconds)
}

func (a *app) destinationRemove() *cobra.Command {
	c := a.command("remove NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		return a.remove(ctx, (*client.Client).RemoveDestination, args[0], "destination.removed")
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}
