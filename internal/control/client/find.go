package client

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/internal/problem"
)

// FindAgent returns the path of the agent's program: rahat-agent beside this
// program, else the one in PATH. [ErrNoAgent] when there is none.
func FindAgent() (string, error) { return find("rahat-agent", ErrNoAgent) }

// FindWindow does the same for the program that shows the window, rahat-window.
// [ErrNoWindow] when there is none.
func FindWindow() (string, error) { return find("rahat-window", ErrNoWindow) }

func find(name string, missing *problem.Problem) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		return "", missing.Because(err, "program", name)
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	beside := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(beside); err == nil {
		return beside, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", missing.Because(err, "program", beside)
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", missing.Because(err, "program", beside)
	}
	return found, nil
}
