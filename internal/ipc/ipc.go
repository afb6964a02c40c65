// Package ipc carries the control API between processes of one user on one
// machine: a unix socket that only its owner may open, or a named pipe that
// only this user may open on Windows. It knows nothing of HTTP.
package ipc

import (
	"github.com/gofrs/flock"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it.
var (
	// ErrRunning: another process holds the lock {path}.
	ErrRunning = problem.New("agent.already_running")
	// ErrRefused: the socket {path} belongs to another user.
	ErrRefused = problem.New("ipc.refused")
	// ErrListen: the socket {path} cannot be opened: {cause}.
	ErrListen = problem.New("ipc.listen_failed")
	// ErrLock: the lock {path} cannot be taken: {cause}.
	ErrLock = problem.New("ipc.lock_failed")
)

// A Lock makes its holder the only one. The system lets go of it when the
// process dies, however it dies.
type Lock struct{ file *flock.Flock }

// TryLock takes the lock file at path, or returns [ErrRunning] at once when
// another process has it. The folder must exist.
func TryLock(path string) (*Lock, error) {
	f := flock.New(path)
	got, err := f.TryLock()
	if err != nil {
		return nil, ErrLock.Because(err, "path", path, "cause", err.Error())
	}
	if !got {
		return nil, ErrRunning.Because(nil, "path", path)
	}
	return &Lock{f}, nil
}

// Unlock lets go of the lock. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *Lock) Unlock() error { return l.file.Unlock() }
