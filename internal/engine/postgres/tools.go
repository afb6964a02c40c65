package postgres

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// EnvBin names folders with client tools that are looked in first, separated as
// in PATH.
const EnvBin = "RAHAT_PG_BIN"

// containerDirs are looked in inside a container, as shell patterns.
var containerDirs = []string{"", "/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/pgsql-*/bin", "/opt/bitnami/postgresql/bin"}

// toolDirs returns where this machine may keep PostgreSQL's programs.
func toolDirs() []string {
	dirs := filepath.SplitList(os.Getenv(EnvBin))
	switch runtime.GOOS {
	case "windows":
		for _, env := range []string{"ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"} {
			if base := os.Getenv(env); base != "" {
				dirs = append(dirs, clienttool.Glob(filepath.Join(base, "PostgreSQL", "*", "bin"))...)
			}
		}
	case "darwin":
		dirs = append(dirs, clienttool.Glob("/opt/homebrew/opt/postgresql@*/bin", "/opt/homebrew/opt/libpq/bin", "/usr/local/opt/postgresql@*/bin",
			"/usr/local/opt/libpq/bin", "/Applications/Postgres.app/Contents/Versions/*/bin", "/Library/PostgreSQL/*/bin")...)
	default:
		// Debian's /usr/bin/pg_dump is a wrapper that chooses by its own
		// rules, so the real ones come first.
		dirs = append(dirs, clienttool.Glob("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/lib64/pgsql/bin", "/usr/local/pgsql/bin")...)
	}
	return append(dirs, "")
}

// dirs returns where this server's tools are to be looked for.
func (s *server) dirs() []string {
	if dir := s.cfg.Options[OptTools]; dir != "" {
		return []string{dir}
	}
	if _, ok := s.runner.(clienttool.Container); ok {
		return containerDirs
	}
	return toolDirs()
}

// findDump chooses the pg_dump for a server: the smallest major that is not below
// the server's, of that the newest minor. The warning, if any, says that its
// minor is behind the server's.
func (s *server) findDump(ctx context.Context, server clienttool.Version) (clienttool.Tool, *problem.Problem, error) {
	found := clienttool.Find(ctx, s.runner, s.dirs(), "pg_dump")
	fit := slices.DeleteFunc(slices.Clone(found), func(t clienttool.Tool) bool { return t.Version.Major < server.Major })
	if len(fit) == 0 {
		if len(found) == 0 {
			return clienttool.Tool{}, nil, engine.ErrToolMissing.Because(nil, "tool", "pg_dump", "version", strconv.Itoa(server.Major))
		}
		newest := slices.MaxFunc(found, func(a, b clienttool.Tool) int { return a.Version.Compare(b.Version) })
		return clienttool.Tool{}, nil, engine.ErrToolTooOld.Because(nil, "tool", "pg_dump", "have", newest.Version.String(), "version", strconv.Itoa(server.Major))
	}
	best := slices.MinFunc(fit, func(a, b clienttool.Tool) int {
		return cmp.Or(cmp.Compare(a.Version.Major, b.Version.Major), cmp.Compare(b.Version.Minor, a.Version.Minor))
	})
	if best.Version.Major == server.Major && best.Version.Minor < server.Minor {
		return best, ErrToolMinor.Because(nil, "tool", best.Version.String(), "server", server.String()), nil
	}
	return best, nil, nil
}

// findServer chooses the directory of a server program for a throw-away server
// of a major version, or a newer one.
func findServer(ctx context.Context, major int) (string, clienttool.Version, error) {
	found := clienttool.Find(ctx, clienttool.Host{}, toolDirs(), "postgres")
	fit := slices.DeleteFunc(found, func(t clienttool.Tool) bool {
		return t.Version.Major < major || len(clienttool.Host{}.Look(ctx, []string{t.Dir()}, "initdb")) == 0
	})
	if len(fit) == 0 {
		return "", clienttool.Version{}, engine.ErrNoSandbox.Because(nil, "version", strconv.Itoa(major))
	}
	best := slices.MinFunc(fit, func(a, b clienttool.Tool) int {
		return cmp.Or(cmp.Compare(a.Version.Major, b.Version.Major), cmp.Compare(b.Version.Minor, a.Version.Minor))
	})
	return best.Dir(), best.Version, nil
}

// toolEnv is the environment a client tool needs to reach the server. The
// password is nowhere else.
func (s *server) toolEnv(database string, settings map[string]string) []string {
	host, port := s.host, strconv.Itoa(int(s.port))
	if _, ok := s.runner.(clienttool.Container); ok {
		host, port = s.insideContainer()
	}
	env := []string{"PGHOST=" + host, "PGPORT=" + port, "PGDATABASE=" + database, "PGAPPNAME=rahat", "PGCONNECT_TIMEOUT=15",
		"PGOPTIONS=" + optionString(settings), "LC_ALL=C", "PGCLIENTENCODING=UTF8", "PGTZ=UTC"}
	for name, value := range map[string]string{"PGUSER": s.cfg.User, "PGPASSWORD": s.cfg.Password.Reveal(),
		"PGSSLMODE": s.cfg.Options[OptSSLMode], "PGSSLROOTCERT": s.cfg.Options[OptSSLRootCert], "PGPASSFILE": s.cfg.Options[OptPassFile]} {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
