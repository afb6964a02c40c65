package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

// sourceFlags name a repository that is not configured, as a computer that
// lost everything but the key has it.
type sourceFlags struct {
	url, identity      string
	passphrase, secret *secretFlags
}

func addSourceFlags(c *cobra.Command) *sourceFlags {
	s := &sourceFlags{}
	c.Flags().StringVar(&s.url, "from", "", "")
	s.passphrase = addSecretFlags(c, "passphrase")
	c.Flags().StringVar(&s.identity, "identity-file", "", "")
	s.secret = addSecretFlags(c, "secret")
	return s
}

// source returns the repository that the flags name, nil when they name none.
// On a terminal the passphrase is asked for when no key was given.
func (a *app) source(ctx context.Context, c *cobra.Command, s *sourceFlags) (*control.Repository, error) {
	if s.url == "" {
		if s.passphrase.given() || s.identity != "" || s.secret.given() {
			return nil, errMissing.Because(nil, "flags", "--from", "command", c.CommandPath())
		}
		return nil, nil
	}
	var r control.Repository
	var err error
	if r.URL, err = placeURL(s.url); err != nil {
		return nil, err
	}
	if s.identity != "" {
		if r.Identity, err = readIdentity(s.identity); err != nil {
			return nil, err
		}
	}
	if p := a.person(); p != nil && s.identity == "" && !s.passphrase.given() {
		p.leave()
		s.passphrase.ask = true
	}
	if !s.passphrase.given() && s.identity == "" {
		return nil, errMissing.Because(nil, "flags", "--passphrase-file", "command", c.CommandPath())
	}
	if r.Secret, err = a.secret(ctx, s.secret); err != nil {
		return nil, err
	}
	if r.Passphrase, err = a.secret(ctx, s.passphrase); err != nil {
		return nil, err
	}
	return &r, nil
}

func (a *app) backupsCommand() *cobra.Command {
	var f client.BackupFilter
	var limit uint
	c := a.command("backups [--database D] [--from URL] [flags]", args(), nil)
	c.Flags().StringVar(&f.Database, "database", "", "")
	c.Flags().StringVar(&f.Destination, "destination", "", "")
	c.Flags().StringVar(&f.Search, "search", "", "")
	c.Flags().StringVar(&f.Tag, "tag", "", "")
	c.Flags().UintVar(&limit, "limit", 0, "")
	from := addSourceFlags(c)
	completeBy(c, "database", a.offer(databaseNames))
	completeBy(c, "destination", a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		if err := a.checkSource(c, from); err != nil {
			return err
		}
		f.Limit = int(limit)
		repo, err := a.source(ctx, c, from)
		if err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		var all []control.Backup
		if repo == nil {
			all, err = agent.Backups(ctx, f)
		} else {
			all, err = agent.RepositoryBackups(ctx, *repo)
			all = choosy(all, f)
		}
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		if len(all) == 0 {
			return a.noBackups(ctx, agent, f)
		}
		a.backupTable(all)
		return nil
	}
	return c
}

// noBackups says why there are none: a catalog that was lost may still be on
// its way back, which a person must not take for lost backups.
func (a *app) noBackups(ctx context.Context, agent *client.Client, f client.BackupFilter) error {
	s, err := agent.Status(ctx)
	if err != nil {
		return err
	}
	key := "backup.none"
	if f != (client.BackupFilter{Limit: f.Limit}) {
		key = "backup.none_such"
	}
	for _, run := range s.Active {
		if run.Kind == backup.RunRebuild {
			key = "backup.none_yet"
		}
	}
	fmt.Fprintln(a.out, a.t(key))
	return nil
}

// checkSource refuses what makes no sense for a repository that is not
// configured.
func (a *app) checkSource(c *cobra.Command, from *sourceFlags) error {
	if from.url == "" {
		return nil
	}
	return refuse(c, "--from", "destination", "search", "tag")
}

// choosy applies a filter to the backups of a repository that is not
// configured.
func choosy(all []control.Backup, f client.BackupFilter) []control.Backup {
	var out []control.Backup
	for _, b := range all {
		if f.Database != "" && b.Database != f.Database {
			continue
		}
		if out = append(out, b); len(out) == f.Limit {
			break
		}
	}
	return out
}

func (a *app) backupTable(all []control.Backup) {
	ids := make([]string, len(all))
	labelled := false
	for i, b := range all {
		ids[i] = b.ID
		labelled = labelled || a.labelText(b.Label) != ""
	}
	ids = shortIDs(ids)
	heads := []string{"backup", "database", "server", "when", "type", "size", "added", "rows", "proof", "destination"}
	rows := make([][]cell, len(all))
	for i, b := range all {
		rows[i] = []cell{
			word(ids[i]), word(b.Database), word(b.Server), word(a.moment(b.Finished)), word(a.typeName(b.Type)),
			number(a.texts.Bytes(b.PlainBytes)), number(a.texts.Bytes(b.AddedBytes)), a.rows(b.Rows),
			a.proof(b.Proof), word(list(append([]string{b.Destination}, b.Copies...))),
		}
		if labelled {
			rows[i] = append(rows[i], word(a.labelText(b.Label)))
		}
	}
	if labelled {
		heads = append(heads, "label")
	}
	a.out.table(a.heads(heads...), rows)
}
