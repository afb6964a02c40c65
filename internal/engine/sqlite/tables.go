package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
)

// tables copies single tables from the file temp into the target, with their
// indexes and triggers, in one transaction. It returns the number of rows.
func (r *restore) tables(ctx context.Context, temp string) (rows int64, err error) {
	if r.exists {
		return r.copyTables(ctx, r.path, temp)
	}
	fresh := temp + ".tables"
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		return 0, r.cannotWrite(err)
	}
	rows, err = r.copyTables(ctx, fresh, temp)
	if err == nil {
		err = r.publish(ctx, fresh)
	}
	return rows, errors.Join(err, removeDatabase(fresh))
}

func (r *restore) copyTables(ctx context.Context, path, from string) (rows int64, err error) {
	encoding, err := encodingOf(ctx, from)
	if err != nil {
		return 0, err
	}
	// For a database that holds nothing yet; SQLite ignores it for others.
	c, err := open(ctx, path, "rw", "synchronous(full)", "foreign_keys(0)", "encoding('"+encoding+"')", "legacy_alter_table(1)")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "ATTACH ? AS rahat_backup", uri(from, "rw")); err != nil {
		return 0, explain(ctx, err, path)
	}
	if err := c.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return 0, inUse(err, path)
	}
	for _, t := range r.target.Tables {
		n, err := c.copyTable(ctx, t, r.target)
		if err != nil {
			return 0, fmt.Errorf("table %s: %w", t, err) // closing rolls back
		}
		rows += n
	}
	if err := c.exec(ctx, "COMMIT", "DETACH rahat_backup"); err != nil {
		return 0, inUse(err, path)
	}
	return rows, nil
}

func inUse(err error, path string) error {
	if errors.Is(err, ErrBusy) {
		return ErrInUse.Because(err, "path", path)
	}
	return err
}

func encodingOf(ctx context.Context, path string) (encoding string, err error) {
	c, err := open(ctx, path, "rw")
	if err != nil {
		return "", err
	}
	err = c.one(ctx, &encoding, "PRAGMA encoding")
	return encoding, errors.Join(err, c.Close())
}

// copyTable makes one table anew, fills it, and then makes what hangs on it.
func (c *conn) copyTable(ctx context.Context, name string, target engine.Target) (rows int64, err error) {
	var text string
	const schema = `SELECT sql FROM rahat_backup.sqlite_schema WHERE `
	if err := c.one(ctx, &text, schema+`type = 'table' AND name = ?`, name); err != nil {
		return 0, err
	}
	if strings.HasPrefix(strings.ToUpper(text), "CREATE VIRTUAL") {
		return 0, engine.ErrUnsupported.Because(nil, "what", "restore of a single virtual table: "+name)
	}
	var there int
	if err := c.one(ctx, &there, `SELECT count(*) FROM main.sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?)`, name); err != nil {
		return 0, err
	}
	if there > 0 && !target.Overwrite {
		return 0, engine.ErrTargetExists.Because(nil, "database", filepath.Base(c.path)+": "+name)
	}
	if there > 0 {
		if err := c.exec(ctx, "DROP TABLE main."+quote(name)); err != nil {
			return 0, err
		}
	}
	columns, err := c.columns(ctx, "rahat_backup", name)
	if err != nil {
		return 0, err
	}
	if err := c.exec(ctx, text); err != nil {
		return 0, err
	}
	list := strings.Join(columns, ", ")
	res, err := c.ExecContext(ctx, "INSERT INTO main."+quote(name)+" ("+list+") SELECT "+list+" FROM rahat_backup."+quote(name))
	if err != nil {
		return 0, explain(ctx, err, c.path)
	}
	if rows, err = res.RowsAffected(); err != nil {
		return 0, err
	}
	if err := c.sequence(ctx, name); err != nil {
		return 0, err
	}
	hanging, err := c.strings(ctx, schema+`type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL ORDER BY type, name`, name)
	if err != nil {
		return 0, err
	}
	return rows, c.exec(ctx, hanging...)
}

// columns lists what has to be copied, quoted: all columns that are not
// computed, and the rowid where it is not one of them but still a row's name.
func (c *conn) columns(ctx context.Context, schema, table string) ([]string, error) {
	names, err := c.strings(ctx, `SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden IN (0, 1)`, table, schema)
	if err != nil {
		return nil, err
	}
	var keyed int // without rowid, or with one that is a column
	err = c.one(ctx, &keyed, `SELECT (SELECT wr FROM pragma_table_list WHERE schema = ?2 AND name = ?1) OR
		(SELECT count(*) = 1 AND max(upper(type)) = 'INTEGER' FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0)`, table, schema)
	if err != nil {
		return nil, err
	}
	list := []string{}
	if keyed == 0 {
		for _, rowid := range []string{"rowid", "_rowid_", "oid"} {
			if _, taken := findTable(names, rowid); !taken {
				list = append(list, rowid)
				break
			}
		}
	}
	for _, n := range names {
		list = append(list, quote(n))
	}
	return list, nil
}

// sequence carries over where AUTOINCREMENT stands.
func (c *conn) sequence(ctx context.Context, table string) error {
	var there int
	err := c.one(ctx, &there, `SELECT (SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence') *
		(SELECT count(*) FROM rahat_backup.sqlite_schema WHERE name = 'sqlite_sequence')`)
	if err != nil || there == 0 {
		return err
	}
	for _, text := range []string{
		`DELETE FROM main.sqlite_sequence WHERE name = ?`,
		`INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM rahat_backup.sqlite_sequence WHERE name = ?`,
	} {
		if _, err := c.ExecContext(ctx, text, table); err != nil {
			return explain(ctx, err, c.path)
		}
	}
	return nil
}

// quote writes a name as SQL does.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
