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
	fmt.Fprintf(a.out, "%s %s\n", a.out.paint(h, shape), a.out.paint(bold, a.sentence(s)))
	a.showConcerns(s.Concerns)
	if len(s.Active) > 0 {
		fmt.Fprintln(a.out)
		a.runTable(s.Active)
	}
	a.next(a.nextSteps(s)...)
	return nil
}

// showConcerns says of which databases the state comes.
func (a *app) showConcerns(all []control.Concern) {
	const most = 8
	for _, c := range all[:min(len(all), most)] {
		key := "concern." + c.Kind
		if c.Database == "*" {
			key += ".all"
		}
		line := a.t(key, "server", visible(c.Server), "database", visible(c.Database))
		if c.Problem != nil {
			title, _ := a.text(problem.Of(c.Problem.Err()))
			line += " " + title
		}
		fmt.Fprintf(a.out, "  %s\n", line)
	}
	if len(all) > most {
		fmt.Fprintf(a.out, "  %s\n", a.t("concern.more", "n", a.texts.Count(int64(len(all)-most))))
	}
}

// sentence says the state in one or two sentences.
func (a *app) sentence(s control.StatusReport) string {
	key := "state." + string(s.State)
	if s.Last == nil {
		return a.t(key + ".empty")
	}
	now := a.opt.Now()
	parts := []string{a.t(key), a.t("state.newest", "database", visible(s.Last.Database), "age", a.texts.Ago(s.Last.Finished, now))}
	switch proof := s.Last.Proof; {
	case proof == nil:
		parts = append(parts, a.t("state.unproven"))
	case proof.Status == backup.OK:
		parts = append(parts, a.t("state.proven", "age", a.texts.Ago(proof.At, now)))
	default:
		parts = append(parts, a.t("state.disproven", "age", a.texts.Ago(proof.At, now)))
	}
	return strings.Join(parts, " ")
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
