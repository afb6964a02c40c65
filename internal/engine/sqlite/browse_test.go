package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

// browsed makes a database with statements and backs it up.
func browsed(t *testing.T, pragmas []string, statements ...string) *enginetest.Memory {
	t.Helper()
	f := newFixtures(t, "wal")
	db := connect(t, f.path("db"), pragmas...)
	run(t, db, statements...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return take(t, f.server(t), "db")
}

func rowsOf(t *testing.T, src engine.RandomSource, table string, offset int64, limit int) ([]string, engine.Page) {
	t.Helper()
	p, err := Driver{}.Rows(t.Context(), src, "", table, offset, limit)
	if err != nil {
		t.Fatalf("rows of %s: %v", table, err)
	}
	var out []string
	for _, row := range p.Rows {
		line := make([]string, len(row))
		for i, v := range row {
			if line[i] = "<null>"; v != nil {
				line[i] = *v
			}
		}
		out = append(out, strings.Join(line, "|"))
	}
	return out, p
}

func TestBrowseShowsValuesAsTheyAreStored(t *testing.T) {
	for _, encoding := range []string{"UTF-8", "UTF-16le"} {
		m := browsed(t, []string{"journal_mode(wal)", "encoding('" + encoding + "')"},
			`CREATE TABLE t (d DATE, ts TIMESTAMP, b BOOLEAN, v, twice INT GENERATED ALWAYS AS (v * 2) VIRTUAL)`,
			`INSERT INTO t VALUES ('2026-11-21', '2026-11-21 02:30:00', 1, x'00ff'), (20261121, 1.5, 0, NULL), (-0.5, 1e300, 'yes', 9e999), ('', 2.0, NULL, 'ığş'),
				('a' || char(0) || 'b', char(10), 1, 21)`,
			`CREATE TABLE w (k TEXT PRIMARY KEY, n) WITHOUT ROWID`, `INSERT INTO w VALUES ('b', 2), ('a', 1)`, `CREATE INDEX wn ON w (n DESC)`,
			`CREATE TABLE x ("k ""x""" TEXT COLLATE NOCASE, n, c, PRIMARY KEY ("k ""x""" DESC, n DESC)) WITHOUT ROWID`,
			`INSERT INTO x VALUES ('A', 1, 4), ('b', 1, 4), ('a', 2, 4)`, `CREATE INDEX xn ON x (n, c)`,
			`CREATE VIEW seen AS SELECT * FROM w`, `CREATE TABLE "select" ("a ""b""")`)
		got, p := rowsOf(t, m, "t", 0, 100)
		want := []string{`2026-11-21|2026-11-21 02:30:00|1|\x00ff|0`, "20261121|1.5|0|<null>|<null>", "-0.5|1e+300|yes|Inf|Inf", "|2|<null>|ığş|0", "a\x00b|\n|1|21|42"}
		if !slices.Equal(got, want) || p.More || p.Cut != 0 {
			t.Errorf("%s: %q, want %q", encoding, got, want)
		}
		if got, p := rowsOf(t, m, "main.W", 1, 5); !slices.Equal(got, []string{"b|2"}) || p.Table.Name != "w" {
			t.Errorf("%s: %q of %s", encoding, got, p.Table)
		}
		if got, _ := rowsOf(t, m, "x", 0, 5); !slices.Equal(got, []string{"b|1|4", "a|2|4", "A|1|4"}) {
			t.Errorf("%s: %q", encoding, got)
		}
		tables, err := Driver{}.Tables(t.Context(), m)
		var names []string
		for _, x := range tables {
			names = append(names, fmt.Sprintf("%s%s%d", x.Name, x.Columns, x.Rows))
		}
		if want := []string{`select[a "b"]0`, "t[d ts b v twice]5", "w[k n]2", `x[k "x" n c]3`}; err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: tables %q, %v, want %q", encoding, names, err, want)
		}
	}
}

