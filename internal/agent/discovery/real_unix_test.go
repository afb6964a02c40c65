//go:build integration && unix

package discovery

import (
	"io/fs"
	"os"
	"syscall"
)

// giveTo makes the owner of info the owner of a private file.
func giveTo(path string, info fs.FileInfo) error {
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	return os.Chown(path, int(st.Uid), int(st.Gid))
}
