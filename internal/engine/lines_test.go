package engine_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

func plain(b []byte) string { return string(b) }

// shown writes rows so that tests can compare them: NULL as <null>.
func shown(rows [][]*string) (out []string) {
	for _, row := range rows {
		line := make([]string, len(row))
		for i, v := range row {
			if line[i] = "<null>"; v != nil {
				line[i] = *v
			}
		}
		out = append(out, strings.Join(line, "|"))
	}
	return out
}

func TestLinesAreReadAsCopyWritesThem(t *testing.T) {
	for in, want := range map[string][]string{
		"":                            nil,
		"1\ta\n2\tb\n":                {"1|a", "2|b"},
		"1\ta\n2\tb":                  {"1|a", "2|b"},
		"\\N\t\n":                     {"<null>|"},
		"\\\\N\ta\\Nb\n":              {`\N|aNb`},
		"a\\tb\\nc\t\\b\\f\\r\\v\\\\": {"a\tb\nc|\b\f\r\v\\"},
		"\\x41\\101\\x4g\t\\xg\\8\n":  {"AA\x04g|xg8"},
		"\\\\x00ff\tı\n":              {`\x00ff|ı`},
		"\t\n":                        {"|"},
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{"at once": func(r io.Reader) io.Reader { return r }, "bytewise": iotest.OneByteReader} {
			var p engine.Page
			room, err := p.ReadLines(wrap(strings.NewReader(in)), 2, 100, plain)
			if got := shown(p.Rows); err != nil || !room || !slices.Equal(got, want) {
				t.Errorf("%q %s: %q, %t, %v, want %q", in, name, got, room, err, want)
			}
		}
	}
}

func TestLinesThatAreNoneAreRefused(t *testing.T) {
	for _, in := range []string{"1\n", "1\t2\t3\n", "\n", "\\Nx\t1\n", "x\t\\"} {
		var p engine.Page
		if _, err := p.ReadLines(strings.NewReader(in), 2, 10, plain); !errors.Is(err, engine.ErrLine) {
			t.Errorf("%q: %v", in, err)
		}
	}
	broken := errors.New("broken")
	for _, in := range []string{"1\t", "1\t2", "1\t\\"} {
		var p engine.Page
		if _, err := p.ReadLines(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), 2, 10, plain); !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestATableWithoutColumnsHasEmptyRows(t *testing.T) {
	var p engine.Page
	if room, err := p.ReadLines(strings.NewReader("\n\n\n"), 0, 10, plain); err != nil || !room || len(p.Rows) != 3 {
		t.Errorf("%d rows, %v", len(p.Rows), err)
	}
}

func TestLongValuesAreCutAndFullPagesEnd(t *testing.T) {
	long := strings.Repeat("ş", engine.MaxValue) // two bytes each
	var p engine.Page
	if _, err := p.ReadLines(strings.NewReader("a"+long+"\tx\n"), 2, 10, plain); err != nil {
		t.Fatal(err)
	}
	v := *p.Rows[0][0]
	if p.Cut != 1 || !strings.HasSuffix(v, "ş…") || len(v) != engine.MaxValue-1+len("…") || !utf8.ValidString(v) {
		t.Errorf("%d cut, %d bytes, ends in %q", p.Cut, len(v), v[len(v)-8:])
	}
	exact := strings.Repeat("x", engine.MaxValue)
	p = engine.Page{}
	if _, err := p.ReadLines(strings.NewReader(exact+"\t"+exact+"y\n"), 2, 10, plain); err != nil {
		t.Fatal(err)
	}
	if p.Cut != 1 || *p.Rows[0][0] != exact || *p.Rows[0][1] != exact+"…" {
		t.Errorf("%d cut of a value that just fits and one that just does not", p.Cut)
	}
	p = engine.Page{}
	room, err := p.ReadLines(strings.NewReader(strings.Repeat(exact+"\t"+exact+"\n", 5000)), 2, 5000, plain)
	if err != nil || room || len(p.Rows) != engine.PageBytes/engine.MaxValue/2 {
		t.Errorf("%d rows on a page, room %t, %v", len(p.Rows), room, err)
	}
	p = engine.Page{}
	if room, err := p.ReadLines(strings.NewReader("1\t2\n3\t4\n"), 2, 1, plain); err != nil || room || len(p.Rows) != 1 {
		t.Errorf("%d rows of one, room %t, %v", len(p.Rows), room, err)
	}
}

func TestTablesAreFoundByName(t *testing.T) {
	all := []engine.StoredTable{{}, {}, {}, {}}
	all[0].Table = backup.Table{Schema: "a", Name: "t"}
	all[1].Table = backup.Table{Schema: "b", Name: "t"}
	all[2].Table = backup.Table{Schema: "b", Name: "only"}
	all[3].Table = backup.Table{Schema: "b", Name: "a.t\xff"}
	for _, c := range []struct {
		schema, name string
		at           int
		err          error
	}{
		{"a", "t", 0, nil}, {"", "b.t", 1, nil}, {"", "only", 2, nil}, {"b", "a.t\uFFFD", 3, nil}, {"", "a.t\uFFFD", 3, nil},
		{"", "t", 0, engine.ErrTableAmbiguous}, {"a", "only", 0, engine.ErrTableNotFound}, {"", "", 0, engine.ErrTableNotFound},
	} {
		if at, err := engine.FindTable(all, c.schema, c.name); at != c.at || !errors.Is(err, c.err) {
			t.Errorf("%q %q: %d, %v", c.schema, c.name, at, err)
		}
	}
}

func FuzzReadLines(f *testing.F) {
	f.Add("1\t\\N\n\\x41\\101\t\\\\\n", 2, 3)
	f.Fuzz(func(t *testing.T, in string, columns, limit int) {
		columns, limit = columns&63, limit&1023+1
		var p engine.Page
		_, err := p.ReadLines(strings.NewReader(in), columns, limit, plain)
		if err != nil && !errors.Is(err, engine.ErrLine) {
			t.Fatal(err)
		}
		if len(p.Rows) > limit || len(p.Rows) > strings.Count(in, "\n")+1 {
			t.Fatalf("%d rows", len(p.Rows))
		}
		for _, row := range p.Rows {
			if len(row) != columns {
				t.Fatalf("%d values for %d columns", len(row), columns)
			}
			for _, v := range row {
				if v != nil && !utf8.ValidString(*v) {
					t.Fatalf("no text: %q", *v)
				}
			}
		}
	})
}
