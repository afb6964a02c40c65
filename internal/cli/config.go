package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) configCommand() *cobra.Command {
	return a.group("config", a.configExport(), a.configImport())
}

func (a *app) configExport() *cobra.Command {
	var path string
	c := a.command("export [-o FILE]", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		file, err := agent.ExportConfig(ctx)
		if err != nil {
			return err
		}
		if path == "" {
			return a.out.document(file)
		}
		if err := saveConfig(path, file); err != nil {
			return errConfigWrite.Because(err, "path", path, "cause", err.Error())
		}
		if a.json {
			return a.out.document(map[string]string{"path": path})
		}
		a.done("config.exported", "path", visible(path))
		return nil
	})
	c.Flags().StringVarP(&path, "output", "o", "", "")
	return c
}

// saveConfig writes a file that others cannot read, in one step: what is there
// is replaced by all of the new one, or stays.
func saveConfig(path string, file control.ConfigFile) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(file); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rahat-config-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (a *app) configImport() *cobra.Command {
	var r control.ConfigImport
	c := a.command("import FILE [--replace] [--dry-run]", args("FILE"), func(ctx context.Context, _ *cobra.Command, args []string) (err error) {
		if r.File, err = a.readConfig(args[0]); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		did, err := agent.ImportConfig(ctx, r)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(did)
		}
		a.showImported(r, did)
		return nil
	})
	c.Flags().BoolVar(&r.Replace, "replace", false, "")
	c.Flags().BoolVar(&r.DryRun, "dry-run", false, "")
	c.ValidArgsFunction = nil // files
	return c
}

// readConfig reads a file, or standard input for "-".
func (a *app) readConfig(path string) (control.ConfigFile, error) {
	read := func() ([]byte, error) {
		from := a.opt.Stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer func() { _ = f.Close() }() // it is only read
			from = f
		}
		return io.ReadAll(io.LimitReader(from, control.MaxConfig+1))
	}
	b, err := read()
	if err != nil {
		return control.ConfigFile{}, errConfigRead.Because(err, "path", path, "cause", err.Error())
	}
	return control.ParseConfig(b)
}

func (a *app) showImported(r control.ConfigImport, did control.ConfigImported) {
	if a.quiet {
		return
	}
	for _, part := range []struct {
		key   string
		names []string
	}{{"config.added", did.Added}, {"config.changed", did.Changed}, {"config.left", did.Left}, {"config.same", did.Same}} {
		if len(part.names) > 0 {
			fmt.Fprintln(a.out, a.t(part.key, "names", visible(list(part.names))))
		}
	}
	if scripts := withScripts(r.File.Jobs); len(scripts) > 0 {
		fmt.Fprintln(a.err, a.err.paint(yellow, "▲ "+a.t("config.scripts", "jobs", visible(list(scripts)))))
	}
	if len(did.NeedSecrets) > 0 {
		fmt.Fprintf(a.err, "%s\n  %s\n", a.err.paint(yellow, "▲ "+a.t("config.secrets", "names", visible(list(did.NeedSecrets)))), a.t("config.secrets.how"))
	}
	if r.DryRun {
		fmt.Fprintln(a.out, a.t("config.dry"))
		return
	}
	a.done("config.imported")
}

// withScripts names the jobs that run commands of whoever wrote the file.
func withScripts(jobs []control.Job) (names []string) {
	for _, j := range jobs {
		if len(j.Before)+len(j.After) > 0 {
			names = append(names, j.Name)
		}
	}
	return names
}

func (a *app) destinationUnlock() *cobra.Command {
	var u control.Unlock
	var identity string
	c := a.command("unlock NAME [--passphrase | --identity-file FILE] [--secret]", args("NAME"), nil)
	secret := addSecretFlags(c, "secret")
	passphrase := addSecretFlags(c, "passphrase")
	c.Flags().StringVar(&identity, "identity-file", "", "")
	c.ValidArgsFunction = first(a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if identity != "" {
			if u.Identity, err = readIdentity(identity); err != nil {
				return err
			}
		}
		if p := a.person(); p != nil && identity == "" && !passphrase.given() {
			p.leave()
			passphrase.ask = true
		}
		if u.Secret, err = a.secret(ctx, secret); err != nil {
			return err
		}
		if u.Passphrase, err = a.secret(ctx, passphrase); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		d, err := agent.UnlockDestination(ctx, args[0], u)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(d)
		}
		a.done("destination.unlocked", "name", d.Name)
		return nil
	}
	return c
}
