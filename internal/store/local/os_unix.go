//go:build linux || darwin

package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// device tells disks apart.
type device uint64

func deviceOf(info fs.FileInfo) device {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return device(st.Dev)
	}
	return 0
}

func longPath(p string) string { return p }

// publishers: the rename that does not replace is atomic and known to most
// local file systems and SMB; NFS has only links; what has neither (FUSE on
// some phones and old FAT) gets the claim.
func publishers() []func(ctx context.Context, temp, final string) error {
	return []func(ctx context.Context, temp, final string) error{renameNew, linkNew, claimNew}
}

func renameNew(_ context.Context, temp, final string) error {
	err := renameExclusive(temp, final)
	if oneOf(err, unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, unix.EOPNOTSUPP, unix.EPERM) {
		return fmt.Errorf("rename %s: %w (%w)", final, errors.ErrUnsupported, err)
	}
	if err != nil {
		return &fs.PathError{Op: "rename", Path: final, Err: err}
	}
	return nil
}

func linkNew(_ context.Context, temp, final string) error {
	err := os.Link(temp, final)
	if oneOf(err, unix.EPERM, unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, unix.EOPNOTSUPP, unix.EMLINK) {
		return fmt.Errorf("link %s: %w (%w)", final, errors.ErrUnsupported, err)
	}
	if err != nil {
		return err
	}
	// The object is there under both names; a name left over is swept later.
	_ = os.Remove(temp)
	return nil
}

// claimLife is how long a claim can be of use: it is held for a look and a
// rename.
const claimLife = time.Minute

// claimNew makes a claim file that only one writer can make, looks whether the
// name is free and renames. A reader sees the whole object or none. A claim
// whose maker died is taken over after claimLife; only two writers of one key
// that both take over at the same instant could replace each other's object,
// which is why this way comes last.
func claimNew(ctx context.Context, temp, final string) error {
	claim := filepath.Join(filepath.Dir(final), "~"+filepath.Base(final)+".claim")
	for {
		f, err := os.OpenFile(claim, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if err == nil {
			return errors.Join(f.Close(), renameClaimed(temp, final), os.Remove(claim))
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		dropDeadClaim(claim, temp)
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func renameClaimed(temp, final string) error {
	switch _, err := os.Lstat(final); {
	case err == nil:
		return &fs.PathError{Op: "rename", Path: final, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return os.Rename(temp, final)
}

// dropDeadClaim compares times of the same server's clock: those of the claim
// and of a change made just now.
func dropDeadClaim(claim, temp string) {
	now := time.Now()
	// Errors mean that the claim went away or the disk did; the loop's next
	// turn finds out.
	_ = os.Chtimes(temp, now, now)
	c, err := os.Stat(claim)
	if err == nil && now.Sub(c.ModTime()) > claimLife {
		_ = os.Remove(claim)
	}
}

// syncDir makes the names in a folder survive a power cut. Some network file
// systems cannot flush folders; they do so on their own.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if oneOf(err, unix.EINVAL, unix.ENOTSUP, unix.EOPNOTSUPP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ by system
}

func isNoSpace(err error) bool  { return oneOf(err, unix.ENOSPC, unix.EDQUOT, unix.EFBIG) }
func isReadOnly(err error) bool { return oneOf(err, unix.EROFS) }
func isNotDir(err error) bool {
	return oneOf(err, unix.ENOTDIR, unix.EISDIR)
}
func isBadName(err error) bool { return oneOf(err, unix.ENAMETOOLONG, unix.EILSEQ) }
func heldOpen(error) bool      { return false }

func isGone(err error) bool {
	return oneOf(err, unix.EIO, unix.ENODEV, unix.ENXIO, unix.ESTALE, unix.ENOTCONN,
		unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.ETIMEDOUT, unix.ECONNRESET, unix.ESHUTDOWN)
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
