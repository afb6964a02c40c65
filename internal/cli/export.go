package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) exportCommand() *cobra.Command {
	var r control.ExportRequest
	c := a.command("export ID -o PATH [flags]", args("ID"), nil)
	c.Flags().StringVarP(&r.Path, "output", "o", "", "")
	c.Flags().StringVar(&r.Format, "format", "", "")
	c.Flags().BoolVar(&r.Clean, "clean", false, "")
	from := addSourceFlags(c)
	c.ValidArgsFunction = first(a.offer(backupIDs))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if err := need(c, "output"); err != nil {
			return err
		}
		if r.Path, err = absolute(r.Path); err != nil {
			return err
		}
		if r.From, err = a.source(ctx, c, from); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		started, err := agent.Export(ctx, args[0], r)
		if err != nil {
			return err
		}
		empty := func(run control.Run) control.ExportResult {
			return control.ExportResult{Run: run.ID, Status: run.Status, Path: r.Path, Format: r.Format, Seconds: seconds(run)}
		}
		return single(ctx, a, agent, started, empty, func(_ control.Run, v control.ExportResult) {
			a.done("export.done", "path", v.Path, "size", a.texts.Bytes(v.Bytes), "format", v.Format, "time", a.elapsed(v.Seconds))
		})
	}
	return c
}

// absolute makes a path absolute, because the agent works in another folder.
// A final separator, which says that a folder is meant, is kept.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	if strings.HasSuffix(path, string(os.PathSeparator)) && !strings.HasSuffix(abs, string(os.PathSeparator)) {
		abs += string(os.PathSeparator)
	}
	return abs, nil
}
