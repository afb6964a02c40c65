package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/version"
)

// manCommand writes the manual pages, for who packages the program.
func (a *app) manCommand() *cobra.Command {
	c := a.command("man DIR", args("DIR"), func(_ context.Context, _ *cobra.Command, args []string) error {
		var written []string
		for _, lang := range i18n.Languages() {
			b := newApp(a.opt, a.cancel)
			b.texts = i18n.For(lang)
			for name, page := range b.manual() { //nolint:contextcheck // no command is run
				path := filepath.Join(manFolder(lang, name), name)
				if err := writePage(filepath.Join(args[0], path), page); err != nil {
					return errBadValue.Because(err, "flag", "DIR", "value", args[0], "command", "rahat man")
				}
				written = append(written, filepath.ToSlash(path))
			}
		}
		if a.json {
			return a.out.document(struct {
				Pages int `json:"pages"`
			}{len(written)})
		}
		a.done("man.written", "n", a.texts.Count(int64(len(written))), "path", args[0])
		return nil
	})
	c.Hidden = true
	return c
}

// manFolder is where a page lies below a folder of manuals: man1, tr/man1.
func manFolder(lang, name string) string {
	section := "man" + name[strings.LastIndexByte(name, '.')+1:]
	if lang == "en" {
		return section
	}
	return filepath.Join(lang, section)
}

func writePage(path string, page []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, page, 0o644)
}

// manual returns all pages by the names of their files: rahat.1, one for each
// command with what stands below it, and rahat-agent.8.
func (a *app) manual() map[string][]byte {
	root := a.root()
	pages := map[string][]byte{"rahat-agent.8": a.agentPage()}
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c.Hidden {
			continue
		}
		name := pageName(c)
		if name == "rahat-agent" {
			name = "rahat-agent-command" // rahat-agent is a program of its own
		}
		pages[name+".1"] = a.page(c, name)
	}
	return pages
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// roff writes a manual page in the macros of man(7).
type roff struct{ bytes.Buffer }

func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, arg := range args {
		r.WriteString(` "` + strings.ReplaceAll(plainRoff(arg), `"`, `\(dq`) + `"`)
	}
	r.WriteByte('\n')
}

// text writes lines, each of its own where they are.
func (r *roff) text(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		line = plainRoff(line)
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		r.WriteString(line + "\n")
	}
}

// verbatim writes lines that are not filled.
func (r *roff) verbatim(s string) {
	r.macro("RS", "4")
	r.macro("nf")
	r.text(s)
	r.macro("fi")
	r.macro("RE")
}

// plainRoff escapes what the formatter would take for its own.
func plainRoff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

// page is the manual page of a command.
func (a *app) page(c *cobra.Command, name string) []byte {
	r := &roff{}
	r.macro("TH", name, "1", "", "Rahat Backup "+version.Version, "Rahat Backup")
	r.macro("SH", a.t("man.name"))
	r.text(name + " - " + c.Short)
	r.macro("SH", a.t("man.synopsis"))
	for _, use := range a.uses(c) {
		r.macro("B", use)
		r.macro("br")
	}
	r.macro("SH", a.t("man.description"))
	r.text(longOf(c))
	a.pageOptions(r, "SH", a.t("man.options"), c.NonInheritedFlags())
	a.pageExamples(r, "SH", c)
	for _, sub := range c.Commands() {
		if sub.Hidden {
			continue
		}
		if c.HasParent() {
			a.subcommand(r, sub)
		}
	}
	if !c.HasParent() {
		a.commandPages(r, c)
	}
	a.pageOptions(r, "SH", a.t("man.global"), c.InheritedFlags())
	a.pageTail(r, c)
	return r.Bytes()
}

func longOf(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// uses lists how a command and those below it are written.
func (a *app) uses(c *cobra.Command) (out []string) {
	if !c.HasAvailableSubCommands() || !c.HasParent() || strings.Contains(c.Use, " ") {
		out = append(out, strings.Replace(c.UseLine(), "[flags]", a.t("help.options"), 1))
	}
	if !c.HasParent() {
		return append(out, c.CommandPath()+" "+a.t("help.command"))
	}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			out = append(out, a.uses(sub)...)
		}
	}
	return out
}

