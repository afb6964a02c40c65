package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// scriptFlags say what a job runs around each backup. Scripts run in the order
// in which they are given, commands and SQL alike.
type scriptFlags struct {
	before, after     []control.Script
	noBefore, noAfter bool
	limit             time.Duration
	failure, when     string
}

// scriptFlag is the value of --before and its like: each use adds a script.
type scriptFlag struct {
	list *[]control.Script
	kind string
}

// Set implements [pflag.Value].
func (f scriptFlag) Set(text string) error {
	*f.list = append(*f.list, control.Script{Kind: f.kind, Text: text})
	return nil
}

// String implements [pflag.Value]: the last that was given.
func (f scriptFlag) String() string {
	if f.list == nil {
		return ""
	}
	for _, s := range slices.Backward(*f.list) {
		if s.Kind == f.kind {
			return s.Text
		}
	}
	return ""
}

// Type implements [pflag.Value].
func (scriptFlag) Type() string { return "string" }

func addScriptFlags(c *cobra.Command) *scriptFlags {
	f := &scriptFlags{}
	c.Flags().Var(scriptFlag{&f.before, "command"}, "before", "")
	c.Flags().Var(scriptFlag{&f.before, "sql"}, "before-sql", "")
	c.Flags().Var(scriptFlag{&f.after, "command"}, "after", "")
	c.Flags().Var(scriptFlag{&f.after, "sql"}, "after-sql", "")
	c.Flags().Var(timeLimit{&f.limit}, "script-timeout", "")
	choose(c, &f.failure, "script-failure", "stop", "warn")
	choose(c, &f.when, "after-when", "always", "ok", "failed")
	if strings.HasPrefix(c.Use, "edit") {
		c.Flags().BoolVar(&f.noBefore, "no-before", false, "")
		c.Flags().BoolVar(&f.noAfter, "no-after", false, "")
	}
	return f
}

// A timeLimit is the value of --script-timeout: whole seconds, up to a day.
type timeLimit struct{ value *time.Duration }

// The bounds of a timeLimit. None is not among them: a script that never ends
// would hold up its job for ever.
const (
	leastLimit = time.Second
	mostLimit  = 24 * time.Hour
)

// Set implements [pflag.Value].
func (l timeLimit) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < leastLimit || d > mostLimit {
		return errors.New("not in the range") // badValue says more
	}
	*l.value = d
	return nil
}

// String implements [pflag.Value].
func (l timeLimit) String() string {
	if l.value == nil {
		return "0s"
	}
	return l.value.String()
}

// Type implements [pflag.Value].
func (timeLimit) Type() string { return "duration" }

// apply puts the flags that were given into j: scripts that were given take the
// place of all there were; the rest holds for those the job has then.
func (f *scriptFlags) apply(c *cobra.Command, j *control.Job) {
	if f.noBefore || len(f.before) > 0 {
		j.Before = inPlaceOf(j.Before, f.before)
	}
	if f.noAfter || len(f.after) > 0 {
		j.After = inPlaceOf(j.After, f.after)
	}
	for _, list := range [][]control.Script{j.Before, j.After} {
		for i := range list {
			if c.Flags().Changed("script-timeout") {
				list[i].Seconds = int((f.limit + time.Second - 1) / time.Second)
			}
			if f.failure != "" {
				list[i].OnFailure = f.failure
			}
		}
	}
	for i := range j.After {
		if f.when != "" {
			j.After[i].When = f.when
		}
	}
}

// inPlaceOf returns scripts with what those they take the place of had beside
// their text: each that of the one in its row, what is more that of the last.
func inPlaceOf(old, scripts []control.Script) []control.Script {
	scripts = slices.Clone(scripts)
	if len(old) == 0 {
		return scripts
	}
	for i := range scripts {
		had := old[min(i, len(old)-1)]
		scripts[i].Seconds, scripts[i].OnFailure, scripts[i].When = had.Seconds, had.OnFailure, had.When
	}
	return scripts
}

// showScripts prints what a job runs around each backup.
func (a *app) showScripts(j control.Job) {
	for _, place := range []struct {
		name string
		list []control.Script
	}{{"before", j.Before}, {"after", j.After}} {
		for i, s := range place.list {
			limit := 600 * time.Second
			if s.Seconds > 0 {
				limit = time.Duration(s.Seconds) * time.Second
			}
			about := []string{a.t("script.kind." + s.Kind), a.t("script.limit", "time", a.texts.Duration(limit))}
			if s.When != "" && s.When != "always" {
				about = append(about, a.t("script.when."+s.When))
			}
			if s.OnFailure == "warn" {
				about = append(about, a.t("script.warns"))
			}
			fmt.Fprintf(a.out, "\n%s\n%s\n", a.t("script."+place.name, "n", strconv.Itoa(i+1), "about", strings.Join(about, ", ")), indent(visibleLines(s.Text)))
		}
	}
}

// showScriptResults prints how the scripts of a run ended, with what they wrote.
func (a *app) showScriptResults(results []control.ScriptResult) {
	for _, r := range results {
		shape, h := "✓", green
		switch r.Status {
		case "failed":
			shape, h = "✗", red
		case "skipped":
			shape, h = "–", dim
		}
		line := a.t("script."+r.Place, "n", strconv.Itoa(r.Number), "about", a.t("script.status."+r.Status, "time", a.elapsed(r.Seconds)))
		fmt.Fprintf(a.out, "\n%s\n", a.out.paint(h, shape+" "+line))
		if p := problem.Of(r.Problem.Err()); p != nil {
			title, _ := a.text(p)
			fmt.Fprintf(a.out, "  %s\n", title)
		}
		if r.Output != "" {
			fmt.Fprintln(a.out, a.out.paint(dim, indent(visibleLines(r.Output))))
		}
	}
}

// visibleLines makes a text of several lines harmless for a terminal.
func visibleLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = visible(strings.TrimSuffix(l, "\r"))
	}
	return strings.Join(lines, "\n")
}
