//go:build unix

package cluster

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/rahatbackup/rahat/internal/clienttool"
)

// own gives a file to a user.
func own(path string, u *clienttool.User) error { return os.Chown(path, u.UID, u.GID) }

// reachable reports whether a user can walk to dir: every parent must let
// strangers pass or belong to the user. dir itself will be given to the user.
func reachable(dir string, u *clienttool.User) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	for p := filepath.Dir(dir); ; p = filepath.Dir(p) {
		st, err := os.Stat(p)
		if err != nil {
			return false
		}
		sys, ok := st.Sys().(*syscall.Stat_t)
		mine := ok && int(sys.Uid) == u.UID && st.Mode()&0o100 != 0
		if !mine && st.Mode()&0o001 == 0 {
			return false
		}
		if p == filepath.Dir(p) {
			return true
		}
	}
}
