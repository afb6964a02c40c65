package product

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/build/step"
)

// Desktop are the paths of the programs that draw on a screen.
type Desktop struct{ Window, Tray string }

// BuildDesktop builds them into bin/, beside the programs of [Build]. On Linux
// they need cgo and the headers that setup.ForDesktop installs. The window
// carries the pages as [BuildPages] left them.
func BuildDesktop(ctx context.Context, out io.Writer) (Desktop, error) {
	window, err := BuildWindow(ctx, out)
	if err != nil {
		return Desktop{}, err
	}
	d := Desktop{Window: window}
	d.Tray, err = buildDrawing(ctx, out, "rahat-tray", "./app/tray", "")
	return d, err
}

// BuildWindow builds the window's program alone and returns its path. Tags are
// added to those it needs.
func BuildWindow(ctx context.Context, out io.Writer, tags ...string) (string, error) {
	all := WindowTags(runtime.GOOS)
	for _, t := range tags {
		all += "," + t
	}
	return buildDrawing(ctx, out, "rahat-window", "./app/window", all)
}

// WindowTags are the build tags of the window's program on a system. Without
// desktop it would be built without what draws, and Wails wants the others.
func WindowTags(system string) string {
	if system == "linux" {
		return "desktop,production,webkit2_41"
	}
	return "desktop,production"
}

func buildDrawing(ctx context.Context, out io.Writer, name, pkg, tags string) (string, error) {
	dir, err := binFolder()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, name+suffix())
	flags, cgo := linkerFlags(ctx), "CGO_ENABLED=1"
	if runtime.GOOS == "windows" {
		flags, cgo = flags+" "+NoConsole, "CGO_ENABLED=0"
	}
	build := step.Cmd("go", "build", "-trimpath", "-tags", tags, "-ldflags", flags, "-o", program, pkg)
	return program, build.With(cgo).Run(ctx, out)
}

// NoConsole is the linker flag of programs for Windows that draw: else a
// console opens beside them.
const NoConsole = "-H=windowsgui"

// HasDisplay reports whether there is a screen to show something on.
func HasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
