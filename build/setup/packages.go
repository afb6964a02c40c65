package setup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/build/step"
)

// lockRetry is how often a waiting setup looks whether the other one is done.
const lockRetry = 500 * time.Millisecond

// installScript runs as root: it installs packages without starting services,
// without a new database cluster, and without starting them at the next boot.
//
//go:embed install.sh
var installScript string

// An aptPackage is a system package and a file that shows it is there.
type aptPackage struct {
	name string
	// program is looked up in PATH and the system folders; a path with a
	// slash is a glob.
	program string
}

// postgresPackage is the server, the clients and the contributed modules of
// the version that the distribution prefers.
var postgresPackage = aptPackage{"postgresql", "/usr/lib/postgresql/*/bin/postgres"}

// testPackages is what tests run besides Go: real servers, a real keychain,
// what starts programs on a desktop, a C compiler for the race detector,
// patchelf for PostgreSQL of other releases, readers of PDF,
// what people read SQLite with.
var testPackages = []aptPackage{
	postgresPackage,
	{"mariadb-server", "mariadbd"},
	{"redis-server", "redis-server"},
	{"gnome-keyring", "gnome-keyring-daemon"},
	{"dbus", "dbus-daemon"},
	{"dbus", "dbus-run-session"},
	{"libglib2.0-bin", "gio"},
	{"gcc", "gcc"},
	{"libc6-dev", "/usr/include/*/gnu/stubs-*.h"},
	{"patchelf", "patchelf"},
	{"binutils", "ar"},
	{"poppler-utils", "pdftoppm"},
	{"sqlite3", "sqlite3"},
}

// benchPackages is what the product is measured against.
var benchPackages = []aptPackage{
	{"zstd", "zstd"},
	{"age", "age"},
	{"restic", "restic"},
}

func (p aptPackage) present() bool {
	if strings.Contains(p.program, "/") {
		found, err := filepath.Glob(p.program)
		return err == nil && len(found) > 0
	}
	if _, err := exec.LookPath(p.program); err == nil {
		return true
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, p.program)); err == nil {
			return true
		}
	}
	return false
}

// installPackages installs those of wanted that are missing. Without the right
// to do so it returns an error that says what to type.
func installPackages(ctx context.Context, out io.Writer, wanted []aptPackage) error {
	var missing []string
	for _, p := range wanted {
		if !p.present() {
			missing = append(missing, p.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	byHand := "install by hand, then try again: sudo apt-get install " + strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("this machine has no apt-get, so these cannot be installed: %s (names as in Debian)", strings.Join(missing, " "))
	}
	cmd := step.Cmd("sh", append([]string{"-s", "--"}, missing...)...)
	if os.Geteuid() != 0 {
		if _, err := step.Cmd("sudo", "-n", "true").Output(ctx); err != nil {
			return errors.New(byHand)
		}
		cmd = step.Cmd("sudo", append([]string{"-n", "sh", "-s", "--"}, missing...)...)
	}
	fmt.Fprintf(out, "installing %s\n", strings.Join(missing, " "))
	cmd.Stdin = strings.NewReader(installScript)
	if _, err := cmd.Output(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, byHand)
	}
	for _, p := range wanted {
		if !p.present() {
			return fmt.Errorf("installed %s, but %s is still not there", p.name, p.program)
		}
	}
	return nil
}

// postgresHere reports whether this machine runs PostgreSQL, or could: a
// cluster that is down today is to be backed up tomorrow.
func postgresHere(ctx context.Context) bool {
	for _, pattern := range []string{"/etc/postgresql/*/*", "/var/run/postgresql/.s.PGSQL.*", "/tmp/.s.PGSQL.*"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return true
		}
	}
	dialer := net.Dialer{Timeout: 200 * time.Millisecond}
	conn, err := dialer.DialContext(ctx, "tcp", "localhost:5432")
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}