func TestBrowseCutsLongValues(t *testing.T) {
	m := browsed(t, nil, `CREATE TABLE t (v)`,
		fmt.Sprintf(`INSERT INTO t VALUES (zeroblob(%d)), (zeroblob(3000)), (zeroblob(%d)), (printf('%%.*c', 5000, 'x'))`, wideValue+1, wideValue))
	got, p := rowsOf(t, m, "t", 0, 100)
	if p.Cut != 4 || len(got) != 4 || got[0] != "…" || len(got[1]) != engine.MaxValue+len("…") || got[3] != strings.Repeat("x", engine.MaxValue)+"…" {
		t.Errorf("%d cut of %d values: %.20q", p.Cut, len(got), got)
	}
}

// reads counts what is read of a source.
type reads struct {
	*enginetest.Memory
	read int64
}

// Pages implements [engine.RandomSource].
func (r *reads) Pages(ctx context.Context, part backup.StoredPart) (io.ReaderAt, error) {
	at, err := r.Memory.Pages(ctx, part)
	return &countedReads{at, r}, err
}

type countedReads struct {
	io.ReaderAt
	r *reads
}

// ReadAt implements [io.ReaderAt]; SQLite calls it from one goroutine.
func (c *countedReads) ReadAt(b []byte, off int64) (int, error) {
	c.r.read += int64(len(b))
	return c.ReaderAt.ReadAt(b, off)
}

func TestBrowseReadsOnlyWhatItShows(t *testing.T) {
	n := int64(60_000)
	if testing.Short() {
		n = 20_000
	}
	m := browsed(t, []string{"synchronous(off)"}, `CREATE TABLE t (id INTEGER PRIMARY KEY, note)`, `CREATE TABLE u (id INTEGER PRIMARY KEY, note)`,
		fmt.Sprintf(`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %d) INSERT INTO t SELECT i, hex(randomblob(200)) FROM c`, n),
		`INSERT INTO u SELECT * FROM t`, `CREATE INDEX t_note ON t (note, id)`)
	if m.Stored.PlainBytes <= countedBytes {
		t.Fatal("the database is too small to tell")
	}
	src := &reads{Memory: m}
	tables, err := Driver{}.Tables(t.Context(), src)
	if err != nil || len(tables) != 2 || tables[0].Rows != -1 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	got, _ := rowsOf(t, src, "u", 0, 100)
	if len(got) != 100 || !strings.HasPrefix(got[0], "1|") || src.read > 400<<10 {
		t.Errorf("%d bytes of %d were read for a hundred rows", src.read, m.Stored.PlainBytes)
	}
	if got, p := rowsOf(t, src, "t", n-10, 100); len(got) != 10 || !strings.HasPrefix(got[9], fmt.Sprintf("%d|", n)) || p.More {
		t.Errorf("the last rows: %.30q", got)
	}
}

func TestBrowseOfAnotherOrDamagedFileIsAClearError(t *testing.T) {
	m := browsed(t, nil, `CREATE TABLE t (v)`, `INSERT INTO t SELECT hex(randomblob(3000)) FROM (VALUES (1), (2), (3))`)
	bad := slices.Clone(m.Data[partName])
	copy(bad[100:], strings.Repeat("\xff", 3000))
	other := []byte(strings.Repeat("no database at all ", 1000))[:8192]
	for what, c := range map[string]struct {
		data []byte
		want error
	}{"damaged": {bad, ErrCorrupt}, "another": {other, ErrNotDatabase}} {
		stored := *m.Stored
		stored.Parts = slices.Clone(stored.Parts)
		stored.Parts[0].Bytes = int64(len(c.data))
		src := &enginetest.Memory{Stored: &stored, Data: map[backup.Name][]byte{partName: c.data}}
		if _, err := (Driver{}).Tables(t.Context(), src); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	empty := *m.Stored
	empty.Parts = slices.Clone(empty.Parts)
	empty.Parts[0].Bytes = 0
	if tables, err := (Driver{}).Tables(t.Context(), &enginetest.Memory{Stored: &empty, Data: map[backup.Name][]byte{partName: {}}}); err != nil || len(tables) != 0 {
		t.Errorf("an empty file: %v, %v", tables, err)
	}
}
