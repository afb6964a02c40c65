//go:build desktop

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
	"github.com/rahatbackup/rahat/internal/window"
)

// run returns the exit code: 0 ok, 1 failed, 2 usage.
func run(args []string, stdout, stderr io.Writer) int {
	texts := i18n.For(i18n.Detect())
	flags := flag.NewFlagSet("rahat-window", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprintln(stderr, texts.T("window.usage")) }
	database := flags.String("database", "", "open the page of this database, server/name")
	detached := flags.Bool("detached", false, "started by another program: failures as JSON")
	printVersion := flags.Bool("version", false, "print the version")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil { // which it has said
		return 2
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	if *printVersion {
		fmt.Fprintln(stdout, version.String())
		return 0
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := open(*database, texts, log); err != nil {
		report(err, *detached, texts, stderr)
		return 1
	}
	return 0
}

// open shows the window until it is closed, or raises the one there is.
func open(database string, texts *i18n.Texts, log *slog.Logger) (err error) {
	route, err := window.Route(database)
	if err != nil {
		return err
	}
	home, err := paths.Default()
	if err != nil {
		return err
	}
	ctx := context.Background() // Wails closes the window when a signal comes
	instance, err := window.Claim(ctx, home, route)
	if err != nil || instance == nil {
		return err
	}
	defer func() { err = errors.Join(err, instance.Close()) }()
	return newProgram(home, instance, route, texts, log).show(ctx)
}

// report says why there is no window: to a person in words, to the program that
// started us as one line of JSON.
func report(err error, detached bool, texts *i18n.Texts, stderr io.Writer) {
	p := problem.Of(err)
	if p.Code == problem.Internal {
		p = client.ErrWindow.Because(err, "cause", err.Error())
	}
	if detached {
		line, e := json.Marshal(control.FromError(p))
		if e != nil {
			line = []byte(errors.Join(err, e).Error())
		}
		fmt.Fprintln(stderr, string(line))
		return
	}
	title, remedy := texts.Problem(p)
	fmt.Fprintf(stderr, "rahat-window: %s\n%s\n", title, remedy)
}
