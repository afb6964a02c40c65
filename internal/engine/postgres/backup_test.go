package postgres

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/vault"
)

// A memory is a backup in memory.
type memory struct {
	m    backup.Manifest
	data map[backup.Name][]byte
}

func (m *memory) Manifest() *backup.Manifest { return &m.m }

func (m *memory) Open(_ context.Context, p backup.StoredPart) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m.data[p.Name])), nil
}

// open returns the driver's server for a test server.
func open(t testing.TB, s *pgtest.Server, options map[string]string) *server {
	t.Helper()
	return openAs(t, s, s.User, s.Password, options)
}

func openAs(t testing.TB, s *pgtest.Server, user, password string, options map[string]string) *server {
	t.Helper()
	srv, err := Driver{}.Open(engine.Config{Address: s.Addr, User: user, Password: vault.NewSecret(password), Options: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	own, ok := srv.(*server)
	if !ok {
		t.Fatalf("%T", srv)
	}
	return own
}

// take makes a backup in memory.
func take(t testing.TB, srv *server, database string) *memory {
	t.Helper()
	snap, err := srv.Snapshot(t.Context(), database, engine.SnapshotOptions{Streams: 2})
	if err != nil {
		t.Fatalf("snapshot of %q: %v", database, err)
	}
	m, err := dumpAll(t.Context(), snap, database)
	if cerr := snap.Close(); cerr != nil {
		t.Error(cerr)
	}
	if err != nil {
		t.Fatalf("dump of %q: %v", database, err)
	}
	return m
}

// dumpAll dumps all parts, two at once.
func dumpAll(ctx context.Context, snap engine.Snapshot, database string) (*memory, error) {
	parts := snap.Parts()
	bufs := make([]bytes.Buffer, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i, p := range parts {
		g.Go(func() error { return snap.Dump(ctx, p, &bufs[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	m := &memory{data: map[backup.Name][]byte{}}
	for i, p := range parts {
		b := bufs[i].Bytes()
		sp := backup.StoredPart{Part: p, Bytes: int64(len(b))}
		if p.Kind == backup.Rows {
			sp.Rows = int64(bytes.Count(b, []byte{'\n'}))
		}
		m.data[p.Name] = b
		m.m.Parts = append(m.m.Parts, sp)
	}
	d := snap.Describe()
	m.m.Database, m.m.Detail, m.m.ServerVersion, m.m.Point, m.m.Tool = backup.Name(database), d.Detail, d.ServerVersion, d.Point, d.Tool
	for _, w := range d.Warnings {
		m.m.Warnings = append(m.m.Warnings, backup.Warning{Code: string(w.Code), Params: maps.Clone(w.Params)})
	}
	return m, nil
}

// restore restores a backup and fails the test on a warning it was not told of.
func restore(t testing.TB, srv *server, m *memory, target engine.Target, expect ...error) engine.Restored {
	t.Helper()
	if target.Streams == 0 {
		target.Streams = 2
	}
	done, err := srv.Restore(t.Context(), m, target)
	if err != nil {
		t.Fatalf("restore to %q: %v", target.Database, err)
	}
	for _, w := range done.Warnings {
		if !slices.ContainsFunc(expect, func(e error) bool { return w.Is(e) }) {
			t.Errorf("restore to %q: unexpected warning: %v", target.Database, w)
		}
	}
	return done
}
