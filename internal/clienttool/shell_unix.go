//go:build unix

package clienttool

import (
	"context"
	"os/exec"
)

func shell(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}

// quote has nothing to do: arguments are passed as they are.
func quote(*exec.Cmd, string) {}
