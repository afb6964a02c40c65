package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/version"
)

// versionDocument is what rahat version --json prints.
type versionDocument struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	API      int    `json:"api"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	return a.command("version", args(), func(context.Context, *cobra.Command, []string) error {
		if a.json {
			return a.out.document(versionDocument{version.Version, version.Commit, version.API, runtime.GOOS + "/" + runtime.GOARCH})
		}
		fmt.Fprintf(a.out, "rahat %s %s/%s\n", version.String(), runtime.GOOS, runtime.GOARCH)
		return nil
	})
}
