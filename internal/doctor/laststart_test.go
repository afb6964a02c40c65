package doctor

import (
	"os"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/paths"
)

func TestLastStart(t *testing.T) {
	const (
		starting = `{"time":"2026-11-21T10:00:00Z","level":"INFO","msg":"agent starting"}` + "\n"
		failed   = `{"time":"2026-11-21T10:00:01Z","level":"ERROR","msg":"agent failed","err":"x","problem":{"code":"vault.wrong_key"}}` + "\n"
		puzzling = `{"time":"2026-11-21T10:00:01Z","level":"ERROR","msg":"agent failed","err":"x","problem":{"code":"agent.internal"}}` + "\n"
		ended    = `{"time":"2026-11-21T10:00:02Z","level":"INFO","msg":"agent ended"}` + "\n"
	)
	began := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		log, start string
		age        time.Duration // of the start log, before the agent began
		want       string
	}{
		"nothing known":         {},
		"ended well":            {log: starting + ended},
		"failed":                {log: starting + failed + ended, want: "vault.wrong_key"},
		"failed, nobody knows":  {log: starting + puzzling + ended, want: "control.start_failed"},
		"failed, then ran":      {log: starting + failed + ended + starting + ended},
		"before there is a log": {start: `{"code":"paths.bad_home"}`, want: "paths.bad_home"},
		"crashed":               {log: starting, start: "panic: oh\ngoroutine 1", want: "control.start_failed"},
		"crashed long ago":      {log: starting + ended, start: "panic: oh", age: time.Hour},
		"there was another":     {log: starting, start: `{"code":"agent.already_running"}`},
		"cut off":               {log: failed[:40] + "\n" + starting + failed[:60], want: ""},
	} {
		home := paths.Home(t.TempDir())
		if err := home.Make(); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{home.Log(): c.log, home.StartLog(): c.start} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, began, began.Add(-c.age)); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		for _, check := range LastStart(home) {
			got = check.Problem.Code
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
