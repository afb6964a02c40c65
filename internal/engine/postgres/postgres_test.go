package postgres

import (
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

func TestADatabaseComesBackWithRowsKeysSequencesAndLargeObjects(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", `CREATE DATABASE shop`)
	s.Exec(t, "shop", `
CREATE TABLE item (name text, id serial PRIMARY KEY, price numeric CHECK (price > 0));
INSERT INTO item (name, price) SELECT 'ürün ' || i, i FROM generate_series(1, 1000) i;
CREATE TABLE line (item int REFERENCES item, note text);
INSERT INTO line SELECT i, NULL FROM generate_series(1, 500) i;
CREATE INDEX ON line (item);
CREATE VIEW v AS SELECT count(*) FROM line;
SELECT lo_from_bytea(4242, decode(repeat('00ff10', 3000), 'hex'))`)
	srv := open(t, s, nil)
	m := take(t, srv, "shop")
	for _, p := range m.m.Parts {
		t.Logf("%-24s %8d bytes %6d rows key %d", p.Name, p.Bytes, p.Rows, p.Key)
	}
	done := restore(t, srv, m, engine.Target{Database: "shop2"})
	if done.Rows != 1505 {
		t.Errorf("%d rows", done.Rows)
	}
	for _, q := range []string{
		"SELECT count(*), sum(id), max(name) FROM item", "SELECT * FROM v", "SELECT last_value, is_called FROM item_id_seq",
		"SELECT md5(lo_get(4242))", "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
	} {
		if a, b := s.Query(t, "shop", q), s.Query(t, "shop2", q); len(a) == 0 || a[0][0] != b[0][0] {
			t.Errorf("%s: %v, %v", q, a, b)
		}
	}
}
