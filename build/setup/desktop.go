package setup

import (
	"context"
	"io"
	"runtime"
	"slices"
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

// trayPackages is what the tray icon is built with on Linux, besides what the
// window is.
var trayPackages = []aptPackage{
	{"libayatana-appindicator3-dev", "/usr/lib/*/pkgconfig/ayatana-appindicator3-0.1.pc"},
}

// screenPackages is what the tests of the desktop look at it with: a display
// in memory, a hand for it, what frames windows and closes them, pictures,
// a session bus, a panel with a place for tray icons and where it keeps its
// settings, what screen readers read windows with, and a browser.
var screenPackages = []aptPackage{
	{"xvfb", "Xvfb"},
	{"xdotool", "xdotool"},
	{"xfwm4", "xfwm4"},
	{"wmctrl", "wmctrl"},
	{"imagemagick", "convert"},
	{"dbus", "dbus-run-session"},
	{"xfce4-panel", "xfce4-panel"},
	{"xfconf", "xfconf-query"},
	{"at-spi2-core", "/usr/libexec/at-spi-bus-launcher"},
	{"chromium", "chromium"},
}

// desktopPackages is everything that building and testing the desktop takes.
func desktopPackages() []aptPackage {
	var all []aptPackage
	for _, part := range [][]aptPackage{windowPackages, trayPackages, screenPackages} {
		all = append(all, part...)
	}
	return all
}

// ForWindow makes sure that the window and the tray icon can be built. Elsewhere than on Linux
// nothing but Go is needed.
func ForWindow(ctx context.Context, out io.Writer) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	return locked(ctx, func() error { return installPackages(ctx, out, slices.Concat(windowPackages, trayPackages)) })
}

// ForDesktop makes sure that the desktop can be built, shown without a real
// display, and looked at.
func ForDesktop(ctx context.Context, out io.Writer) error {
	return locked(ctx, func() error { return installPackages(ctx, out, desktopPackages()) })
}
