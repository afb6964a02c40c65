package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/step"
)

// pages checks, tests and builds the pages. The tests of the finished programs
// want them built.
func pages(ctx context.Context, report *step.Report, out io.Writer) {
	ready := report.Do(ctx, "npm ci", func(ctx context.Context) error { return product.InstallModules(ctx, out) })
	if !ready {
		return
	}
	for _, script := range []string{"check", "test"} {
		report.Do(ctx, "pages: "+script, func(ctx context.Context) error {
			return product.Npm("run", script).Run(ctx, out)
		})
	}
	report.Do(ctx, "pages: build", func(ctx context.Context) error { return product.BuildPages(ctx, out) })
	report.Do(ctx, "pages: pictures", func(ctx context.Context) error { return pictures(ctx, out) })
}

// pictures has every page drawn by a browser and looked at by axe.
func pictures(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "rahat-pictures")
	if err != nil {
		return fmt.Errorf("make folder for pictures: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return product.Npm("run", "e2e").With("RAHAT_PICTURES="+dir).Run(ctx, out)
}

// desktop checks the window's program with what draws, which the other checks
// compile without, and that both programs that draw compile for Windows.
func desktop(ctx context.Context, report *step.Report, out io.Writer, linter string) {
	withWindow := tags + "," + product.WindowTags("linux")
	report.Do(ctx, "go vet, window", func(ctx context.Context) error {
		return step.Cmd("go", "vet", "-tags", withWindow, "./app/window").Run(ctx, out)
	})
	report.Do(ctx, "golangci-lint, window", func(ctx context.Context) error {
		// One package leaves exclusions unused, of which it would warn.
		return step.Cmd(linter, "run", "--build-tags", withWindow, "./app/window").With("LOG_LEVEL=error").Run(ctx, out)
	})
	for _, program := range []string{"window", "tray"} {
		report.Do(ctx, program+" for windows", func(ctx context.Context) error { return forWindows(ctx, out, program) })
	}
}

// forWindows compiles and links a program that draws for Windows.
func forWindows(ctx context.Context, out io.Writer, program string) (err error) {
	dir, err := os.MkdirTemp("", "rahat-windows")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	build := step.Cmd("go", "build", "-trimpath", "-tags", product.WindowTags("windows"), "-ldflags", "-s -w "+product.NoConsole,
		"-o", filepath.Join(dir, program+".exe"), "./app/"+program)
	return build.With("GOOS=windows", "CGO_ENABLED=0").Run(ctx, out)
}
