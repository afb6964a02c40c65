package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// Run implements [engine.Runner].
func (s *server) Run(ctx context.Context, database, sql string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("run statements in %s: %w", database, err)
		}
	}()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	path, err := s.existing(database)
	if err != nil {
		return err
	}
	if _, err := header(path); err != nil {
		return err
	}
	c, err := open(ctx, path, "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return c.exec(ctx, sql)
}
