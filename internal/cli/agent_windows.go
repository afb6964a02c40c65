package cli

import (
	"context"
	"os"
	"os/exec"

	"github.com/rahatbackup/rahat/internal/control/client"
)

// runAgent runs the agent in this console until it ends. Ctrl-C reaches it by
// itself, as every program of the console.
func (a *app) runAgent(context.Context) error {
	program, err := client.FindAgent()
	if err != nil {
		return err
	}
	defer a.onInterrupt(func() {})()
	cmd := exec.Command(program, "run") //nolint:noctx // it ends by itself at Ctrl-C
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, a.opt.Stdout, a.opt.Stderr
	if err := cmd.Run(); err != nil {
		return errAgentExec.Because(err, "program", program, "cause", err.Error())
	}
	return nil
}
