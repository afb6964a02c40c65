package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/build/step"
)

var keepingOptions = Options{
	Keep: "build/bench/RESULTS-keeping.md",
	Intro: "Written by `go run ./build bench keeping`, from benchmarks beside the code: a repository of 1,000 backups and 100,000 chunks, of\n" +
		"which two in three backups were forgotten, is pruned by a process that has just started, without a cache; lists of a catalog with\n" +
		"100,000 backups, half of them in two places, and 100,000 runs.",
}

// Keeping measures what grows with the years, prints the table and returns an
// error if a bound is broken.
func Keeping(ctx context.Context, out io.Writer) error {
	b := &bench{out: out, opt: keepingOptions}
	b.fact("load average before: %s", load())
	prune, err := goBench(ctx, "BenchmarkPrune", "./internal/repository", "-benchtime", "1x")
	if err != nil {
		return err
	}
	for _, r := range prune {
		b.add("prune: "+r.name+", s", r.of["ns/op"]/1e9, atMost(10), "", "")
		b.add("prune: "+r.name+", heap, MB", r.of["MB-heap-peak"], atMost(200), "", "")
	}
	lists, err := goBench(ctx, "BenchmarkLists", "./internal/agent/catalog")
	if err != nil {
		return err
	}
	slices.SortFunc(lists, func(a, b benched) int { return cmp.Compare(a.name, b.name) })
	for _, r := range lists {
		b.add("list: "+r.name+", ms", r.of["ns/op"]/1e6, atMost(50), "", "")
	}
	return b.close(ctx)
}

// benched is what one benchmark printed, by unit.
type benched struct {
	name string
	of   map[string]float64
}

// goBench runs a benchmark of a package and returns its parts in order.
func goBench(ctx context.Context, name, pkg string, flags ...string) ([]benched, error) {
	args := append([]string{"test", "-run", "^$", "-bench", "^" + name + "$"}, flags...)
	text, err := step.Cmd("go", append(args, pkg)...).Output(ctx)
	if err != nil {
		return nil, err
	}
	parts, err := readBench(name, text)
	if err == nil && len(parts) == 0 {
		err = errors.New("it printed no figures")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return parts, nil
}

// readBench reads lines of the Go benchmark format:
// https://go.dev/design/14313-benchmark-format
func readBench(name, text string) (parts []benched, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name+"/") {
			continue
		}
		called := strings.TrimPrefix(fields[0], name+"/")
		if i := strings.LastIndexByte(called, '-'); i > 0 {
			called = called[:i] // without the number of processors
		}
		part := benched{name: strings.ReplaceAll(called, "_", " "), of: map[string]float64{}}
		for i := 2; i+1 < len(fields); i += 2 {
			n, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			part.of[fields[i+1]] = n
		}
		parts = append(parts, part)
	}
	return parts, nil
}
