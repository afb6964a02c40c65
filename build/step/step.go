// Package step runs the steps of a build command: each has a name, is timed,
// and says on one line how it ended.
package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Report runs steps and remembers how they ended. The zero value is not
// usable; make one with [New]. It belongs to one goroutine.
type Report struct {
	out    io.Writer
	start  time.Time
	passed int
	failed []string
}

// New returns a report that writes to out.
func New(out io.Writer) *Report {
	return &Report{out: out, start: time.Now()}
}

// Do runs one step and reports whether it passed. A failed step does not stop
// the ones after it: a person wants to see all that is wrong at once.
func (r *Report) Do(ctx context.Context, name string, f func(context.Context) error) bool {
	if ctx.Err() != nil {
		return false
	}
	fmt.Fprintf(r.out, "==> %s\n", name)
	began := time.Now()
	err := f(ctx)
	took := time.Since(began).Round(100 * time.Millisecond)
	if err != nil {
		r.failed = append(r.failed, name)
		fmt.Fprintf(r.out, "--- FAILED %s (%s): %v\n", name, took, err)
		return false
	}
	r.passed++
	fmt.Fprintf(r.out, "--- ok %s (%s)\n", name, took)
	return true
}

// Close writes the closing line, "N passed, N failed", and returns an error if
// any step failed or ctx was cancelled.
func (r *Report) Close(ctx context.Context) error {
	fmt.Fprintf(r.out, "\nsteps, in %s:\n%d passed, %d failed\n",
		time.Since(r.start).Round(time.Second), r.passed, len(r.failed))
	if len(r.failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(r.failed, ", "))
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return nil
}
