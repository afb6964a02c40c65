package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheManualPagesAreWellFormedAndWhole(t *testing.T) {
	dir := t.TempDir()
	if code, out, errs := call(t, "", "man", dir); code != 0 || !strings.Contains(out, dir) {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	var pages []string
	for _, pattern := range []string{"man[18]/*", "tr/man[18]/*"} {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, name := range []string{"man1/rahat.1", "man1/rahat-job.1", "man8/rahat-agent.8", "tr/man1/rahat.1", "tr/man8/rahat-agent.8"} {
		if !slices.Contains(pages, filepath.Join(dir, filepath.FromSlash(name))) {
			t.Errorf("no page %s", name)
		}
	}
	groff, err := exec.LookPath("groff")
	for _, path := range pages {
		page, rerr := os.ReadFile(path)
		if rerr != nil {
			t.Fatal(rerr)
		}
		if bytes.Contains(page, []byte("help.")) || bytes.Contains(page, []byte("man.")) || bytes.Contains(page, []byte("flag.")) {
			t.Errorf("%s lacks a text", path)
		}
		if err != nil {
			continue // nothing here that formats pages
		}
		out, err := exec.CommandContext(t.Context(), groff, "-ww", "-man", "-Kutf8", "-Tutf8", "-z", path).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
