package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite/vfs"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// Tables implements [engine.Browser]. The rows are counted only in a database of
// at most [countedBytes]: SQLite keeps no count, and would have to read all of a
// larger one.
func (Driver) Tables(ctx context.Context, src engine.RandomSource) ([]engine.StoredTable, error) {
	var out []engine.StoredTable
	err := browse(ctx, src, func(c *conn, size int64) (err error) {
		out, err = c.stored(ctx)
		if err != nil || size > countedBytes {
			return err
		}
		for i := range out {
			if err := c.one(ctx, &out[i].Rows, "SELECT count(*) FROM "+quote(string(out[i].Name))); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// countedBytes is the size up to which the rows of a database are counted.
const countedBytes = 16 << 20

// Rows implements [engine.Browser]. The rows come in the order of the table's own
// tree. SQLite has to walk over all rows before offset, so the parts of the tree
// that hold them are read.
func (Driver) Rows(ctx context.Context, src engine.RandomSource, schema, name string, offset int64, limit int) (engine.Page, error) {
	var page engine.Page
	err := browse(ctx, src, func(c *conn, _ int64) error {
		tables, err := c.stored(ctx)
		if err != nil {
			return err
		}
		names := make([]string, len(tables))
		for i := range tables {
			names[i] = string(tables[i].Name)
		}
		if found, ok := findTable(names, name); ok {
			name = found
		}
		i, err := engine.FindTable(tables, schema, name)
		if err != nil {
			return err
		}
		page.Table = tables[i].Table
		return c.page(ctx, &page, offset, limit)
	})
	if err != nil {
		return engine.Page{}, err
	}
	return page, nil
}

// stored lists the tables that rows can be shown of: not SQLite's own, no
// virtual ones, whose shadow tables are in the list.
func (c *conn) stored(ctx context.Context) ([]engine.StoredTable, error) {
	names, err := c.strings(ctx, `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')
		AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	out := []engine.StoredTable{}
	for _, n := range names {
		columns, err := c.strings(ctx, `SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden IN (0, 2, 3)`, n)
		if err != nil {
			return nil, err
		}
		t := engine.StoredTable{Table: backup.Table{Name: backup.Name(n)}, Rows: -1, Bytes: -1}
		for _, col := range columns {
			t.Columns = append(t.Columns, backup.Name(col))
		}
		out = append(out, t)
	}
	return out, nil
}

// keyOrder writes the order of a table without rowids: SQLite would walk any
// index that holds all columns. A table with rowids has no such key here.
const keyOrder = `SELECT '"' || replace(x.name, '"', '""') || '" COLLATE ' || x.coll || CASE WHEN x.desc THEN ' DESC' ELSE '' END
	FROM pragma_table_list l, pragma_index_list(l.name, 'main') i, pragma_index_xinfo(i.name, 'main') x
	WHERE l.schema = 'main' AND l.name = ? AND l.wr AND i.origin = 'pk' AND x.key ORDER BY x.seqno`

// page reads rows of the page's table.
func (c *conn) page(ctx context.Context, page *engine.Page, offset int64, limit int) error {
	fields := make([]string, 0, 2*len(page.Table.Columns))
	for _, n := range page.Table.Columns {
		q := quote(string(n))
		// An expression, because the driver makes moments of columns that
		// are declared so.
		fields = append(fields, "octet_length("+q+")", fmt.Sprintf("CASE WHEN octet_length(%s) <= %d THEN %[1]s END", q, wideValue))
	}
	name := string(page.Table.Name)
	order, err := c.strings(ctx, keyOrder, name)
	if err != nil {
		return err
	}
	from := quote(name) + " NOT INDEXED"
	if len(order) > 0 {
		from += " ORDER BY " + strings.Join(order, ", ")
	}
	rows, err := c.QueryContext(ctx, "SELECT "+strings.Join(fields, ", ")+" FROM "+from+" LIMIT ? OFFSET ?", limit+1, offset)
	if err != nil {
		return explain(ctx, err, c.path)
	}
	defer rows.Close()
	sizes, values := make([]sql.NullInt64, len(page.Table.Columns)), make([]any, len(page.Table.Columns))
	into := make([]any, 0, len(fields))
	for i := range values {
		into = append(into, &sizes[i], &values[i])
	}
	for full := false; rows.Next(); {
		if page.More = full; full {
			break
		}
		if err := rows.Scan(into...); err != nil {
			return explain(ctx, err, c.path)
		}
		row := make([]*string, len(values))
		for i, v := range values {
			if sizes[i].Valid {
				row[i] = show(page, v)
			}
		}
		full = !page.Add(row, limit)
	}
	return explain(ctx, rows.Err(), c.path)
}

// wideValue is how large a value may be for its beginning to be shown: SQLite
// reads it as a whole.
const wideValue = 16 << 20

// show writes a value: numbers as SQLite does, bytes in hexadecimal.
func show(page *engine.Page, v any) *string {
	switch v := v.(type) {
	case int64:
		return page.Value(strconv.FormatInt(v, 10))
	case float64:
		return page.Value(float(v))
	case string:
		return page.Value(v)
	case []byte:
		const most = (engine.MaxValue - len(`\x`)) / 2
		if len(v) > most {
			return page.CutValue(`\x` + hex.EncodeToString(v[:most]))
		}
		return page.Value(`\x` + hex.EncodeToString(v))
	case nil:
		return page.CutValue("") // longer than wideValue
	}
	return page.Value(fmt.Sprint(v))
}

func float(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// browse opens the database in a backup where it lies, and lends it to use.
func browse(ctx context.Context, src engine.RandomSource, use func(c *conn, size int64) error) (err error) {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	part, err := databasePart(src.Manifest())
	if err != nil {
		return err
	}
	pages, err := src.Pages(ctx, part)
	if err != nil {
		return fmt.Errorf("open backup: %w", err)
	}
	image := &image{pages: pages, size: part.Bytes}
	name, files, err := vfs.New(image)
	if err != nil {
		return fmt.Errorf("open backup: %w", err)
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	db, err := sql.Open("sqlite", "file:"+imageName+"?vfs="+name+"&mode=ro&immutable=1&_pragma=query_only(1)&_pragma=temp_store(2)&_pragma=mmap_size(0)&_pragma=trusted_schema(0)")
	if err != nil {
		return fmt.Errorf("open backup: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	one, err := db.Conn(ctx)
	if err == nil {
		err = errors.Join(use(&conn{Conn: one, db: db, path: imageName}, part.Bytes), one.Close())
	}
	if why := image.failed(); why != nil {
		return fmt.Errorf("read backup: %w", why) // SQLite knows only that it could not read
	}
	return err
}

// imageName is what the database in a backup is called while it is looked at.
const imageName = "backup.sqlite"

// An image is the file system SQLite sees: one file that cannot be changed.
type image struct {
	pages io.ReaderAt
	size  int64

	mu  sync.Mutex
	err error // why pages could not be read
}

func (m *image) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Open implements [fs.FS].
func (m *image) Open(name string) (fs.File, error) {
	if name != imageName && name != "/"+imageName {
		return nil, fs.ErrNotExist
	}
	return &imageFile{m: m}, nil
}

// imageFile is the file, open. It is its own [fs.FileInfo].
type imageFile struct {
	m  *image
	at int64
}

// Seek implements [io.Seeker] for places counted from the start.
func (f *imageFile) Seek(offset int64, _ int) (int64, error) {
	f.at = offset
	return offset, nil
}

// Read implements [io.Reader]. Bytes 18 and 19 say whether a write-ahead log
// belongs to the file (https://www.sqlite.org/fileformat2.html, 1.3). A backup
// has none: all of it is in the pages.
func (f *imageFile) Read(b []byte) (int, error) {
	n, err := f.m.pages.ReadAt(b, f.at)
	for _, version := range []int64{18, 19} {
		if i := version - f.at; i >= 0 && i < int64(n) && b[i] == 2 {
			b[i] = 1
		}
	}
	f.at += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		f.m.mu.Lock()
		defer f.m.mu.Unlock()
		if f.m.err == nil {
			f.m.err = err
		}
	}
	return n, err
}

func (f *imageFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *imageFile) Close() error               { return nil }
func (f *imageFile) Name() string               { return imageName }
func (f *imageFile) Size() int64                { return f.m.size }
func (f *imageFile) Mode() fs.FileMode          { return 0o400 }
func (f *imageFile) ModTime() time.Time         { return time.Time{} }
func (f *imageFile) IsDir() bool                { return false }
func (f *imageFile) Sys() any                   { return nil }
