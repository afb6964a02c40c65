package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// testTime bounds how long the test of a server may take.
const testTime = 20 * time.Second

// testContext returns the context of a test that may take so long.
func testContext(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, ErrTestTime.Because(nil, "seconds", strconv.Itoa(int(limit.Seconds()))))
}

// stopped gives the reason why a test was cut short instead of the error that
// this caused.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// passwordName is where the vault keeps a server's password. Names of the vault
// know no capitals, ours do.
func passwordName(server string) string {
	return "server/" + hex.EncodeToString([]byte(server)) + "/password"
}

func (s *Server) listServers(ctx context.Context, _ *struct{}) ([]control.Server, error) {
	return s.Catalog.Servers(ctx)
}

func (s *Server) addServer(ctx context.Context, in *body[control.NewServer]) (control.Server, error) {
	n := in.Body
	s.naming.Lock()
	defer s.naming.Unlock()
	if _, err := s.Catalog.Server(ctx, n.Name); !errors.Is(err, catalog.ErrNotFound) {
		return control.Server{}, taken(err, ErrServerExists, n.Name)
	}
	if err := s.checkServer(n); err != nil {
		return control.Server{}, err
	}
	// The password goes first: without the server it does no harm. One left
	// by a server of this name that is gone must not stay.
	password := vault.NewSecret(n.Password)
	var err error
	if password.Empty() {
		err = s.Vault.Delete(ctx, passwordName(n.Name))
	} else {
		err = s.Vault.Set(ctx, passwordName(n.Name), password)
	}
	if err != nil {
		return control.Server{}, err
	}
	if err := s.Catalog.AddServer(ctx, n.Server); err != nil {
		return control.Server{}, fmt.Errorf("add server: %w", err)
	}
	s.census.forget(n.Name)
	s.Broker.Changed()
	return n.Server, nil
}

// checkServer reports what the settings of a server lack, without reaching it.
func (s *Server) checkServer(n control.NewServer) error {
	if n.Engine != engine.SQLite && strings.Contains(n.Address, "://") {
		// Such an address may hold a password, which would be saved in the open.
		return invalid("address", "host:port or the folder of a socket, and no URL")
	}
	opened, err := s.open(n.Server, vault.NewSecret(n.Password)) // does no I/O, but judges the settings
	if err != nil {
		return err
	}
	if err := opened.Close(); err != nil {
		return fmt.Errorf("close server: %w", err)
	}
	return nil
}

type namedServer struct {
	Name string `path:"name" maxLength:"63"`
	Body control.NewServer
}

// editServer changes how a server is reached; without a password the one there
// is stays. Backups tell by name and engine where they come from, so those
// cannot change.
func (s *Server) editServer(ctx context.Context, in *namedServer) (control.Server, error) {
	n := in.Body
	s.naming.Lock()
	defer s.naming.Unlock()
	old, err := s.Catalog.Server(ctx, in.Name)
	if err != nil {
		return control.Server{}, missing(err, ErrNoServer, "name", in.Name)
	}
	if n.Name != old.Name {
		return control.Server{}, invalid("name", "a server keeps its name")
	}
	if n.Engine != old.Engine {
		return control.Server{}, invalid("engine", "a server keeps its engine")
	}
	if err := s.checkServer(n); err != nil {
		return control.Server{}, err
	}
	if password := vault.NewSecret(n.Password); !password.Empty() {
		if err := s.Vault.Set(ctx, passwordName(n.Name), password); err != nil {
			return control.Server{}, err
		}
	}
	if err := s.Catalog.EditServer(ctx, n.Server); err != nil {
		return control.Server{}, missing(err, ErrNoServer, "name", n.Name)
	}
	s.census.forget(n.Name)
	s.Broker.Changed()
	return n.Server, nil
}

func (s *Server) removeServer(ctx context.Context, in *named) (nothing, error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return nothing{}, err
	}
	for _, j := range jobs {
		if j.Server == in.Name {
			return nothing{}, ErrInUse.Because(nil, "name", in.Name, "job", j.Name)
		}
	}
	if err := s.Catalog.RemoveServer(ctx, in.Name); err != nil {
		return nothing{}, missing(err, ErrNoServer, "name", in.Name)
	}
	s.census.forget(in.Name)
	s.Broker.Changed()
	return nothing{}, s.Vault.Delete(ctx, passwordName(in.Name))
}

func (s *Server) testServer(ctx context.Context, in *named) (control.ServerTest, error) {
	test := control.ServerTest{Databases: []control.Database{}, Warnings: []control.Problem{}}
	server, _, err := s.openServer(ctx, in.Name)
	if errors.Is(err, ErrNoServer) {
		return test, err
	}
	if err == nil {
		err = probe(ctx, server, &test)
	}
	test.Problem, test.OK = control.FromError(err), err == nil
	return test, nil
}

// probe fills in what is found and closes the server.
func probe(ctx context.Context, server engine.Server, test *control.ServerTest) (err error) {
	ctx, cancel := testContext(ctx, testTime)
	defer cancel()
	defer func() { err = stopped(ctx, errors.Join(err, server.Close())) }()
	info, err := server.Probe(ctx)
	if err != nil {
		return err
	}
	test.Product, test.Version, test.Tool, test.SizeBytes = info.Product, info.Version, info.Tool, info.SizeBytes
	test.Warnings = control.FromProblems(info.Warnings)
	databases, err := server.Discover(ctx)
	for _, d := range databases {
		test.Databases = append(test.Databases, control.Database{Name: d.Name, SizeBytes: d.SizeBytes, Readable: d.Readable})
	}
	return err
}

// open prepares access to a server.
func (s *Server) open(cfg control.Server, password vault.Secret) (engine.Server, error) {
	driver, err := s.driver(cfg.Engine)
	if err != nil {
		return nil, err
	}
	return driver.Open(engine.Config{Address: cfg.Address, User: cfg.User, Password: password, Options: cfg.Options})
}

// openServer prepares access to a configured server. The caller closes it.
func (s *Server) openServer(ctx context.Context, name string) (engine.Server, control.Server, error) {
	cfg, err := s.Catalog.Server(ctx, name)
	if err != nil {
		return nil, cfg, missing(err, ErrNoServer, "name", name)
	}
	password, err := s.Vault.Get(ctx, passwordName(name))
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return nil, cfg, fmt.Errorf("read password of server: %w", err)
	}
	server, err := s.open(cfg, password)
	return server, cfg, err
}

// readable lists the databases of a server that can be backed up, and the
// others.
func (s *Server) readable(ctx context.Context, name string) (names, others []string, err error) {
	server, cfg, err := s.openServer(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	databases, err := server.Discover(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range databases {
		if d.Readable {
			names = append(names, d.Name)
		} else {
			others = append(others, d.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil, ErrNoDatabases.Because(nil, "server", name, "user", cfg.User)
	}
	return slices.Compact(names), others, nil
}

// missing names what the catalog did not find.
func missing(err error, what *problem.Problem, params ...string) error {
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		return what.Because(nil, params...)
	case errors.Is(err, catalog.ErrAmbiguous):
		return ErrAmbiguous.Because(nil, params...)
	}
	return err
}

// taken says that a name is in use, unless looking it up failed.
func taken(err error, what *problem.Problem, name string) error {
	if err != nil {
		return err
	}
	return what.Because(nil, "name", name)
}
