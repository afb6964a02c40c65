package catalog

import (
	"context"
	"errors"
	"fmt"
)

// Examine reads the whole catalog and returns [ErrDamaged] when it is no good.
// It stops nobody and takes seconds for a large one.
func (db *DB) Examine(ctx context.Context) error {
	var report string
	if err := db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&report); err != nil {
		if damaged(err) {
			return ErrDamaged.Because(err)
		}
		return fmt.Errorf("examine catalog: %w", err)
	}
	if report != "ok" {
		return ErrDamaged.Because(errors.New(report))
	}
	return nil
}
