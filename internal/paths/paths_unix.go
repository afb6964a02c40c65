//go:build unix

package paths

import (
	"os"
	"path/filepath"
	"strconv"
)

// maxSocket is the longest path that fits sockaddr_un everywhere: macOS has
// 104 bytes with the final zero, Linux 108.
const maxSocket = 103

// socket returns the path of a program's unix socket. A home whose path is too
// long for a socket gets one under /tmp, in a folder of this user; /tmp and
// not $TMPDIR or $XDG_RUNTIME_DIR, because the agent and a client started from
// cron or ssh need not have the same environment.
func (h Home) socket(program string) (string, error) {
	path := filepath.Join(string(h), program+".sock")
	if len(path) <= maxSocket {
		return path, nil
	}
	return filepath.Join("/tmp", "rahat-"+strconv.Itoa(os.Getuid()), h.hash()+"-"+program+".sock"), nil
}
