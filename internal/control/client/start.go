package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
)

// StartOptions says which agent Start makes sure of.
type StartOptions struct {
	Home paths.Home
	// Program is the agent's program; empty: rahat-agent beside this
	// program, else the one in PATH.
	Program string
	// Env is the agent's environment; nil: this process's.
	Env []string
	// Wait bounds how long the agent may take to answer; 0: 5 s.
	Wait time.Duration
}

// Start returns a client of the agent of opt.Home and starts that agent first
// if none answers. The agent runs on when this process ends. If it cannot
// start, the error is the agent's own.
func Start(ctx context.Context, opt StartOptions) (*Client, error) {
	c := Default(opt.Home)
	_, err := c.Hello(ctx)
	if err == nil {
		return c, nil
	}
	if !errors.Is(err, ErrUnreachable) {
		return nil, err
	}
	if err := launch(ctx, c, opt); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// launch starts the agent and waits until it answers.
func launch(ctx context.Context, c *Client, opt StartOptions) error {
	if opt.Program == "" {
		var err error
		if opt.Program, err = FindAgent(); err != nil {
			return err
		}
	}
	if err := opt.Home.Make(); err != nil {
		return err
	}
	return await(ctx, c, opt)
}

// begin starts the agent's process.
func begin(opt StartOptions) (*os.Process, error) {
	// Its standard error is a file, not a pipe: the agent outlives us, and
	// a write to a broken pipe would kill it.
	log, err := os.OpenFile(opt.Home.StartLog(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, ErrStart.Because(err, "cause", err.Error())
	}
	defer func() { _ = log.Close() }() // the agent has its own handle; we wrote nothing
	env := opt.Env
	if env == nil {
		env = os.Environ()
	}
	//nolint:noctx // It must not end with our context.
	cmd := exec.Command(opt.Program, "run", "--detached")
	cmd.Env = slices.Concat(env, []string{paths.HomeVariable + "=" + string(opt.Home)}) // the slice may be shared
	cmd.Dir = string(opt.Home)                                                          // not a folder somebody may want to unmount
	cmd.Stderr = log
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return nil, ErrStart.Because(err, "cause", err.Error())
	}
	return cmd.Process, nil
}

// again is how long the agent's lock may be held before we try once more to be
// the ones who start it.
const again = 250 * time.Millisecond

// await starts an agent and asks until it answers or is gone.
func await(ctx context.Context, c *Client, opt StartOptions) error {
	wait := opt.Wait
	if wait == 0 {
		wait = 5 * time.Second
	}
	slow := ErrSlowStart.Because(nil, "seconds", strconv.Itoa(int(wait.Seconds())))
	ctx, cancel := context.WithTimeoutCause(ctx, wait, slow)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	p, err := begin(opt)
	if err != nil {
		return err
	}
	var ended time.Time // zero: ours runs
	for {
		err := ask(ctx, c)
		if err == nil {
			// The agent may end before we do, and stay as a zombie until
			// somebody takes note of it. How it ended is in its log.
			go func() { _, _ = p.Wait() }()
			return nil
		}
		if !errors.Is(err, ErrUnreachable) {
			return err
		}
		switch {
		case ended.IsZero() && exited(p):
			// Another client may have started an agent at the same time;
			// then that one is about to answer. Or one is about to end.
			if err := StartProblem(opt.Home); !errors.Is(err, ipc.ErrRunning) {
				return err
			}
			ended = time.Now()
		case !ended.IsZero() && time.Since(ended) > again:
			if p, err = begin(opt); err != nil {
				return err
			}
			ended = time.Time{}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// ask says hello once. A question that reaches the pipe of an agent which is only
// just coming up may get lost, and must not take up all the time there is.
func ask(ctx context.Context, c *Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Second, ErrUnreachable)
	defer cancel()
	_, err := c.Hello(ctx)
	return err
}

// StartProblem reads why an agent that a client started is gone: the last line of
// its standard error is a [control.Problem] if it could say it itself.
func StartProblem(home paths.Home) error {
	text, err := os.ReadFile(home.StartLog())
	if err != nil {
		return ErrStart.Because(err, "cause", err.Error())
	}
	if len(text) == 0 {
		return silentStart(home)
	}
	last, told := lastWord(text)
	if told != nil {
		return told
	}
	return ErrStart.Because(fmt.Errorf("agent ended: %s", text), "cause", last)
}

// lastWord returns the problem that a program wrote as its last line, or else
// that line, shortened.
func lastWord(text []byte) (line string, told error) {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := lines[len(lines)-1]
	var p control.Problem
	if json.Unmarshal(last, &p) == nil && p.Code != "" {
		return "", p.Err()
	}
	const most = 300
	return string(last[:min(most, len(last))]), nil
}

// silentStart says why an agent ended without a word: most likely there was no
// room for it.
func silentStart(home paths.Home) error {
	err := os.WriteFile(home.StartLog(), make([]byte, 4096), 0o600)
	if err == nil {
		// What was written is not a word of the agent's.
		if err = os.Truncate(home.StartLog(), 0); err == nil {
			err = errors.New("the agent ended without a word")
		}
	}
	return ErrStart.Because(err, "cause", err.Error())
}
