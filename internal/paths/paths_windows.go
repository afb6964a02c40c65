package paths

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func systemHome() (string, error) {
	dir := os.Getenv("LOCALAPPDATA")
	if dir == "" {
		return "", errors.New("LOCALAPPDATA is not set")
	}
	return filepath.Join(dir, "Rahat Backup"), nil
}

// socket returns the name of a program's named pipe. It carries the user,
// because pipe names are common to all sessions of the machine.
func (h Home) socket(program string) (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("read user of process: %w", err)
	}
	sum := sha256.Sum256([]byte(user.User.Sid.String()))
	return `\\.\pipe\rahat-` + hex.EncodeToString(sum[:8]) + "-" + h.hash() + "-" + program, nil
}
