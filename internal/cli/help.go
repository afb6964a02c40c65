package cli

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the help of a command in the person's language: what it does,
// how it is written, examples, what stands below it, and its flags.
func (a *app) help(c *cobra.Command, _ []string) {
	if c.Long != "" {
		fmt.Fprintf(a.out, "%s\n\n", c.Long)
	} else {
		fmt.Fprintf(a.out, "%s\n\n", c.Short)
	}
	a.usage(c)
	a.section("help.examples", c.Example)
	if c.HasAvailableSubCommands() {
		a.commandList(c)
	}
	a.section("help.flags", a.flagList(c.NonInheritedFlags()))
	a.section("help.global", a.flagList(c.InheritedFlags()))
	if c.HasAvailableSubCommands() {
		fmt.Fprintln(a.out, a.t("help.more", "command", c.CommandPath()))
	}
}

func (a *app) usage(c *cobra.Command) {
	fmt.Fprintln(a.out, a.out.paint(bold, a.t("help.usage")))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(a.out, "  %s %s\n", c.CommandPath(), a.t("help.command"))
		if !strings.Contains(c.Use, " ") { // it does nothing without one
			fmt.Fprintln(a.out)
			return
		}
	}
	fmt.Fprintf(a.out, "  %s\n\n", strings.Replace(c.UseLine(), "[flags]", a.t("help.options"), 1))
}

func (a *app) section(key, body string) {
	if body == "" {
		return
	}
	fmt.Fprintf(a.out, "%s\n%s\n\n", a.out.paint(bold, a.t(key)), indent(body))
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// commandList prints the commands below c, by group where they have one.
func (a *app) commandList(c *cobra.Command) {
	show := func(title, group string) {
		var lines [][2]string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == group {
				lines = append(lines, [2]string{sub.Name(), sub.Short})
			}
		}
		if len(lines) > 0 {
			a.section(title, columns(lines))
		}
	}
	show("help.commands", "")
	for _, g := range c.Groups() {
		show(g.Title, g.ID)
	}
}

// flagList writes flags as help shows them.
func (a *app) flagList(flags *pflag.FlagSet) string {
	var lines [][2]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, text := pflag.UnquoteUsage(f)
		left := "    --" + f.Name
		if f.Shorthand != "" {
			left = "-" + f.Shorthand + ", --" + f.Name
		}
		switch {
		case f.NoOptDefVal != "" && f.Value.Type() != "bool":
			left += "[=" + name + "]"
		case f.Value.Type() != "bool":
			left += " " + name
		}
		lines = append(lines, [2]string{left, text})
	})
	return columns(lines)
}

// columns writes pairs in two columns.
func columns(lines [][2]string) string {
	width := 0
	for _, l := range lines {
		width = max(width, runewidth.StringWidth(l[0]))
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = runewidth.FillRight(l[0], width) + "  " + l[1]
	}
	return strings.Join(out, "\n")
}
