//go:build unix

package paths

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketPathAlwaysFits(t *testing.T) {
	short, err := Home("/home/ali/.local/state/rahat").Socket()
	if err != nil || short != "/home/ali/.local/state/rahat/agent.sock" {
		t.Errorf("got %s, %v", short, err)
	}
	seen := map[string]bool{}
	for _, name := range []string{"a", "b"} {
		long := Home("/" + strings.Repeat("long/", 40) + name)
		path, err := long.Socket()
		if other, _ := long.WindowSocket(); other == path {
			t.Errorf("the window has the agent's socket: %s", path)
		}
		if err != nil || len(path) > maxSocket || filepath.Dir(filepath.Dir(path)) != "/tmp" || seen[path] {
			t.Errorf("got %s, %v", path, err)
		}
		if again, _ := long.Socket(); again != path {
			t.Errorf("%s, then %s", path, again)
		}
		seen[path] = true
	}
}

func TestWithoutAHomeFolderThereIsAProblem(t *testing.T) {
	t.Setenv(HomeVariable, "")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	if h, err := Default(); !errors.Is(err, ErrNoHome) {
		t.Errorf("got %s, %v", h, err)
	}
}
