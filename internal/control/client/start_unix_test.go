//go:build unix

package client

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// script writes a program that stands in for the agent.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartSaysWhyTheAgentCouldNot(t *testing.T) {
	cases := map[string]struct {
		text string
		want error
	}{
		"it says so itself": {`echo some noise >&2; echo '{"code":"agent.passphrase_file","params":{"path":"/x"}}' >&2; exit 1`, nil},
		"it crashes":        {`echo 'panic: planted' >&2; exit 2`, ErrStart},
		"it says nothing":   {`exit 1`, ErrStart},
		"it never answers":  {`sleep 3`, ErrSlowStart},
		"somebody else is starting, and never answers": {`echo '{"code":"agent.already_running"}' >&2; exit 1`, ErrSlowStart},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), StartOptions{Home: paths.Home(t.TempDir()), Program: script(t, c.text), Wait: 500 * time.Millisecond})
			if c.want != nil && !errors.Is(err, c.want) || err == nil || errors.Is(err, ipc.ErrRunning) {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, ErrStart) && problem.Of(err).Params["cause"] == "" {
				t.Errorf("no cause: %v", err)
			}
			if c.want == nil && err.Error() != `agent.passphrase_file path="/x"` {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStartWithoutAProgramIsAProblem(t *testing.T) {
	_, err := Start(t.Context(), StartOptions{Home: paths.Home(t.TempDir()), Program: filepath.Join(t.TempDir(), "none")})
	if !errors.Is(err, ErrStart) {
		t.Errorf("named: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err = Start(t.Context(), StartOptions{Home: paths.Home(t.TempDir())}); !errors.Is(err, ErrNoAgent) {
		t.Errorf("looked for: %v", err)
	}
}
