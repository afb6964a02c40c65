package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/build/step"
)

// testTimeout bounds the tests of one package. The slowest restore every
// version of PostgreSQL.
const testTimeout = "30m"

// goTest runs all tests in full on every server, and returns the file with the
// coverage profile. It counts statements without the race detector: the two
// together make the inner loops of the repository twenty times slower.
func goTest(ctx context.Context, out io.Writer, tools setup.Tools) (profile string, err error) {
	f, err := os.CreateTemp("", "rahat-cover")
	if err != nil {
		return "", fmt.Errorf("make coverage profile: %w", err)
	}
	if err := f.Close(); err != nil {
		return "", fmt.Errorf("make coverage profile: %w", err)
	}
	// Tests that start themselves as another program would else be told on
	// standard error that its coverage has no place to go. Some of those run
	// as another user.
	counters, err := os.MkdirTemp("", "rahat-cover")
	if err != nil {
		return "", fmt.Errorf("make coverage folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(counters)) }()
	if err := os.Chmod(counters, 0o777); err != nil {
		return "", fmt.Errorf("open coverage folder: %w", err)
	}
	test := step.Cmd("go", "test", "-shuffle=on", "-tags", tags, "-timeout", testTimeout,
		"-coverpkg=./internal/...", "-coverprofile="+f.Name(), "./...")
	// Go names the coverage of all packages after every test of one of them,
	// which says nothing; the total comes in a step of its own.
	quiet, w := io.Pipe()
	var lines errgroup.Group
	lines.Go(func() error {
		err := withoutCoverage(out, quiet)
		_ = quiet.CloseWithError(err) // it returns nil; after an error, whoever writes must not wait
		return err
	})
	err = test.With(append(tools.Env(), "CGO_ENABLED=1", "GOCOVERDIR="+counters)...).Run(ctx, w)
	_ = w.Close() // a pipe's Close returns nil
	if copied := lines.Wait(); err == nil {
		err = copied
	}
	return f.Name(), err
}

// raceTest runs the tests again with the race detector: on the newest server,
// without what is only larger (-short), and without the tests of the finished
// programs, which the detector cannot see into.
func raceTest(ctx context.Context, out io.Writer, tools setup.Tools) error {
	list, err := step.Cmd("go", "list", "-tags", tags, "./...").Output(ctx)
	if err != nil {
		return err
	}
	packages := slices.DeleteFunc(strings.Fields(list), func(p string) bool { return strings.HasSuffix(p, "/internal/e2e") })
	args := append([]string{"test", "-race", "-short", "-shuffle=on", "-tags", tags, "-timeout", testTimeout}, packages...)
	return step.Cmd("go", args...).With(append(tools.Newest().Env(), "CGO_ENABLED=1")...).Run(ctx, out)
}
