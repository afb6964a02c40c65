// Package paths says where the program keeps its state on this machine. All
// of it lies in one folder, the home, which RAHAT_HOME relocates. Nothing here
// touches the disk except [Home.Make].
package paths

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/internal/problem"
)

// ErrNoHome: this account has no folder where state could be kept; {cause}
// says why.
var ErrNoHome = problem.New("agent.no_home")

// HomeVariable is the environment variable that relocates all state.
const HomeVariable = "RAHAT_HOME"

// Home is the absolute path of the folder that holds all state of one agent.
type Home string

// Default returns RAHAT_HOME, or this system's usual place: on Linux
// $XDG_STATE_HOME/rahat (~/.local/state/rahat), on macOS
// ~/Library/Application Support/Rahat Backup, on Windows
// %LOCALAPPDATA%\Rahat Backup.
func Default() (Home, error) {
	dir := os.Getenv(HomeVariable)
	if dir == "" {
		var err error
		if dir, err = systemHome(); err != nil {
			return "", ErrNoHome.Because(err, "cause", err.Error())
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", ErrNoHome.Because(err, "cause", err.Error())
	}
	return Home(abs), nil
}

// Make creates the home and the folders in it, and closes the home to other
// users even if it was there before.
func (h Home) Make() error {
	for _, dir := range []string{string(h), h.LogDir(), h.Temp(), h.Cache()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return ErrNoHome.Because(err, "cause", err.Error())
		}
	}
	if err := os.Chmod(string(h), 0o700); err != nil {
		return ErrNoHome.Because(err, "cause", err.Error())
	}
	return nil
}

// Lock is the file whose lock the one running agent holds.
func (h Home) Lock() string { return filepath.Join(string(h), "agent.lock") }

// Catalog is the agent's database.
func (h Home) Catalog() string { return filepath.Join(string(h), "catalog.db") }

// Config mirrors servers, destinations and jobs, without secrets.
func (h Home) Config() string { return filepath.Join(string(h), "config.json") }

// Vault is the encrypted file vault, where one is used.
func (h Home) Vault() string { return filepath.Join(string(h), "vault") }

// Passphrase opens the file vault where a person chose one on a machine without
// a keychain and named no other file.
func (h Home) Passphrase() string { return filepath.Join(string(h), "vault-passphrase") }

// LogDir holds the log and what it was rotated to.
func (h Home) LogDir() string { return filepath.Join(string(h), "log") }

// Log is the agent's log, JSON lines.
func (h Home) Log() string { return filepath.Join(h.LogDir(), "agent.log") }

// StartLog is the standard error of an agent that a client started. It is
// empty unless the agent could not start or crashed.
func (h Home) StartLog() string { return filepath.Join(h.LogDir(), "agent.start") }

// Temp is where throw-away servers of proofs live. It is emptied at start.
func (h Home) Temp() string { return filepath.Join(string(h), "tmp") }

// Cache holds copies of what is in repositories, sealed as it is there; it may
// be removed at any time.
func (h Home) Cache() string { return filepath.Join(string(h), "cache") }

// TrayLock is the file whose lock the one tray icon holds.
func (h Home) TrayLock() string { return filepath.Join(string(h), "tray.lock") }

// WindowLock is the file whose lock the one open window holds.
func (h Home) WindowLock() string { return filepath.Join(string(h), "window.lock") }

// WindowPlace says where the window was when it was closed.
func (h Home) WindowPlace() string { return filepath.Join(string(h), "window.json") }

// WindowStartLog is the standard error of a window that another program
// opened. It is empty unless the window could not be shown.
func (h Home) WindowStartLog() string { return filepath.Join(h.LogDir(), "window.start") }

// WebViewData is where a WebView that asks for a place keeps its caches.
func (h Home) WebViewData() string { return filepath.Join(string(h), "webview") }

// Socket returns the path of the agent's unix socket, or on Windows the name
// of its pipe.
func (h Home) Socket() (string, error) { return h.socket("agent") }

// WindowSocket returns where the open window takes requests of windows that
// are started after it.
func (h Home) WindowSocket() (string, error) { return h.socket("window") }

// hash names the home where its path is too long or not allowed.
func (h Home) hash() string {
	sum := sha256.Sum256([]byte(h))
	return hex.EncodeToString(sum[:8])
}

// underUserHome joins elem to the user's home folder.
func underUserHome(elem ...string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find home folder: %w", err)
	}
	return filepath.Join(append([]string{home}, elem...)...), nil
}