// subcommand is a part of its parent's page.
func (a *app) subcommand(r *roff, c *cobra.Command) {
	r.macro("SH", c.CommandPath())
	r.text(longOf(c))
	a.pageOptions(r, "SS", a.t("man.options"), c.NonInheritedFlags())
	a.pageExamples(r, "SS", c)
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			a.subcommand(r, sub)
		}
	}
}

// commandPages names the pages of the commands.
func (a *app) commandPages(r *roff, root *cobra.Command) {
	r.macro("SH", a.t("man.commands"))
	for _, sub := range root.Commands() {
		if !sub.Hidden {
			r.macro("TP")
			r.macro("B", sub.Name())
			r.text(sub.Short)
		}
	}
}

func (a *app) pageOptions(r *roff, level, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	r.macro(level, title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name, text := pflag.UnquoteUsage(f)
		left := "--" + f.Name
		if f.Shorthand != "" {
			left = "-" + f.Shorthand + ", " + left
		}
		if f.Value.Type() != "bool" {
			left += " " + name
		}
		r.macro("TP")
		r.macro("B", left)
		r.text(text)
	})
}

func (a *app) pageExamples(r *roff, level string, c *cobra.Command) {
	if c.Example != "" {
		r.macro(level, a.t("man.examples"))
		r.verbatim(c.Example)
	}
}

// pageTail writes what every page ends with.
func (a *app) pageTail(r *roff, c *cobra.Command) {
	r.macro("SH", a.t("man.exit"))
	for _, code := range []int{exitOK, exitFailed, exitUsage, exitUnreachable, exitNotFound, exitRefused, exitInterrupted} {
		r.macro("TP")
		r.macro("B", fmt.Sprint(code))
		r.text(a.t(fmt.Sprintf("man.exit.%d", code)))
	}
	r.macro("SH", a.t("man.environment"))
	for _, name := range []string{"RAHAT_HOME", "RAHAT_LANG", "NO_COLOR"} {
		a.variable(r, name)
	}
	r.macro("SH", a.t("man.see"))
	if c.HasParent() {
		r.text("rahat(1), rahat-agent(8)")
	} else {
		r.text("rahat-backup(1), rahat-restore(1), rahat-agent(8)")
	}
}

// variable says what a variable of the environment does.
func (a *app) variable(r *roff, name string) {
	r.macro("TP")
	r.macro("B", name)
	r.text(a.t("man.env." + strings.ToLower(name))) //nolint:forbidigo // a key of ours, no word of a language
}

// agentPage is the page of the program that does the work.
func (a *app) agentPage() []byte {
	r := &roff{}
	r.macro("TH", "rahat-agent", "8", "", "Rahat Backup "+version.Version, "Rahat Backup")
	r.macro("SH", a.t("man.name"))
	r.text("rahat-agent - " + a.t("man.agent.short"))
	r.macro("SH", a.t("man.synopsis"))
	for _, use := range []string{"rahat-agent run [--verbose]", "rahat-agent version", "rahat-agent openapi"} {
		r.macro("B", use)
		r.macro("br")
	}
	r.macro("SH", a.t("man.description"))
	r.text(a.t("man.agent.long"))
	r.macro("SH", a.t("man.commands"))
	for _, name := range []string{"run", "version", "openapi"} {
		r.macro("TP")
		r.macro("B", name)
		r.text(a.t("man.agent." + name))
	}
	r.macro("SH", a.t("man.environment"))
	for _, name := range []string{"RAHAT_HOME", "RAHAT_VAULT", "RAHAT_VAULT_PASSPHRASE_FILE", "GOMEMLIMIT"} {
		a.variable(r, name)
	}
	r.macro("SH", a.t("man.see"))
	r.text("rahat(1)")
	return r.Bytes()
}
