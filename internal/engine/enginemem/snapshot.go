package enginemem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

const (
	schemaPart = "schema"
	version    = "1.0"
)

// Probe implements [engine.Server].
func (s *server) Probe(ctx context.Context) (engine.Info, error) {
	if _, err := s.enter(ctx, "probe"); err != nil {
		return engine.Info{}, fmt.Errorf("probe: %w", err)
	}
	return engine.Info{Version: version, Product: "Memory"}, nil
}

// Discover implements [engine.Server].
func (s *server) Discover(ctx context.Context) ([]engine.Database, error) {
	h, err := s.enter(ctx, "discover")
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	dbs := []engine.Database{}
	for _, name := range h.names() {
		dbs = append(dbs, engine.Database{Name: name, Readable: !h.private[name]})
	}
	return dbs, nil
}

// Snapshot implements [engine.Server].
func (s *server) Snapshot(ctx context.Context, database string, _ engine.SnapshotOptions) (engine.Snapshot, error) {
	h, err := s.enter(ctx, "snapshot")
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.databases[database]
	if !ok {
		return nil, fmt.Errorf("snapshot: %w", engine.ErrNoDatabase.Because(nil, "database", database))
	}
	if h.private[database] {
		return nil, fmt.Errorf("snapshot: %w", engine.ErrPrivilege.Because(nil, "user", s.cfg.User, "object", database))
	}
	h.open++
	return newSnapshot(h, d), nil
}

// Close implements [engine.Server].
func (s *server) Close() error { return nil }

// errWide: the table is [Table.Wide].
var errWide = errors.New("rows are too wide")

// snapshot holds a database that nobody changes: hosts replace theirs.
type snapshot struct {
	host   *Host
	parts  []backup.Part
	writes map[backup.Name]func(w io.Writer) error
	wide   map[backup.Name]bool
	close  sync.Once
}

// schema is what the part of that name holds.
type schema struct {
	Tables map[string]shape `json:"tables"`
}

type shape struct {
	Columns []string `json:"columns"`
	Key     int      `json:"key"`
	Wide    bool     `json:"wide,omitempty"`
}

func newSnapshot(h *Host, d Database) *snapshot {
	s := &snapshot{host: h, writes: map[backup.Name]func(io.Writer) error{}, wide: map[backup.Name]bool{}}
	shapes := schema{Tables: map[string]shape{}}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		t := d[name]
		shapes.Tables[name] = shape{Columns: t.Columns, Key: t.Key, Wide: t.Wide}
		part := tablePart(name, t)
		s.parts = append(s.parts, part)
		s.wide[part.Name] = t.Wide
		s.writes[part.Name] = func(w io.Writer) error { return writeRows(w, t) }
	}
	s.parts = append(s.parts, backup.Part{Name: schemaPart, Kind: backup.Bytes, Format: "json", Exact: true})
	s.writes[schemaPart] = func(w io.Writer) error { return json.NewEncoder(w).Encode(shapes) }
	slices.SortFunc(s.parts, func(a, b backup.Part) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return s
}

func tablePart(name string, t Table) backup.Part {
	table := &backup.Table{Name: backup.Name(name)}
	for _, c := range t.Columns {
		table.Columns = append(table.Columns, backup.Name(c))
	}
	return backup.Part{Name: backup.Name("table/" + name), Kind: backup.Rows, Format: "pg_copy_text", Key: t.Key, Table: table}
}

func writeRows(w io.Writer, t Table) error {
	lines := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		lines[i] = string(line(row))
	}
	slices.Sort(lines)
	for _, l := range lines {
		if _, err := io.WriteString(w, l); err != nil {
			return err
		}
	}
	return nil
}

// Parts implements [engine.Snapshot].
func (s *snapshot) Parts() []backup.Part { return slices.Clone(s.parts) }

// Dump implements [engine.Snapshot].
func (s *snapshot) Dump(ctx context.Context, part backup.Part, w io.Writer) error {
	write, ok := s.writes[part.Name]
	if !ok {
		return fmt.Errorf("dump %s: no such part", part.Name)
	}
	if err := s.host.step(ctx, "dump "+string(part.Name)); err != nil {
		return fmt.Errorf("dump %s: %w", part.Name, err)
	}
	if err := write(&ctxWriter{ctx: ctx, w: w}); err != nil {
		return fmt.Errorf("dump %s: %w", part.Name, err)
	}
	if s.wide[part.Name] && part.Kind == backup.Rows { // after it has written, as a server may find late
		part.Kind, part.Key, part.Exact = backup.Bytes, 0, true
		return fmt.Errorf("dump %s: %w", part.Name, &engine.Instead{Part: part, Err: errWide})
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("dump %s: %w", part.Name, err)
	}
	return nil
}

// Describe implements [engine.Snapshot].
func (s *snapshot) Describe() engine.Description {
	return engine.Description{ServerVersion: version, Detail: json.RawMessage(`{"memory":true}`)}
}

// Close implements [io.Closer].
func (s *snapshot) Close() error {
	s.close.Do(func() {
		s.host.mu.Lock()
		defer s.host.mu.Unlock()
		s.host.open--
	})
	return nil
}

// ctxWriter ends with the context's cause once the context is over.
type ctxWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *ctxWriter) Write(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
