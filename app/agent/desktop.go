package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/internal/autostart"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
)

// trayEntry starts the tray icon when the person logs in, which starts the
// agent. The program stands beside this one; where it does not, as on servers,
// the entry is not possible.
func trayEntry() autostart.Entry {
	return autostart.Entry{ID: "com.rahatbackup.tray", Name: "Rahat Backup", Program: beside("rahat-tray")}
}

// openWindow opens the page of a database in the window.
func openWindow(home paths.Home) func(ctx context.Context, database, activation string) error {
	return func(ctx context.Context, database, activation string) error {
		env := os.Environ()
		if activation != "" { // the names under Wayland and under X11
			env = append(env, "XDG_ACTIVATION_TOKEN="+activation, "DESKTOP_STARTUP_ID="+activation)
		}
		return client.OpenWindow(ctx, client.WindowOptions{Home: home, Database: database, Env: env})
	}
}

// beside returns the path of another program of ours, or nothing when this
// program does not know where it lies itself.
func beside(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	return filepath.Join(filepath.Dir(self), name)
}
