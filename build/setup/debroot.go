package setup

import (
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rahatbackup/rahat/build/step"
)

// A private package root: apt's own machinery, pointed at folders of ours, with
// an empty list of installed packages. It reads any release that the machine's
// own mirror carries, verifies signatures as usual, needs no rights, and does
// not touch what is installed.
type debRoot struct {
	dir   string // holds etc, state and cache
	suite string
}

// openDebRoot writes apt's settings for suite and reads its package lists.
func openDebRoot(ctx context.Context, dir, suite string, source bool) (debRoot, error) {
	root := debRoot{dir: dir, suite: suite}
	mirror, err := systemMirror()
	if err != nil {
		return root, err
	}
	for _, sub := range []string{"etc", "state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return root, fmt.Errorf("make package root: %w", err)
		}
	}
	types := "deb"
	if source {
		types = "deb-src"
	}
	text := fmt.Sprintf("Types: %s\nURIs: %s\nSuites: %s\nComponents: main\n", types, mirror.uri, suite)
	if mirror.signedBy != "" {
		text += "Signed-By: " + mirror.signedBy + "\n"
	}
	files := map[string]string{"etc/list.sources": text, "state/status": ""}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return root, fmt.Errorf("write package root: %w", err)
		}
	}
	if _, err := root.apt("update", "-qq").Output(ctx); err != nil {
		return root, fmt.Errorf("read package lists of %s: %w", suite, err)
	}
	return root, nil
}

// apt returns apt-get with this root's settings.
func (r debRoot) apt(args ...string) step.Command {
	at := func(name string) string { return filepath.Join(r.dir, name) }
	options := []string{
		"Dir::Etc::sourcelist=" + at("etc/list.sources"),
		"Dir::Etc::sourceparts=/dev/null",
		"Dir::Etc::preferencesparts=/dev/null",
		"Dir::State=" + at("state"),
		"Dir::State::status=" + at("state/status"),
		"Dir::Cache=" + at("cache"),
		"APT::Install-Recommends=false",
		"APT::Sandbox::User=",
		"Acquire::Languages=none",
		// Screenshots and icons of desktop programs: 5 MB nobody reads.
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false",
	}
	all := make([]string, 0, 2*len(options)+len(args))
	for _, o := range options {
		all = append(all, "-o", o)
	}
	return step.Cmd("apt-get", append(all, args...)...)
}

// closure returns the names of wanted and of everything they depend on.
func (r debRoot) closure(ctx context.Context, wanted ...string) ([]string, error) {
	out, err := r.apt(append([]string{"install", "-y", "-qq", "--print-uris"}, wanted...)...).Output(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range packageFile.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s of %s: apt named no packages", strings.Join(wanted, " "), r.suite)
	}
	return names, nil
}

// packageFile finds the package's name in a line of --print-uris: 'URI' name_version_arch.deb size hash.
var packageFile = regexp.MustCompile(`(?m)^'[^']+' ([a-z0-9][a-z0-9+.-]*)_\S+\.deb `)

// extract downloads packages and unpacks their files below into.
func (r debRoot) extract(ctx context.Context, packages []string, into string) error {
	downloads, err := os.MkdirTemp(r.dir, "deb")
	if err != nil {
		return fmt.Errorf("make download folder: %w", err)
	}
	fetch := r.apt(append([]string{"download", "-qq"}, packages...)...)
	fetch.Dir = downloads
	if _, err := fetch.Output(ctx); err != nil {
		return fmt.Errorf("download packages of %s: %w", r.suite, err)
	}
	debs, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil || len(debs) != len(packages) {
		return fmt.Errorf("download packages of %s: got %d of %d", r.suite, len(debs), len(packages))
	}
	for _, deb := range debs {
		if _, err := step.Cmd("dpkg-deb", "-x", deb, into).Output(ctx); err != nil {
			return err
		}
	}
	return os.RemoveAll(downloads)
}

