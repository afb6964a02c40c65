package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

func (a *app) discoverCommand() *cobra.Command {
	var folders []string
	c := a.command("discover [--folder DIR]...", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		for i, f := range folders {
			abs, err := filepath.Abs(f)
			if err != nil {
				return fmt.Errorf("find folder %s: %w", f, err)
			}
			folders[i] = abs
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		d, err := agent.Discover(ctx, control.DiscoverRequest{Folders: folders})
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(d)
		}
		a.showDiscovery(d)
		return nil
	})
	c.Flags().StringArrayVar(&folders, "folder", nil, "")
	completeBy(c, "folder", completeFolders)
	return c
}

func (a *app) showDiscovery(d control.Discovery) {
	if len(d.Servers) == 0 {
		fmt.Fprintln(a.out, a.t("discover.none"))
		return
	}
	rows := make([][]cell, len(d.Servers))
	for i, f := range d.Servers {
		product := strings.TrimSpace(f.Product + " " + f.Version)
		rows[i] = []cell{word(product), word(f.Address), word(f.User), a.foundDatabases(f), word(f.Server)}
	}
	a.out.table(a.heads("product", "address", "login", "databases", "server"), rows)
	for _, f := range d.Servers {
		if f.Problem != nil && f.Server == "" {
			title, remedy := a.text(problem.Of(f.Problem.Err()))
			fmt.Fprintf(a.out, "\n%s: %s\n  %s\n", visible(f.Address), title, remedy)
		}
	}
	a.suggestServers(d.Servers)
}

// noFile is the problem of a folder that a person named and that is not there.
const noFile = "sqlite.no_file"

// foundDatabases names a few databases of a found server, or says why none.
func (a *app) foundDatabases(f control.Found) cell {
	switch {
	case f.Problem == nil:
	case f.Problem.Code == noFile:
		return word("▲ " + a.t("discover.absent")).in(yellow)
	default:
		return word("▲ " + a.t("discover.closed")).in(yellow)
	}
	const most = 3
	var names []string
	for _, d := range f.Databases {
		if len(names) == most {
			names = append(names, a.t("discover.more", "n", a.texts.Count(int64(len(f.Databases)-most))))
			break
		}
		names = append(names, fmt.Sprintf("%s (%s)", d.Name, a.texts.Bytes(d.SizeBytes)))
	}
	return word(list(names))
}

// suggestServers prints the commands that configure what was found.
func (a *app) suggestServers(found []control.Found) {
	if a.quiet {
		return
	}
	var lines []string
	taken := map[string]bool{}
	for _, f := range found {
		taken[f.Server] = true
	}
	for _, f := range found {
		absent := f.Problem != nil && f.Problem.Code == noFile
		if f.Server != "" || absent || (f.Engine != "postgres" && f.Engine != "sqlite") {
			continue
		}
		line := fmt.Sprintf("rahat server add %s --engine %s --address %s", serverName(f, taken), f.Engine, shellQuote(f.Address))
		switch {
		case f.User != "":
			line += " --user " + shellQuote(f.User)
		case f.Engine != "sqlite":
			line += " --user " + a.t("discover.user") + " --password"
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		fmt.Fprintf(a.out, "\n%s\n%s\n", a.t("discover.next"), indent(strings.Join(lines, "\n")))
	}
}

// serverName proposes a name for a found server that is not taken, and takes
// it: a file is named after itself, others after their kind.
func serverName(f control.Found, taken map[string]bool) string {
	base := f.Engine
	if f.Engine == "sqlite" {
		file := filepath.Base(f.Address)
		base = strings.Map(nameRune, strings.TrimSuffix(file, filepath.Ext(file)))
		base = strings.TrimLeft(base[:min(len(base), 50)], "._-")
	}
	if base == "" {
		base = f.Engine
	}
	name := base
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s%d", base, n)
	}
	taken[name] = true
	return name
}

// nameRune replaces what the name of a server cannot hold.
func nameRune(r rune) rune {
	if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r)) {
		return r
	}
	return '-'
}

// shellQuote writes s so that shells read it as one word.
func shellQuote(s string) string {
	s = visible(s)
	plain := func(r rune) bool {
		return !(r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`-_./:\@+=`, r)))
	}
	if s != "" && strings.IndexFunc(s, plain) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
