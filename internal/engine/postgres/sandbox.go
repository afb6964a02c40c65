package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/cluster"
	"github.com/rahatbackup/rahat/internal/vault"
)

// A sandbox is the throw-away server behind a server.
type sandbox struct{ cluster *cluster.Cluster }

// Close stops it.
func (b *sandbox) Close() error { return b.cluster.Close() }

// Sandbox implements [engine.Sandboxer]: a cluster of the source's major version,
// or the next newer one that is installed, which listens on a socket only this
// user can reach. On Linux it ends with this process, however that ends;
// elsewhere a killed process leaves it running, without work, until the machine
// restarts.
func (Driver) Sandbox(ctx context.Context, dir, version string) (engine.Server, error) {
	want, err := clienttool.ParseVersion(version)
	if err != nil {
		return nil, engine.ErrNoSandbox.Because(err, "version", version)
	}
	bin, _, err := findServer(ctx, want.Major)
	if err != nil {
		return nil, err
	}
	c, err := cluster.Start(ctx, cluster.Options{BinDir: bin, Dir: dir, Settings: map[string]string{"max_locks_per_transaction": "1024"}})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if full := noRoom(err, dir); errors.Is(full, engine.ErrNoRoom) {
			return nil, full
		}
		return nil, engine.ErrNoSandbox.Because(err, "version", version)
	}
	s, err := sandboxServer(c)
	if err == nil {
		err = s.dropPostgres(ctx)
	}
	if err != nil {
		return nil, errorsJoin(err, c.Close())
	}
	return s, nil
}

// dropPostgres makes room for a backup of a database of that name.
func (s *server) dropPostgres(ctx context.Context) error {
	c, err := s.connect(ctx, s.maintenance(), 0, nil)
	if err != nil {
		return err
	}
	return errorsJoin(s.drop(ctx, c, "postgres"), c.close(ctx))
}

func sandboxServer(c *cluster.Cluster) (*server, error) {
	addr := filepath.Join(c.Socket, ".s.PGSQL."+strconv.Itoa(c.Port))
	if c.Socket == "" {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port))
	}
	opened, err := Driver{}.Open(engine.Config{Address: addr, User: cluster.Superuser, Password: vault.NewSecret(c.Password),
		Options: map[string]string{OptSSLMode: "disable", OptMaintenance: "template1"}})
	if err != nil {
		return nil, err
	}
	s, ok := opened.(*server)
	if !ok {
		return nil, fmt.Errorf("open throw-away server: it is a %T", opened)
	}
	s.sandbox = &sandbox{c}
	return s, nil
}
