//go:build unix

package client

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestAWindowThatCannotBeShownSaysWhy(t *testing.T) {
	const linker = `rahat-window: error while loading shared libraries: libwebkit2gtk-4.1.so.0: cannot open shared object file: No such file or directory`
	cases := map[string]struct {
		text   string
		want   error
		params string
	}{
		"no WebKit":        {`echo '` + linker + `' >&2; exit 127`, ErrNoLibrary, "libwebkit2gtk-4.1-0"},
		"it says so":       {`echo noise >&2; echo '{"code":"window.no_display"}' >&2; exit 1`, problem.New("window.no_display"), ""},
		"it crashes":       {`echo 'panic: planted' >&2; exit 2`, ErrWindow, "panic: planted"},
		"it says nothing":  {`exit 1`, ErrWindow, "exit status 1"},
		"another was open": {`exit 0`, nil, ""},
		"it stays":         {`sleep 0.1`, nil, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wait := 5 * time.Second
			if name == "it stays" {
				wait = 10 * time.Millisecond
			}
			err := OpenWindow(t.Context(), WindowOptions{Home: paths.Home(t.TempDir()), Program: script(t, c.text), Wait: wait})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("got %v", err)
			}
			if c.params != "" && !strings.Contains(err.Error(), c.params) {
				t.Errorf("got %v, without %q", err, c.params)
			}
		})
	}
}

func TestAWindowIsToldItsHomeAndDatabase(t *testing.T) {
	home, heard := paths.Home(t.TempDir()), filepath.Join(t.TempDir(), "heard")
	program := script(t, `echo "$RAHAT_HOME $*" >'`+heard+`'`)
	if err := OpenWindow(t.Context(), WindowOptions{Home: home, Program: program, Database: "pg/shop"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(heard)
	if want := string(home) + " --detached --database pg/shop\n"; string(text) != want {
		t.Errorf("got %q, %v; want %q", text, err, want)
	}
}

func TestWithoutTheWindowsProgramThereIsAProblem(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := OpenWindow(t.Context(), WindowOptions{Home: paths.Home(t.TempDir())}); !errors.Is(err, ErrNoWindow) {
		t.Errorf("got %v", err)
	}
}
