// Package postgres is the engine for PostgreSQL 12 and newer.
//
// Rows are read by connections of our own, COPY in the order of the primary key
// under one exported snapshot; pg_dump, told no table's name, gives everything
// else as one archive. A restore needs no client tool: it reads that archive
// itself (package archive), makes the tables, loads the rows, and starts a
// table's indexes as soon as its rows are in. README.md beside this file says
// what a backup is made of and which traps are met how.
package postgres

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
)

// What can be set in [engine.Config.Options].
const (
	OptSSLMode      = "sslmode"        // as libpq: disable, prefer (the default), require, verify-ca, verify-full
	OptSSLRootCert  = "sslrootcert"    // file with the certificates to trust
	OptPassFile     = "passfile"       // instead of ~/.pgpass
	OptMaintenance  = "maintenance_db" // database to connect to when none is meant; postgres
	OptTools        = "tools"          // folder with pg_dump
	OptContainer    = "container"      // name or id: run pg_dump in this container
	OptContainerBin = "container_engine"
	OptContainerAt  = "container_address" // where the server is, as seen in the container; 127.0.0.1:5432
)

// Driver is the engine for PostgreSQL. The zero value is ready.
type Driver struct{}

// Kind implements [engine.Driver].
func (Driver) Kind() string { return engine.Postgres }

// Open implements [engine.Driver]. An empty password means what psql would do:
// the password file, or a login without one.
func (Driver) Open(cfg engine.Config) (engine.Server, error) {
	s := &server{cfg: cfg, runner: clienttool.Host{}, lockWait: lockWait}
	if err := s.parseAddress(); err != nil {
		return nil, err
	}
	for name := range cfg.Options {
		switch name {
		case OptSSLMode, OptSSLRootCert, OptPassFile, OptMaintenance, OptTools, OptContainer, OptContainerBin, OptContainerAt:
		default:
			return nil, engine.ErrBadConfig.Because(nil, "reason", "unknown option "+strconv.Quote(name))
		}
	}
	switch mode := cfg.Options[OptSSLMode]; mode {
	case "", "disable", "allow", "prefer", "require", "verify-ca", "verify-full":
	default:
		return nil, engine.ErrBadConfig.Because(nil, "reason", "sslmode "+strconv.Quote(mode)+" is none of disable, allow, prefer, require, verify-ca, verify-full")
	}
	if id := cfg.Options[OptContainer]; id != "" {
		bin := cfg.Options[OptContainerBin]
		if bin == "" {
			bin = "docker"
		}
		s.runner = clienttool.Container{Engine: bin, ID: id}
	}
	if _, err := s.pgConfig("postgres"); err != nil {
		return nil, err
	}
	return s, nil
}

// A server is one configured server.
type server struct {
	cfg    engine.Config
	host   string // name, address, or directory of the socket
	port   uint16
	runner clienttool.Runner
	// lockWait is how long pg_dump waits for a lock.
	lockWait time.Duration
	// sandbox is set when the server is a throw-away one of ours.
	sandbox *sandbox
}

// defaultPort is PostgreSQL's.
const defaultPort = 5432

// parseAddress understands host, host:port, [v6]:port, a socket's directory, and
// a socket itself (/run/postgresql/.s.PGSQL.5433).
func (s *server) parseAddress() error {
	addr := s.cfg.Address
	s.port = defaultPort
	if addr == "" {
		return engine.ErrBadConfig.Because(nil, "reason", "the address is empty")
	}
	if filepath.IsAbs(addr) || strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "@") {
		return s.parseSocket(addr)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // no port
		s.host = strings.Trim(addr, "[]")
		return nil
	}
	s.host = host
	if host == "" {
		s.host = "localhost"
	}
	return s.setPort(port)
}

func (s *server) parseSocket(addr string) error {
	dir, port, ok := strings.Cut(addr, "/.s.PGSQL.")
	s.host = dir
	if ok {
		return s.setPort(port)
	}
	// "/run/postgresql:5433" is how people write a socket with a port.
	if i := strings.LastIndexByte(addr, ':'); i > 0 && len(addr) > 2 && i > 1 {
		if err := s.setPort(addr[i+1:]); err == nil {
			s.host = addr[:i]
		}
	}
	return nil
}

func (s *server) setPort(port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return engine.ErrBadConfig.Because(nil, "reason", strconv.Quote(port)+" is no port")
	}
	s.port = uint16(n)
	return nil
}

// maintenance is the database to connect to when none is meant.
func (s *server) maintenance() string {
	if db := s.cfg.Options[OptMaintenance]; db != "" {
		return db
	}
	return "postgres"
}

// Close implements [engine.Server].
func (s *server) Close() error {
	if s.sandbox == nil {
		return nil
	}
	return s.sandbox.Close()
}

var (
	_ engine.Driver    = Driver{}
	_ engine.Sandboxer = Driver{}
	_ engine.Exporter  = Driver{}
	_ engine.Browser   = Driver{}
	_ engine.Checker   = (*server)(nil)
	_ engine.Dropper   = (*server)(nil)

	_ engine.Preflighter = (*server)(nil)
	_ engine.Server      = (*server)(nil)
)

// insideContainer returns where the server is as seen in its container.
func (s *server) insideContainer() (host, port string) {
	if at := s.cfg.Options[OptContainerAt]; at != "" {
		if strings.HasPrefix(at, "/") {
			return at, strconv.Itoa(defaultPort)
		}
		if h, p, err := net.SplitHostPort(at); err == nil {
			return h, p
		}
		return at, strconv.Itoa(defaultPort)
	}
	return "127.0.0.1", strconv.Itoa(defaultPort)
}
