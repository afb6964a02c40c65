package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
)

// WarnOtherCopy: destination {destination} cannot be read just now, so the copy
// on {used} is used.
var WarnOtherCopy = problem.New("agent.other_copy_used")

// placesOf returns the destinations that hold a backup, in the order in which
// they are tried.
func (s *Server) placesOf(ctx context.Context, id string) ([]control.Destination, error) {
	all, err := s.Catalog.Places(ctx, id)
	if err == nil && len(all) == 0 {
		err = ErrNoBackup.Because(nil, "id", id)
	}
	return all, err
}

// A found is a backup in an open repository.
type found struct {
	repo        *repository.Repository
	manifest    *backup.Manifest
	destination control.Destination // zero if it is not configured
	warnings    []control.Problem
	done        func() error // gives the repository back
}

// openBackup reads a backup from the first of the places where it can be read.
func (s *Server) openBackup(ctx context.Context, id string, places []control.Destination) (*found, error) {
	var errs []error
	for _, d := range places {
		repo, m, done, err := s.openAt(ctx, id, d)
		if err == nil {
			f := &found{repo: repo, manifest: m, destination: d, done: func() error { done(); return nil }}
			if len(errs) > 0 {
				w := WarnOtherCopy.Because(errors.Join(errs...), "destination", places[0].Name, "used", d.Name)
				f.warnings = append(f.warnings, *control.FromError(w))
			}
			return f, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 0 { // it went meanwhile
		return nil, ErrNoBackup.Because(nil, "id", id)
	}
	return nil, errors.Join(errs...)
}

// order makes a condition something to sort by.
func order(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (s *Server) openAt(ctx context.Context, id string, d control.Destination) (*repository.Repository, *backup.Manifest, func(), error) {
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := repo.Manifest(ctx, backup.ID(id))
	if err != nil {
		done()
		return nil, nil, nil, fmt.Errorf("read manifest: %w", err)
	}
	return repo, m, done, nil
}

// cannotTake reports whether err says that a destination can take no backup,
// as opposed to a database that cannot be read.
func cannotTake(err error) bool {
	for _, e := range []error{
		store.ErrUnavailable, store.ErrAccess, store.ErrNoSpace, store.ErrNotFound, ErrKeyMissing,
		repository.ErrNotFound, repository.ErrWrongKey, repository.ErrNewer, repository.ErrDamaged, repository.ErrMissing,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	// What buckets have problems of their own for: one that is gone, a key that
	// was changed, a clock that is wrong.
	p := problem.Of(err)
	return p != nil && strings.HasPrefix(string(p.Code), "s3.")
}
