package setup

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAFolderAppearsWholeOrNotAtAll(t *testing.T) {
	home := filepath.Join(t.TempDir(), "pg", "15")
	broken := errors.New("no network")
	if err := makeFolder(home, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was left behind: %v", err)
	}
	for _, text := range []string{"old", "new"} {
		err := makeFolder(home, func(temp string) error { return os.WriteFile(filepath.Join(temp, text), nil, 0o600) })
		if err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(home), "*", "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "new" {
		t.Errorf("got %v, %v; want the new folder alone", left, err)
	}
}

func TestAnArchiveCannotWriteOutsideItsFolder(t *testing.T) {
	for _, name := range []string{"../escaped", "/etc/escaped", "a/../../escaped"} {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := untar(&archive, dir, func(string) bool { return true }); err == nil {
			t.Errorf("%s was unpacked", name)
		}
	}
}

func TestTheRegressionSuiteIsToldFromTheRestOfTheSource(t *testing.T) {
	for name, want := range map[string]bool{
		"postgresql-15.18/src/test/regress/sql/box.sql":       true,
		"postgresql-15.18/src/test/regress/parallel_schedule": true,
		"postgresql-15.18/src/test/regress/regress.c":         false,
		"postgresql-15.18/src/test/isolation/specs/x.spec":    false,
		"postgresql-15.18/contrib/x/src/test/regress/sql/a":   false,
	} {
		if got := suiteFile.MatchString(name); got != want {
			t.Errorf("%s: kept %v, want %v", name, got, want)
		}
	}
}

func TestTheInstallScriptIsAScript(t *testing.T) {
	cmd := exec.Command("sh", "-n")
	cmd.Stdin = bytes.NewReader([]byte(installScript))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
