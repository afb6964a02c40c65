package clienttool

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Version is the number a program or server bears.
type Version struct{ Major, Minor int }

var versionRE = regexp.MustCompile(`(\d+)(?:\.(\d+))?`)

// ParseVersion finds the first version number in s: "pg_dump (PostgreSQL) 15.18
// (Debian ...)", "17beta1", "16". Of "9.6.24" the last part is left out.
func ParseVersion(s string) (Version, error) {
	m := versionRE.FindStringSubmatch(s)
	if m == nil {
		return Version{}, fmt.Errorf("parse version: no number in %.80q", s)
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return Version{}, fmt.Errorf("parse version %.80q: %w", s, err)
	}
	minor := 0
	if m[2] != "" {
		if minor, err = strconv.Atoi(m[2]); err != nil {
			return Version{}, fmt.Errorf("parse version %.80q: %w", s, err)
		}
	}
	return Version{Major: major, Minor: minor}, nil
}

// String returns "15.18".
func (v Version) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

// Compare orders versions.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor))
}

// A Tool is a program that was found.
type Tool struct {
	Path    string
	Version Version
}

// Dir returns the directory the tool lies in, where its siblings are.
func (t Tool) Dir() string { return filepath.Dir(t.Path) }

// askTimeout bounds how long a program may take to say its version.
const askTimeout = 10 * time.Second

// Find returns the programs called name in the directories, each with the
// version it states by --version, in the order of the directories. What cannot
// be run or states no version is left out.
func Find(ctx context.Context, r Runner, dirs []string, name string) []Tool {
	var found []Tool
	seen := map[string]bool{}
	for _, dir := range r.Look(ctx, dirs, name) {
		path := join(r, dir, name)
		if seen[path] {
			continue
		}
		seen[path] = true
		if v, err := Ask(ctx, r, path); err == nil {
			found = append(found, Tool{Path: path, Version: v})
		}
	}
	return found
}

// Ask runs a program with --version.
func Ask(ctx context.Context, r Runner, path string) (Version, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var out bytes.Buffer
	if err := r.Run(ctx, Command{Path: path, Args: []string{"--version"}, Stdout: &out}); err != nil {
		return Version{}, err
	}
	return ParseVersion(out.String())
}

// Glob returns the directories that match any of the patterns, newest looking
// last name first within a pattern. Patterns that match nothing are fine.
func Glob(patterns ...string) []string {
	var dirs []string
	for _, p := range patterns {
		m, err := filepath.Glob(p)
		if err != nil { // a malformed pattern: nothing lies there
			continue
		}
		for i := len(m) - 1; i >= 0; i-- {
			dirs = append(dirs, m[i])
		}
	}
	return dirs
}

// Look implements [Runner].
func (Host) Look(_ context.Context, dirs []string, name string) []string {
	var found []string
	for _, dir := range dirs {
		if dir == "" {
			if p, err := exec.LookPath(exe(name)); err == nil {
				found = append(found, filepath.Dir(p))
			}
			continue
		}
		if st, err := os.Stat(filepath.Join(dir, exe(name))); err == nil && !st.IsDir() {
			found = append(found, dir)
		}
	}
	return found
}

// exe returns the file name of a program on this system.
func exe(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// Base returns the name of the program at path, for messages.
func base(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(path, ".exe")
}

// join returns the path of a program in the world of r: containers are Linux.
func join(r Runner, dir, name string) string {
	if _, ok := r.(Host); ok {
		return filepath.Join(dir, exe(name))
	}
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Sibling returns the path of another program that lies beside t.
func (t Tool) Sibling(r Runner, name string) string {
	if i := strings.LastIndexAny(t.Path, `/\`); i >= 0 {
		return join(r, t.Path[:i], name)
	}
	return join(r, "", name)
}
