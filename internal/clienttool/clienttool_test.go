//go:build unix

package clienttool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sh(script string) Command { return Command{Path: "/bin/sh", Args: []string{"-c", script}} }

func TestOutputInputAndEnvironmentPassThrough(t *testing.T) {
	var out bytes.Buffer
	c := sh(`cat; printf %s "$SECRET"`)
	c.Stdin, c.Stdout, c.Env = strings.NewReader("in "), &out, []string{"SECRET=s"}
	if err := (Host{}).Run(t.Context(), c); err != nil || out.String() != "in s" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestAFailureKeepsTheEndOfTheComplaint(t *testing.T) {
	err := Host{}.Run(t.Context(), sh(`i=0; while [ $i -lt 2000 ]; do echo "line $i of many words" >&2; i=$((i+1)); done; echo last >&2; exit 3`))
	f, ok := errors.AsType[*Failed](err)
	if !ok || f.Code != 3 || f.Tool != "sh" || len(f.Stderr) > tailSize+10 || !strings.HasSuffix(f.Stderr, "last") || !strings.HasPrefix(f.Stderr, "... line ") {
		t.Errorf("%v", err)
	}
	if strings.Contains(f.Message(), "\n") {
		t.Error("the message has several lines")
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

func TestTheWritersErrorComesBackAndNotTheBrokenPipe(t *testing.T) {
	full := errors.New("disk full")
	c := sh(`while :; do echo data; done`)
	c.Stdout = brokenWriter{full}
	if err := (Host{}).Run(t.Context(), c); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// alive reports whether a process is there and not a corpse.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// eventually asks until the answer is yes, and reports whether it came.
func eventually(yes func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for !yes() {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

func TestACancelledProgramIsGoneWithItsChildrenEvenIfItDoesNotListen(t *testing.T) {
	for name, script := range map[string]string{"listens": "", "deaf": "trap '' TERM; "} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("stopped by the test")
			go func() {
				eventually(func() bool {
					_, err := os.Stat(filepath.Join(dir, "ready"))
					return err == nil
				})
				cancel(stopped)
			}()
			start := time.Now()
			err := Host{}.Run(ctx, sh(script+"sleep 100 & echo $! > "+dir+"/child; touch "+dir+"/ready; while :; do sleep 1; done"))
			if !errors.Is(err, stopped) || time.Since(start) > 5*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			b, err := os.ReadFile(filepath.Join(dir, "child"))
			if err != nil {
				t.Fatal(err)
			}
			if !eventually(func() bool { return !alive(string(b)) }) {
				t.Error("a child lives on")
			}
		})
	}
}

func TestAContextThatIsOverStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "x")
	if err := (Host{}).Run(ctx, sh("touch "+file)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it ran")
	}
}

func TestAProgramThatIsNotThereIsNamed(t *testing.T) {
	err := Host{}.Run(t.Context(), Command{Path: "/nonexistent/pg_dump"})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("%v", err)
	}
}

func TestRootRunsAProgramAsAnotherUser(t *testing.T) {
	u, err := LookupUser("nobody")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := sh("id -u")
	c.User, c.Stdout = u, &out
	err = Host{}.Run(t.Context(), c)
	if os.Geteuid() != 0 {
		if err == nil {
			t.Error("somebody else than root became another user")
		}
		return
	}
	if err != nil || strings.TrimSpace(out.String()) == "0" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if _, err := LookupUser("no such user"); err == nil {
		t.Error("found nobody")
	}
}

func TestVersions(t *testing.T) {
	for s, want := range map[string]string{"pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": "15.18", "17beta1": "17.0", "16": "16.0", "9.6.24": "9.6", "mysqldump  Ver 8.0.36": "8.0"} {
		if v, err := ParseVersion(s); err != nil || v.String() != want {
			t.Errorf("%q: %v, %v", s, v, err)
		}
	}
	for _, s := range []string{"", "none", "99999999999999999999.1"} {
		if _, err := ParseVersion(s); err == nil {
			t.Errorf("%q has a version", s)
		}
	}
	if (Version{15, 2}).Compare(Version{15, 10}) >= 0 || (Version{16, 0}).Compare(Version{15, 10}) <= 0 {
		t.Error("order")
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("pg_dump (PostgreSQL) 15.18")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := ParseVersion(s); err == nil && (v.Major < 0 || v.Minor < 0) {
			t.Errorf("%q: %v", s, v)
		}
	})
}

func TestFindTakesWhatStatesAVersionInTheOrderOfTheFolders(t *testing.T) {
	write := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tool"), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	a, b, bad := write("#!/bin/sh\necho tool 2.1"), write("#!/bin/sh\necho tool 1.9"), write("#!/bin/sh\nexit 1")
	got := Find(t.Context(), Host{}, []string{a, bad, t.TempDir(), b, a}, "tool")
	if len(got) != 2 || got[0].Version.String() != "2.1" || got[1].Dir() != b {
		t.Errorf("%v", got)
	}
	t.Setenv("PATH", b)
	if got := Find(t.Context(), Host{}, []string{""}, "tool"); len(got) != 1 || got[0].Path != filepath.Join(b, "tool") {
		t.Errorf("%v", got)
	}
	if got := got[0].Sibling(Host{}, "other"); got != filepath.Join(a, "other") {
		t.Error(got)
	}
}

// fakeDocker runs what docker exec is asked for right here.
func fakeDocker(t *testing.T) Container {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker")
	script := "#!/bin/sh\nshift\nwhile :; do case \"$1\" in -i) shift;; -e) shift 2;; *) break;; esac; done\n[ \"$1\" = box ] || { echo no such container >&2; exit 125; }\nshift\nexec \"$@\"\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return Container{Engine: path, ID: "box"}
}

func TestAProgramRunsInAContainerByAFakeDockerThatRunsItHere(t *testing.T) {
	k := fakeDocker(t)
	var out bytes.Buffer
	c := sh(`cat; printf %s "$SECRET"; echo oops >&2; exit 4`)
	c.Stdin, c.Stdout, c.Env = strings.NewReader("in "), &out, []string{"SECRET=s"}
	err := k.Run(t.Context(), c)
	f, ok := errors.AsType[*Failed](err)
	if !ok || f.Code != 4 || f.Tool != "sh" || f.Stderr != "oops" || out.String() != "in s" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if got := k.Look(t.Context(), []string{"", "/bin*", "/nonexistent"}, "sh"); len(got) < 2 {
		t.Errorf("%v", got)
	}
	k.ID = "gone"
	if got := k.Look(t.Context(), []string{""}, "sh"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestACancelledProgramInAContainerIsStoppedThereByAFakeDockerThatRunsItHere(t *testing.T) {
	k := fakeDocker(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := &pidWriter{cancel: cancel}
	c := sh("echo $$; exec sleep 100")
	c.Stdout = w
	if err := k.Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if pid := strings.TrimSpace(w.b.String()); pid == "" || alive(pid) {
		t.Errorf("process %q lives on", pid)
	}
}

// pidWriter cancels as soon as something was written.
type pidWriter struct {
	b      bytes.Buffer
	cancel func()
}

func (w *pidWriter) Write(p []byte) (int, error) {
	defer w.cancel()
	return w.b.Write(p)
}
