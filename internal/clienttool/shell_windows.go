package clienttool

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

func shell(ctx context.Context, _ string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(os.Getenv("SystemRoot"), "System32", "cmd.exe"))
}

// quote writes the command line as cmd reads it: with /S the first and the last
// quotation mark are taken off, and all between them is as it was written.
func quote(cmd *exec.Cmd, line string) {
	cmd.SysProcAttr.CmdLine = `cmd.exe /D /S /C "` + line + `"`
}
