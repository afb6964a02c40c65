package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can keep the window from being shown.
var (
	// ErrNoWindow: there is no program {program} to show the window.
	ErrNoWindow = problem.New("window.program_missing")
	// ErrNoLibrary: the window's program needs {library}, which Debian and
	// Ubuntu have in {debian} and Fedora in {fedora}.
	ErrNoLibrary = problem.New("window.library_missing")
	// ErrWindow: the window could not be shown: {cause}.
	ErrWindow = problem.New("window.not_shown")
)

// WindowOptions says which window OpenWindow shows.
type WindowOptions struct {
	Home paths.Home
	// Program is the window's program; empty: that of [FindWindow].
	Program string
	// Database is the database whose page is opened, as server/name; empty:
	// the first page, or whatever an open window shows.
	Database string
	// Env is the window's environment; nil: this process's.
	Env []string
	// Wait is how long a window may take to say why it cannot be shown; 0: 3 s.
	Wait time.Duration
}

// OpenWindow shows the window, or raises the one that is open. It returns nil
// when that was done, or when the window has not failed for some seconds; it
// stays open when this process or ctx ends.
func OpenWindow(ctx context.Context, opt WindowOptions) error {
	if opt.Program == "" {
		var err error
		if opt.Program, err = FindWindow(); err != nil {
			return err
		}
	}
	if opt.Wait == 0 {
		opt.Wait = 3 * time.Second
	}
	if err := opt.Home.Make(); err != nil {
		return err
	}
	ended, err := startWindow(opt)
	if err != nil {
		return ErrWindow.Because(err, "cause", err.Error())
	}
	timer := time.NewTimer(opt.Wait)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err == nil {
			return nil
		}
		return windowProblem(opt.Home, err)
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// startWindow starts the program, with a session of its own and its standard
// error in a file: it outlives us.
func startWindow(opt WindowOptions) (ended <-chan error, err error) {
	said, err := os.OpenFile(opt.Home.WindowStartLog(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, said.Close()) }()
	args := []string{"--detached"}
	if opt.Database != "" {
		args = append(args, "--database", opt.Database)
	}
	env := opt.Env
	if env == nil {
		env = os.Environ()
	}
	//nolint:noctx // It must not end with our context.
	cmd := exec.Command(opt.Program, args...)
	cmd.Env = slices.Concat(env, []string{paths.HomeVariable + "=" + string(opt.Home)})
	cmd.Stderr, cmd.SysProcAttr = said, detached()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	result := make(chan error, 1)
	go func() { result <- cmd.Wait() }() // as long as the window is open
	return result, nil
}

// windowProblem says why a window's program ended at once.
func windowProblem(home paths.Home, ended error) error {
	text, err := os.ReadFile(home.WindowStartLog())
	if err != nil {
		return ErrWindow.Because(err, "cause", err.Error())
	}
	if library := missingLibrary.FindSubmatch(text); library != nil {
		name := string(library[1])
		p := packagesOf(name)
		return ErrNoLibrary.Because(fmt.Errorf("%w: %s", ended, text), "library", name, "debian", p.debian, "fedora", p.fedora)
	}
	last, told := lastWord(text)
	if told != nil {
		return told
	}
	if last == "" {
		last = ended.Error()
	}
	return ErrWindow.Because(fmt.Errorf("%w: %s", ended, text), "cause", last)
}

// missingLibrary finds what the dynamic linker could not (ld.so(8)).
var missingLibrary = regexp.MustCompile(`error while loading shared libraries: (\S+): cannot open shared object file`)

// packages are the names under which distributions carry a library.
type packages struct{ debian, fedora string }

func packagesOf(library string) packages {
	for prefix, p := range map[string]packages{
		"libwebkit2gtk-4.1":        {"libwebkit2gtk-4.1-0", "webkit2gtk4.1"},
		"libjavascriptcoregtk-4.1": {"libwebkit2gtk-4.1-0", "webkit2gtk4.1"},
	} {
		if strings.HasPrefix(library, prefix) {
			return p
		}
	}
	return packages{"libgtk-3-0", "gtk3"}
}
