package postgres

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

// facts looks at a database of a test server.
func facts(t testing.TB, s *pgtest.Server, database string) zoo.Facts {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	f, err := zoo.Look(t.Context(), zoo.Source{Host: host, Port: port, User: s.User, Password: s.Password, Database: database, BinDir: filepath.Dir(dumpFor(t, s))})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// major returns the major version of a test server.
func major(t testing.TB, s *pgtest.Server) int {
	t.Helper()
	v, err := clienttool.ParseVersion(s.Query(t, "postgres", "SHOW server_version")[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return v.Major
}

// dumpFor returns the pg_dump that fits a test server.
func dumpFor(t testing.TB, s *pgtest.Server) string {
	t.Helper()
	srv := open(t, s, nil)
	tool, _, err := srv.findDump(t.Context(), clienttool.Version{Major: major(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	return tool.Path
}

func newZoo(t testing.TB, s *pgtest.Server) []zoo.Animal {
	t.Helper()
	if err := zoo.Roles(t.Context(), s.Connect(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	animals := zoo.Animals(major(t, s))
	for _, a := range animals {
		err := a.Build(t.Context(), major(t, s), func(db string) (*pgconn.PgConn, error) { return pgconn.Connect(t.Context(), s.DSN(db)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return animals
}

func TestEveryAnimalOfTheZooComesBackEqual(t *testing.T) {
	for _, bin := range pgtest.BinDirs(t) {
		t.Run(bin, func(t *testing.T) {
			s := pgtest.Start(t, pgtest.Options{BinDir: bin})
			srv := open(t, s, nil)
			for _, a := range newZoo(t, s) {
				t.Run(a.Name, func(t *testing.T) {
					m := take(t, srv, a.Name)
					want := facts(t, s, a.Name)
					restore(t, srv, m, engine.Target{Database: a.Name, Overwrite: true})
					got := facts(t, s, a.Name)
					for _, d := range zoo.Diff(want, got) {
						t.Error(d)
					}
					t.Logf("%d facts", len(want))
				})
			}
		})
	}
}
