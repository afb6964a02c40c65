package engine

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
)

// ErrTableAmbiguous: several tables are called {table}: {possible}.
var ErrTableAmbiguous = problem.New("engine.table_ambiguous")

// A Browser is a driver that can show what is in a backup, without a server
// and without bringing anything back. Find it with a type assertion.
type Browser interface {
	// Tables lists the tables of a backup, sorted by schema and name. Views
	// and what the engine keeps for itself are left out.
	Tables(ctx context.Context, src RandomSource) ([]StoredTable, error)
	// Rows reads rows of a table from number offset on, the first being 0, at
	// most limit, in the order they are stored. There are fewer before the
	// end when they would take more than [PageBytes]. The table is found as
	// [FindTable] says. Nothing but what it takes is read of src.
	Rows(ctx context.Context, src RandomSource, schema, name string, offset int64, limit int) (Page, error)
}

// A RandomSource is a backup that can be read in any place. It is safe for
// concurrent use.
type RandomSource interface {
	Source
	// Lines reads a part of kind rows from the line with the number from on,
	// the first being 0, to its end. What is handed on was proven right. The
	// caller closes the reader, at any place.
	Lines(ctx context.Context, part backup.StoredPart, from int64) (io.ReadCloser, error)
	// Pages gives access to any place of a part of kind pages, as long as ctx
	// lasts. What is read was proven right.
	Pages(ctx context.Context, part backup.StoredPart) (io.ReaderAt, error)
}

// A StoredTable is a table in a backup.
type StoredTable struct {
	backup.Table
	Rows  int64 // -1 when only counting could tell
	Bytes int64 // plain; -1 when the engine does not store tables apart
	// Partitions is how many tables hold the rows of this one, each of which
	// is in the list too; 0 for a table with rows of its own.
	Partitions int
}

// A Page is some rows of a table.
type Page struct {
	Table backup.Table
	Rows  [][]*string // a value for each column, nil for NULL; UTF-8
	More  bool        // there are rows behind these
	Cut   int         // how many values were too long to be shown whole

	bytes int
}

// The limits of a [Page], in bytes.
const (
	// MaxValue is how much is shown of a value; a "…" follows.
	MaxValue = 4 << 10
	// PageBytes is how much all values may take before a page ends.
	PageBytes = 4 << 20
)

// Value is a text as the page shows it: in UTF-8, and cut when it is longer than
// [MaxValue].
func (p *Page) Value(s string) *string {
	if len(s) <= MaxValue {
		s = strings.ToValidUTF8(s, "\uFFFD")
		return &s
	}
	n := MaxValue
	for n > MaxValue-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return p.CutValue(s[:n])
}

// CutValue is the beginning of a value that is too long to be shown whole.
func (p *Page) CutValue(s string) *string {
	p.Cut++
	s = strings.ToValidUTF8(s, "\uFFFD") + "…"
	return &s
}

// Add appends a row and reports whether the page has room for another.
func (p *Page) Add(row []*string, limit int) bool {
	p.Rows = append(p.Rows, row)
	for _, v := range row {
		if v != nil {
			p.bytes += len(*v)
		}
	}
	return len(p.Rows) < limit && p.bytes < PageBytes
}

// ShownName is a name as text, for people and for addresses; what is no UTF-8
// in it is shown as U+FFFD.
func ShownName(n backup.Name) string { return strings.ToValidUTF8(string(n), "\uFFFD") }

// FindTable returns the place of a table in a list. Names are compared as
// [ShownName] writes them. Without a schema, name may be "schema.name", or that
// of the only table so called. [ErrTableNotFound], [ErrTableAmbiguous].
func FindTable(tables []StoredTable, schema, name string) (int, error) {
	var found []int
	var possible []string
	for i := range tables {
		s, n := ShownName(tables[i].Schema), ShownName(tables[i].Name)
		switch {
		case schema == s && n == name, schema == "" && s != "" && s+"."+n == name:
			return i, nil
		case schema == "" && n == name:
			found, possible = append(found, i), append(possible, ShownName(backup.Name(tables[i].String())))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if schema != "" {
			name = schema + "." + name
		}
		return 0, ErrTableNotFound.Because(nil, "table", name)
	}
	return 0, ErrTableAmbiguous.Because(nil, "table", name, "possible", strings.Join(possible, ", "))
}
