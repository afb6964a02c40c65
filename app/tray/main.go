// Rahat-tray is the icon of Rahat Backup in the notification area. It starts
// the agent when there is none and opens the window.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/tray"
	"github.com/rahatbackup/rahat/internal/version"
)

// Why there can be no icon.
var (
	// ErrNoDisplay: there is no screen to show it on.
	ErrNoDisplay = problem.New("tray.no_display")
	// ErrNotBuilt: this program was built without what draws it.
	ErrNotBuilt = problem.New("tray.not_built")
)

const usage = `usage: rahat-tray           show the icon, and start the agent if there is none
       rahat-tray version   print the version
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0 ok, 1 failed, 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "version":
		fmt.Fprintln(stdout, version.String())
		return 0
	case len(args) > 0:
		fmt.Fprint(stderr, usage)
		return 2
	}
	if err := serve(); err != nil {
		title, remedy := i18n.For(i18n.Detect()).Problem(problem.Of(err))
		fmt.Fprintf(stderr, "rahat-tray: %s\n%s\n", title, remedy)
		return 1
	}
	return 0
}

// serve shows the icon until the person quits or the session ends. When the
// icon of this home is already there, that is all that was wanted.
func serve() error {
	home, err := paths.Default()
	if err != nil {
		return err
	}
	if err := screen(); err != nil {
		return err
	}
	if err := home.Make(); err != nil {
		return err
	}
	lock, err := ipc.TryLock(home.TrayLock())
	if errors.Is(err, ipc.ErrRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process at the latest
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	agent := client.Default(home)
	defer agent.Close()
	return show(ctx, tray.Config{
		Agent: agent, Lang: i18n.Detect(), Now: time.Now,
		Start: func(ctx context.Context) error { return start(ctx, home) },
		Open: func(ctx context.Context, server, database string) error {
			opt := client.WindowOptions{Home: home}
			if database != "" {
				opt.Database = server + "/" + database
			}
			return client.OpenWindow(ctx, opt)
		},
	})
}

// start makes sure that the agent of home runs.
func start(ctx context.Context, home paths.Home) error {
	c, err := client.Start(ctx, client.StartOptions{Home: home})
	if err != nil {
		return err
	}
	c.Close()
	return nil
}
