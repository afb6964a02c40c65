package setup

import (
	"context"
	"io"
	"runtime"
)

// windowPackages is what the window is built with on Linux: WebKitGTK and GTK
// with their headers. Where they are, so are the libraries it runs with.
var windowPackages = []aptPackage{
	{"libwebkit2gtk-4.1-dev", "/usr/lib/*/pkgconfig/webkit2gtk-4.1.pc"},
	{"libgtk-3-dev", "/usr/lib/*/pkgconfig/gtk+-3.0.pc"},
	{"pkg-config", "pkg-config"},
	{"gcc", "gcc"},
	{"libc6-dev", "/usr/include/*/gnu/stubs-*.h"},
}

// screenPackages is what the tests of the desktop look at it with: a display
// in memory, a hand for it, pictures of it, a session bus, and a browser.
var screenPackages = []aptPackage{
	{"xvfb", "Xvfb"},
	{"xdotool", "xdotool"},
	{"imagemagick", "convert"},
	{"dbus", "dbus-run-session"},
	{"chromium", "chromium"},
}

// desktopPackages is everything that building and testing the desktop takes.
func desktopPackages() []aptPackage {
	var all []aptPackage
	for _, part := range [][]aptPackage{windowPackages, screenPackages} {
		all = append(all, part...)
	}
	return all
}

// ForWindow makes sure that the window can be built. Elsewhere than on Linux
// nothing but Go is needed.
func ForWindow(ctx context.Context, out io.Writer) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	return locked(ctx, func() error { return installPackages(ctx, out, windowPackages) })
}

// ForDesktop makes sure that the desktop can be built, shown without a real
// display, and looked at.
func ForDesktop(ctx context.Context, out io.Writer) error {
	return locked(ctx, func() error { return installPackages(ctx, out, desktopPackages()) })
}
