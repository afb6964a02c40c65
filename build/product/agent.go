package product

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
)

// An Agent is a running agent of ours, with a home of its own. Nothing it does
// touches the agent, the secrets or the backups of the person.
type Agent struct {
	Home  string
	CLI   CLI           // drives this agent
	Ready time.Duration // from its start to its first answer

	process *exec.Cmd
	log     *os.File
}

// readyLimit is how long an agent may take to answer.
const readyLimit = 10 * time.Second

// StartAgent starts an agent whose state lies in home, which is made if it is
// not there. The caller stops it. Progress of its command line goes to stderr.
func StartAgent(ctx context.Context, programs Programs, home string, stderr io.Writer) (*Agent, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make home of the agent: %w", err)
	}
	passphrase := filepath.Join(home, "passphrase")
	if _, err := os.Stat(passphrase); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(passphrase, []byte(rand.Text()+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("write passphrase: %w", err)
		}
	}
	env := []string{
		paths.HomeVariable + "=" + home, "RAHAT_VAULT=file", "RAHAT_VAULT_PASSPHRASE_FILE=" + passphrase,
	}
	log, err := os.OpenFile(filepath.Join(home, "agent.stderr"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make log of the agent: %w", err)
	}
	a := &Agent{Home: home, CLI: CLI{Program: programs.Rahat, Env: env, Stderr: stderr}, log: log}
	a.process = exec.Command(programs.Agent, "run") //nolint:noctx // it is stopped by Stop, which lets it end its work
	a.process.Env = append(os.Environ(), env...)
	a.process.Stdout, a.process.Stderr = log, log
	began := time.Now()
	if err := a.process.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start agent: %w", err), log.Close())
	}
	if err := a.await(ctx); err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	a.Ready = time.Since(began)
	return a, nil
}

// await asks the agent until it answers.
func (a *Agent) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	c := client.Default(paths.Home(a.Home))
	defer c.Close()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := c.Hello(ctx); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return fmt.Errorf("wait for the agent: %w\n%s", err, a.said())
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// said returns the last lines the agent wrote to its standard error.
func (a *Agent) said() string {
	data, err := os.ReadFile(a.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// PID returns the agent's process id.
func (a *Agent) PID() int { return a.process.Process.Pid }

// Stop ends the agent, by force if it has not ended after 30 s, and waits until
// it is gone.
func (a *Agent) Stop() error {
	ask := os.Interrupt
	if runtime.GOOS == "windows" { // which has no signal to ask with
		ask = os.Kill
	}
	_ = a.process.Process.Signal(ask)                                               // an agent that is gone already is what we want
	kill := time.AfterFunc(30*time.Second, func() { _ = a.process.Process.Kill() }) // as above
	defer kill.Stop()
	err := a.process.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		err = nil // how it ended is in its log
	}
	return errors.Join(err, a.log.Close())
}
