package server

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// connection returns how a person reaches a restored database, without the
// password: a URL, or a path for an engine of files.
func connection(s control.Server, database string) string {
	if s.Engine == engine.SQLite {
		if filepath.IsAbs(database) {
			return database
		}
		if info, err := os.Stat(s.Address); err == nil && info.IsDir() {
			return filepath.Join(s.Address, database)
		}
		return filepath.Join(filepath.Dir(s.Address), database) // the server is one file
	}
	scheme := s.Engine
	if scheme == engine.Postgres {
		scheme = "postgresql"
	}
	u := url.URL{Scheme: scheme, Host: s.Address, Path: "/" + database, RawPath: "/" + url.PathEscape(database)}
	if s.User != "" {
		u.User = url.User(s.User)
	}
	if strings.HasPrefix(s.Address, "/") { // a socket has no place in the host of a URL
		u.Host, u.RawQuery = "", url.Values{"host": {s.Address}}.Encode()
		if u.User == nil {
			return scheme + "://" + u.EscapedPath() + "?" + u.RawQuery
		}
	} else if _, _, err := net.SplitHostPort(s.Address); err != nil && strings.Contains(s.Address, ":") {
		u.Host = "[" + s.Address + "]" // IPv6 without a port
	}
	return u.String()
}
