package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/rahatbackup/rahat/build/step"
)

// linterVersion is golangci-lint's. A newer one brings new opinions: raise it in
// a change of its own.
const linterVersion = "v2.15.0"

// linter returns golangci-lint, built if it is not there.
func linter(ctx context.Context, out io.Writer) (string, error) {
	return built(ctx, out, "github.com/golangci/golangci-lint/v2/cmd/golangci-lint", linterVersion)
}

// built returns a program that is built from its module if it is not there. Its
// name is the last element of its package.
func built(ctx context.Context, out io.Writer, pkg, version string) (program string, err error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	name := path.Base(pkg)
	dir := filepath.Join(cache, name+"-"+version)
	program = filepath.Join(dir, name)
	if isFile(program) {
		return program, nil
	}
	fmt.Fprintf(out, "building %s %s (a few minutes, once)\n", name, version)
	err = makeFolder(dir, func(temp string) error {
		install := step.Cmd("go", "install", "-trimpath", pkg+"@"+version)
		install.Dir = os.TempDir() // not in this module: its own go.mod counts
		_, err := install.With("GOBIN="+temp, "CGO_ENABLED=0", "GOFLAGS=").Output(ctx)
		return err
	})
	return program, err
}

// Linter returns golangci-lint, building it if it is not there.
func Linter(ctx context.Context, out io.Writer) (string, error) {
	unlock, err := lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	return linter(ctx, out)
}
