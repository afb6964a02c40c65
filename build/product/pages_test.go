package product

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyANodeThatIsNewEnoughWillDo(t *testing.T) {
	for said, want := range map[string]bool{
		"v20.19.0\n": true, "v20.20.2\n": true, "v22.1.0\n": true, "v24.11.1": true,
		"v20.18.3\n": false, "v18.20.4\n": false, "": false, "20.19.0": false, "v99999999999999999999.1.0": false,
	} {
		if got := newEnough(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}

func TestModulesAreInstalledAnewOnlyWhenTheLockSaysOtherwise(t *testing.T) {
	const lock = `{"packages":{"":{"version":"1"},"node_modules/a":{"version":"1.0.0"},"node_modules/b":{"version":"2.0.0","optional":true}}}`
	for name, c := range map[string]struct {
		installed string
		want      bool
	}{
		"as locked":             {`{"packages":{"node_modules/a":{"version":"1.0.0"}}}`, true},
		"with what is optional": {`{"packages":{"node_modules/a":{"version":"1.0.0"},"node_modules/b":{"version":"2.0.0","optional":true}}}`, true},
		"another version":       {`{"packages":{"node_modules/a":{"version":"1.0.1"}}}`, false},
		"one is missing":        {`{"packages":{}}`, false},
		"one too many":          {`{"packages":{"node_modules/a":{"version":"1.0.0"},"node_modules/c":{"version":"3"}}}`, false},
		"cut off":               {`{"packages":`, false},
		"nothing":               {"", false},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"lock": lock, "installed": c.installed} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := asLocked(filepath.Join(dir, "lock"), filepath.Join(dir, "installed")); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
