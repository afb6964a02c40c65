package main

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/internal/autostart"
)

// trayEntry starts the tray icon when the person logs in, which starts the
// agent. The program stands beside this one; where it does not, as on servers,
// the entry is not possible.
func trayEntry() autostart.Entry {
	return autostart.Entry{ID: "com.rahatbackup.tray", Name: "Rahat Backup", Program: beside("rahat-tray")}
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
