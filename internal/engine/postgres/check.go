package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
)

// Check implements [engine.Checker]. It changes nothing in the database, except
// that on a throw-away server it adds the extension amcheck.
func (s *server) Check(ctx context.Context, database string) (checks []engine.Check, err error) {
	c, err := s.connect(ctx, database, 0, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	for _, examine := range []struct {
		name string
		run  func(context.Context, *conn) (engine.Check, error)
	}{{"indexes_valid", checkIndexes}, {"constraints_valid", checkConstraints}, {"amcheck", s.checkTrees}} {
		start := time.Now()
		k, err := examine.run(ctx, c)
		if err != nil {
			return checks, fmt.Errorf("check %s: %w", examine.name, err)
		}
		k.Name, k.Seconds = examine.name, time.Since(start).Seconds()
		checks = append(checks, k)
	}
	return checks, nil
}

// verdict makes a check out of the names of what is wrong.
func verdict(count int64, wrong []row) engine.Check {
	k := engine.Check{Status: engine.CheckOK, Count: count}
	if len(wrong) == 0 {
		return k
	}
	const most = 10
	var list []string
	for _, r := range wrong[:min(most, len(wrong))] {
		list = append(list, r.str(0))
	}
	if len(wrong) > most {
		list = append(list, fmt.Sprintf("and %d more", len(wrong)-most))
	}
	k.Status, k.Detail = engine.CheckFailed, strings.Join(list, ", ")
	return k
}

const userIndexes = `FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'`

// checkIndexes looks for indexes that the server itself does not trust.
func checkIndexes(ctx context.Context, c *conn) (engine.Check, error) {
	total, err := c.one(ctx, "SELECT count(*) "+userIndexes)
	if err != nil {
		return engine.Check{}, err
	}
	wrong, err := c.query(ctx, "SELECT n.nspname || '.' || c.relname "+userIndexes+" AND NOT (i.indisvalid AND i.indisready AND i.indislive) ORDER BY 1")
	return verdict(row{[]byte(total)}.int(0), wrong), err
}

// checkConstraints counts the constraints. One that is not validated may have
// been so in the source, so it is told and is no failure.
func checkConstraints(ctx context.Context, c *conn) (engine.Check, error) {
	rows, err := c.query(ctx, `SELECT count(*), count(*) FILTER (WHERE NOT c.convalidated) FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'`)
	if err != nil {
		return engine.Check{}, err
	}
	k := engine.Check{Status: engine.CheckOK, Count: rows[0].int(0)}
	if n := rows[0].int(1); n > 0 {
		k.Detail = fmt.Sprintf("%d not validated", n)
	}
	return k, nil
}

// checkTrees walks every B-tree index, and compares it with its table.
func (s *server) checkTrees(ctx context.Context, c *conn) (engine.Check, error) {
	schema, err := s.amcheck(ctx, c)
	if err != nil || schema == "" {
		return engine.Check{Status: engine.CheckSkipped, Detail: "extension amcheck is not there"}, err
	}
	trees, err := c.query(ctx, `SELECT n.nspname || '.' || c.relname, c.oid `+userIndexes+` AND i.indisvalid AND c.relpersistence <> 't'
  AND c.relam = (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'btree') ORDER BY 1`)
	if err != nil {
		return engine.Check{}, err
	}
	// Expressions in indexes may lean on people's search path.
	path, err := c.query(ctx, `SELECT pg_catalog.substr(kv, 13) FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) kv
WHERE d.datname = pg_catalog.current_database() AND s.setrole = 0 AND kv LIKE 'search_path=%'`)
	if err != nil {
		return engine.Check{}, err
	}
	if err := c.exec(ctx, "SET search_path = "+cmp.Or(firstValue(path), `"$user", public`)); err != nil {
		return engine.Check{}, err
	}
	var wrong []row
	var unseen []string
	for _, t := range trees {
		_, err := c.query(ctx, "SELECT "+ident(schema)+".bt_index_check("+t.str(1)+"::pg_catalog.oid::pg_catalog.regclass, true)")
		switch code := pgCode(err); {
		case err == nil:
		case code == codePrivilege:
			return engine.Check{Status: engine.CheckSkipped, Detail: firstLine(err)}, nil
		case code == "":
			return engine.Check{}, err
		case strings.HasPrefix(code, "XX"): // data or index corrupted
			wrong = append(wrong, row{[]byte(t.str(0) + ": " + firstLine(err))})
		default:
			unseen = append(unseen, t.str(0)+": "+firstLine(err))
		}
	}
	k := verdict(int64(len(trees)-len(unseen)), wrong)
	if k.Status == engine.CheckOK && len(unseen) > 0 {
		k.Detail = "not examined: " + strings.Join(unseen[:min(len(unseen), 10)], ", ")
	}
	return k, nil
}

// amcheck returns the schema of the extension, or nothing. Only on a server of
// our own it is added where it is missing.
func (s *server) amcheck(ctx context.Context, c *conn) (string, error) {
	const where = `SELECT n.nspname FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = 'amcheck'`
	rows, err := c.query(ctx, where)
	if err != nil || len(rows) > 0 {
		return firstValue(rows), err
	}
	if s.sandbox == nil {
		return "", nil
	}
	if rows, err = c.query(ctx, "SELECT 1 FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'"); err != nil || len(rows) == 0 {
		return "", err
	}
	if err := c.exec(ctx, "CREATE SCHEMA rahat_amcheck; CREATE EXTENSION amcheck SCHEMA rahat_amcheck"); err != nil {
		return "", err
	}
	rows, err = c.query(ctx, where)
	return firstValue(rows), err
}

func firstValue(rows []row) string {
	if len(rows) == 0 {
		return ""
	}
	return rows[0].str(0)
}
