// Package enginemem is a database engine in memory. It is the second
// implementation that keeps enginetest honest, and stands in for a database in
// the tests of everything above engines: content is set and read directly, and
// every step can be made to fail, wait or tell.
package enginemem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/vault"
)

// Kind is the name of the engine. It is in no release.
const Kind = "memory"

// A Value is one field of a row; nil is NULL.
type Value *string

// Text returns a value.
func Text(s string) Value { return &s }

// A Table is a named set of rows, each with a value for every column. The
// first Key columns identify a row; 0 means that nothing does.
type Table struct {
	Columns []string
	Key     int
	Rows    [][]Value
	// Wide: its rows cannot be had as rows, so Dump asks for another form.
	Wide bool
}

// Database is a set of tables by name.
type Database map[string]Table

// clone copies what callers could change.
func (d Database) clone() Database {
	c := Database{}
	for name, t := range d {
		t.Columns = slices.Clone(t.Columns)
		rows := make([][]Value, len(t.Rows))
		for i, r := range t.Rows {
			rows[i] = slices.Clone(r)
		}
		t.Rows = rows
		c[name] = t
	}
	return c
}

// Engine is a driver whose servers are [Host]s of this process.
type Engine struct {
	mu    sync.Mutex
	hosts map[string]*Host
}

var (
	_ engine.Driver    = (*Engine)(nil)
	_ engine.Sandboxer = (*Engine)(nil)
	_ engine.Exporter  = (*Engine)(nil)
	_ engine.Browser   = (*Engine)(nil)
)

// New returns an engine without hosts.
func New() *Engine { return &Engine{hosts: map[string]*Host{}} }

// Host returns the host at an address and makes it if there is none.
func (e *Engine) Host(address string) *Host {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hosts[address] == nil {
		e.hosts[address] = newHost()
	}
	return e.hosts[address]
}

func (e *Engine) lookup(address string) *Host {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hosts[address]
}

// Kind implements [engine.Driver].
func (e *Engine) Kind() string { return Kind }

// Open implements [engine.Driver].
func (e *Engine) Open(cfg engine.Config) (engine.Server, error) {
	if cfg.Address == "" {
		return nil, engine.ErrBadConfig.Because(nil, "reason", "no address")
	}
	return &server{engine: e, cfg: cfg}, nil
}

// Sandbox implements [engine.Sandboxer].
func (e *Engine) Sandbox(ctx context.Context, dir, _ string) (engine.Server, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	e.Host(dir)
	return e.Open(engine.Config{Address: dir})
}

// A Host is the machine a server runs on, seen from inside. Its methods may be
// called from several goroutines.
type Host struct {
	mu        sync.Mutex
	databases map[string]Database
	password  string
	private   map[string]bool
	hook      func(step string) error
	open      int // snapshots
}

func newHost() *Host {
	return &Host{databases: map[string]Database{"system": {}}, private: map[string]bool{}}
}

// SetPassword makes the host want a password; "" means none.
func (h *Host) SetPassword(p string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.password = p
}

// Forbid makes a database unreadable.
func (h *Host) Forbid(database string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.private[database] = true
}

// SetHook has f called before every step; an error ends the step with it. The
// steps are "probe", "discover", "snapshot", "dump <part>", "check",
// "preflight", "restore" before anything is read, "restore <part>", and "restore commit"
// before the new database appears. f may block. nil removes it.
func (h *Host) SetHook(f func(step string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = f
}

// Set makes or replaces a database.
func (h *Host) Set(name string, d Database) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.databases[name] = d.clone()
}

// Get returns a copy of a database.
func (h *Host) Get(name string) (d Database, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok = h.databases[name]
	return d.clone(), ok
}

// Update changes a database in one step that no snapshot sees half of. It
// reports whether there was such a database.
func (h *Host) Update(name string, f func(Database)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.databases[name]
	if ok {
		d = d.clone()
		f(d)
		h.databases[name] = d
	}
	return ok
}

// Drop removes a database.
func (h *Host) Drop(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.databases, name)
}

// Names lists the databases, the system's own left out.
func (h *Host) Names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.names()
}

// OpenSnapshots returns how many snapshots have not been closed.
func (h *Host) OpenSnapshots() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

func (h *Host) names() []string {
	names := slices.Sorted(maps.Keys(h.databases))
	return slices.DeleteFunc(names, func(n string) bool { return n == "system" })
}

// step runs the hook.
func (h *Host) step(ctx context.Context, name string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	hook := h.hook
	h.mu.Unlock()
	if hook == nil {
		return nil
	}
	if err := hook(name); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// enter checks that the server may be used, as a login would.
func (s *server) enter(ctx context.Context, step string) (*Host, error) {
	h := s.engine.lookup(s.cfg.Address)
	if h == nil {
		return nil, engine.ErrUnreachable.Because(errors.New("no such host in memory"), "address", s.cfg.Address)
	}
	if err := h.step(ctx, step); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.password != s.cfg.Password.Reveal() {
		return nil, engine.ErrAuth.Because(nil, "address", s.cfg.Address, "user", s.cfg.User)
	}
	return h, nil
}

type server struct {
	engine *Engine
	cfg    engine.Config
}

var (
	_ engine.Server  = (*server)(nil)
	_ engine.Checker = (*server)(nil)
	_ engine.Dropper = (*server)(nil)

	_ engine.Preflighter = (*server)(nil)
)

// Config returns the settings that reach a host, for tests.
func Config(address, password string) engine.Config {
	return engine.Config{Address: address, User: "tester", Password: vault.NewSecret(password)}
}
