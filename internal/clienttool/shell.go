package clienttool

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
)

// Shell runs a command line of a person's own with this system's shell: /bin/sh
// -c, on Windows cmd /C. env is the whole environment. It returns the end of
// what the command wrote, to standard output and standard error alike, at most
// 8 KiB. A line that ended badly is a [*Failed]. When ctx ends, the shell and
// all that it started are stopped, and ctx's cause is returned; what a line that
// ended leaves running in the background goes on.
func Shell(ctx context.Context, line, dir string, env []string) (output string, err error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	// Linux ties "die with me" to the thread that started the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	out := &tail{max: tailSize - len(cutMark)}
	cmd := shell(ctx, line)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, out, out
	if err := isolate(cmd, nil); err != nil {
		return "", err
	}
	quote(cmd, line)
	err = execute(ctx, cmd)
	if cause := context.Cause(ctx); cause != nil {
		return out.String(), cause
	}
	if errors.Is(err, exec.ErrWaitDelay) { // something in the background still holds its output
		err = nil
	}
	if ee, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), &Failed{Tool: base(cmd.Path), Code: ee.ExitCode(), Stderr: out.String()}
	}
	if err != nil {
		return out.String(), fmt.Errorf("run %s: %w", base(cmd.Path), err)
	}
	return out.String(), nil
}
