package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

func (a *app) recoveryKitCommand() *cobra.Command {
	var r control.RecoveryKitRequest
	var path string
	c := a.command("recovery-kit [--to DESTINATION] [-o FILE] [flags]", args(), nil)
	c.Flags().StringSliceVar(&r.Destinations, "to", nil, "")
	c.Flags().StringVarP(&path, "output", "o", "", "")
	completeBy(c, "to", a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		r.Language = a.texts.Lang()
		if path == "" {
			return a.makeKit(c, r, nil)
		}
		f, err := newSecretFile(path)
		if err != nil {
			return err
		}
		defer func() {
			if err = errors.Join(err, f.Close()); err != nil {
				err = errors.Join(err, os.Remove(path)) // it holds nothing, or half a kit
			}
		}()
		return a.makeKit(c, r, f)
	}
	c.AddCommand(a.drillCommand())
	return c
}

// newSecretFile makes a file that only this person can read, and never replaces
// one. It is made before the kit, whose key is told only once.
func newSecretFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, errFileExists.Because(err, "path", path)
	case err != nil:
		return nil, errNotWritable.Because(err, "path", path)
	}
	return f, nil
}

// kitFile is what is told of a kit that went into a file: nothing secret.
type kitFile struct {
	Path         string                   `json:"path"`
	Recipient    string                   `json:"recipient"`
	Created      time.Time                `json:"created"`
	Destinations []control.KitDestination `json:"destinations"`
}

// makeKit makes a kit and writes it to f, or to standard output if that is nil.
func (a *app) makeKit(c *cobra.Command, r control.RecoveryKitRequest, f *os.File) error {
	ctx := c.Context()
	agent, err := a.connect(ctx)
	if err != nil {
		return err
	}
	kit, err := agent.MakeRecoveryKit(ctx, r)
	if err != nil {
		return err
	}
	if f == nil {
		if a.json {
			return a.out.document(kit)
		}
		fmt.Fprint(a.out, kit.Text)
		return nil
	}
	content := []byte(kit.Text)
	if ext := filepath.Ext(f.Name()); ext == ".pdf" || ext == ".PDF" {
		content = kit.PDF
	}
	if _, err := f.Write(content); err != nil {
		return errNotWritable.Because(err, "path", f.Name())
	}
	if err := f.Sync(); err != nil { // a full disk may show only now
		return errNotWritable.Because(err, "path", f.Name())
	}
	if a.json {
		return a.out.document(kitFile{f.Name(), kit.Recipient, kit.Created, kit.Destinations})
	}
	names := make([]string, len(kit.Destinations))
	for i, d := range kit.Destinations {
		names[i] = d.Name
	}
	a.done("kit.made_file", "path", f.Name(), "destinations", list(names))
	fmt.Fprintf(a.out, "  %s\n", a.t("kit.print_it"))
	return nil
}

func (a *app) drillCommand() *cobra.Command {
	var d control.KeyDrill
	c := a.command("drill [--to DESTINATION] [flags]", args(), nil)
	c.Flags().StringVar(&d.Destination, "to", "", "")
	key := addSecretFlags(c, "key")
	completeBy(c, "to", a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		ctx := c.Context()
		if !key.given() {
			key.ask = true
		}
		if d.Key, err = a.secret(ctx, key); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		t, err := agent.DrillKey(ctx, d)
		if err != nil {
			return err
		}
		p := problem.Of(t.Problem.Err())
		if a.json {
			return a.tested(outcome[control.KeyDrilled]{t, a.errorDocument(p)}, p)
		}
		if p != nil {
			return p
		}
		a.done("kit.drilled", "backups", a.texts.N("count.backups", int64(t.Backups)))
		if t.Newest != "" {
			fmt.Fprintf(a.out, "  %s\n", a.t("kit.drilled_bytes", "id", t.Newest, "size", a.texts.Bytes(t.Bytes), "time", a.elapsed(t.Seconds)))
		}
		return nil
	}
	return c
}
