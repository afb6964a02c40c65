package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
)

// The names of the checks.
const (
	checkIntegrity   = "integrity_check"
	checkForeignKeys = "foreign_key_check"
	checkRows        = "row_count" // Detail is the table
)

// maxFindings is how many findings a check reports.
const maxFindings = 10

// Check implements [engine.Checker]: SQLite's own examinations of pages,
// indexes and constraints, then of foreign keys, then the rows of each table
// are counted, which reads them.
func (s *server) Check(ctx context.Context, database string) ([]engine.Check, error) {
	path, err := s.existing(database)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", database, err)
	}
	c, err := openToRead(ctx, path)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotDatabase) {
		return []engine.Check{{Name: checkIntegrity, Status: engine.CheckFailed, Detail: err.Error()}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", database, err)
	}
	checks, err := c.check(ctx)
	if err := errors.Join(err, c.Close()); err != nil {
		return nil, fmt.Errorf("check %s: %w", database, err)
	}
	return checks, nil
}

func (c *conn) check(ctx context.Context) ([]engine.Check, error) {
	checks := []engine.Check{
		c.examine(checkIntegrity, func(k *engine.Check) error {
			found, err := c.strings(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings))
			if err == nil && (len(found) != 1 || found[0] != "ok") {
				k.Status, k.Detail = engine.CheckFailed, strings.Join(found, "; ")
			}
			return errors.Join(err, c.one(ctx, &k.Count, "PRAGMA page_count"))
		}),
		c.examine(checkForeignKeys, func(k *engine.Check) error {
			found, err := c.strings(ctx, fmt.Sprintf(
				`SELECT "table" || ' -> ' || parent FROM pragma_foreign_key_check LIMIT %d`, maxFindings))
			if len(found) > 0 {
				// The rows are as they were; SQLite does not enforce foreign
				// keys unless a program asks it to.
				k.Detail = "rows without a parent: " + strings.Join(found, "; ")
			}
			k.Count = int64(len(found))
			return err
		}),
	}
	tables, err := c.strings(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return nil, err
	}
	for _, t := range tables {
		checks = append(checks, c.examine(checkRows, func(k *engine.Check) error {
			k.Detail = t
			return c.one(ctx, &k.Count, "SELECT count(*) FROM "+quote(t))
		}))
	}
	return checks, context.Cause(ctx)
}

// examine runs one check. Damage fails it; what this SQLite cannot examine, a
// table of a module or a collation it does not have, is skipped.
func (c *conn) examine(name string, f func(*engine.Check) error) engine.Check {
	k := engine.Check{Name: name, Status: engine.CheckOK}
	start := time.Now()
	if err := f(&k); err != nil {
		k.Status = engine.CheckSkipped
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotDatabase) {
			k.Status = engine.CheckFailed
		}
		k.Detail = strings.TrimPrefix(k.Detail+": "+err.Error(), ": ")
	}
	k.Seconds = time.Since(start).Seconds()
	return k
}
