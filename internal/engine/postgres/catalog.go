package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
)

// A table is one relation whose rows are read: an ordinary table or a leaf of a
// partitioned one.
type table struct {
	oid    string
	schema backup.Name
	name   backup.Name
	where  string // of an extension's configuration table
	config bool   // is an extension's configuration table
	// The topmost partitioned table above a leaf.
	rootSchema, rootName backup.Name
	hash                 bool // below a hash-partitioned table
	unstable             bool // which leaf a row belongs to hangs on object numbers
	// leaves are the tables whose rows are read together as those of this,
	// their root.
	leaves  []*table
	pages   int64
	tuples  float64
	bytes   int64
	columns []column // what COPY reads and writes, in order
	key     []column // leading columns of the order, subset of columns
}

type column struct {
	attnum      int64
	name        backup.Name
	typ         string // name of the base type in pg_catalog; empty for others
	collatable  bool
	correlation float64 // of the values with the heap; 1 when unknown
}

func (t *table) quoted() string { return qualified(t.schema, t.name) }
func (t *table) String() string { return string(t.schema) + "." + string(t.name) }

// wantedTables is the condition on pg_class c and pg_namespace n for relations
// whose rows are dumped. Partitioned tables, views and foreign tables have no
// rows of their own; what belongs to an extension comes back with it, except
// for the rows of its configuration tables; a standby cannot read unlogged
// tables.
const wantedTables = `c.relkind = 'r' AND c.relpersistence IN ('p','u')
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'
  AND (EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE c.oid = ANY (x.extconfig))
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'))`

// unstableKey finds out whether a hash may be another after a restore: that of an
// enum or of a regclass is the hash of a number the server gives out. Types of
// people's making and expressions may lead to one.
const unstableKey = `EXISTS (SELECT FROM pg_catalog.unnest(p.partattrs::pg_catalog.int2[]) k(att)
        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.att LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE k.att = 0 OR t.oid >= 16384 OR t.typcategory IN ('A', 'E', 'C', 'P', 'R') OR t.typname LIKE 'reg%')`

const tablesSQL = `
SELECT c.oid, n.nspname, c.relname, e.cond, e.cond IS NOT NULL, top.nspname, top.relname, coalesce(top.hashed, false), coalesce(top.unstable, false),
  c.relpages, c.reltuples, pg_catalog.pg_table_size(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (SELECT x.extcondition[pg_catalog.array_position(x.extconfig, c.oid)] AS cond
    FROM pg_catalog.pg_extension x WHERE c.oid = ANY (x.extconfig) LIMIT 1) e ON true
LEFT JOIN LATERAL (
    WITH RECURSIVE up(oid, lvl, h, u) AS (
      SELECT c.oid, 0, false, false WHERE c.relispartition
      UNION ALL
      SELECT i.inhparent, up.lvl + 1, up.h OR p.partstrat = 'h', up.u OR p.partstrat = 'h' AND (` + unstableKey + `) FROM up
        JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = i.inhparent)
    SELECT tn.nspname, tc.relname, up.h AS hashed, up.u AS unstable FROM up
      JOIN pg_catalog.pg_class tc ON tc.oid = up.oid JOIN pg_catalog.pg_namespace tn ON tn.oid = tc.relnamespace
      WHERE up.lvl > 0 ORDER BY up.lvl DESC LIMIT 1) top ON true
WHERE ` + wantedTables + ` ORDER BY 1`

const columnsSQL = `
SELECT a.attrelid, a.attnum, a.attname,
  CASE WHEN tn.nspname = 'pg_catalog' THEN b.typname END, b.typcollation <> 0
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' AND t.typbasetype <> 0 THEN t.typbasetype ELSE t.oid END
JOIN pg_catalog.pg_namespace tn ON tn.oid = b.typnamespace
WHERE ` + wantedTables + ` ORDER BY 1, 2`

// keysSQL finds the columns that identify a row: those of the primary key, else
// of the smallest unique index over columns that cannot be null. Columns an
// index merely includes do not count.
const keysSQL = `
SELECT DISTINCT ON (i.indrelid) i.indrelid, i.indnkeyatts, i.indkey
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
WHERE i.indisunique AND i.indisvalid AND i.indisready AND (i.indimmediate OR i.indisprimary) AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(att, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att
    WHERE k.n <= i.indnkeyatts AND (NOT a.attnotnull OR a.attgenerated <> ''))
  AND ` + wantedTables + `
ORDER BY i.indrelid, i.indisprimary DESC, i.indnkeyatts, i.indexrelid`

// correlationSQL tells how far the heap of big tables follows the order of a column.
const correlationSQL = `
SELECT c.oid, a.attnum, s.correlation
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND NOT s.inherited
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = s.attname
WHERE c.relpages > 1024 AND s.correlation IS NOT NULL AND ` + wantedTables

