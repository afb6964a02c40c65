package discovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// A door is a driver that lets in who knows its word, and remembers who tried.
type door struct {
	engine.Driver
	opens    func(cfg engine.Config) error // nil: come in
	probe    func(ctx context.Context) error
	discover func(ctx context.Context) error

	mu    *sync.Mutex
	tried *[]string
	open  *int
}

func newDoor(opens func(engine.Config) error) door {
	ok := func(context.Context) error { return nil }
	return door{opens: opens, probe: ok, discover: ok, mu: new(sync.Mutex), tried: new([]string), open: new(int)}
}

func (d door) Open(cfg engine.Config) (engine.Server, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*d.tried = append(*d.tried, cfg.User+"@"+cfg.Address)
	*d.open++
	return room{door: d, cfg: cfg}, nil
}

type room struct {
	engine.Server
	door door
	cfg  engine.Config
}

func (r room) Probe(ctx context.Context) (engine.Info, error) {
	if err := r.door.opens(r.cfg); err != nil {
		return engine.Info{}, err
	}
	return engine.Info{Product: "PostgreSQL", Version: "17.6"}, r.door.probe(ctx)
}

func (r room) Discover(ctx context.Context) ([]engine.Database, error) {
	if err := r.door.discover(ctx); err != nil {
		return nil, err
	}
	return []engine.Database{{Name: "postgres", SizeBytes: 7, Readable: true}, {Name: "shop", SizeBytes: 9}}, nil
}

func (r room) Close() error {
	r.door.mu.Lock()
	defer r.door.mu.Unlock()
	*r.door.open--
	return nil
}

// house is a fake PostgreSQL on a port and a socket, with a door.
func house(t *testing.T, d door) (*Discovery, *fakeServer, string) {
	t.Helper()
	t.Setenv("PGUSER", "")
	t.Setenv("PGPASSFILE", filepath.Join(t.TempDir(), "none"))
	s := fake(t, "127.0.0.1:0", "", onlyTo(sslPacket, "N"))
	path := fakeSocket(t, s)
	found := here(on(s, "postgres"), socketOf(engine.Postgres, path))
	found.Drivers = map[string]engine.Driver{engine.Postgres: d}
	t.Cleanup(func() {
		if *d.open != 0 {
			t.Errorf("%d connections were left open", *d.open)
		}
	})
	return found, s, path
}

func locked(cfg engine.Config) error {
	return engine.ErrNoLogin.Because(nil, "address", cfg.Address, "user", cfg.User)
}

func TestTheSocketIsTriedBeforeThePort(t *testing.T) {
	d := newDoor(locked)
	found, s, path := house(t, d)
	t.Setenv("PGUSER", "shop")
	me := loginNames()[1]
	f := one(t, found)
	want := []string{"shop@" + path, me + "@" + path, "shop@" + addressOf(s), me + "@" + addressOf(s)}
	if !slices.Equal(*d.tried, want) {
		t.Errorf("tried %v, want %v", *d.tried, want)
	}
	if f.Problem == nil || f.Problem.Code != string(engine.ErrNoLogin.Code) || f.Problem.Params["address"] != f.Address || f.User != "" || f.Address != addressOf(s) {
		t.Errorf("got %+v, problem %+v", f, f.Problem)
	}
}

func TestTheFirstOpenDoorIsTaken(t *testing.T) {
	d := newDoor(func(engine.Config) error { return nil })
	found, s, path := house(t, d)
	f := one(t, found)
	want := control.Found{
		Engine: engine.Postgres, Product: "PostgreSQL", Version: "17.6", Address: path, Addresses: []string{addressOf(s)}, User: loginNames()[0],
		Databases: []control.Database{{Name: "postgres", SizeBytes: 7, Readable: true}, {Name: "shop", SizeBytes: 9}},
	}
	if len(*d.tried) != 1 || !equalFound(f, want) {
		t.Errorf("tried %v, got %+v, want %+v", *d.tried, f, want)
	}
}

func equalFound(a, b control.Found) bool {
	return a.Engine == b.Engine && a.Product == b.Product && a.Version == b.Version && a.Address == b.Address && slices.Equal(a.Addresses, b.Addresses) &&
		a.User == b.User && slices.Equal(a.Databases, b.Databases) && a.Server == b.Server && (a.Problem == nil) == (b.Problem == nil)
}

func TestAListThatFailsIsToldWithTheVersion(t *testing.T) {
	d := newDoor(func(engine.Config) error { return nil })
	d.discover = func(context.Context) error { return engine.ErrServerLost.Because(errors.New("gone")) }
	found, _, path := house(t, d)
	f := one(t, found)
	if f.Version != "17.6" || f.User == "" || f.Address != path || f.Problem == nil || f.Problem.Code != string(engine.ErrServerLost.Code) || len(f.Databases) != 0 {
		t.Errorf("got %+v, problem %+v", f, f.Problem)
	}
}

func TestASlowServerIsToldToBeSlow(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	for name, stuck := range map[string]func(*door){
		"login": func(d *door) { d.probe = hang },
		"list":  func(d *door) { d.discover = hang },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(func(engine.Config) error { return nil })
			stuck(&d)
			found, _, _ := house(t, d)
			found.pace = usualPace
			found.pace.login = 100 * time.Millisecond
			f := one(t, found)
			if f.Problem == nil || f.Problem.Code != string(ErrSlow.Code) || f.Problem.Params["address"] == "" || f.Problem.Params["seconds"] != "0.1" {
				t.Errorf("problem %+v", f.Problem)
			}
			if len(*d.tried) != 1 {
				t.Errorf("tried %v", *d.tried)
			}
		})
	}
}

