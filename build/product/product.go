// Package product builds the programs of Rahat Backup and drives them the way a
// script does: by the command line and what it prints with --json.
package product

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rahatbackup/rahat/build/step"
)

// Programs are the paths of the built programs.
type Programs struct{ Rahat, Agent, Restore string }

// Build builds the programs into bin/, each one static file.
func Build(ctx context.Context, out io.Writer) (Programs, error) {
	dir, err := binFolder()
	if err != nil {
		return Programs{}, err
	}
	path := func(name string) string { return filepath.Join(dir, name+suffix()) }
	p := Programs{Rahat: path("rahat"), Agent: path("rahat-agent"), Restore: path("rahat-restore")}
	for program, pkg := range map[string]string{p.Rahat: "./app/rahat", p.Agent: "./app/agent", p.Restore: "./app/restore"} {
		build := step.Cmd("go", "build", "-trimpath", "-ldflags", linkerFlags(ctx), "-o", program, pkg)
		if err := build.With("CGO_ENABLED=0").Run(ctx, out); err != nil {
			return Programs{}, err
		}
	}
	return p, nil
}

// binFolder is where programs are built.
func binFolder() (string, error) {
	dir, err := filepath.Abs("bin")
	if err != nil {
		return "", fmt.Errorf("find bin folder: %w", err)
	}
	return dir, nil
}

// suffix is how the names of programs end here.
func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// linkerFlags puts the version into the programs. Outside a git checkout, such
// as in a source archive, they keep the version in the source.
func linkerFlags(ctx context.Context) string {
	const pkg = "github.com/rahatbackup/rahat/internal/version"
	flags := "-s -w"
	if commit, err := step.Cmd("git", "rev-parse", "--short=12", "HEAD").Output(ctx); err == nil {
		flags += " -X " + pkg + ".Commit=" + strings.TrimSpace(commit)
	}
	if tag, err := step.Cmd("git", "describe", "--tags", "--exact-match", "--match", "v[0-9]*").Output(ctx); err == nil {
		flags += " -X " + pkg + ".Version=" + strings.TrimPrefix(strings.TrimSpace(tag), "v")
	}
	return flags
}

// A CLI runs the command line.
type CLI struct {
	Program string
	Env     []string  // added to this process's environment
	Stderr  io.Writer // progress; nil: thrown away
	Stdin   string    // a secret for a flag such as --password-stdin
}

// WithStdin returns c with something to read on standard input.
func (c CLI) WithStdin(text string) CLI {
	c.Stdin = text
	return c
}

// An Error is what the command line answered instead of a result.
type Error struct {
	Code     string `json:"code"`
	Title    string `json:"title"`
	Remedy   string `json:"remedy"`
	Detail   string `json:"detail"`
	Command  string `json:"-"`
	ExitCode int    `json:"-"`
}

// Error says what happened, what to do, and what was tried.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s\n  %s\n  %s", e.Command, e.Title, e.Remedy, e.Code)
}

// JSON runs a command with --json and reads its document into result, which may
// be nil. When the command fails, the document is read all the same, and the
// error is an [*Error].
func (c CLI) JSON(ctx context.Context, result any, args ...string) error {
	cmd := exec.CommandContext(ctx, c.Program, append([]string{"--json", "--lang", "en"}, args...)...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stderr, cmd.Stdin = c.Stderr, strings.NewReader(c.Stdin)
	out, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		return fmt.Errorf("run %s: %w", filepath.Base(c.Program), err)
	}
	if result != nil && len(out) > 0 {
		if err := json.Unmarshal(out, result); err != nil {
			return fmt.Errorf("rahat %s: read answer: %w", strings.Join(args, " "), err)
		}
	}
	if !failed {
		return nil
	}
	var answer struct{ Error Error }
	if err := json.Unmarshal(out, &answer); err != nil || answer.Error.Code == "" {
		return fmt.Errorf("rahat %s: %w, and no reason was given", strings.Join(args, " "), exit)
	}
	answer.Error.Command, answer.Error.ExitCode = "rahat "+strings.Join(args, " "), exit.ExitCode()
	return &answer.Error
}