// listTables lists the tables whose rows are dumped, without columns.
func listTables(ctx context.Context, c *conn) ([]*table, error) {
	rows, err := c.query(ctx, tablesSQL)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	tables := make([]*table, 0, len(rows))
	for _, r := range rows {
		t := &table{oid: r.str(0), schema: backup.Name(r.str(1)), name: backup.Name(r.str(2)), where: r.str(3), config: r.bool(4),
			rootSchema: backup.Name(r.str(5)), rootName: backup.Name(r.str(6)), hash: r.bool(7), unstable: r.bool(8), pages: r.int(9), bytes: r.int(11)}
		if _, err := fmt.Sscan(r.str(10), &t.tuples); err != nil {
			return nil, fmt.Errorf("list tables: tuples of %s: %w", t, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// describeTables fills in columns and keys.
func describeTables(ctx context.Context, c *conn, tables []*table) error {
	byOID := make(map[string]*table, len(tables))
	for _, t := range tables {
		byOID[t.oid] = t
	}
	rows, err := c.query(ctx, columnsSQL)
	if err != nil {
		return fmt.Errorf("list columns: %w", err)
	}
	for _, r := range rows {
		if t := byOID[r.str(0)]; t != nil {
			t.columns = append(t.columns, column{attnum: r.int(1), name: backup.Name(r.str(2)), typ: r.str(3), collatable: r.bool(4), correlation: 1})
		}
	}
	rows, err = c.query(ctx, correlationSQL)
	if err != nil {
		return fmt.Errorf("read statistics: %w", err)
	}
	for _, r := range rows {
		if t := byOID[r.str(0)]; t != nil {
			if col := t.column(r.str(1)); col != nil {
				if _, err := fmt.Sscan(r.str(2), &col.correlation); err != nil {
					return fmt.Errorf("read statistics of %s: %w", t, err)
				}
			}
		}
	}
	rows, err = c.query(ctx, keysSQL)
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	for _, r := range rows {
		if t := byOID[r.str(0)]; t != nil {
			t.setKey(strings.Fields(r.str(2))[:r.int(1)])
		}
	}
	return nil
}

// column finds a column by its number as text.
func (t *table) column(attnum string) *column {
	for i := range t.columns {
		if fmt.Sprint(t.columns[i].attnum) == attnum {
			return &t.columns[i]
		}
	}
	return nil
}

// setKey moves the key's columns to the front, in the order of the key.
func (t *table) setKey(attnums []string) {
	var key []column
	for _, n := range attnums {
		col := t.column(n)
		if col == nil { // dropped in between; the list is made again then
			return
		}
		key = append(key, *col)
	}
	rest := slices.DeleteFunc(t.columns, func(c column) bool {
		return slices.ContainsFunc(key, func(k column) bool { return k.attnum == c.attnum })
	})
	t.columns = append(slices.Clone(key), rest...)
	t.key = key
}

// names returns the names of columns.
func names(cols []column) []backup.Name {
	out := make([]backup.Name, len(cols))
	for i, c := range cols {
		out[i] = c.name
	}
	return out
}

// together makes one table of the leaves whose rows may lie in other leaves after
// a restore: by the root they can be restored and compared.
func together(tables []*table) []*table {
	var out []*table
	roots := map[string]*table{}
	for _, t := range tables {
		if !t.unstable {
			out = append(out, t)
			continue
		}
		name := qualified(t.rootSchema, t.rootName)
		root := roots[name]
		if root == nil {
			root = &table{oid: t.oid, schema: t.rootSchema, name: t.rootName, rootSchema: t.rootSchema, rootName: t.rootName, hash: true, columns: t.columns, key: t.key}
			roots[name] = root
			out = append(out, root)
		}
		if !slices.Equal(names(root.key), names(t.key)) {
			root.key = nil
		}
		root.leaves = append(root.leaves, t)
		root.pages, root.tuples, root.bytes = root.pages+t.pages, root.tuples+t.tuples, root.bytes+t.bytes
	}
	return out
}

// from is what a table's rows are selected from.
func (t *table) from() string {
	if len(t.leaves) == 0 {
		return "ONLY " + t.quoted()
	}
	parts := make([]string, len(t.leaves))
	for i, l := range t.leaves {
		parts[i] = "SELECT " + idents(names(t.columns)) + " FROM ONLY " + l.quoted()
	}
	return "(" + strings.Join(parts, " UNION ALL ") + ") all_leaves"
}

// A sequence is a sequence and its state.
type sequence struct {
	Schema backup.Name `json:"schema"`
	Name   backup.Name `json:"name"`
	Last   string      `json:"last"`
	Called bool        `json:"called"`
}

const sequencesSQL = `
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND (EXISTS (SELECT FROM pg_catalog.pg_extension x WHERE c.oid = ANY (x.extconfig))
    OR NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'))
ORDER BY 1, 2`

// batch is how many sequences are read or set by one statement.
const batch = 200

// listSequences reads all sequences. Their state is not part of any snapshot.
func listSequences(ctx context.Context, c *conn) ([]sequence, error) {
	rows, err := c.query(ctx, sequencesSQL)
	if err != nil {
		return nil, fmt.Errorf("list sequences: %w", err)
	}
	seqs := make([]sequence, len(rows))
	for i, r := range rows {
		seqs[i] = sequence{Schema: backup.Name(r.str(0)), Name: backup.Name(r.str(1))}
	}
	for some := range slices.Chunk(seqs, batch) {
		parts := make([]string, len(some))
		for i, s := range some {
			parts[i] = fmt.Sprintf("SELECT %d, last_value, is_called FROM %s", i, qualified(s.Schema, s.Name))
		}
		rows, err := c.query(ctx, strings.Join(parts, " UNION ALL "))
		if err != nil {
			return nil, fmt.Errorf("read sequences: %w", err)
		}
		for _, r := range rows {
			s := &some[r.int(0)]
			s.Last, s.Called = r.str(1), r.bool(2)
		}
	}
	return seqs, nil
}
