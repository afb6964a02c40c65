//go:build !windows

package sqlite

import "golang.org/x/sys/unix"

// mayWrite asks the system whether we may write to a file or make one in a
// folder, without doing so.
func mayWrite(path string) error { return unix.Access(path, unix.W_OK) }
