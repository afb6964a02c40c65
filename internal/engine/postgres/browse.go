package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// A shelf is a table of a backup with the parts that hold its rows, in their
// order.
type shelf struct {
	engine.StoredTable
	parts []*backup.StoredPart
}

// Tables implements [engine.Browser]: every table with rows of its own, the
// partitioned ones, whose rows are those of their leaves, and the pages of the
// large objects as the table pg_catalog.pg_largeobject.
func (Driver) Tables(_ context.Context, src engine.RandomSource) ([]engine.StoredTable, error) {
	all, err := shelves(src.Manifest())
	if err != nil {
		return nil, err
	}
	out := make([]engine.StoredTable, len(all))
	for i := range all {
		out[i] = all[i].StoredTable
	}
	return out, nil
}

// Rows implements [engine.Browser]. The values are the text that COPY writes.
func (Driver) Rows(ctx context.Context, src engine.RandomSource, schema, name string, offset int64, limit int) (engine.Page, error) {
	all, err := shelves(src.Manifest())
	if err != nil {
		return engine.Page{}, err
	}
	tables := make([]engine.StoredTable, len(all))
	for i := range all {
		tables[i] = all[i].StoredTable
	}
	i, err := engine.FindTable(tables, schema, name)
	if err != nil {
		return engine.Page{}, err
	}
	page := engine.Page{Table: all[i].Table}
	end := offset
	for _, p := range all[i].parts {
		if offset >= p.Rows {
			offset -= p.Rows
			continue
		}
		before := len(page.Rows)
		room, err := readPage(ctx, src, p, &page, offset, limit)
		if err != nil {
			return engine.Page{}, fmt.Errorf("rows of %s: %w", all[i].Table, err)
		}
		arrange(page.Rows[before:], p.Table, &page.Table)
		if offset = 0; !room {
			break
		}
	}
	end += int64(len(page.Rows))
	page.More = end < all[i].Rows
	return page, nil
}

// readPage adds the rows of a part to the page, and reports whether there is
// room for more.
func readPage(ctx context.Context, src engine.RandomSource, p *backup.StoredPart, page *engine.Page, offset int64, limit int) (room bool, err error) {
	d, err := detailOf(p)
	if err != nil {
		return false, err
	}
	columns := len(page.Table.Columns)
	if p.Table != nil {
		columns = len(p.Table.Columns)
	}
	in, err := src.Lines(ctx, *p, offset)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	room, err = page.ReadLines(in, columns, limit, decoder(d.Encoding))
	if errors.Is(err, engine.ErrLine) {
		err = ErrDamaged.Because(err, "what", string(p.Name))
	}
	return room, err
}

// arrange puts the values of a leaf's rows into the order of the root's columns.
func arrange(rows [][]*string, leaf, root *backup.Table) {
	if leaf == nil || slices.Equal(leaf.Columns, root.Columns) {
		return
	}
	for i, old := range rows {
		rows[i] = make([]*string, len(root.Columns))
		for k, c := range root.Columns {
			if from := slices.Index(leaf.Columns, c); from >= 0 {
				rows[i][k] = old[from]
			}
		}
	}
}

// largeTable is how the pages of large objects are shown.
var largeTable = backup.Table{Schema: "pg_catalog", Name: "pg_largeobject", Columns: []backup.Name{"loid", "pageno", "data"}}

// shelves lists what a backup has that can be shown, sorted by name.
func shelves(m *backup.Manifest) ([]shelf, error) {
	var all []shelf
	roots := map[string]int{}
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Name == partLargeObjects {
			all = append(all, shelf{engine.StoredTable{Table: largeTable, Rows: p.Rows, Bytes: p.Bytes}, []*backup.StoredPart{p}})
		}
		if p.Table == nil || p.Kind != backup.Rows || p.Format != formatCopy {
			continue
		}
		d, err := detailOf(p)
		if err != nil {
			return nil, err
		}
		all = append(all, shelf{engine.StoredTable{Table: *p.Table, Rows: p.Rows, Bytes: p.Bytes, Partitions: len(d.Leaves)}, []*backup.StoredPart{p}})
		if d.Root == "" || len(d.Leaves) > 0 {
			continue
		}
		name := qualified(d.RootSchema, d.Root)
		k, ok := roots[name]
		if !ok {
			k = len(all)
			roots[name] = k
			all = append(all, shelf{StoredTable: engine.StoredTable{Table: backup.Table{Schema: d.RootSchema, Name: d.Root, Columns: p.Table.Columns}}})
		}
		r := &all[k]
		r.Rows, r.Bytes, r.Partitions, r.parts = r.Rows+p.Rows, r.Bytes+p.Bytes, r.Partitions+1, append(r.parts, p)
	}
	slices.SortFunc(all, func(a, b shelf) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func detailOf(p *backup.StoredPart) (d tableDetail, err error) {
	if len(p.Detail) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(p.Detail, &d); err != nil {
		return d, ErrDamaged.Because(err, "what", string(p.Name))
	}
	return d, nil
}

// decoder returns what turns a server's bytes into UTF-8. An encoding that is
// not known here is shown as far as it is ASCII.
func decoder(name string) func([]byte) string {
	e, ok := encodings[name]
	if !ok {
		return func(b []byte) string { return string(b) }
	}
	d := e.NewDecoder()
	return func(b []byte) string {
		s, err := d.Bytes(b)
		if err != nil { // what cannot be read is replaced and no error
			return string(b)
		}
		return string(s)
	}
}

// encodings are those of servers other than UTF-8, as PostgreSQL names them
// (https://www.postgresql.org/docs/current/multibyte.html). GBK holds all of
// EUC_CN.
var encodings = map[string]encoding.Encoding{
	"LATIN1": charmap.ISO8859_1, "LATIN2": charmap.ISO8859_2, "LATIN3": charmap.ISO8859_3, "LATIN4": charmap.ISO8859_4,
	"LATIN5": charmap.ISO8859_9, "LATIN6": charmap.ISO8859_10, "LATIN7": charmap.ISO8859_13, "LATIN8": charmap.ISO8859_14,
	"LATIN9": charmap.ISO8859_15, "LATIN10": charmap.ISO8859_16, "ISO_8859_5": charmap.ISO8859_5, "ISO_8859_6": charmap.ISO8859_6,
	"ISO_8859_7": charmap.ISO8859_7, "ISO_8859_8": charmap.ISO8859_8, "KOI8R": charmap.KOI8R, "KOI8U": charmap.KOI8U,
	"WIN866": charmap.CodePage866, "WIN874": charmap.Windows874, "WIN1250": charmap.Windows1250, "WIN1251": charmap.Windows1251,
	"WIN1252": charmap.Windows1252, "WIN1253": charmap.Windows1253, "WIN1254": charmap.Windows1254, "WIN1255": charmap.Windows1255,
	"WIN1256": charmap.Windows1256, "WIN1257": charmap.Windows1257, "WIN1258": charmap.Windows1258,
	"EUC_JP": japanese.EUCJP, "EUC_KR": korean.EUCKR, "EUC_CN": simplifiedchinese.GBK,
}
