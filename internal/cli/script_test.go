package cli

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
)

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() { // without those of commands that only print
		scripts = slices.DeleteFunc(scripts, func(path string) bool {
			return slices.Contains([]string{"completion", "help", "requests", "usage"}, strings.TrimSuffix(filepath.Base(path), ".txtar"))
		})
	}
	testscript.Run(t, testscript.Params{
		Files: scripts,
		Setup: func(e *testscript.Env) error {
			e.Setenv("RAHAT_LANG", "en")
			e.Setenv(paths.HomeVariable, filepath.Join(e.WorkDir, "no-agent-here"))
			e.Values[fakeKey{}] = new(*fakeAgent)
			return nil
		},
		Cmds:          scriptCommands,
		UpdateScripts: *update,
	})
}

// scriptCommands are the words of the scripts:
//
//	fake [empty] [queue=RUN,RUN]           start a fake agent
//	refuse 'METHOD /path' STATUS CODE [PARAM VALUE]   let it answer a problem from now on
//	asked REGEXP                           it was sent a request like that
//	code N rahat ...                       run a command that must exit with N
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"fake":   fakeCommand,
	"refuse": refuseCommand,
	"asked":  askedCommand,
	"code":   codeCommand,
}

// scriptTester lets a script start a fake agent.
type scriptTester struct{ *testscript.TestScript }

func (scriptTester) Helper()             {}
func (s scriptTester) Fatal(args ...any) { s.Fatalf("%v", args) }
func (s scriptTester) Cleanup(f func())  { s.Defer(f) }

func fakeCommand(ts *testscript.TestScript, _ bool, args []string) {
	f := startFake(scriptTester{ts}, func(f *fakeAgent) {
		for _, arg := range args {
			if queue, ok := strings.CutPrefix(arg, "queue="); ok {
				f.queue = strings.Split(queue, ",")
			}
			if skipped, ok := strings.CutPrefix(arg, "skipped="); ok {
				f.skipped = strings.Split(skipped, ",")
			}
			f.empty = f.empty || arg == "empty"
		}
		if f.empty {
			f.status = control.StatusReport{State: control.NotProtected, Headline: control.Text{Code: "state.nothing"}, Active: []control.Run{}, Since: hello.Started}
		}
	})
	ts.Setenv(paths.HomeVariable, string(f.home))
	*current(ts) = f
}

// fakeKey finds the place for the newest fake agent of a script.
type fakeKey struct{}

func current(ts *testscript.TestScript) **fakeAgent {
	place, ok := ts.Value(fakeKey{}).(**fakeAgent)
	if !ok {
		ts.Fatalf("the script was not set up")
	}
	return place
}

func fakeOf(ts *testscript.TestScript) *fakeAgent {
	f := *current(ts)
	if f == nil {
		ts.Fatalf("no fake agent was started")
	}
	return f
}

func refuseCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 && len(args) != 5 {
		ts.Fatalf("usage: refuse 'METHOD /path' STATUS CODE [PARAM VALUE]")
	}
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	p := &control.Problem{Code: args[2], Status: status, Detail: "because"}
	if len(args) == 5 {
		p.Params = map[string]string{args[3]: args[4]}
	}
	f := fakeOf(ts)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.problems[args[0]] = p
}

func askedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: asked REGEXP")
	}
	asked := strings.Join(fakeOf(ts).asked(), "\n")
	found, err := regexp.MatchString("(?m)"+args[0], asked)
	ts.Check(err)
	if found == neg {
		ts.Fatalf("found %v: %s\nin:\n%s", found, args[0], asked)
	}
}

func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %v: %v", args[1:], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
