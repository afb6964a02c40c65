package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// WithExtension returns the bin directory of a private copy of an installation
// that has an extension of the test's own: programs are copied, everything else
// is linked to. files are put beside the control files of the others.
//
// It works because the server finds its shared files by its own place, so the
// copy keeps the distances between the directories.
func WithExtension(t testing.TB, binDir string, files map[string]string) string {
	t.Helper()
	bin, err := filepath.EvalSymlinks(binDir)
	if err != nil {
		t.Fatal(err)
	}
	share, prefix := "", ""
	for _, at := range []struct{ prefix, share string }{
		{filepath.Join(bin, "../../../.."), filepath.Join("share/postgresql", filepath.Base(filepath.Dir(bin)))}, // Debian: lib/postgresql/15/bin
		{filepath.Dir(bin), "share/postgresql"}, {filepath.Dir(bin), "share"},
	} {
		if _, err := os.Stat(filepath.Join(at.prefix, at.share, "extension")); err == nil {
			prefix, share = at.prefix, at.share
			break
		}
	}
	if share == "" {
		t.Fatalf("no extensions found for the server in %s: install its contrib package", binDir)
	}
	root, err := os.MkdirTemp("", "rahat-install-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(prefix, bin)
	if err != nil {
		t.Fatal(err)
	}
	copyPrograms(t, bin, filepath.Join(root, rel))
	linkAll(t, filepath.Dir(bin), filepath.Join(root, filepath.Dir(rel)), "bin", share)
	linkAll(t, filepath.Join(prefix, share), filepath.Join(root, share), "extension")
	linkAll(t, filepath.Join(prefix, share, "extension"), filepath.Join(root, share, "extension"))
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, share, "extension", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, rel)
}

func copyPrograms(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"initdb", "postgres", "psql", "pg_dump"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) && name != "initdb" && name != "postgres" {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// linkAll links what is in a directory, but for some names.
func linkAll(t testing.TB, from, to string, but ...string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	skip := map[string]bool{}
	for _, b := range but {
		skip[b] = true
		skip[filepath.Base(filepath.Dir(b))] = true // share of share/postgresql
	}
	for _, e := range entries {
		if skip[e.Name()] {
			continue
		}
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil && !os.IsExist(err) {
			t.Fatal(fmt.Errorf("link %s: %w", e.Name(), err))
		}
	}
}
