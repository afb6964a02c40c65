package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/build/step"
)

// A row is one line of the table.
type row struct {
	name     string
	bound    *bound // nil: no promise, for the reader only
	measured float64
	ours     string
	theirs   string
}

// A bound is what a number may be at most.
type bound struct {
	most float64
	unit string
}

func atMost(n float64) *bound  { return &bound{n, ""} }
func percent(n float64) *bound { return &bound{n, " %"} }

func (r row) ok() bool { return r.bound == nil || r.measured <= r.bound.most }

func (r row) cells() []string {
	promised, unit, verdict := "", "", ""
	if r.bound != nil {
		unit = r.bound.unit
		promised = "≤ " + number(r.bound.most) + unit
		verdict = "ok"
		if !r.ok() {
			verdict = "NOT MET"
		}
	}
	return []string{r.name, promised, number(r.measured) + unit, r.ours, r.theirs, verdict}
}

// number writes three digits that count.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1 || x == 0:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.4f", x)
}

func (b *bench) add(name string, measured float64, promised *bound, ours, theirs string) {
	r := row{name, promised, measured, ours, theirs}
	b.rows = append(b.rows, r)
	fmt.Fprintf(b.out, "    %s\n", strings.Join(slices.DeleteFunc(r.cells(), func(s string) bool { return s == "" }), "  "))
}

func (b *bench) fact(format string, args ...any) {
	b.facts = append(b.facts, fmt.Sprintf(format, args...))
}

// close prints the table, keeps it if asked, and fails if a bound is broken.
func (b *bench) close(ctx context.Context) error {
	text := b.markdown(ctx)
	fmt.Fprintln(b.out)
	fmt.Fprint(b.out, text)
	if b.opt.Keep != "" {
		if err := os.WriteFile(b.opt.Keep, []byte(text), 0o644); err != nil {
			return fmt.Errorf("keep results: %w", err)
		}
	}
	var broken []string
	for _, r := range b.rows {
		if !r.ok() {
			broken = append(broken, r.name)
		}
	}
	if len(broken) > 0 {
		return errors.New("not met: " + strings.Join(broken, "; "))
	}
	return nil
}

// markdown returns the table with the facts of the machine.
func (b *bench) markdown(ctx context.Context) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# Benchmark, %s\n\n%s\n\n", time.Now().UTC().Format(time.DateOnly), b.opt.Intro)
	lines := [][]string{{"what", "promised", "measured", "ours", "theirs", ""}}
	for _, r := range b.rows {
		lines = append(lines, r.cells())
	}
	writeTable(&s, lines)
	s.WriteString("\n")
	for _, fact := range append(b.facts, machine(ctx, b.opt.Tools)...) {
		fmt.Fprintf(&s, "- %s\n", fact)
	}
	return s.String()
}

func writeTable(s *strings.Builder, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(s, "| %s%s ", cell, strings.Repeat(" ", widths[i]-len([]rune(cell))))
		}
		s.WriteString("|\n")
		if n > 0 {
			continue
		}
		for _, w := range widths {
			s.WriteString("|" + strings.Repeat("-", w+2))
		}
		s.WriteString("|\n")
	}
}

// machine returns what the numbers depend on. What a tool does not say is left
// out.
func machine(ctx context.Context, tools []step.Command) []string {
	facts := []string{
		fmt.Sprintf("%s, %d cores, %s memory, %s/%s", procValue("cpuinfo", "model name"), runtime.NumCPU(),
			procValue("meminfo", "MemTotal"), runtime.GOOS, runtime.GOARCH),
	}
	commit := step.Cmd("git", "log", "-1", "--format=commit %h of %cs")
	for _, tool := range slices.Concat([]step.Command{step.Cmd("go", "version")}, tools, []step.Command{commit}) {
		if said, err := tool.Output(ctx); err == nil {
			name := tool.Name
			line, _, _ := strings.Cut(strings.Trim(said, "* \n"), "\n")
			if !strings.HasPrefix(line, name) && name != "git" {
				line = name + " " + line
			}
			facts = append(facts, line)
		}
	}
	return facts
}

// procValue returns a value of a file in /proc that has lines "name: value".
func procValue(file, name string) string {
	data, err := os.ReadFile(filepath.Join("/proc", file))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// load returns how many processes have wanted a processor in the last minute
// (proc(5), loadavg). Above the number of cores, times are not to be trusted.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(data), " ")
	return one
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func ratio(a, b int64) float64 { return float64(a) / float64(b) }

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func kilobytes(n int64) string { return fmt.Sprintf("%.0f kB", float64(n)/1e3) }
