package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// A Command is a program to run. Only Name is needed.
type Command struct {
	Name   string
	Args   []string
	Dir    string    // empty: the current one
	Env    []string  // added to this process's environment
	Stdin  io.Reader // nil: nothing
	Stdout io.Writer // nil: kept for the error, else thrown away
}

// Cmd returns the command for name and args.
func Cmd(name string, args ...string) Command { return Command{Name: name, Args: args} }

// With returns c with name=value pairs added to its environment.
func (c Command) With(env ...string) Command {
	c.Env = append(append([]string(nil), c.Env...), env...)
	return c
}

// Run runs c with its output going to out, and waits for it. Cancelling ctx
// asks it to stop, and kills it after ten seconds.
func (c Command) Run(ctx context.Context, out io.Writer) error {
	cmd := c.prepare(ctx)
	cmd.Stdout, cmd.Stderr = out, out
	return c.explain(cmd.Run(), "")
}

// Output runs c and returns its standard output. What it says on standard
// error is part of the error, and is dropped when all went well.
func (c Command) Output(ctx context.Context) (string, error) {
	cmd := c.prepare(ctx)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	err := cmd.Run()
	return stdout.String(), c.explain(err, stderr.String()+stdout.String())
}

func (c Command) prepare(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir, cmd.Stdin = c.Dir, c.Stdin
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" { // which has no signal to ask with
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// explain makes an error of a command name the command and keep the last
// lines it said.
func (c Command) explain(err error, said string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed", c.Name)
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if n := len(lines); n > 15 {
		lines = lines[n-15:]
	}
	if text := strings.Join(lines, "\n"); text != "" {
		return fmt.Errorf("run %s: %w\n%s", c.Name, err, text)
	}
	return fmt.Errorf("run %s: %w", c.Name, err)
}
