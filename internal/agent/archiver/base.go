package archiver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// WarnBaseLost: backup {id}, which this one would lean on, is damaged or gone.
// It is a warning, not a failure.
var WarnBaseLost = problem.New("archiver.base_lost")

// MaxDepth is the longest chain of incrementals, see delta.md: the ninth link
// leans on the full at the root instead, so that no day is expensive and no
// restore is long.
const MaxDepth = 8

// manifests is what pickBase needs of a repository.
type manifests interface {
	Backups(ctx context.Context) ([]backup.ID, error)
	Manifest(ctx context.Context, id backup.ID) (*backup.Manifest, error)
}

// pickBase finds the backup that req leans on; nil for a full. The warning, if
// any, says which backup was lost that it ought to lean on.
func (a *Archiver) pickBase(ctx context.Context, req Request) (*backup.Manifest, *problem.Problem, error) {
	return pickBase(ctx, req.Repository, req.Type, func(m *backup.Manifest) bool {
		return m.Engine == req.Engine && m.Machine == a.Machine && m.Server == req.ServerName && string(m.Database) == req.Database
	})
}

func pickBase(ctx context.Context, repo manifests, t backup.Type, same func(*backup.Manifest) bool) (*backup.Manifest, *problem.Problem, error) {
	if t == backup.Full {
		return nil, nil, nil
	}
	last, lost, err := newest(ctx, repo, same)
	switch {
	case err != nil:
		return nil, nil, err
	case last == nil && lost != nil:
		return nil, lost, nil
	case last == nil:
		return nil, nil, nil // the first of them all
	case t == backup.Incremental && last.Depth < MaxDepth:
		return last, lost, nil
	case last.Root == last.ID:
		return last, lost, nil
	}
	root, err := repo.Manifest(ctx, last.Root)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	switch {
	case err == nil:
		return root, lost, nil
	case !gone(err):
		return nil, nil, fmt.Errorf("read base backup: %w", err)
	case !errors.Is(err, repository.ErrNoBackup): // what went by the rule of retention is not lost
		lost = WarnBaseLost.Because(err, "id", string(last.Root))
	}
	if t == backup.Differential {
		return nil, lost, nil
	}
	base, err := shallowest(ctx, repo, same)
	return base, lost, err
}

// shallowest returns the backup of the same database with the fewest links, of
// several the newest; nil when all are at the end of their chain. It takes the
// place of a root that is not kept as long as a chain lasts: every ninth backup
// would be a full.
func shallowest(ctx context.Context, repo manifests, same func(*backup.Manifest) bool) (best *backup.Manifest, err error) {
	ids, err := repo.Backups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	for _, id := range slices.Backward(ids) {
		m, err := repo.Manifest(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && !gone(err):
			return nil, fmt.Errorf("read backup: %w", err)
		case err == nil && same(m) && m.Depth < MaxDepth && (best == nil || m.Depth < best.Depth):
			best = m
		}
	}
	return best, nil
}

// gone reports whether a manifest is lost for good, as opposed to a store that
// does not answer just now: that one must fail the run, not make a full.
func gone(err error) bool {
	return errors.Is(err, repository.ErrDamaged) || errors.Is(err, repository.ErrMissing) ||
		errors.Is(err, repository.ErrNoBackup) || errors.Is(err, repository.ErrNewer)
}

// newest returns the last readable backup of the same database. A manifest that
// cannot be read is passed over, and said: it may have been the one wanted.
func newest(ctx context.Context, repo manifests, same func(*backup.Manifest) bool) (m *backup.Manifest, lost *problem.Problem, err error) {
	ids, err := repo.Backups(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list backups: %w", err)
	}
	for _, id := range slices.Backward(ids) {
		m, err := repo.Manifest(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		case err != nil && gone(err):
			lost = WarnBaseLost.Because(err, "id", string(id))
		case err != nil:
			return nil, nil, fmt.Errorf("read backup: %w", err)
		case same(m):
			return m, lost, nil
		}
	}
	return nil, lost, nil
}
