//go:build integration && linux

package keyring

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/file"
	"github.com/rahatbackup/rahat/internal/vault/vaulttest"
)

// inSession says that this process already runs on a message bus of its own.
const inSession = "RAHAT_TEST_SECRET_SERVICE"

// TestARealSecretServiceKeepsTheKey runs itself on a private bus with a real
// gnome-keyring that is unlocked, one that nobody can unlock, and none.
func TestARealSecretServiceKeepsTheKey(t *testing.T) {
	for _, tool := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: install the packages dbus and gnome-keyring", err)
		}
	}
	for mode, script := range map[string]string{
		"unlocked": `printf 'login password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && "$0" "$@"`,
		"locked":   `"$0" "$@"`,
		"none":     `"$0" "$@"`,
	} {
		t.Run(mode, func(t *testing.T) {
			home := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			args := []string{"--", "sh", "-c", script, os.Args[0], "-test.run", "^TestInSession$", "-test.v"}
			if mode == "none" {
				args = append([]string{"--config-file=" + bareBus(t)}, args...)
			}
			cmd := exec.CommandContext(ctx, "dbus-run-session", args...)
			cmd.WaitDelay = 5 * time.Second
			cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + home,
				"XDG_DATA_HOME=" + home, inSession + "=" + mode}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: TestInSession") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// bareBus writes the settings of a bus that starts no services.
func bareBus(t *testing.T) string {
	const settings = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>`
	path := filepath.Join(t.TempDir(), "session.conf")
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInSession(t *testing.T) {
	switch os.Getenv(inSession) {
	case "": // run by TestARealSecretServiceKeepsTheKey only
	case "unlocked":
		path := filepath.Join(t.TempDir(), "secrets")
		src := MasterKey("rahat-test", "master")
		for range 2 {
			v, err := file.Open(t.Context(), path, src)
			if err != nil {
				t.Fatal(err)
			}
			vaulttest.Set(t, v, "a", "hunter2")
			vaulttest.Want(t, v, "a", "hunter2")
		}
		if err := src.Forget(); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Open(t.Context(), path, src); !errors.Is(err, vault.ErrWrongKey) {
			t.Errorf("the key is gone: %v, want ErrWrongKey", err)
		}
	case "locked":
		if _, _, err := MasterKey("rahat-test", "master").Key(t.Context(), true); !errors.Is(err, vault.ErrLocked) {
			t.Errorf("a keychain nobody opened: %v, want ErrLocked", err)
		}
	case "none":
		if _, _, err := MasterKey("rahat-test", "master").Key(t.Context(), true); !errors.Is(err, vault.ErrUnavailable) {
			t.Errorf("no keychain: %v, want ErrUnavailable", err)
		}
	}
}
