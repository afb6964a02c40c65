package script

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func command(text string) control.Script { return control.Script{Kind: KindCommand, Text: text} }

func runner(j control.Job) Runner {
	return Runner{
		Job:     j,
		Run:     control.Run{ID: "r1", Job: "nightly", Server: "shop", Database: "ör ders", Destination: "disk"},
		Observe: func(backup.Progress) {},
		SQL: func(_ context.Context, text string) error {
			if strings.Contains(text, "bad") {
				return errors.New(`syntax error at or near "bad" password=geheim`)
			}
			return nil
		},
	}
}

// needsShell leaves out what is written for /bin/sh.
func needsShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("these commands are written for /bin/sh")
	}
}

func TestCommandsKnowTheRunAndNoSecret(t *testing.T) {
	needsShell(t)
	t.Setenv("RAHAT_VAULT_PASSPHRASE_FILE", "/etc/geheim")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "geheim")
	r := runner(control.Job{After: []control.Script{command(`env; echo "in $PWD" >&2; echo token=abc123`)}})
	results, _, err := r.After(t.Context(), Ended{Backup: "b1", Err: ErrBad}, false)
	if err != nil || len(results) != 1 || results[0].Status != ok {
		t.Fatalf("%+v, %v", results, err)
	}
	out := results[0].Output
	for _, want := range []string{
		"RAHAT_JOB=nightly", "RAHAT_SERVER=shop", "RAHAT_DATABASE=ör ders", "RAHAT_DESTINATION=disk", "RAHAT_RUN=r1",
		"RAHAT_STATUS=failed", "RAHAT_BACKUP=b1", "RAHAT_PROBLEM=script.bad", "PATH=", "in " + home(), "token=[secret]",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "geheim") || strings.Contains(out, "abc123") {
		t.Errorf("a secret is in:\n%s", out)
	}
}

func TestBeforeStopsAtTheFirstThatFails(t *testing.T) {
	needsShell(t)
	mild := command("exit 4")
	mild.OnFailure = warn
	r := runner(control.Job{Before: []control.Script{command("echo one"), mild, command("echo nothing to do >&2; exit 3"), command("echo never")}})
	results, warnings, err := r.Before(t.Context())
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), `reason="exit code 3: nothing to do"`) || !strings.Contains(err.Error(), `number="3"`) {
		t.Errorf("got %v", err)
	}
	var got []string
	for _, x := range results {
		got = append(got, x.Place+" "+x.Status+" "+x.Output)
	}
	if s := strings.Join(got, "; "); s != "before ok one; before failed ; before failed nothing to do; before skipped " {
		t.Errorf("got %s", s)
	}
	if len(warnings) != 1 || warnings[0].Params["number"] != "2" {
		t.Errorf("warnings %+v", warnings)
	}
}

func TestAfterRunsWhenItShould(t *testing.T) {
	needsShell(t)
	on := func(when string) control.Script {
		s := command("echo $RAHAT_STATUS")
		s.When = when
		return s
	}
	r := runner(control.Job{After: []control.Script{command("exit 1"), on(ok), on(failed), on(always), {Kind: KindSQL, Text: "bad"}}})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{t.Context(), nil, "failed  ok ok skipped  ok ok failed "},
		{t.Context(), ErrBad, "failed  skipped  ok failed ok failed failed "},
		{cancelled, ErrBad, "failed  skipped  ok cancelled ok cancelled failed "},
	} {
		results, _, err := r.After(c.ctx, Ended{Err: c.err}, false)
		got := ""
		for _, x := range results {
			got += x.Status + " " + x.Output + " "
		}
		if strings.TrimSpace(got) != strings.TrimSpace(c.want) || !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), `number="1"`) {
			t.Errorf("got %q, %v, want %q", got, err, c.want)
		}
		if p := results[4].Problem; p == nil || strings.Contains(p.Params["reason"]+p.Detail, "geheim") || !strings.Contains(p.Params["reason"], "syntax error") {
			t.Errorf("SQL: %+v", p)
		}
	}
}

func TestACancelledRunStopsItsScript(t *testing.T) {
	needsShell(t)
	why := errors.New("the person had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	results, _, err := runner(control.Job{Before: []control.Script{command("sleep 60"), command("echo never")}}).Before(ctx)
	if !errors.Is(err, why) || len(results) != 2 || results[1].Status != "skipped" {
		t.Errorf("got %+v, %v", results, err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	needsShell(t)
	results, _, err := runner(control.Job{Before: []control.Script{command(`i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; sleep 30 &`)}}).Before(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out := results[0].Output; len(out) > 8<<10 || !strings.HasPrefix(out, "... line ") || !strings.HasSuffix(out, "line 19999") {
		t.Errorf("%d bytes: %.40q ... %q", len(out), out, out[max(0, len(out)-20):])
	}
}

func TestScriptsOfJobsAreChecked(t *testing.T) {
	bad := map[string]control.Job{
		"kind":       {Before: []control.Script{{Kind: "python", Text: "x"}}},
		"text":       {After: []control.Script{command(" \n")}},
		"seconds":    {After: []control.Script{{Kind: KindSQL, Text: "x", Seconds: 86401}}},
		"on_failure": {After: []control.Script{{Kind: KindSQL, Text: "x", OnFailure: "panic"}}},
		"when":       {Before: []control.Script{{Kind: KindSQL, Text: "x", When: ok}}},
		"number":     {Before: make([]control.Script, 21)},
	}
	for field, j := range bad {
		if err := Check(j); !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), `field="`+field+`"`) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, text := range []string{strings.Repeat("x", 64<<10+1), "a\x00b"} {
		if err := Check(control.Job{Before: []control.Script{command(text)}}); !errors.Is(err, ErrBad) {
			t.Errorf("got %v", err)
		}
	}
	if err := Check(control.Job{Before: []control.Script{command("x")}, After: []control.Script{{Kind: KindSQL, Text: "x", When: failed, OnFailure: warn, Seconds: 5}}}); err != nil {
		t.Error(err)
	}
}
