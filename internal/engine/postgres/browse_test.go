package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

func browsed(t *testing.T, src engine.RandomSource, table string, offset int64, limit int) (rows []string, p engine.Page) {
	t.Helper()
	p, err := Driver{}.Rows(t.Context(), src, "", table, offset, limit)
	if err != nil {
		t.Fatalf("rows of %s: %v", table, err)
	}
	for _, row := range p.Rows {
		line := make([]string, len(row))
		for i, v := range row {
			if line[i] = "<null>"; v != nil {
				line[i] = *v
			}
		}
		rows = append(rows, strings.Join(line, "|"))
	}
	return rows, p
}

func TestABackupIsBrowsed(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d ENCODING 'LATIN5' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	s.Exec(t, "postgres", "ALTER DATABASE d SET client_encoding = 'UTF8'")
	s.Exec(t, "d", `CREATE TABLE values_ (id int PRIMARY KEY, t text, b bytea, j jsonb, at timestamptz);
INSERT INTO values_ VALUES (1, 'ığüşöç İ', '\x00ff', '{"a": 1}', '2026-11-21 02:30+03'), (2, NULL, NULL, NULL, NULL), (3, E'\\N\t\n', '', 'null', 'infinity'),
 (4, repeat('ş', 5000), decode(repeat('ab', 3000), 'hex'), '[]', now());
CREATE TABLE root (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE leaf_a PARTITION OF root FOR VALUES FROM (0) TO (100);
CREATE TABLE leaf_b (name text, id int NOT NULL);
ALTER TABLE root ATTACH PARTITION leaf_b FOR VALUES FROM (100) TO (200);
CREATE TYPE mood AS ENUM ('x', 'y');
CREATE TABLE hashed (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO root SELECT i, 'n' || i FROM generate_series(95, 104) i;
INSERT INTO hashed VALUES ('x', 1), ('y', 2);
CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES;
CREATE SCHEMA other; CREATE TABLE other.bare (a int);
CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW mv AS SELECT 1;
SELECT lo_from_bytea(77, '\x0102')`)
	m, err := enginetest.Take(t.Context(), open(t, s, nil), engine.Postgres, "d")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := Driver{}.Tables(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	rows := map[string]int64{}
	for _, x := range tables {
		names = append(names, x.String())
		rows[x.String()] = x.Rows
	}
	if want := []string{"other.bare", "pg_catalog.pg_largeobject", "public.bare", "public.hashed", "public.leaf_a", "public.leaf_b", "public.root", "public.values_"}; !slices.Equal(names, want) {
		t.Errorf("tables %q, want %q", names, want)
	}
	if rows["public.root"] != 10 || rows["public.leaf_b"] != 5 || rows["public.hashed"] != 2 {
		t.Errorf("counts %v", rows)
	}
	got, p := browsed(t, m, "values_", 0, 3)
	if want := []string{`1|ığüşöç İ|\x00ff|{"a": 1}|2026-11-20 23:30:00+00`, "2|<null>|<null>|<null>|<null>", "3|\\N\t\n|\\x|null|infinity"}; !slices.Equal(got, want) || !p.More || p.Cut != 0 {
		t.Errorf("%q, want %q", got, want)
	}
	if got, p = browsed(t, m, "public.values_", 3, 3); p.Cut != 2 || p.More || !strings.Contains(got[0], "şş…|\\xabab") {
		t.Errorf("%d cut, %.50q", p.Cut, got)
	}
	if got, p := browsed(t, m, "root", 3, 4); !slices.Equal(got, []string{"98|n98", "99|n99", "100|n100", "101|n101"}) || !p.More {
		t.Errorf("%q", got)
	}
	if got, p := browsed(t, m, "root", 9, 4); !slices.Equal(got, []string{"104|n104"}) || p.More {
		t.Errorf("%q", got)
	}
	if got, _ := browsed(t, m, "leaf_b", 0, 1); !slices.Equal(got, []string{"n100|100"}) {
		t.Errorf("%q", got)
	}
	if got, _ := browsed(t, m, "public.bare", 0, 9); !slices.Equal(got, []string{"", ""}) {
		t.Errorf("rows without columns: %q", got)
	}
	if got, _ := browsed(t, m, "pg_largeobject", 0, 9); !slices.Equal(got, []string{`77|0|\x0102`}) {
		t.Errorf("large objects: %q", got)
	}
	if _, err := (Driver{}).Rows(t.Context(), m, "", "bare", 0, 1); !errors.Is(err, engine.ErrTableAmbiguous) {
		t.Errorf("two tables of a name: %v", err)
	}
	m.Data["table/public.leaf_a"] = []byte("95\n")
	if _, err := (Driver{}).Rows(t.Context(), m, "", "leaf_a", 0, 9); !errors.Is(err, ErrDamaged) {
		t.Errorf("a row with too few fields: %v", err)
	}
}
