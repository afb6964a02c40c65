package discovery

import (
	"context"
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// login tries what psql would: the socket and then the ports, as PGUSER or the
// user of this process, with no password but what the server waives (peer,
// trust) or .pgpass holds. It never becomes another user for it. What it
// learns goes into f.
func (d *Discovery) login(ctx context.Context, driver engine.Driver, ways []way, f *control.Found) {
	limit, cancel := context.WithTimeout(ctx, d.pace.login)
	defer cancel()
	var failed error
	for _, address := range loginAddresses(ways) {
		for _, name := range loginNames() {
			err := visit(limit, driver, engine.Config{Address: address, User: name}, f)
			if f.User != "" {
				f.Addresses = others(ways, address)
				f.Address = address
			}
			if limit.Err() != nil && err != nil {
				err = ErrSlow.Because(err, "address", address, "seconds", inSeconds(d.pace.login))
			}
			if f.User != "" || limit.Err() != nil {
				f.Problem = control.FromError(err)
				return
			}
			failed = err
		}
	}
	f.Problem = control.FromError(failed)
}

// visit logs in and lists. f.User says whether we got in.
func visit(ctx context.Context, driver engine.Driver, cfg engine.Config, f *control.Found) (err error) {
	s, err := driver.Open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	info, err := s.Probe(ctx)
	if err != nil {
		return err
	}
	f.User, f.Product, f.Version = cfg.User, info.Product, info.Version
	databases, err := s.Discover(ctx)
	if err != nil {
		return err
	}
	for _, db := range databases {
		f.Databases = append(f.Databases, control.Database{Name: db.Name, SizeBytes: db.SizeBytes, Readable: db.Readable})
	}
	return nil
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }

// folder lists the SQLite files of a folder the user named.
func (d *Discovery) folder(ctx context.Context, path string) control.Found {
	f := control.Found{Engine: engine.SQLite, Product: "SQLite", Address: path, Databases: []control.Database{}}
	driver := d.Drivers[engine.SQLite]
	if driver == nil {
		f.Problem = control.FromError(ErrNotSupported.Because(nil, "product", f.Product))
		return f
	}
	limit, cancel := context.WithTimeout(ctx, d.pace.folder)
	defer cancel()
	err := visit(limit, driver, engine.Config{Address: path}, &f)
	if err != nil && limit.Err() != nil {
		err = ErrSlow.Because(err, "address", path, "seconds", inSeconds(d.pace.folder))
	}
	f.Problem = control.FromError(err)
	return f
}

// loginAddresses returns where psql would log in: sockets first, then one port.
func loginAddresses(ways []way) []string {
	var all []string
	port := ""
	for _, w := range ways {
		switch {
		case w.network != "tcp":
			all = append(all, w.address)
		case port == "":
			port = w.address
			if w.isLoopback() {
				port = withPassFileHost(port)
			}
		}
	}
	if port != "" {
		all = append(all, port)
	}
	return all
}

// others returns the ways' addresses without the one that is already told.
func others(ways []way, address string) []string {
	var rest []string
	for _, w := range ways {
		if w.address != address {
			rest = append(rest, w.address)
		}
	}
	return rest
}

// loginNames returns who psql would be.
func loginNames() []string {
	var names []string
	if name := os.Getenv("PGUSER"); name != "" {
		names = append(names, name)
	}
	if u, err := user.Current(); err == nil {
		_, name, found := strings.Cut(u.Username, `\`) // DOMAIN\name on Windows
		if !found {
			name = u.Username
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// withPassFileHost writes a loopback address as the user's .pgpass has it: an
// entry for localhost does not fit 127.0.0.1.
// https://www.postgresql.org/docs/current/libpq-pgpass.html
func withPassFileHost(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	file, err := os.ReadFile(passFile())
	if err != nil {
		return address // as a rule there is none
	}
	for line := range strings.Lines(string(file)) {
		field := strings.SplitN(line, ":", 3)
		if len(field) == 3 && field[0] == "localhost" && (field[1] == port || field[1] == "*") {
			return net.JoinHostPort("localhost", port)
		}
	}
	return address
}

func passFile() string {
	if name := os.Getenv("PGPASSFILE"); name != "" {
		return name
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("APPDATA"), "postgresql", "pgpass.conf")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".pgpass")
}
