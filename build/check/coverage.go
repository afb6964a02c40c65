package check

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// leastCoverage is the share of statements, in percent, that the tests must
// reach.
const leastCoverage = 75.0

// tally counts statements and those of them that a test reached.
type tally struct{ statements, reached int }

func (t tally) percent() float64 {
	if t.statements == 0 {
		return 0
	}
	return 100 * float64(t.reached) / float64(t.statements)
}

// coverage prints what share of each package's statements the tests reached and
// fails when the total is too small.
func coverage(out io.Writer, profile string) error {
	f, err := os.Open(profile)
	if err != nil {
		return fmt.Errorf("open coverage profile: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	packages, err := tallyProfile(f)
	if err != nil {
		return err
	}
	var total tally
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		t := packages[name]
		fmt.Fprintf(out, "%6.1f %%  %5d statements  %s\n", t.percent(), t.statements, name)
		total.statements += t.statements
		total.reached += t.reached
	}
	fmt.Fprintf(out, "%6.1f %%  %5d statements  in all\n", total.percent(), total.statements)
	if total.percent() < leastCoverage {
		return fmt.Errorf("%.1f %% is under %.0f %%", total.percent(), leastCoverage)
	}
	return nil
}

// tallyProfile reads a profile in Go's text form: after a line with the mode, each
// line is "file.go:place statements count". A block that several test programs
// saw has a line for each; it is reached if any of them reached it.
func tallyProfile(r io.Reader) (map[string]tally, error) {
	type block struct {
		statements int
		reached    bool
	}
	blocks := map[string]block{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text := lines.Text()
		if strings.HasPrefix(text, "mode:") {
			continue
		}
		fields := strings.Fields(text)
		if len(fields) != 3 {
			return nil, fmt.Errorf("read coverage profile: line %q", text)
		}
		statements, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("read coverage profile: %w", err)
		}
		blocks[fields[0]] = block{statements, blocks[fields[0]].reached || fields[2] != "0"}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read coverage profile: %w", err)
	}
	packages := map[string]tally{}
	for place, b := range blocks {
		file, _, _ := strings.Cut(place, ":")
		t := packages[path.Dir(file)]
		t.statements += b.statements
		if b.reached {
			t.reached += b.statements
		}
		packages[path.Dir(file)] = t
	}
	return packages, nil
}

// coverageNote is what go test adds to a package's line.
var coverageNote = regexp.MustCompile(`\s*coverage: (\[no statements\]|[0-9.]+% of statements.*)`)

// withoutCoverage copies lines without those notes, and leaves out packages that
// have no tests.
func withoutCoverage(out io.Writer, in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		clean := coverageNote.ReplaceAllString(line, "\n")
		clean = strings.TrimSuffix(clean, "\n\n")
		untested := strings.HasPrefix(line, "\t") && strings.Contains(line, "coverage: 0.0%")
		if line != "" && !untested && strings.TrimSpace(clean) != "" {
			if _, err := io.WriteString(out, strings.TrimRight(clean, "\n")+"\n"); err != nil {
				return fmt.Errorf("write test output: %w", err)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test output: %w", err)
		}
	}
}
