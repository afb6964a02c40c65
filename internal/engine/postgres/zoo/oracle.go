// Package zoo proves that a restored PostgreSQL database is the source: it has a
// set of databases with every kind of object, type, name and encoding we could
// think of, and an oracle that tells two databases apart. The oracle shares no
// code with the driver: it asks the catalogs and pg_dump. It is for tests.
package zoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/clienttool"
)

// A Source says where a database is. The account must be a superuser.
type Source struct {
	Host     string
	Port     string
	User     string
	Password string
	Database string
	BinDir   string // of pg_dump, the same for both sides of a comparison
}

// Facts are everything the oracle knows of a database, by name.
type Facts map[string]string

// Diff lists what differs, sorted; nothing means that no difference is known.
func Diff(a, b Facts) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if v, ok := b[k]; !ok {
			out = append(out, fmt.Sprintf("missing: %s = %.300q", k, a[k]))
		} else if v != a[k] {
			out = append(out, fmt.Sprintf("differs: %s = %.300q, was %.300q", k, v, a[k]))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[k]; !ok {
			out = append(out, fmt.Sprintf("extra: %s = %.300q", k, b[k]))
		}
	}
	return out
}

// Look collects the facts of a database.
func Look(ctx context.Context, s Source) (Facts, error) {
	f := Facts{}
	if err := f.schema(ctx, s); err != nil {
		return nil, err
	}
	cfg, err := pgconn.ParseConfig(fmt.Sprintf("host='%s' port=%s user='%s' dbname='%s' sslmode=disable", s.Host, s.Port, s.User,
		strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s.Database)))
	if err != nil {
		return nil, fmt.Errorf("configure oracle: %w", err)
	}
	cfg.Password = s.Password
	cfg.RuntimeParams = map[string]string{"search_path": "", "extra_float_digits": "3", "DateStyle": "ISO", "IntervalStyle": "postgres", "TimeZone": "UTC",
		"lc_monetary": "C", "default_transaction_read_only": "off", "bytea_output": "hex", "row_security": "off", "client_min_messages": "error",
		"idle_in_transaction_session_timeout": "0", "statement_timeout": "0", "array_nulls": "on", "quote_all_identifiers": "off"}
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect oracle: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // it only looked
	major, err := clienttool.ParseVersion(c.ParameterStatus("server_version"))
	if err != nil {
		return nil, err
	}
	for name, sql := range catalogFacts(major.Major) {
		if err := f.query(ctx, c, name, sql); err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
	}
	if err := f.rows(ctx, c); err != nil {
		return nil, err
	}
	return f, f.sequences(ctx, c)
}

var (
	blockRE = regexp.MustCompile(`(?m)^--\n-- Name: `)
	noiseRE = regexp.MustCompile(`(?m)^(SET default_tablespace = .*;|SET default_table_access_method = .*;|\\(un)?restrict .*|-- Dumped (from|by) .*|-- PostgreSQL database dump complete|--)$`)
)

// schema takes pg_dump's text apart into objects, because two databases may list
// the same objects in another order.
func (f Facts) schema(ctx context.Context, s Source) error {
	var out bytes.Buffer
	err := clienttool.Host{}.Run(ctx, clienttool.Command{Path: filepath.Join(s.BinDir, "pg_dump"), Args: []string{"--schema-only", "--no-password"}, Stdout: &out,
		Env: []string{"PGHOST=" + s.Host, "PGPORT=" + s.Port, "PGUSER=" + s.User, "PGPASSWORD=" + s.Password, "PGDATABASE=" + s.Database, "PGSSLMODE=disable",
			`PGOPTIONS=-c quote_all_identifiers=off -c default_transaction_read_only=off -c array_nulls=on -c lc_monetary=C`, "LC_ALL=C"}})
	if err != nil {
		return fmt.Errorf("dump schema: %w", err)
	}
	for i, block := range blockRE.Split(out.String(), -1) {
		head, body, _ := strings.Cut(block, "\n")
		if i == 0 {
			head, body = "head", block
		}
		body = strings.TrimSpace(noiseRE.ReplaceAllString(body, ""))
		f.add("schema "+head, body)
	}
	return nil
}

// add keeps a fact; facts of one name are gathered, sorted.
func (f Facts) add(name, value string) {
	if old, ok := f[name]; ok {
		l := append(strings.Split(old, "\x00"), value)
		slices.Sort(l)
		value = strings.Join(l, "\x00")
	}
	f[name] = value
}

// query adds a fact per row: the first column is its name, the others its value.
func (f Facts) query(ctx context.Context, c *pgconn.PgConn, name, sql string) error {
	res, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return err
	}
	for _, r := range res {
		for _, row := range r.Rows {
			var v []string
			for _, col := range row[1:] {
				if col == nil {
					v = append(v, "<null>")
					continue
				}
				v = append(v, string(col))
			}
			f.add(name+" "+string(row[0]), strings.Join(v, " | "))
		}
	}
	return nil
}

const userSchemas = `n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'`

func quote(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// rows counts and sums up the rows of every table and materialized view. Rows of
// hash partitions may lie in another leaf, so those are compared by their root. The
// order of columns is left to the schema's text.
func (f Facts) rows(ctx context.Context, c *pgconn.PgConn) error {
	res, err := c.Exec(ctx, `WITH RECURSIVE hashed(oid) AS (
  SELECT partrelid FROM pg_catalog.pg_partitioned_table WHERE partstrat = 'h'
  UNION SELECT i.inhrelid FROM hashed h JOIN pg_catalog.pg_inherits i ON i.inhparent = h.oid)
SELECT n.nspname, c.relname, c.relkind,
  (SELECT pg_catalog.string_agg('t.' || pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE `+userSchemas+` AND (c.relkind IN ('r', 'm') AND c.oid NOT IN (SELECT oid FROM hashed) OR c.relkind = 'p')`).ReadAll()
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, row := range res[0].Rows {
		schema, name, only := string(row[0]), string(row[1]), "ONLY "
		if string(row[2]) == "p" {
			only = ""
		}
		err := f.query(ctx, c, "rows", `SELECT '`+strings.ReplaceAll(schema+"."+name, "'", "''")+`', count(*), coalesce(sum(pg_catalog.hashtextextended(ROW(`+string(row[3])+`)::pg_catalog.text, 0)::pg_catalog.numeric), 0) FROM `+only+quote(schema)+"."+quote(name)+" t")
		var pe *pgconn.PgError
		switch {
		case errors.As(err, &pe) && pe.Code == "55000": // a materialized view that was never filled, or foreign leaves
			f.add("rows "+schema+"."+name, "not populated")
		case errors.As(err, &pe): // foreign partitions without a server
			f.add("rows "+schema+"."+name, pe.Code)
		case err != nil:
			return fmt.Errorf("rows of %s.%s: %w", schema, name, err)
		}
	}
	return nil
}

func (f Facts) sequences(ctx context.Context, c *pgconn.PgConn) error {
	res, err := c.Exec(ctx, `SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND `+userSchemas).ReadAll()
	if err != nil {
		return fmt.Errorf("list sequences: %w", err)
	}
	for _, row := range res[0].Rows {
		schema, name := string(row[0]), string(row[1])
		err := f.query(ctx, c, "sequence", `SELECT '`+strings.ReplaceAll(schema+"."+name, "'", "''")+`', last_value, is_called FROM `+quote(schema)+"."+quote(name))
		if err != nil {
			return fmt.Errorf("sequence %s.%s: %w", schema, name, err)
		}
	}
	return nil
}
