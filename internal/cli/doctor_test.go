package cli

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
)

func TestTheDoctorFailsWhenACheckDoes(t *testing.T) {
	startFake(t, func(f *fakeAgent) { f.unwell = true }).use(t)
	code, out, errs := call(t, "", "doctor")
	if code != 1 || errs != "" || !strings.Contains(out, `✗ Destination gone\x1b: `) || !strings.Contains(out, "1 check failed.") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	code, out, _ = call(t, "", "doctor", "--json")
	var d control.Doctor
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != 1 || d.OK || len(d.Checks) != 6 {
		t.Errorf("exit code %d, %v, %+v", code, err, d)
	}
	if code, out, _ = call(t, "", "doctor", "--quiet"); code != 1 || strings.Contains(out, "✓") || !strings.Contains(out, "✗") {
		t.Errorf("quiet: exit code %d, %s", code, out)
	}
}

func TestWithoutAnAgentTheDoctorLooksAtTheFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv(paths.HomeVariable, home)
	t.Setenv("RAHAT_LANG", "en")
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(home+"/tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/tmp/left", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := call(t, "", "doctor", "--json")
	var d control.Doctor
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range d.Checks {
		found[c.Name] = c.Status
		if c.Problem != nil {
			found[c.Name] += " " + c.Problem.Code
		}
	}
	if code != 1 || found["agent"] != "failed control.unreachable" || found["leftovers"] != "warning doctor.leftovers" || found["log"] != "skipped" {
		t.Errorf("exit code %d, %v", code, found)
	}
	if os.PathSeparator == '/' && found["home"] != "warning doctor.home_open" {
		t.Errorf("an open folder: %v", found)
	}
}
