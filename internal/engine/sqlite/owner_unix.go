//go:build !windows

package sqlite

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives path the owner that the file of info has. Only root can, and
// only root has to.
func keepOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, int(st.Uid), int(st.Gid))
}
