//go:build unix

package discovery

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
)

func TestSocketsAreFoundAndNotTwice(t *testing.T) {
	dir := shortDir(t)
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5999"))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, "", onlyTo(sslPacket, "N"))
	linkTo(t, dir, dir+"/again")
	sockets := socketsIn([]struct{ engine, pattern string }{
		{engine.Postgres, dir + "/.s.PGSQL.*"}, {engine.Postgres, dir + "/again/.s.PGSQL.*"}, {engine.Redis, dir + "/no/*.sock"},
	})
	f := one(t, here(unnamed(1), sockets...))
	if f.Engine != engine.Postgres || f.Address != filepath.Join(dir, ".s.PGSQL.5999") || len(f.Addresses) != 0 {
		t.Errorf("got %+v", f)
	}
}