func TestAServerWithoutDriverIsFound(t *testing.T) {
	d := newDoor(locked)
	found, _, _ := house(t, d)
	found.Drivers = nil
	if f := one(t, found); f.Problem == nil || f.Problem.Code != string(ErrNotSupported.Code) || len(*d.tried) != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestNoSecretIsEverSent(t *testing.T) {
	t.Setenv("PGPASSWORD", "hunter2")
	d := newDoor(func(cfg engine.Config) error {
		if !cfg.Password.Empty() || len(cfg.Options) != 0 {
			t.Errorf("config %+v", cfg)
		}
		return locked(cfg)
	})
	found, _, _ := house(t, d)
	one(t, found)
}

func TestLocalhostIsSaidWhereThePassFileSaysIt(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"localhost:5432:*:me:pw\n", "localhost:5432"},
		{"# localhost\nother:5432:*:me:pw\nlocalhost:*:shop:me:a\\:b\n", "localhost:5432"},
		{"localhost:5433:*:me:pw\n", "127.0.0.1:5432"},
		{"127.0.0.1:5432:*:me:pw\n*:*:*:me:pw\n", "127.0.0.1:5432"},
		{"localhost\nlocalhost:5432", "127.0.0.1:5432"},
		{strings.Repeat("x", 1<<20), "127.0.0.1:5432"},
	} {
		name := filepath.Join(t.TempDir(), "pgpass")
		if err := os.WriteFile(name, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PGPASSFILE", name)
		if got := withPassFileHost("127.0.0.1:5432"); got != tt.want {
			t.Errorf("%.60q: %s, want %s", tt.file, got, tt.want)
		}
	}
}

func TestFoldersAreListedByTheSQLiteDriver(t *testing.T) {
	d := newDoor(func(cfg engine.Config) error {
		if cfg.Address == "/gone" {
			return engine.ErrUnreachable.Because(nil, "address", cfg.Address)
		}
		return nil
	})
	found := here(unnamed(1))
	found.Drivers = map[string]engine.Driver{engine.SQLite: d}
	got, err := found.Run(t.Context(), control.DiscoverRequest{Folders: []string{"/shop", "/gone"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Servers) != 2 || got.Servers[0].Address != "/gone" || got.Servers[1].Address != "/shop" {
		t.Fatalf("got %+v", got.Servers)
	}
	if p := got.Servers[0].Problem; p == nil || p.Code != string(engine.ErrUnreachable.Code) {
		t.Errorf("problem %+v", p)
	}
	if f := got.Servers[1]; f.Engine != engine.SQLite || f.Problem != nil || len(f.Databases) != 2 || f.User != "" {
		t.Errorf("got %+v", f)
	}
	if !slices.Contains(*d.tried, "@/shop") {
		t.Errorf("tried %v", *d.tried)
	}
}

func TestConfiguredServersAreRecognised(t *testing.T) {
	d := newDoor(func(engine.Config) error { return nil })
	found, s, _ := house(t, d)
	found.Configured = func(context.Context) ([]control.Server, error) {
		return []control.Server{
			{Name: "other-engine", Engine: engine.SQLite, Address: addressOf(s)},
			{Name: "elsewhere", Engine: engine.Postgres, Address: "db.example.org:" + portText(s)},
			{Name: "shop", Engine: engine.Postgres, Address: "LocalHost:" + portText(s)},
			{Name: "shop-again", Engine: engine.Postgres, Address: addressOf(s)},
		}, nil
	}
	if f := one(t, found); f.Server != "shop" {
		t.Errorf("server %q", f.Server)
	}
	broken := errors.New("no catalog")
	found.Configured = func(context.Context) ([]control.Server, error) { return nil, broken }
	if _, err := found.Run(t.Context(), control.DiscoverRequest{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestEqualPlacesHaveOneName(t *testing.T) {
	dir := shortDir(t)
	linkTo(t, dir, dir+"/link")
	if err := os.WriteFile(dir+"/.s.PGSQL.5432", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, same := range [][]string{
		{"postgres localhost:5432", "postgres 127.0.0.1", "postgres [::1]:5432", "postgres ::1", "postgres 127.0.0.1:5432", "postgres Localhost.", "postgres :5432"},
		{"postgres " + dir, "postgres " + dir + "/link/", "postgres " + dir + "/.s.PGSQL.5432", "postgres " + dir + ":5432", "postgres " + dir + "/link/.s.PGSQL.5432"},
		{"postgres " + dir + ":5433", "postgres " + dir + "/.s.PGSQL.5433"},
		{"postgres 127.0.0.1:5433"},
		{"mysql 127.0.0.1", "mariadb localhost:3306"},
		{"sqlite " + dir + "/a.db", "sqlite " + dir + "/./a.db"},
		{"postgres db.example.org", "postgres DB.example.org:5432"},
		{"sqlserver localhost"},
	} {
		first := placeOfText(same[0])
		for _, text := range same {
			if got := placeOfText(text); got != first {
				t.Errorf("%s is %q, want %q", text, got, first)
			}
		}
		if placeOfText("redis localhost:6379") == first {
			t.Errorf("%q is not redis", first)
		}
	}
	if placeOf(engine.Postgres, "localhost:5432") == placeOf(engine.Postgres, "localhost:5433") {
		t.Error("ports are told apart")
	}
}

func placeOfText(text string) string {
	kind, address, _ := strings.Cut(text, " ")
	return placeOf(kind, address)
}
