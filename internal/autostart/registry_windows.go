package autostart

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

const (
	runKey = `Software\Microsoft\Windows\CurrentVersion\Run`
	// approvedKey holds what the person has switched off in the Task Manager
	// or the settings.
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
)

// place returns the name of the entry's value.
func place(e Entry) (string, error) { return e.ID, nil }

func write(at string, e Entry) error {
	if err := removeValue(approvedKey, at); err != nil {
		return err
	}
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	err = k.SetStringValue(at, windows.ComposeCommandLine(append([]string{e.Program}, e.Args...)))
	return errors.Join(err, k.Close())
}

func remove(at string) error {
	return errors.Join(removeValue(runKey, at), removeValue(approvedKey, at))
}

func removeValue(key, value string) error {
	k, err := registry.OpenKey(registry.CURRENT_USER, key, registry.SET_VALUE)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	err = k.DeleteValue(value)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, k.Close())
}

// read returns the program that the entry starts, or nothing when it is
// switched off.
func read(at string) (program string, err error) {
	off, err := switchedOff(at)
	if off || err != nil {
		return "", err
	}
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	line, _, err := k.GetStringValue(at)
	if err != nil {
		return "", err
	}
	argv, err := windows.DecomposeCommandLine(line)
	if err != nil || len(argv) == 0 {
		return "", err
	}
	return argv[0], nil
}

// switchedOff reports whether the person has switched the entry off: the value
// is there and its first byte is odd.
func switchedOff(at string) (off bool, err error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	b, _, err := k.GetBinaryValue(at)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && len(b) > 0 && b[0]&1 == 1, err
}

// runnable reports whether there is a program at this path.
func runnable(program string) bool {
	info, err := os.Stat(program)
	return err == nil && info.Mode().IsRegular()
}
