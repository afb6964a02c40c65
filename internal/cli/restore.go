package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

func (a *app) restoreCommand() *cobra.Command {
	var r control.RestoreRequest
	c := a.command("restore ID --to-server S [--to-database NAME] [flags]", args("ID"), nil)
	c.Flags().StringVar(&r.Server, "to-server", "", "")
	c.Flags().StringVar(&r.Database, "to-database", "", "")
	c.Flags().StringArrayVar(&r.Tables, "table", nil, "")
	c.Flags().StringVar(&r.Overwrite, "overwrite", "", "")
	c.Flags().Lookup("overwrite").NoOptDefVal = askName
	c.Flags().BoolVar(&r.SkipRoles, "skip-roles", false, "")
	from := addSourceFlags(c)
	completeBy(c, "to-server", a.offer(serverNames))
	c.ValidArgsFunction = first(a.offer(backupIDs))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if err := need(c, "to-server"); err != nil {
			return err
		}
		if r.Overwrite != "" {
			if err := need(c, "to-database"); err != nil {
				return err
			}
		}
		if r.From, err = a.source(ctx, c, from); err != nil {
			return err
		}
		if err := a.confirm(ctx, &r); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		if r.Database == "" {
			if r.Database, err = a.newName(ctx, agent, args[0], r.From); err != nil {
				return err
			}
		}
		started, err := agent.Restore(ctx, args[0], r)
		if err != nil {
			return err
		}
		empty := func(run control.Run) control.RestoreResult {
			return control.RestoreResult{Run: run.ID, Status: run.Status, Server: r.Server, Database: r.Database, Seconds: seconds(run)}
		}
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.RestoreResult) { a.showRestored(v) })
	}
	return c
}

// askName stands for --overwrite without a name. No database can be called so:
// the servers end names at NUL.
const askName = "\x00"

// confirm makes sure that who replaces a database means it: its name must be
// typed again, on the terminal or as the value of --overwrite.
func (a *app) confirm(ctx context.Context, r *control.RestoreRequest) error {
	switch r.Overwrite {
	case "", r.Database:
		return nil
	case askName:
	default:
		return errMistyped.Because(nil, "database", r.Database)
	}
	p := a.person()
	if p == nil {
		return errUnconfirmed.Because(nil, "database", r.Database)
	}
	defer p.leave()
	warning := a.err.paint(yellow, "▲ "+a.t("restore.danger", "database", visible(r.Database), "server", visible(r.Server)))
	typed, err := a.ask(ctx, p, warning, a.t("restore.type_name"))
	if err != nil {
		return err
	}
	if typed != r.Database {
		return errMistyped.Because(nil, "database", r.Database)
	}
	r.Overwrite = typed
	return nil
}

// newName proposes a name for the restored database that is not taken, by the
// moment it is made.
func (a *app) newName(ctx context.Context, agent *client.Client, id string, from *control.Repository) (string, error) {
	b, err := findBackup(ctx, agent, id, from)
	if err != nil {
		return "", err
	}
	name := stamped(b.Database, b.Engine, "_restored_"+a.opt.Now().In(a.opt.Zone).Format("20060102_150405"))
	if !a.quiet {
		fmt.Fprintln(a.err, a.t("restore.name", "database", visible(name)))
	}
	return name, nil
}

// maxName is the longest name PostgreSQL takes, in bytes (NAMEDATALEN - 1).
const maxName = 63

// stamped adds a stamp to the name of a database: before the extension of a
// file, and so that a server does not find it too long.
func stamped(name, kind, stamp string) string {
	if kind == "sqlite" {
		ext := filepath.Ext(name)
		return strings.TrimSuffix(name, ext) + stamp + ext
	}
	if most := maxName - len(stamp); len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name + stamp
}

// findBackup returns a backup of the catalog or of a repository that is not
// configured, by the beginning of its ID.
func findBackup(ctx context.Context, agent *client.Client, id string, from *control.Repository) (control.Backup, error) {
	if from == nil {
		return agent.GetBackup(ctx, id)
	}
	all, err := agent.RepositoryBackups(ctx, *from)
	if err != nil {
		return control.Backup{}, err
	}
	for _, b := range all { // newest first
		if id == "latest" || strings.HasPrefix(b.ID, id) {
			return b, nil
		}
	}
	return control.Backup{}, errBackupUnknown.Because(nil, "id", id)
}

func (a *app) showRestored(v control.RestoreResult) {
	a.done("restore.done", "database", v.Database, "server", v.Server, "what", a.amount(v.Rows, a.texts.Bytes(v.PlainBytes)),
		"time", a.elapsed(v.Seconds))
	if v.Connection != "" && !a.quiet {
		fmt.Fprintf(a.out, "  %s\n", visible(v.Connection))
	}
}
