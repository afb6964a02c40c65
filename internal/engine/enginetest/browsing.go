package enginetest

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rahatbackup/rahat/internal/engine"
)

// testBrowse checks the drivers that can show what is in a backup.
func testBrowse(s *suite) {
	f, ok := s.f.(WithDriver)
	if !ok {
		return
	}
	b, ok := f.Driver().(engine.Browser)
	if !ok {
		return
	}
	s.browseAll(b, s.take(s.create("rahat_browse_empty", Empty)))
	awkward := s.browseAll(b, s.take(s.create("rahat_browse", Awkward)))
	s.browseAwkward(awkward)
	m := s.take(s.create("rahat_browse_ledger", Ledger))
	s.browseAll(b, m)
	s.browseTroubles(b, m)
}

// browseAll reads every table at once and in small pages, which must be the same.
func (s *suite) browseAll(b engine.Browser, m *Memory) (values []*string) {
	s.Helper()
	tables, err := b.Tables(s.Context(), m)
	if err != nil {
		s.Fatalf("list tables: %v", err)
	}
	for i, t := range tables {
		name := engine.ShownName(t.Name)
		if i > 0 && (t.Schema < tables[i-1].Schema || t.Schema == tables[i-1].Schema && t.Name <= tables[i-1].Name) {
			s.Errorf("%s stands behind %s", t.Table, tables[i-1].Table)
		}
		all := s.page(b, m, t, 0, 1<<20)
		values = append(values, slices.Concat(all.Rows...)...)
		if t.Rows >= 0 && int64(len(all.Rows)) != t.Rows && !all.More {
			s.Errorf("%s: %d rows of %d", name, len(all.Rows), t.Rows)
		}
		for _, from := range []int{0, 1, len(all.Rows) / 2, len(all.Rows) - 1} {
			if from < 0 || from >= len(all.Rows) {
				continue
			}
			part := s.page(b, m, t, int64(from), 2)
			want := all.Rows[from:min(from+2, len(all.Rows))]
			both := min(len(part.Rows), len(want))
			if both == 0 || !slices.EqualFunc(part.Rows[:both], want[:both], sameRow) {
				s.Errorf("%s: two rows from %d differ", name, from)
			}
			if more := from+len(part.Rows) < len(all.Rows) || all.More; part.More != more {
				s.Errorf("%s: from %d it is said that there is more: %t", name, from, part.More)
			}
		}
		if past := s.page(b, m, t, int64(len(all.Rows))+1<<40, 5); len(past.Rows) > 0 || past.More {
			s.Errorf("%s: %d rows beyond the end", name, len(past.Rows))
		}
	}
	return values
}

// page reads rows and checks their form.
func (s *suite) page(b engine.Browser, m *Memory, t engine.StoredTable, offset int64, limit int) engine.Page {
	s.Helper()
	p, err := b.Rows(s.Context(), m, engine.ShownName(t.Schema), engine.ShownName(t.Name), offset, limit)
	if err != nil {
		s.Fatalf("%s from %d: %v", t.Table, offset, err)
	}
	if len(p.Rows) > limit || !slices.Equal(p.Table.Columns, t.Columns) || p.Table.Name != t.Name {
		s.Errorf("%s: %d rows with columns %q, want at most %d with %q", t.Table, len(p.Rows), p.Table.Columns, limit, t.Columns)
	}
	for _, row := range p.Rows {
		if len(row) != len(t.Columns) {
			s.Fatalf("%s: %d values for %d columns", t.Table, len(row), len(t.Columns))
		}
		for _, v := range row {
			if v != nil && (!utf8.ValidString(*v) || len(*v) > engine.MaxValue*3+len("…")) {
				s.Errorf("%s: a value is no text or too long: %.40q", t.Table, *v)
			}
		}
	}
	return p
}

func sameRow(a, b []*string) bool {
	return slices.EqualFunc(a, b, func(x, y *string) bool { return (x == nil) == (y == nil) && (x == nil || *x == *y) })
}

// browseAwkward looks for what the content is promised to hold.
func (s *suite) browseAwkward(values []*string) {
	s.Helper()
	has := func(what string, is func(*string) bool) {
		if !slices.ContainsFunc(values, is) {
			s.Errorf("no value is %s", what)
		}
	}
	has("NULL", func(v *string) bool { return v == nil })
	for what, text := range map[string]string{"dotless": "ı", "a line's end": "\n", "a tab": "\t", "a backslash": `\`} {
		has(what, func(v *string) bool { return v != nil && strings.Contains(*v, text) })
	}
	has("emoji", func(v *string) bool {
		return v != nil && strings.ContainsFunc(*v, func(r rune) bool { return r > 0xFFFF })
	})
	has("the empty text", func(v *string) bool { return v != nil && *v == "" })
}

// browseTroubles: what cannot be shown is an error that says why.
func (s *suite) browseTroubles(b engine.Browser, m *Memory) {
	s.Helper()
	tables, err := b.Tables(s.Context(), m)
	if err != nil || len(tables) == 0 {
		s.Fatalf("list tables: %d, %v", len(tables), err)
	}
	t := tables[0]
	schema, name := engine.ShownName(t.Schema), engine.ShownName(t.Name)
	if _, err := b.Rows(s.Context(), m, schema, "rahat_no_such_table", 0, 1); !errors.Is(err, engine.ErrTableNotFound) {
		s.Errorf("an unknown table: %v, want ErrTableNotFound", err)
	}
	if p, err := b.Rows(s.Context(), m, "", name, 0, 1); err != nil || len(p.Rows) != 1 {
		s.Errorf("a table without its schema: %d rows, %v", len(p.Rows), err)
	}
	broken := errors.New("the cable is out")
	if _, err := b.Rows(s.Context(), m.FailAfter(0, broken), schema, name, 0, 1); !errors.Is(err, broken) {
		s.Errorf("a broken source: %v, want its error", err)
	}
	if _, err := b.Rows(cancelled(s.Context()), m, schema, name, 0, 1); !errors.Is(err, errStop) {
		s.Errorf("cancelled: %v, want the cause", err)
	}
}