// relocate makes the programs in binDir, which lie below root, run with the
// loader and the libraries below root instead of the machine's. final is where
// root will lie when it is used: a loader's path cannot be relative.
func relocate(ctx context.Context, root, final, binDir string) error {
	loaders, err := filepath.Glob(filepath.Join(root, "usr/lib/*/ld-linux-*.so.*"))
	if err != nil || len(loaders) == 0 {
		loaders, err = filepath.Glob(filepath.Join(root, "lib/*/ld-*.so*"))
	}
	if err != nil || len(loaders) == 0 {
		return errors.New("relocate programs: the packages hold no loader")
	}
	loader := loaders[0]
	inFinal := func(path string) string { return final + strings.TrimPrefix(path, root) }
	triplet := filepath.Base(filepath.Dir(loader))
	// DT_RPATH, unlike DT_RUNPATH, also serves the libraries of libraries and
	// the extension modules that the server loads.
	rpath := inFinal(filepath.Join(root, "usr/lib", triplet)) + ":" + inFinal(filepath.Join(root, "lib", triplet))
	return filepath.WalkDir(binDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !isELF(path) {
			return err
		}
		_, err = step.Cmd("patchelf", "--set-interpreter", inFinal(loader), "--force-rpath", "--set-rpath", rpath, path).Output(ctx)
		return err
	})
}

func isELF(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// A mirror is where this machine gets its packages.
type mirror struct{ uri, signedBy string }

// systemMirror reads the machine's own package sources, in either of apt's two
// forms, and returns the archive of the distribution itself.
func systemMirror() (mirror, error) {
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		return mirror{}, fmt.Errorf("read package sources: %w", err)
	}
	for _, file := range append([]string{"/etc/apt/sources.list"}, files...) {
		f, err := os.Open(file)
		if err != nil {
			continue // sources.list is missing on newer releases
		}
		found, ok := parseSources(f, filepath.Ext(file) == ".sources", systemSuite())
		if err := f.Close(); err != nil {
			return mirror{}, fmt.Errorf("read package sources: %w", err)
		}
		if ok {
			return found, nil
		}
	}
	return mirror{}, errors.New("this machine's package sources name no Debian or Ubuntu archive")
}

// parseSources finds the source that carries suite with the component main.
func parseSources(r io.Reader, deb822 bool, suite string) (mirror, bool) {
	lines := bufio.NewScanner(r)
	if !deb822 {
		line := regexp.MustCompile(`^deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+` + regexp.QuoteMeta(suite) + `\s.*\bmain\b`)
		signed := regexp.MustCompile(`signed-by=(\S+)`)
		for lines.Scan() {
			if m := line.FindStringSubmatch(lines.Text()); m != nil {
				found := mirror{uri: m[2]}
				if s := signed.FindStringSubmatch(m[1]); s != nil {
					found.signedBy = s[1]
				}
				return found, true
			}
		}
		return mirror{}, false
	}
	fields := map[string]string{}
	complete := func() (mirror, bool) {
		words := func(name string) string { return " " + fields[name] + " " }
		ok := strings.Contains(words("Suites"), " "+suite+" ") && strings.Contains(words("Components"), " main ") &&
			strings.Contains(words("Types"), " deb ")
		uri, _, _ := strings.Cut(fields["URIs"], " ")
		return mirror{uri: uri, signedBy: fields["Signed-By"]}, ok
	}
	for lines.Scan() {
		text := lines.Text()
		if strings.TrimSpace(text) == "" {
			if found, ok := complete(); ok {
				return found, true
			}
			clear(fields)
			continue
		}
		if name, value, ok := strings.Cut(text, ":"); ok && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, " ") {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return complete()
}

// systemSuite returns the code name of the release this machine runs, such as
// "bookworm".
func systemSuite() string { return osRelease("VERSION_CODENAME") }

// osRelease returns a value of /etc/os-release, or nothing.
func osRelease(key string) string {
	data, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, key+"="); ok {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
