// Rahat-window shows the window of Rahat Backup: the pages of package frontend
// in the system's WebView. Closing it ends the program; the agent goes on.
//
// It is built with the tag desktop, by go run ./build or by
//
//	go build -tags desktop,production,webkit2_41 ./app/window
//
// which on Linux takes WebKitGTK 4.1 and GTK 3 with their headers. Without the
// tag it compiles anywhere and says that it has no window.
package main

import (
	"os"
	"runtime"
)

// Toolkits want to be called by the thread the program began with.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
