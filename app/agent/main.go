// Rahat-agent is the part of Rahat Backup that works in the background: it
// makes, proves and restores backups and answers the control API.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rahatbackup/rahat/frontend"
	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/agent/notify"
	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

const usage = `usage: rahat-agent run [--verbose]   answer the control API until told to stop
       rahat-agent version         print the version
       rahat-agent openapi         print the document of the control API
`

// memoryLimit is what the garbage collector aims to stay below, in bytes, so
// that backups of any size stay under 200 MB. GOMEMLIMIT overrides it.
const memoryLimit = 170 << 20

// collectAt is how much garbage may gather, in percent of what is in use, before it is
// collected. What is in use is little: at Go's 100 the collector would run several
// times a second in a backup, for memory that memoryLimit allows anyway, and that is
// given back when the work is over. GOGC overrides it.
const collectAt = 200

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit code: 0 ok, 1 failed, 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rahat-agent", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	verbose := flags.Bool("verbose", false, "log more")
	detached := flags.Bool("detached", false, "started by a client: no console, failures as JSON")
	if len(args) == 0 || flags.Parse(args[1:]) != nil || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	var err error
	switch args[0] {
	case "run":
		err = serve(*verbose, *detached, stderr)
	case "version":
		_, err = fmt.Fprintln(stdout, version.String())
	case "openapi":
		err = printDocument(stdout)
	default:
		flags.Usage()
		return 2
	}
	if err != nil {
		report(err, *detached, stderr)
		return 1
	}
	return 0
}

// serve runs the agent until a signal comes or a client asks it to stop.
func serve(verbose, detached bool, stderr io.Writer) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if err := keepLocks(); err != nil {
		return err
	}
	home, err := paths.Default()
	if err != nil {
		return err
	}
	open, kind, fault := chooseVault(home, os.Getenv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	cfg := agent.Config{
		Home: home, Drivers: drivers(home), OpenStore: openStore, OpenVault: open, VaultKind: kind, Now: time.Now, Fault: fault,
		Pages: frontend.Window(), Login: trayEntry(), Screen: notify.NewScreen(), OpenWindow: openWindow(home),
	}
	if verbose {
		cfg.Level = slog.LevelDebug
	}
	if !detached {
		cfg.Console = stderr
	}
	return agent.Run(ctx, cfg)
}

func printDocument(w io.Writer) error {
	document, err := server.OpenAPI()
	if err != nil {
		return err
	}
	_, err = w.Write(document)
	return err
}

// report says why the agent ends: to a person in words, to the client that
// started us as one line of JSON.
func report(err error, detached bool, stderr io.Writer) {
	if detached {
		line, e := json.Marshal(control.FromError(err))
		if e != nil {
			line = []byte(errors.Join(err, e).Error())
		}
		fmt.Fprintln(stderr, string(line))
		return
	}
	title, remedy := i18n.For(i18n.Detect()).Problem(problem.Of(err))
	fmt.Fprintf(stderr, "rahat-agent: %s\n%s\n", title, remedy)
}
