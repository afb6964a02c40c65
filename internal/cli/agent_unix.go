//go:build unix

package cli

import (
	"context"
	"os"
	"syscall"

	"github.com/rahatbackup/rahat/internal/control/client"
)

// runAgent becomes the agent, so that signals and the exit code are its own.
func (a *app) runAgent(context.Context) error {
	program, err := client.FindAgent()
	if err != nil {
		return err
	}
	err = syscall.Exec(program, []string{program, "run"}, os.Environ())
	return errAgentExec.Because(err, "program", program, "cause", err.Error())
}
