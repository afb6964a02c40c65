package enginemem

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// Restore implements [engine.Server].
func (s *server) Restore(ctx context.Context, src engine.Source, target engine.Target) (engine.Restored, error) {
	h, err := s.enter(ctx, "restore")
	if err != nil {
		return engine.Restored{}, fmt.Errorf("restore: %w", err)
	}
	if err := h.mayRestore(target); err != nil {
		return engine.Restored{}, fmt.Errorf("restore: %w", err)
	}
	made, done, err := load(ctx, h, src, target)
	if err == nil {
		err = h.step(ctx, "restore commit")
	}
	if err == nil {
		err = h.commit(made, target)
	}
	if err != nil {
		return engine.Restored{}, fmt.Errorf("restore: %w", err)
	}
	return done, nil
}

// Preflight implements [engine.Preflighter].
func (s *server) Preflight(ctx context.Context, src engine.Source, target engine.Target) (engine.Findings, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("preflight: %w", err)
	}
	var found engine.Findings
	shapes, err := readSchema(ctx, src)
	for _, t := range target.Tables {
		if _, ok := shapes.Tables[t]; !ok && err == nil {
			err = engine.ErrTableNotFound.Because(nil, "table", t)
		}
	}
	found.Add(engine.PreflightBackup, err)
	h, err := s.enter(ctx, "preflight")
	if found.Add(engine.PreflightConnection, err); err == nil {
		found.Add(engine.PreflightName, h.mayRestore(target))
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("preflight: %w", context.Cause(ctx))
	}
	return found, nil
}

func (h *Host) mayRestore(target engine.Target) error {
	if target.Database == "" || target.Database == "system" {
		return engine.ErrTargetPrivilege.Because(nil, "user", "tester")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d, exists := h.databases[target.Database]
	if target.Overwrite || !exists {
		return nil
	}
	if len(target.Tables) == 0 {
		return engine.ErrTargetExists.Because(nil, "database", target.Database)
	}
	for _, t := range target.Tables {
		if _, there := d[t]; there {
			return engine.ErrTargetExists.Because(nil, "database", target.Database+": "+t)
		}
	}
	return nil
}

// commit shows what was loaded, in one step.
func (h *Host) commit(made Database, target engine.Target) error {
	if err := h.mayRestore(target); err != nil {
		return err // somebody made it meanwhile
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(target.Tables) > 0 {
		whole := h.databases[target.Database].clone()
		maps.Copy(whole, made)
		made = whole
	}
	h.databases[target.Database] = made
	return nil
}

// load reads the backup into a database that nobody sees yet.
func load(ctx context.Context, h *Host, src engine.Source, target engine.Target) (Database, engine.Restored, error) {
	var done engine.Restored
	shapes, err := readSchema(ctx, src)
	if err != nil {
		return nil, done, err
	}
	for _, t := range target.Tables {
		if _, ok := shapes.Tables[t]; !ok {
			return nil, done, engine.ErrTableNotFound.Because(nil, "table", t)
		}
	}
	made := Database{}
	for _, part := range src.Manifest().Parts {
		if part.Name == schemaPart || part.Table == nil ||
			len(target.Tables) > 0 && !slices.Contains(target.Tables, part.Table.String()) {
			continue
		}
		if err := h.step(ctx, "restore "+string(part.Name)); err != nil {
			return nil, done, err
		}
		name := string(part.Table.Name)
		shape, ok := shapes.Tables[name]
		if !ok {
			return nil, done, fmt.Errorf("the schema does not know table %s", name)
		}
		rows, err := readRows(ctx, src, part, len(shape.Columns))
		if err != nil {
			return nil, done, err
		}
		made[name] = Table{Columns: shape.Columns, Key: shape.Key, Rows: rows, Wide: shape.Wide}
		done.Rows += int64(len(rows))
		done.Bytes += part.Bytes
		if target.Observe != nil {
			target.Observe(backup.Progress{Phase: backup.PhaseLoad, Item: name, Done: done.Bytes, Total: src.Manifest().PlainBytes})
		}
	}
	return made, done, nil
}

func readSchema(ctx context.Context, src engine.Source) (s schema, err error) {
	for _, part := range src.Manifest().Parts {
		if part.Name != schemaPart {
			continue
		}
		err = read(ctx, src, part, func(r io.Reader) error {
			b, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			return json.Unmarshal(b, &s)
		})
		return s, err
	}
	return s, errors.New("the backup has no schema")
}

func readRows(ctx context.Context, src engine.Source, part backup.StoredPart, columns int) (rows [][]Value, err error) {
	err = read(ctx, src, part, func(r io.Reader) error {
		br := bufio.NewReader(r)
		for {
			text, err := br.ReadString('\n')
			if errors.Is(err, io.EOF) && text == "" {
				return nil
			}
			if err != nil {
				return err
			}
			row, err := parseLine(text[:len(text)-1], columns)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	})
	return rows, err
}

func read(ctx context.Context, src engine.Source, part backup.StoredPart, f func(io.Reader) error) error {
	r, err := src.Open(ctx, part)
	if err != nil {
		return fmt.Errorf("open part %s: %w", part.Name, err)
	}
	if err := errors.Join(f(r), r.Close()); err != nil {
		return fmt.Errorf("read part %s: %w", part.Name, err)
	}
	return context.Cause(ctx)
}

// Drop implements [engine.Dropper].
func (s *server) Drop(ctx context.Context, database string) error {
	h, err := s.enter(ctx, "drop")
	if err != nil {
		return fmt.Errorf("drop %s: %w", database, err)
	}
	h.Drop(database)
	return nil
}

// Check implements [engine.Checker]: the rows of each table are counted.
func (s *server) Check(ctx context.Context, database string) ([]engine.Check, error) {
	h, err := s.enter(ctx, "check")
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", database, err)
	}
	start := time.Now()
	d, ok := h.Get(database)
	if !ok {
		return nil, fmt.Errorf("check: %w", engine.ErrNoDatabase.Because(nil, "database", database))
	}
	c := engine.Check{Name: "row_shapes", Status: engine.CheckOK}
	for name, t := range d {
		for _, row := range t.Rows {
			c.Count++
			if len(row) != len(t.Columns) {
				c.Status, c.Detail = engine.CheckFailed, "a row of "+name+" has the wrong number of fields"
			}
		}
	}
	c.Seconds = time.Since(start).Seconds()
	return []engine.Check{c}, nil
}

// Formats implements [engine.Exporter].
func (e *Engine) Formats() []string { return []string{"text"} }

// Extension implements [engine.Exporter].
func (e *Engine) Extension(string) string { return ".txt" }

// Export implements [engine.Exporter]: each part, under a line with its name.
func (e *Engine) Export(ctx context.Context, src engine.Source, format string, _ engine.ExportOptions, w io.Writer) error {
	if format != "text" {
		return fmt.Errorf("export: %w", engine.ErrUnsupported.Because(nil, "what", "format "+format))
	}
	for _, part := range src.Manifest().Parts {
		err := read(ctx, src, part, func(r io.Reader) error {
			if _, err := fmt.Fprintf(w, "# %s\n", part.Name); err != nil {
				return err
			}
			_, err := io.Copy(w, r)
			return err
		})
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}
