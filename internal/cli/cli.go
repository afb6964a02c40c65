// Package cli is the command line of Rahat Backup: a thin client of the agent.
// What it prints with --json and its exit codes are a contract, written down in
// JSON.md beside this file.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Options is the world a command line runs in.
type Options struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Interrupts brings the interrupts of the person (Ctrl-C); may be nil.
	Interrupts <-chan os.Signal
	// Now is the wall clock.
	Now func() time.Time
	// Browse opens an address in the person's browser, as [Browse] does; nil:
	// there is none.
	Browse func(ctx context.Context, url string) error
	// Zone is where the person lives, for times in tables; nil: time.Local.
	Zone *time.Location
}

// Run executes one command line and returns the exit code. It returns early
// when ctx ends.
func Run(ctx context.Context, opt Options) int {
	ctx, cancel := context.WithCancelCause(ctx)
	a := newApp(opt, cancel)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { a.watchInterrupts(opt.Interrupts, done) })
	err := a.execute(ctx)
	close(done)
	watch.Wait()
	if a.agent != nil {
		a.agent.Close()
	}
	if err != nil && ctx.Err() != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		err = errInterrupted
	}
	cancel(nil)
	return a.report(err)
}

// app is one command line while it runs.
type app struct {
	opt      Options
	texts    *i18n.Texts
	json     bool
	quiet    bool
	out, err *paper
	agent    *client.Client // once it was asked for
	ran      *cobra.Command // once it has
	// stdinTaken is the flag that has read standard input.
	stdinTaken string

	cancel context.CancelCauseFunc // ends the command
	mu     sync.Mutex
	press  func() // what an interrupt does instead, while set
}

func newApp(opt Options, cancel context.CancelCauseFunc) *app {
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	early := readEarly(opt.Args)
	lang := i18n.Detect()
	if i18n.Known(early.lang) {
		lang = early.lang
	}
	return &app{
		opt:    opt,
		texts:  i18n.For(lang),
		json:   early.json,
		out:    newPaper(opt.Stdout, early.noColour),
		err:    newPaper(opt.Stderr, early.noColour),
		cancel: cancel,
	}
}

// early holds the flags that must be known before the command line is parsed:
// help and the messages about a wrong command line depend on them.
type early struct {
	lang           string
	json, noColour bool
}

func readEarly(args []string) (e early) {
	for i, arg := range args {
		name, value, set := strings.Cut(arg, "=")
		switch name {
		case "--":
			return e
		case "--lang":
			if !set && i+1 < len(args) {
				value = args[i+1]
			}
			e.lang = value
		case "--json":
			e.json = value != "false"
		case "--no-color":
			e.noColour = value != "false"
		}
	}
	return e
}

// execute runs the command that the arguments name.
func (a *app) execute(ctx context.Context) error {
	root := a.root() //nolint:contextcheck // each command gets the context when it runs
	root.SetArgs(a.opt.Args)
	root.SetIn(a.opt.Stdin)
	root.SetOut(a.out)
	root.SetErr(a.err)
	var err error
	a.ran, err = root.ExecuteContextC(ctx)
	return err
}

// watchInterrupts ends the command at an interrupt, or does what the command
// wants done instead.
func (a *app) watchInterrupts(interrupts <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-interrupts:
		}
		a.mu.Lock()
		press := a.press
		a.mu.Unlock()
		if press == nil {
			a.cancel(errInterrupted)
		} else {
			press()
		}
	}
}

// onInterrupt makes interrupts call press, which must not block, until the
// returned function is called.
func (a *app) onInterrupt(press func()) (restore func()) {
	set := func(f func()) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.press = f
	}
	set(press)
	return func() { set(nil) }
}

// connect returns the agent, which is started if there is none.
func (a *app) connect(ctx context.Context) (*client.Client, error) {
	if a.agent != nil {
		return a.agent, nil
	}
	home, err := paths.Default()
	if err != nil {
		return nil, err
	}
	a.agent, err = client.Start(ctx, client.StartOptions{Home: home})
	return a.agent, err
}

// reach returns the agent if one is running, and never starts one.
func (a *app) reach() (*client.Client, error) {
	if a.agent != nil {
		return a.agent, nil
	}
	home, err := paths.Default()
	if err != nil {
		return nil, err
	}
	a.agent = client.Default(home)
	return a.agent, nil
}

// t is the text of a key in the person's language.
func (a *app) t(key string, params ...string) string { return a.texts.T(key, params...) }

// moment writes a time in the person's zone.
func (a *app) moment(at time.Time) string { return a.texts.Time(at.In(a.opt.Zone)) }

// text writes a problem in the person's language, safe for a terminal.
func (a *app) text(p *problem.Problem) (title, remedy string) {
	title, remedy = a.texts.Problem(asTyped(a.ran, p))
	return visible(title), visible(remedy)
}
