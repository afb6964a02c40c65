package product

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/rahatbackup/rahat/build/step"
)

const (
	pagesFolder = "frontend"
	modules     = pagesFolder + "/node_modules"
	// builtFrom holds the sum of what the pages were last built from.
	builtFrom = modules + "/.rahat-built-from"
	// pagesRetry is how often a waiting build looks whether the other one is done.
	pagesRetry = 200 * time.Millisecond
)

// ErrNoNode: Node.js, which the pages are built with, is missing or too old.
var ErrNoNode = errors.New("the pages are built with Node.js 20.19 or newer and npm, which are not here; see https://nodejs.org")

// Npm returns a command of npm in the folder of the pages.
func Npm(args ...string) step.Command {
	c := step.Cmd("npm", args...)
	c.Dir = pagesFolder
	return c.With("npm_config_update_notifier=false", "npm_config_fund=false", "npm_config_audit=false")
}

// InstallModules installs what the pages are built and tested with, if it is not
// what the lock file names. [ErrNoNode] without Node.js.
func InstallModules(ctx context.Context, out io.Writer) error {
	if err := haveNode(ctx); err != nil {
		return err
	}
	unlock, err := lockPages(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if asLocked(pagesFolder+"/package-lock.json", modules+"/.package-lock.json") {
		return nil
	}
	fmt.Fprintln(out, "installing what the pages are built with")
	return quietly(ctx, out, Npm("ci", "--prefer-offline"))
}

// BuildPages builds the pages that the window and the agent carry, unless
// nothing has changed since it did so last. [ErrNoNode] without Node.js.
func BuildPages(ctx context.Context, out io.Writer) error {
	if err := InstallModules(ctx, out); err != nil {
		return err
	}
	unlock, err := lockPages(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	sum, err := sourcesOfPages()
	if err != nil {
		return err
	}
	_, missing := os.Stat(pagesFolder + "/dist/window/index.html")
	if last, err := os.ReadFile(builtFrom); err == nil && missing == nil && string(last) == sum {
		return nil
	}
	fmt.Fprintln(out, "building the pages")
	if err := quietly(ctx, out, Npm("run", "build")); err != nil {
		return err
	}
	if err := os.WriteFile(builtFrom, []byte(sum), 0o644); err != nil {
		return fmt.Errorf("note what the pages were built from: %w", err)
	}
	return nil
}

// quietly runs a command and shows all it said if it fails: what npm runs says
// what is wrong anywhere but at the end.
func quietly(ctx context.Context, out io.Writer, c step.Command) error {
	var said bytes.Buffer
	err := c.Run(ctx, &said)
	if err == nil {
		return nil
	}
	_, e := io.Copy(out, &said)
	return errors.Join(err, e)
}

// lockPages keeps two builds from writing the pages at the same time.
func lockPages(ctx context.Context) (unlock func(), err error) {
	dir, err := binFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make bin folder: %w", err)
	}
	l := flock.New(filepath.Join(dir, ".pages.lock"))
	if _, err := l.TryLockContext(ctx, pagesRetry); err != nil {
		return nil, fmt.Errorf("wait for another build of the pages: %w", err)
	}
	return func() { _ = l.Unlock() }, nil // the lock ends with the process at the latest
}

// haveNode fails when Node.js is missing or too old for what the pages need.
func haveNode(ctx context.Context) error {
	said, err := step.Cmd("node", "--version").Output(ctx)
	if err != nil || !newEnough(said) {
		return ErrNoNode
	}
	if _, err := step.Cmd("npm", "--version").Output(ctx); err != nil {
		return ErrNoNode
	}
	return nil
}

var nodeVersion = regexp.MustCompile(`^v(\d+)\.(\d+)\.`)

// newEnough reports whether a version as Node.js tells it is 20.19 or newer.
func newEnough(said string) bool {
	m := nodeVersion.FindStringSubmatch(said)
	if m == nil {
		return false
	}
	major, err1 := strconv.Atoi(m[1])
	minor, err2 := strconv.Atoi(m[2])
	return errors.Join(err1, err2) == nil && (major > 20 || major == 20 && minor >= 19)
}

// A lockFile is what npm writes of the packages it resolved, and, hidden among
// them, of those it installed.
type lockFile struct {
	Packages map[string]struct {
		Version  string
		Optional bool
	}
}

// asLocked reports whether what is installed is what the lock file names.
// Optional packages of other systems are not installed.
func asLocked(lockPath, installedPath string) bool {
	locked, err1 := readLock(lockPath)
	installed, err2 := readLock(installedPath)
	if errors.Join(err1, err2) != nil {
		return false
	}
	for name, p := range installed.Packages {
		if locked.Packages[name].Version != p.Version {
			return false
		}
	}
	for name, p := range locked.Packages {
		if _, there := installed.Packages[name]; name != "" && !p.Optional && !there {
			return false
		}
	}
	return true
}

func readLock(path string) (l lockFile, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return l, err
	}
	return l, json.Unmarshal(data, &l)
}

// sourcesOfPages returns a sum of all files that the pages are made of.
func sourcesOfPages() (string, error) {
	sum := sha256.New()
	add := func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read sources of the pages: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.ToSlash(path), len(data))
		sum.Write(data)
		return nil
	}
	for _, root := range []string{pagesFolder, "internal/i18n/messages", "internal/control/openapi.json"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fmt.Errorf("list sources of the pages: %w", err)
			case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "dist" || strings.HasPrefix(entry.Name(), ".")):
				return filepath.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			return add(path)
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
