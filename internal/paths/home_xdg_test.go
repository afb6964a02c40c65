//go:build !windows && !darwin

package paths

import "testing"

func TestHomeFollowsXDG(t *testing.T) {
	t.Setenv(HomeVariable, "")
	t.Setenv("HOME", "/home/ali")
	for state, want := range map[string]Home{
		"":           "/home/ali/.local/state/rahat",
		"/var/state": "/var/state/rahat",
		"relative":   "/home/ali/.local/state/rahat",
	} {
		t.Setenv("XDG_STATE_HOME", state)
		if h, err := Default(); err != nil || h != want {
			t.Errorf("%q: got %s, %v", state, h, err)
		}
	}
}
