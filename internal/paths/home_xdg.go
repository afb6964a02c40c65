//go:build !windows && !darwin

package paths

import (
	"os"
	"path/filepath"
)

func systemHome() (string, error) {
	// The XDG specification says that a relative path is to be ignored.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "rahat"), nil
	}
	return underUserHome(".local", "state", "rahat")
}
