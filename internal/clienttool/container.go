package clienttool

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Container runs programs inside a running container, by the container
// engine's own command line: docker exec, podman exec. The tools there always
// fit the server there.
type Container struct {
	Engine string // path or name of docker, podman or nerdctl
	ID     string // name or id of the container
}

// Run implements [Runner]. The values of c.Env go to the engine's command line
// by name only; their values stay in its environment. c.User and c.Dir are not
// for containers.
func (k Container) Run(ctx context.Context, c Command) error {
	// The engine's client can be killed without the program inside taking
	// notice, so the program says its own process number first.
	pid := &firstLine{}
	args := []string{"exec"}
	if c.Stdin != nil {
		args = append(args, "-i")
	}
	for _, e := range c.Env {
		name, _, _ := strings.Cut(e, "=")
		args = append(args, "-e", name)
	}
	args = append(args, k.ID, "sh", "-c", `echo $$; exec "$0" "$@"`, c.Path)
	args = append(args, c.Args...)
	pid.next = c.Stdout
	err := Host{}.Run(ctx, Command{Path: k.Engine, Args: args, Env: c.Env, Stdin: c.Stdin, Stdout: pid})
	if ctx.Err() != nil {
		if kerr := k.kill(ctx, pid.line); kerr != nil {
			return fmt.Errorf("%w (and the program in the container could not be stopped: %w)", err, kerr)
		}
	}
	if f, ok := err.(*Failed); ok { //nolint:errorlint // Host.Run returns it bare
		f.Tool = base(c.Path)
	}
	return err
}

// kill stops the process inside the container that said pid.
func (k Container) kill(ctx context.Context, pid string) error {
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	if err != nil {
		return nil // it never began
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	script := fmt.Sprintf("kill -TERM %d 2>/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 %d 2>/dev/null || exit 0; sleep 0.1; done; kill -KILL %d 2>/dev/null; exit 0", n, n, n)
	return Host{}.Run(ctx, Command{Path: k.Engine, Args: []string{"exec", k.ID, "sh", "-c", script}})
}

// Look implements [Runner].
func (k Container) Look(ctx context.Context, dirs []string, name string) []string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var script strings.Builder
	for _, d := range dirs {
		if d == "" {
			fmt.Fprintf(&script, "p=$(command -v %s) && dirname \"$p\"\n", name)
			continue
		}
		// d may hold a pattern; the shell inside knows what is there.
		fmt.Fprintf(&script, "for d in %s; do [ -x \"$d/%s\" ] && echo \"$d\"; done\n", d, name)
	}
	script.WriteString("exit 0\n")
	var out bytes.Buffer
	if err := (Host{}).Run(ctx, Command{Path: k.Engine, Args: []string{"exec", k.ID, "sh", "-c", script.String()}, Stdout: &out}); err != nil {
		return nil // no such container, or no shell in it: nothing is found there
	}
	return strings.Fields(out.String())
}

// A firstLine takes the first line for itself and passes on the rest.
type firstLine struct {
	line string
	done bool
	next io.Writer
}

func (f *firstLine) Write(p []byte) (int, error) {
	n := len(p)
	if !f.done {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			f.line += string(p)
			return n, nil
		}
		f.line += string(p[:i])
		f.done = true
		p = p[i+1:]
	}
	if len(p) == 0 || f.next == nil {
		return n, nil
	}
	if _, err := f.next.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}
