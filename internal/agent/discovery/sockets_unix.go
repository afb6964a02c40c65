//go:build unix

package discovery

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/internal/engine"
)

// socketPatterns are the places of sockets. Redis and MySQL have no common
// name, so the ones the packages of the distributions use are listed.
var socketPatterns = []struct{ engine, pattern string }{
	{engine.Postgres, "/var/run/postgresql/.s.PGSQL.*"},
	{engine.Postgres, "/tmp/.s.PGSQL.*"},
	{engine.MySQL, "/var/run/mysqld/mysqld*.sock"},
	{engine.MySQL, "/var/lib/mysql/mysql.sock"},
	{engine.MySQL, "/tmp/mysql*.sock"},
	{engine.MySQL, "/var/run/mysql/mysql.sock"},
	{engine.MongoDB, "/tmp/mongodb-*.sock"},
	{engine.MongoDB, "/var/run/mongodb/mongodb-*.sock"},
	{engine.Redis, "/var/run/redis/*.sock"},
	{engine.Redis, "/var/run/valkey/*.sock"},
	{engine.Redis, "/tmp/redis*.sock"},
}

// socketsIn lists the sockets that match, each once though directories may be
// links to each other.
func socketsIn(patterns []struct{ engine, pattern string }) []target {
	var all []target
	seen := map[string]bool{}
	for _, p := range patterns {
		paths, err := filepath.Glob(p.pattern)
		if err != nil {
			panic(err) // a constant of ours is malformed
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Type() != fs.ModeSocket || seen[resolved(path)] {
				continue
			}
			seen[resolved(path)] = true
			all = append(all, target{hint: p.engine, sure: true, ways: []way{{network: "unix", address: path}}})
		}
	}
	return all
}

// usualSockets lists the unix sockets of database servers.
func usualSockets() []target { return socketsIn(socketPatterns) }

func dialPipe(context.Context, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}
