package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

// overview is rahat without arguments: how things stand and what to do next.
func (a *app) overview(ctx context.Context, _ *cobra.Command, _ []string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	return a.showStatus(ctx, c)
}

func (a *app) statusCommand() *cobra.Command {
	return a.command("status", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		c, err := a.reach()
		if err != nil {
			return err
		}
		return a.showStatus(ctx, c)
	})
}

func (a *app) showStatus(ctx context.Context, c *client.Client) error {
	s, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if a.json {
		return a.out.document(s)
	}
	shape, h := "▲", yellow
	switch s.State {
	case control.Attention: // as above
	case control.Protected:
		shape, h = "✓", green
	case control.NotProtected:
		shape, h = "✗", red
	}
	line := a.out.paint(h, shape) + " " + a.out.paint(bold, a.written(s.Headline))
	if s.Facts != nil {
		line += " " + a.written(*s.Facts)
	}
	fmt.Fprintln(a.out, line)
	a.showConcerns(s.Concerns)
	if len(s.Active) > 0 {
		fmt.Fprintln(a.out)
		a.runTable(s.Active)
	}
	a.next(a.nextSteps(s)...)
	return nil
}

// showConcerns says of which databases the state comes. Of the first one the
// headline has told already, but not why its backup failed.
func (a *app) showConcerns(all []control.Concern) {
	const most = 8
	for _, c := range all[:min(len(all), most)] {
		var parts []string
		if len(all) > 1 {
			parts = append(parts, a.written(c.Text))
		}
		if c.Problem != nil {
			title, _ := a.text(problem.Of(c.Problem.Err()))
			parts = append(parts, title)
		}
		if len(parts) > 0 {
			fmt.Fprintf(a.out, "  %s\n", strings.Join(parts, " "))
		}
	}
	if len(all) > most {
		fmt.Fprintf(a.out, "  %s\n", a.t("concern.more", "n", a.texts.Count(int64(len(all)-most))))
	}
}

// written returns a text of the agent in the person's language.
func (a *app) written(t control.Text) string {
	params := make(map[string]string, len(t.Params))
	for name, value := range t.Params {
		params[name] = visible(value)
	}
	return a.texts.Say(t.Code, params, a.opt.Now().In(a.opt.Zone))
}

// nextSteps returns what to do next, as keys of texts, the most urgent first.
func (a *app) nextSteps(s control.StatusReport) []string {
	switch {
	case len(s.Active) > 0:
		return nil
	case s.Servers == 0:
		return []string{"next.discover", "next.server", "next.destination"}
	case s.Last == nil && s.Jobs == 0:
		return []string{"next.destination", "next.job", "next.backup"}
	case s.Last == nil:
		return []string{"next.run_job"}
	case s.Last.Proof == nil || s.Last.Proof.Status != backup.OK:
		return []string{"next.verify"}
	case s.Jobs == 0:
		return []string{"next.job"}
	}
	return nil
}

// next prints steps: a command and what it does, taken from a text in two
// parts with a tab between them.
func (a *app) next(keys ...string) {
	if a.quiet || a.json || len(keys) == 0 {
		return
	}
	lines := make([][2]string, len(keys))
	for i, k := range keys {
		command, what, _ := strings.Cut(a.t(k), "\t")
		lines[i] = [2]string{command, what}
	}
	fmt.Fprintf(a.out, "\n%s\n%s\n", a.t("next.title"), indent(columns(lines)))
}

// say prints a sentence about work that was done; none with --quiet.
func (a *app) say(h hue, text string) {
	if !a.quiet {
		shape, rest, _ := strings.Cut(text, " ")
		fmt.Fprintf(a.out, "%s %s\n", a.out.paint(h, shape), rest)
	}
}

// done prints what was done.
func (a *app) done(key string, params ...string) {
	for i := 1; i < len(params); i += 2 {
		params[i] = visible(params[i])
	}
	a.say(green, "✓ "+a.t(key, params...))
}
