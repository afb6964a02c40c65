// Package autostart starts a program when the person logs in: by an entry in
// the folder that desktops on Linux share, in the registry on Windows, by a
// launch agent on macOS.
package autostart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/internal/problem"
)

// ErrNotSet: the entry at {place} cannot be changed: {cause}.
var ErrNotSet = problem.New("autostart.not_set")

// An Entry is a program to start at login. Its methods may be called from
// several goroutines; of two that set it at once the later wins.
type Entry struct {
	// ID names the entry for good, as "com.example.program": letters, digits,
	// dots and hyphens.
	ID   string
	Name string // what the person's list of such programs shows
	// Program is the absolute path of the program, Args what it is started
	// with.
	Program string
	Args    []string
}

// Possible reports whether the program is there and this system has a place for
// the entry.
func (e Entry) Possible() bool {
	_, err := place(e)
	return err == nil && runnable(e.Program)
}

// Enabled reports whether a program is started at login by this entry. It is
// not when the program is gone, or when the person has switched the entry off
// with the means of the system.
func (e Entry) Enabled() (bool, error) {
	at, err := place(e)
	if err != nil {
		return false, err
	}
	program, err := read(at)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && program != "" && runnable(program), err
}

// Set makes or removes the entry. One that is enabled already stays as it is,
// with what the person may have changed in it.
func (e Entry) Set(on bool) error {
	at, err := place(e)
	if err != nil {
		return ErrNotSet.Because(err, "place", e.ID, "cause", err.Error())
	}
	if on {
		if set, err := e.Enabled(); set && err == nil {
			return nil
		}
		err = write(at, e)
	} else {
		err = remove(at)
	}
	if err != nil {
		return ErrNotSet.Because(err, "place", at, "cause", cause(err))
	}
	return nil
}

// cause is an error without the path, which is told already.
func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// removeFile removes a file that may be gone already.
func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeFile replaces a file at once, so that nobody reads half of it, and makes
// its folder.
func writeFile(path, text string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".rahat-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFile(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
