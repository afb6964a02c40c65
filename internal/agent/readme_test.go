package agent_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/recoverykit/paper"
	"github.com/rahatbackup/rahat/internal/store/local"
)

func TestWhatToDoLiesBesideTheBackups(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	dir, err := local.Dir(h.disk)
	check(t, err)
	file := filepath.Join(dir, paper.ReadmeName)
	want := string(paper.Readme(h.disk))
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		check(t, err)
		return string(text)
	}
	if read() != want {
		t.Fatalf("a new destination has %q", read())
	}
	for name, c := range map[string]struct{ there, want string }{
		"gone":             {"", want},
		"an old version":   {"\ufeffRESTORE-ME 0\r\nold", want},
		"a newer version":  {"\ufeffRESTORE-ME 99\r\nbetter", "\ufeffRESTORE-ME 99\r\nbetter"},
		"a person's notes": {"call Ayşe first", "call Ayşe first"},
	} {
		check(t, os.Remove(file))
		if c.there != "" {
			check(t, os.WriteFile(file, []byte(c.there), 0o600))
		}
		check(t, a.end())
		a = h.start(t)
		if got := must[control.DestinationTest](t)(a.TestDestination(t.Context(), "disk")); !got.OK {
			t.Errorf("%s: %+v", name, got.Problem)
		}
		if got := read(); got != c.want {
			t.Errorf("%s: now %q", name, got)
		}
	}
	// A repository that is taken over gets one too.
	check(t, a.RemoveDestination(t.Context(), "disk"))
	check(t, os.Remove(file))
	must[control.Destination](t)(a.AddDestination(t.Context(), control.NewDestination{Destination: control.Destination{Name: "disk", URL: h.disk}, Passphrase: passphrase}))
	if !strings.HasPrefix(read(), "\ufeffRESTORE-ME 1\r\n") {
		t.Errorf("taken over: %q", read())
	}
}
