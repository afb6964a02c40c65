//go:build integration && linux

package autostart

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestADesktopStartsOddNames lets the library that GNOME, Xfce and others
// start programs with read the entry.
func TestADesktopStartsOddNames(t *testing.T) {
	if _, err := exec.LookPath("gio"); err != nil {
		t.Fatalf("%v: install the package libglib2.0-bin", err)
	}
	for _, name := range odd {
		if name == "" {
			continue
		}
		e := entry(t, name, odd...)
		set(t, e, true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, "gio", "launch", file(t, e)).CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s\n%s", name, err, out, text(t, e))
			continue
		}
		ran := filepath.Join(filepath.Dir(e.Program), "ran")
		for {
			b, err := os.ReadFile(ran)
			if err == nil {
				if got := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"); !slices.Equal(got, odd) {
					t.Errorf("%q: started with %q", name, got)
				}
				break
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%q: was not started:\n%s", name, text(t, e))
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
}
