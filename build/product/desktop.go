package product

import (
	"context"
	"io"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/build/step"
)

// Desktop are the paths of the programs that draw on a screen.
type Desktop struct{ Tray string }

// BuildDesktop builds them into bin/, beside the programs of [Build]. On Linux
// they need cgo and the headers that setup.ForDesktop installs.
func BuildDesktop(ctx context.Context, out io.Writer) (Desktop, error) {
	dir, err := binFolder()
	if err != nil {
		return Desktop{}, err
	}
	d := Desktop{Tray: filepath.Join(dir, "rahat-tray"+suffix())}
	flags, cgo := linkerFlags(ctx), "CGO_ENABLED=1"
	if runtime.GOOS == "windows" {
		flags, cgo = flags+" -H=windowsgui", "CGO_ENABLED=0" // else a console opens beside it
	}
	build := step.Cmd("go", "build", "-trimpath", "-ldflags", flags, "-o", d.Tray, "./app/tray")
	return d, build.With(cgo).Run(ctx, out)
}
