package enginemem

import (
	"context"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/engine"
)

// Tables implements [engine.Browser].
func (e *Engine) Tables(_ context.Context, src engine.RandomSource) ([]engine.StoredTable, error) {
	tables, _ := stored(src)
	return tables, nil
}

// stored lists the tables of a backup and, at the same places, their parts.
func stored(src engine.RandomSource) (tables []engine.StoredTable, parts []int) {
	tables = []engine.StoredTable{}
	for i, p := range src.Manifest().Parts {
		if p.Table != nil {
			tables = append(tables, engine.StoredTable{Table: *p.Table, Rows: p.Rows, Bytes: p.Bytes})
			parts = append(parts, i)
		}
	}
	return tables, parts
}

// Rows implements [engine.Browser].
func (e *Engine) Rows(ctx context.Context, src engine.RandomSource, schema, name string, offset int64, limit int) (page engine.Page, err error) {
	tables, parts := stored(src)
	i, err := engine.FindTable(tables, schema, name)
	if err != nil {
		return page, err
	}
	part := src.Manifest().Parts[parts[i]]
	page.Table = *part.Table
	in, err := src.Lines(ctx, part, offset)
	if err != nil {
		return page, fmt.Errorf("open part %s: %w", part.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if _, err := page.ReadLines(in, len(page.Table.Columns), limit, func(b []byte) string { return string(b) }); err != nil {
		return page, fmt.Errorf("read part %s: %w", part.Name, err)
	}
	page.More = offset+int64(len(page.Rows)) < part.Rows
	return page, nil
}
