// Package clienttool finds and runs the command line programs that a database
// maker ships (pg_dump, initdb, mysqldump). It knows no maker: where to look and
// what the versions mean is said by the drivers.
//
// The rules every program is run under: a secret is handed over in the
// environment only, never in an argument, because arguments can be read by
// every user of the machine; a program that is no longer wanted is gone, with
// its children, before Run returns; what it complained of is kept for the
// error, cut to a size.
package clienttool

import (
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

// A Command is one run of a program.
type Command struct {
	Path   string
	Args   []string
	Env    []string // NAME=value, added to our own environment; the place for secrets
	Dir    string   // working directory; empty: ours
	Stdin  io.Reader
	Stdout io.Writer // nil: thrown away
	Stderr io.Writer // also gets what the error's message is cut from; may be nil
	User   *User     // run as this user; nil: as ourselves
}

// A Runner runs commands: on this machine ([Host]) or inside a container
// ([Container]).
type Runner interface {
	// Run runs the command to its end. A program that could be started but
	// ended badly is a [*Failed]. An error of c.Stdout is returned as it
	// is. When ctx ends the program is stopped and ctx's cause returned.
	Run(ctx context.Context, c Command) error
	// Look returns the directories, out of those given, that hold a program
	// of this name, in the order given. An empty directory stands for the
	// runner's own search path.
	Look(ctx context.Context, dirs []string, name string) []string
}

// Failed says that a program ended with an error.
type Failed struct {
	Tool   string // its base name
	Code   int    // exit code; -1 if a signal ended it
	Stderr string // the last part of what it wrote to standard error
}

// Error implements error.
func (f *Failed) Error() string {
	msg := f.Message()
	if msg == "" {
		msg = "no message"
	}
	return fmt.Sprintf("run %s: exit code %d: %s", f.Tool, f.Code, msg)
}

// Message returns what the program said, on one line.
func (f *Failed) Message() string {
	return strings.Join(strings.FieldsFunc(f.Stderr, func(r rune) bool { return r == '\n' || r == '\r' }), " | ")
}

// grace is how long a program may take to stop by itself before it is killed.
const grace = 2 * time.Second

// Host runs programs on this machine.
type Host struct{}

// Run implements [Runner].
func (Host) Run(ctx context.Context, c Command) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	// Linux ties "die with me" to the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	stderr := &tail{max: tailSize}
	out := &errWriter{w: c.Stdout}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = c.Dir, c.Stdin, stderr
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(stderr, c.Stderr)
	}
	if c.Stdout != nil {
		cmd.Stdout = out
	}
	if err := isolate(cmd, c.User); err != nil {
		return err
	}
	err := execute(ctx, cmd)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if out.err != nil {
		return out.err
	}
	return failed(c.Path, err, stderr)
}

// execute starts an isolated program and waits for its end. When ctx ends, it
// is gone with its children before execute returns.
func execute(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan struct{})
	killed := make(chan struct{})
	cmd.Cancel = func() error {
		go func() {
			defer close(killed)
			stop(cmd, ended)
		}()
		return nil
	}
	// Pipes a grandchild still holds must not keep us after the kill.
	cmd.WaitDelay = 2 * grace
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", base(cmd.Path), err)
	}
	err := cmd.Wait()
	close(ended)
	if ctx.Err() != nil && isCancelled(ctx, err) {
		<-killed
	}
	return err
}

// isCancelled reports whether the end of ctx reached the program, which is when
// exec has called Cancel: a program that ended by itself a moment before leaves
// Cancel uncalled, and Wait returns its own result.
func isCancelled(ctx context.Context, err error) bool {
	return err != nil && errors.Is(err, ctx.Err())
}

// failed turns what Wait returned into a [*Failed].
func failed(path string, err error, stderr *tail) error {
	if err == nil {
		return nil
	}
	if ee, ok := errors.AsType[*exec.ExitError](err); ok {
		return &Failed{Tool: base(path), Code: ee.ExitCode(), Stderr: stderr.String()}
	}
	return fmt.Errorf("run %s: %w", base(path), err)
}

// An errWriter remembers the first error of w, which exec would hide behind the
// exit code of a program that met a closed pipe.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	if err != nil && e.err == nil {
		e.err = err
	}
	return n, err
}
