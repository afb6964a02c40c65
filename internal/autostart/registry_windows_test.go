package autostart

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func TestTheRegistryStartsOddNamesUntilTheTaskManagerSwitchesThemOff(t *testing.T) {
	for _, folder := range []string{"plain", "with blank", "it's 100% $x", "Şube Yedeği ığüşöç"} {
		e := Entry{ID: "com.example.rahat-test", Program: filepath.Join(t.TempDir(), folder, "rahat-tray.exe"), Args: []string{`a "b" c\`, ""}}
		if e.Possible() {
			t.Error("possible without a program")
		}
		if err := os.MkdirAll(filepath.Dir(e.Program), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(e.Program, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		want(t, e, false)
		switchTo(t, e, true)
		want(t, e, true)
		if got := commandLine(t, e); !slices.Equal(got, append([]string{e.Program}, e.Args...)) {
			t.Errorf("%s: started as %q", folder, got)
		}
		disapprove(t, e)
		want(t, e, false)
		switchTo(t, e, true)
		want(t, e, true)
		switchTo(t, e, false)
		want(t, e, false)
	}
}

func switchTo(t *testing.T, e Entry, on bool) {
	t.Helper()
	if err := e.Set(on); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, e Entry, on bool) {
	t.Helper()
	if got, err := e.Enabled(); got != on || err != nil {
		t.Errorf("enabled: %v, %v, want %v", got, err, on)
	}
}

func commandLine(t *testing.T, e Entry) []string {
	t.Helper()
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	line, _, err := k.GetStringValue(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	argv, err := windows.DecomposeCommandLine(line)
	if err != nil {
		t.Fatal(err)
	}
	return argv
}

// disapprove does what the Task Manager does.
func disapprove(t *testing.T, e Entry) {
	t.Helper()
	k, _, err := registry.CreateKey(registry.CURRENT_USER, approvedKey, registry.SET_VALUE)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := k.SetBinaryValue(e.ID, []byte{3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
		t.Fatal(err)
	}
}
