// Package check is what stands between a change and main: formatting, modules,
// vet, the linter, the other operating systems, and every test.
package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/build/step"
)

// tags are the build tags of tests that need real servers.
const tags = "integration"

// Test sets up the machine and runs every check. It goes on after a failure, so
// that one run shows all that is wrong, and returns an error if anything is.
func Test(ctx context.Context, out io.Writer) error {
	report := step.New(out)
	var tools setup.Tools
	ready := report.Do(ctx, "setup", func(ctx context.Context) (err error) {
		tools, err = setup.ForTests(ctx, out)
		return err
	})
	if !ready {
		return report.Close(ctx)
	}
	pages(ctx, report, out)
	static(ctx, report, out, tools.Linter)
	desktop(ctx, report, out, tools.Linter)
	profile := ""
	report.Do(ctx, "go test", func(ctx context.Context) (err error) {
		profile, err = goTest(ctx, out, tools)
		return err
	})
	report.Do(ctx, "go test -race", func(ctx context.Context) error { return raceTest(ctx, out, tools) })
	if profile != "" {
		report.Do(ctx, "coverage", func(context.Context) error { return coverage(out, profile) })
		if err := os.Remove(profile); err != nil {
			return fmt.Errorf("remove coverage profile: %w", err)
		}
	}
	return report.Close(ctx)
}

// Lint runs the checks that start no server and no test.
func Lint(ctx context.Context, out io.Writer) error {
	report := step.New(out)
	var linter string
	if report.Do(ctx, "linter", func(ctx context.Context) (err error) {
		if err := setup.ForDesktop(ctx, out); err != nil { // go vet compiles what draws
			return err
		}
		linter, err = setup.Linter(ctx, out)
		return err
	}) {
		static(ctx, report, out, linter)
		desktop(ctx, report, out, linter)
	}
	return report.Close(ctx)
}

func static(ctx context.Context, report *step.Report, out io.Writer, linter string) {
	report.Do(ctx, "gofmt", func(ctx context.Context) error { return formatted(ctx) })
	report.Do(ctx, "go mod tidy", func(ctx context.Context) error {
		return step.Cmd("go", "mod", "tidy", "-diff").Run(ctx, out)
	})
	report.Do(ctx, "go vet", func(ctx context.Context) error {
		return step.Cmd("go", "vet", "-tags", tags, "./...").Run(ctx, out)
	})
	report.Do(ctx, "architecture", func(ctx context.Context) error {
		return step.Cmd("go", "test", "./internal/archtest").Run(ctx, out)
	})
	for _, system := range []string{"windows", "darwin"} {
		report.Do(ctx, "build for "+system, func(ctx context.Context) error {
			build := step.Cmd("go", "build", "./app/...", "./internal/...", "./build/...")
			return build.With("GOOS="+system, "CGO_ENABLED=0").Run(ctx, out)
		})
	}
	report.Do(ctx, "golangci-lint", func(ctx context.Context) error {
		return step.Cmd(linter, "run", "./...").Run(ctx, out)
	})
}

// formatted fails when gofmt would change a file.
func formatted(ctx context.Context) error {
	var files []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list Go files: %w", err)
	}
	differ, err := step.Cmd("gofmt", append([]string{"-l"}, files...)...).Output(ctx)
	if err != nil {
		return err
	}
	if differ = strings.TrimSpace(differ); differ != "" {
		return errors.New("run gofmt -w on:\n" + differ)
	}
	return nil
}
