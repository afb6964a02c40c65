package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestLooksAreTakenAtOnceAndInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		slow := func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			select {
			case <-time.After(8 * time.Second):
				return control.Text{Code: "x"}, nil, nil
			case <-ctx.Done():
				return control.Text{}, nil, context.Cause(ctx)
			}
		}
		looks := []Look{
			{Name: "hangs", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
				<-release
				return control.Text{}, nil, nil
			}},
			{Name: "slow", Do: slow}, {Name: "slow too", Do: slow},
			{Name: "fails", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
				return control.Text{}, nil, ErrHomeUnwritable.Because(nil)
			}},
			{Name: "warns", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
				return control.Text{}, []*problem.Problem{ErrHomeOpen, ErrLeftovers}, nil
			}},
			{Name: "nothing", Do: func(context.Context) (control.Text, []*problem.Problem, error) { return control.Text{}, nil, nil }},
		}
		begun := time.Now()
		d := Run(t.Context(), looks)
		if took := time.Since(begun); took != patience {
			t.Errorf("it took %v", took)
		}
		var got []string
		for _, c := range d.Checks {
			line := c.Name + " " + c.Status
			if c.Problem != nil {
				line += " " + c.Problem.Code
			}
			got = append(got, line)
		}
		want := "hangs failed doctor.timeout; slow ok; slow too ok; fails failed doctor.home_unwritable; warns warning doctor.home_open; warns warning doctor.leftovers; nothing skipped"
		if d.OK || strings.Join(got, "; ") != want {
			t.Errorf("%t, %q", d.OK, got)
		}
	})
}

func codes(d control.Doctor) map[string]string {
	out := map[string]string{}
	for _, c := range d.Checks {
		out[c.Name] = c.Status
		if c.Problem != nil {
			out[c.Name] += " " + c.Problem.Code
		}
	}
	return out
}

func TestTheHomeIsExamined(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	home := paths.Home(filepath.Join(t.TempDir(), "home"))
	if got := codes(Run(t.Context(), Home(home, now, true))); got["home"] != "skipped" || got["space"] != "skipped" || got["leftovers"] != "skipped" {
		t.Errorf("no home: %v", got)
	}
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	log := ""
	for i, at := range []time.Duration{-48 * time.Hour, -2 * time.Hour, -time.Hour} {
		log += fmt.Sprintf(`{"time":%q,"level":"ERROR","msg":"bad %d"}`+"\n", now.Add(at).Format(time.RFC3339Nano), i)
	}
	if err := os.WriteFile(home.Log(), []byte("not json\n"+strings.Repeat("x", 100_000)+"\n"+log), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Run(t.Context(), Home(home, now, true))
	if got := codes(d); got["home"] != "ok" || !strings.HasPrefix(got["log"], "warning doctor.log_errors") || got["leftovers"] != "ok" {
		t.Errorf("a home: %v", got)
	}
	for _, c := range d.Checks {
		if c.Name == "log" && (c.Problem.Params["count"] != "2" || c.Problem.Params["last"] != "bad 2") {
			t.Errorf("log: %+v", c.Problem)
		}
	}
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		return // nothing is forbidden to us
	}
	if err := os.Chmod(string(home), 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(string(home), 0o700) }() // so that it can be removed
	if got := codes(Run(t.Context(), Home(home, now, true))); got["home"] != "failed doctor.home_unwritable" {
		t.Errorf("read-only: %v", got)
	}
}

func TestAFileInPlaceOfTheHomeIsAFailure(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lookAtHome(file); !errors.Is(err, ErrHomeUnwritable) {
		t.Errorf("%v", err)
	}
}

func FuzzLog(f *testing.F) {
	f.Add(`{"time":"2026-11-21T12:00:00Z","level":"ERROR","msg":"x"}` + "\n")
	f.Fuzz(func(t *testing.T, log string) {
		n := 0
		if err := logLines(strings.NewReader(log), func(logLine) { n++ }); err != nil || n > strings.Count(log, "\n")+1 {
			t.Fatalf("%d, %v", n, err)
		}
	})
}
