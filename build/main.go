// Command build is the one program that builds, tests, measures and tries out
// Rahat Backup:
//
//	go run ./build help
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/rahatbackup/rahat/build/bench"
	"github.com/rahatbackup/rahat/build/check"
	"github.com/rahatbackup/rahat/build/dev"
	"github.com/rahatbackup/rahat/build/firstrun"
	"github.com/rahatbackup/rahat/build/icons"
	"github.com/rahatbackup/rahat/build/setup"
)

// A command is one word after "go run ./build".
type command struct {
	name, help string
	run        func(ctx context.Context, args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"run", "install what is missing, build, start the agent, back up every database, prove it, and show the window", noArguments(func(ctx context.Context, out io.Writer) error {
			return firstrun.Run(ctx, out, os.Stderr)
		})},
		{"test", "set up the machine and run every check and test, as CI does", noArguments(check.Test)},
		{"dev", "start an agent with databases to play with, its pages and its window, until Ctrl-C", noArguments(func(ctx context.Context, out io.Writer) error {
			return dev.Run(ctx, out, os.Stderr)
		})},
		{"bench", "measure against pg_dump, restic and pg_restore [--size small|full], the desktop [desktop], uploads to a bucket [s3], prunes and lists after years [keeping], or a day of work in 20 minutes [soak]", benchCommand},
		{"lint", "run the checks that start no server", noArguments(check.Lint)},
		{"icons", "draw the icons of the tray anew", noArguments(icons.Write)},
		{"setup", "install what the tests need [--regression: and PostgreSQL's own test suite]", setupCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(exitCode(err))
	}
}

// errUsage is a command line that cannot be understood.
var errUsage = errors.New("wrong usage")

func exitCode(err error) int {
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

func dispatch(ctx context.Context, args []string, out io.Writer) error {
	name := "help"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if name == "help" || name == "-h" || name == "--help" {
		return help(out)
	}
	if _, err := os.Stat("go.mod"); err != nil {
		return errors.New("run this from the folder that holds go.mod")
	}
	if name == bench.StreamCommand { // the benchmark starting itself
		return bench.Stream(ctx, args, out)
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args, out)
		}
	}
	return fmt.Errorf("%w: no command %q; go run ./build help lists them", errUsage, name)
}

func help(out io.Writer) error {
	fmt.Fprintln(out, "usage: go run ./build COMMAND")
	fmt.Fprintln(out)
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-6s %s\n", c.name, c.help)
	}
	return nil
}

// noArguments makes a command that takes none.
func noArguments(f func(context.Context, io.Writer) error) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		if len(args) > 0 {
			return fmt.Errorf("%w: no argument %q is known", errUsage, args[0])
		}
		return f(ctx, out)
	}
}

func benchCommand(ctx context.Context, args []string, out io.Writer) error {
	others := map[string]func(context.Context, io.Writer) error{
		"desktop": bench.Desktop, "keeping": bench.Keeping, "s3": bench.S3, "soak": bench.Soak,
	}
	if len(args) == 1 && others[args[0]] != nil {
		return others[args[0]](ctx, out)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	size := flags.String("size", "full", "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return fmt.Errorf("%w: bench knows only desktop, keeping, s3, soak, --size small and --size full", errUsage)
	}
	switch *size {
	case "small":
		return bench.Run(ctx, out, bench.Small)
	case "full":
		return bench.Run(ctx, out, bench.Full)
	}
	return fmt.Errorf("%w: no size %q; there are small and full", errUsage, *size)
}

func setupCommand(ctx context.Context, args []string, out io.Writer) error {
	withRegression := false
	for _, a := range args {
		if a != "--regression" {
			return fmt.Errorf("%w: setup knows only --regression", errUsage)
		}
		withRegression = true
	}
	tools, err := setup.ForTests(ctx, out)
	if err != nil {
		return err
	}
	if withRegression {
		if tools.Regression, err = setup.Regression(ctx, out); err != nil {
			return err
		}
	}
	for _, line := range tools.Env() {
		fmt.Fprintln(out, line)
	}
	return nil
}
