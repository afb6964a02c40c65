package local

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

// device tells disks apart. On Windows a pulled disk takes its letter with it,
// so that there is nothing to compare.
type device uint64

func deviceOf(fs.FileInfo) device { return 0 }

// longPath returns the form that knows no limit of 260 characters, no reserved
// names ("con") and no stripped dots.
func longPath(p string) string {
	switch {
	case strings.HasPrefix(p, `\\?\`):
		return p
	case strings.HasPrefix(p, `\\`):
		return `\\?\UNC\` + p[2:]
	default:
		return `\\?\` + p
	}
}

// publishers: without MOVEFILE_REPLACE_EXISTING a move never replaces, and
// with MOVEFILE_WRITE_THROUGH it is on the disk when it returns.
func publishers() []func(ctx context.Context, temp, final string) error {
	return []func(ctx context.Context, temp, final string) error{moveNew}
}

func moveNew(_ context.Context, temp, final string) error {
	from, err := windows.UTF16PtrFromString(temp)
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(final)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(from, to, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &fs.PathError{Op: "move", Path: final, Err: err}
	}
	return nil
}

// syncDir has nothing to do: MOVEFILE_WRITE_THROUGH flushed the name.
func syncDir(string) error { return nil }

func freeSpace(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, &fs.PathError{Op: "measure", Path: dir, Err: err}
	}
	return int64(min(free, 1<<63-1)), nil
}

func isNoSpace(err error) bool {
	return oneOf(err, windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_FILE_TOO_LARGE)
}

func isReadOnly(err error) bool { return oneOf(err, windows.ERROR_WRITE_PROTECT) }

func isNotDir(err error) bool { return oneOf(err, windows.ERROR_DIRECTORY) }

func isBadName(err error) bool {
	return oneOf(err, windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE)
}

// heldOpen: another program has the file open, or its deletion is pending.
func heldOpen(err error) bool {
	return oneOf(err, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_ACCESS_DENIED)
}

func isGone(err error) bool {
	return oneOf(err, windows.ERROR_NOT_READY, windows.ERROR_BAD_NETPATH, windows.ERROR_BAD_NET_NAME,
		windows.ERROR_DEV_NOT_EXIST, windows.ERROR_NETNAME_DELETED, windows.ERROR_NETWORK_UNREACHABLE,
		windows.ERROR_UNEXP_NET_ERR, windows.ERROR_IO_DEVICE, windows.ERROR_INVALID_DRIVE,
		windows.ERROR_DEVICE_NOT_CONNECTED, windows.ERROR_SEM_TIMEOUT)
}

func oneOf(err error, nos ...syscall.Errno) bool {
	no, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	for _, n := range nos {
		if n == no {
			return true
		}
	}
	return false
}
