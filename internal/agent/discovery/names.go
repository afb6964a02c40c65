package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// name fills in the names under which servers are configured.
func (d *Discovery) name(ctx context.Context, found []control.Found) error {
	if d.Configured == nil {
		return nil
	}
	servers, err := d.Configured(ctx)
	if err != nil {
		return fmt.Errorf("list configured servers: %w", err)
	}
	names := map[string]string{}
	for _, s := range servers {
		key := placeOf(s.Engine, s.Address)
		if _, taken := names[key]; !taken {
			names[key] = s.Name
		}
	}
	for i := range found {
		f := &found[i]
		for _, address := range append([]string{f.Address}, f.Addresses...) {
			if name, ok := names[placeOf(f.Engine, address)]; ok {
				f.Server = name
				break
			}
		}
	}
	return nil
}

// defaultPorts are assumed where an address has none.
var defaultPorts = map[string]string{
	engine.Postgres:  "5432",
	engine.MySQL:     "3306",
	engine.MongoDB:   "27017",
	engine.SQLServer: "1433",
	engine.Redis:     "6379",
}

// placeOf writes an address so that equal places are equal texts: this
// computer has one name, ports are always there, paths have no links, and a
// PostgreSQL socket is named by its file.
func placeOf(kind, address string) string {
	kind = family(kind)
	if kind == engine.SQLite || strings.ContainsAny(address, `/\`) {
		if kind == engine.Postgres {
			address = postgresSocket(address)
		}
		return kind + " " + resolved(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), defaultPorts[kind]
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); host == "" || host == "localhost" || (err == nil && ip.Unmap().IsLoopback()) {
		host = "localhost"
	}
	return kind + " " + net.JoinHostPort(host, port)
}

// postgresSocket returns the file of a socket that may be named by its folder,
// or by its folder and port as in /run/postgresql:5433.
func postgresSocket(address string) string {
	if strings.HasPrefix(filepath.Base(address), ".s.PGSQL.") {
		return address
	}
	dir, port := address, defaultPorts[engine.Postgres]
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		if _, err := strconv.ParseUint(address[i+1:], 10, 16); err == nil {
			dir, port = address[:i], address[i+1:]
		}
	}
	return filepath.Join(dir, ".s.PGSQL."+port)
}
