package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/rahatbackup/rahat/internal/engine"
)

// Preflight implements [engine.Preflighter]. SQLite knows no roles, and reads
// the files of all its versions.
func (s *server) Preflight(ctx context.Context, src engine.Source, target engine.Target) (engine.Findings, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("preflight: %w", err)
	}
	target.Tables = slices.Clone(target.Tables)
	r := &restore{src: src, target: target}
	var found engine.Findings
	_, _, err := s.root()
	if found.Add(engine.PreflightConnection, err); err != nil {
		return found, nil //nolint:nilerr // it is in the findings
	}
	if r.part, err = databasePart(src.Manifest()); err == nil {
		err = r.hasTables()
	}
	found.Add(engine.PreflightBackup, err)
	if r.path, err = s.path(target.Database); err == nil {
		err = r.mayWrite()
	}
	if found.Add(engine.PreflightName, err); r.path == "" {
		return found, nil // no place to look at
	}
	found.Add(engine.PreflightRights, r.writable())
	found.Add(engine.PreflightSpace, r.enoughRoom(ctx))
	if ctx.Err() != nil {
		return nil, fmt.Errorf("preflight: %w", context.Cause(ctx))
	}
	return found, nil
}

// writable asks whether we may make the target, and if it is there, write it.
func (r *restore) writable() error {
	places := []string{ground(r.path)}
	if r.exists {
		places = append(places, r.path)
	}
	for _, p := range places {
		if err := mayWrite(p); err != nil {
			return r.cannotWrite(fmt.Errorf("write to %s: %w", p, err))
		}
	}
	return nil
}
