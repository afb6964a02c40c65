package autostart

import (
	"fmt"
	"os"
	"path/filepath"
)

// place returns the file of the launch agent.
func place(e Entry) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, "Library", "LaunchAgents", e.ID+".plist"), nil
}

func remove(at string) error { return removeFile(at) }

func write(at string, e Entry) error { return writeFile(at, propertyList(e)) }

// read returns the program that the entry starts, or nothing when it is
// switched off.
func read(at string) (string, error) {
	text, err := os.ReadFile(at)
	if err != nil {
		return "", err
	}
	program, err := programIn(text)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", at, err)
	}
	return program, nil
}

// runnable reports whether there is a program at this path.
func runnable(program string) bool {
	info, err := os.Stat(program)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
