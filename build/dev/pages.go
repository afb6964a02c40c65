package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/internal/paths"
)

const (
	// usualPort is where the pages are unless another program is there.
	usualPort = 5173
	// serverLimit bounds how long the server of the pages may take to answer.
	serverLimit = time.Minute
)

// show serves the pages, opens the window where there is a screen, and returns
// when ctx ends. Without Node.js it only waits.
func show(ctx context.Context, out io.Writer, agent *product.Agent) error {
	if err := product.InstallModules(ctx, out); errors.Is(err, product.ErrNoNode) {
		fmt.Fprintf(out, "%v\n", err)
		<-ctx.Done()
		return nil
	} else if err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	address := "http://127.0.0.1:" + strconv.Itoa(port)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(both, out, agent, port) })
	group.Go(func() error {
		if err := await(both, address); err != nil {
			return err
		}
		fmt.Fprintf(out, "The pages, with hot reload: %s\n", address)
		return openWindow(both, out, agent, address)
	})
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // what ends with us has nothing to complain of
}

// serve runs the development server of the pages until ctx ends. It is started
// by itself and not by npm, which would leave it behind when it is ended.
func serve(ctx context.Context, out io.Writer, agent *product.Agent, port int) error {
	socket, err := paths.Home(agent.Home).Socket()
	if err != nil {
		return err
	}
	return run(ctx, out, "frontend", []string{"RAHAT_SOCKET=" + socket, "RAHAT_DEV_PORT=" + strconv.Itoa(port)},
		"node", "node_modules/vite/bin/vite.js", "--mode", "window", "--clearScreen", "false", "--logLevel", "warn")
}

// openWindow shows the window, whose pages come from address. When it is closed
// everything else goes on.
func openWindow(ctx context.Context, out io.Writer, agent *product.Agent, address string) error {
	if !product.HasDisplay() {
		return nil
	}
	if err := setup.ForWindow(ctx, out); err != nil {
		return err
	}
	fmt.Fprintln(out, "building the window (minutes the first time, then seconds)")
	program, err := product.BuildWindow(ctx, out, "hotreload")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The window again, after you closed it: RAHAT_DEV_URL=%s %s\n", address, program)
	return run(ctx, out, "", append(agent.CLI.Env, "RAHAT_DEV_URL="+address), program)
}

// run runs a program until it ends or ctx does. That it was ended is no error.
func run(ctx context.Context, out io.Writer, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), out, out
	cmd.Cancel = func() error {
		if runtime.GOOS == "windows" { // which has no signal to ask with
			return cmd.Process.Kill()
		}
		return cmd.Process.Signal(os.Interrupt)
	}
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return nil
}

// freePort returns the usual port, or another one when somebody has that.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	for _, port := range []int{usualPort, 0} {
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		address, ok := l.Addr().(*net.TCPAddr)
		if err := l.Close(); err != nil || !ok {
			return 0, errors.Join(errors.New("find a port for the pages"), err)
		}
		return address.Port, nil
	}
	return 0, errors.New("find a port for the pages: none is free")
}

// await asks the server of the pages until it answers.
func await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, serverLimit, errors.New("the server of the pages does not answer"))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return fmt.Errorf("ask the server of the pages: %w", err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			return answer.Body.Close()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
