package paths

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestHomeVariableRelocatesEverything(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(HomeVariable, dir)
	h, err := Default()
	if err != nil || string(h) != dir {
		t.Fatalf("got %s, %v", h, err)
	}
	for _, p := range []string{h.Lock(), h.Catalog(), h.Config(), h.Vault(), h.Passphrase(), h.LogDir(), h.Log(), h.StartLog(), h.Temp(), h.Cache(),
		h.TrayLock(), h.WindowLock(), h.WindowPlace(), h.WindowStartLog(), h.WebViewData()} {
		if !strings.HasPrefix(p, dir+string(filepath.Separator)) {
			t.Errorf("%s is not below %s", p, dir)
		}
	}
}

func TestRelativeHomeIsMadeAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(HomeVariable, "state")
	h, err := Default()
	if wd, _ := os.Getwd(); err != nil || string(h) != filepath.Join(wd, "state") {
		t.Errorf("got %s, %v", h, err)
	}
}

func TestMakeClosesTheHomeToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := Home(dir)
	for range 2 {
		if err := h.Make(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Home(file).Make(); err == nil {
		t.Error("a file was made a home")
	}
}
