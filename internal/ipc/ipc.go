// Package ipc carries the control API between processes of one user on one
// machine: a unix socket that only its owner may open, or a named pipe that
// only this user may open on Windows. It knows nothing of HTTP.
package ipc

import (
	"net"
	"os"

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

// A Listener is the agent's end of the socket or pipe.
type Listener interface {
	net.Listener
	// Keep makes the address lead here again when another program has removed
	// the socket, as cleaners of temporary files do: nobody could reach, or
	// even stop, the agent otherwise. It costs a look at one file.
	Keep() error
}

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

// Held reports whether the lock file at its path is still the one that is
// locked. It is not when the folder was removed: then another process may hold
// a lock of the same name, and what lies there is no longer ours.
func (l *Lock) Held() bool {
	here, err := os.Stat(l.file.Path())
	if err != nil {
		return false
	}
	ours, err := l.file.Stat()
	return err == nil && os.SameFile(here, ours)
}

// Locked reports whether a process holds the lock file at path. To learn it the
// lock is taken for a moment.
func Locked(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	l, err := TryLock(path)
	if err != nil {
		return true // or nobody can tell, and to wait is safer
	}
	// The file is closed even if this fails, and with it the lock is gone.
	_ = l.Unlock()
	return false
}
