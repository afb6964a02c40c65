// Package bench measures Rahat Backup against the tools people would use
// instead, in one run on one machine, in turn. What counts are the ratios; the
// absolute numbers are those of the machine.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/build/step"
)

// Options says how much is measured.
type Options struct {
	// Scale is the size of the database in GB, about.
	Scale float64
	// Rounds is how often what is timed is repeated; the median counts.
	Rounds int
	// Stream is the size, in bytes, of the generated stream that shows
	// that memory does not grow with size.
	Stream int64
	// Keep is the file that the table is written to; empty: it is only
	// printed.
	Keep string
	// Intro says above the table how it came about.
	Intro string
	// Tools say of what version they are.
	Tools []step.Command
}

// compared is what stands above the table of the engine's benchmark.
const compared = "Written by `go run ./build bench`. Every ratio is of one run on one machine, in turn, medians of %d;\n" +
	"the absolute numbers are this machine's."

// peers are the tools that we are measured against.
var peers = []step.Command{
	step.Cmd("pg_dump", "--version"), step.Cmd("zstd", "--version"), step.Cmd("age", "--version"), step.Cmd("restic", "version"),
}

// The two sizes.
var (
	// Small is for a look while working.
	Small = Options{Scale: 0.1, Rounds: 1, Stream: 1 << 30, Intro: fmt.Sprintf(compared, 1), Tools: peers}
	// Full is what the bounds are promised for.
	Full = Options{Scale: 1, Rounds: 3, Stream: 10 << 30, Keep: "build/bench/RESULTS.md", Intro: fmt.Sprintf(compared, 3), Tools: peers}
)

// Run measures everything, prints the table and returns an error if a bound
// is broken.
func Run(ctx context.Context, out io.Writer, opt Options) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("the benchmark reads CPU time and memory from /proc, so it needs Linux")
	}
	if err := setup.ForBench(ctx, out); err != nil {
		return err
	}
	programs, err := product.Build(ctx, out)
	if err != nil {
		return err
	}
	dir, err := folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{out: out, opt: opt, dir: dir, programs: programs}
	b.fact("load average before: %s", load())
	if err := b.all(ctx); err != nil {
		return err
	}
	return b.close(ctx)
}

// folder makes an empty folder, which servers that run as another user can reach.
// The caller removes it.
func folder() (string, error) {
	dir, err := os.MkdirTemp("", "rahat-bench")
	if err != nil {
		return "", fmt.Errorf("make bench folder: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", errors.Join(fmt.Errorf("open bench folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// A bench is one run.
type bench struct {
	out      io.Writer
	opt      Options
	dir      string
	programs product.Programs
	db       *Database
	agent    *product.Agent
	rows     []row
	facts    []string
	places   int // destinations made so far
}

// all measures in an order that lets each part use what the one before made.
func (b *bench) all(ctx context.Context) (err error) {
	if err := b.starting(ctx); err != nil {
		return err
	}
	b.say("generating a database of about %.0f MB", b.opt.Scale*1000)
	server := filepath.Join(b.dir, "pg")
	if err := os.Mkdir(server, 0o755); err != nil {
		return fmt.Errorf("make server folder: %w", err)
	}
	if b.db, err = StartDatabase(ctx, server, b.opt.Scale); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	if b.agent, err = product.StartAgent(ctx, b.programs, filepath.Join(b.dir, "home"), nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.agent.Stop()) }()
	if err := b.addServer(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.first, b.next, b.restore, b.idle, b.stream} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.out, "==> "+format+"\n", args...)
}
