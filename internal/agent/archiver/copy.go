package archiver

import (
	"context"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// A CopyRequest says which backup is copied from where to where.
type CopyRequest struct {
	Manifest *backup.Manifest // of the backup, as From holds it
	From, To *repository.Repository
	Observe  backup.Observe // may be nil
}

// Copied is what became of a copy.
type Copied struct {
	Manifest *backup.Manifest // as the target holds it
	Made     bool             // false: it was there already
	// Warning says that what the copy ought to lean on was lost; may be nil.
	Warning *problem.Problem
}

// Copy writes a backup that is in one repository into another, under its ID.
// What it leans on is chosen among the earlier backups of the same database
// there, as for a new backup; without one the copy is a full. If Copy returns
// an error there is no copy, and what was already written is found again by the
// next attempt.
func (a *Archiver) Copy(ctx context.Context, req CopyRequest) (Copied, error) {
	if req.Observe == nil {
		req.Observe = func(backup.Progress) {}
	}
	req.Observe(backup.Progress{Phase: backup.PhaseConnect})
	src := *req.Manifest
	if src.Origin == "" {
		src.Origin = req.From.ID()
	}
	if src.Origin == req.To.ID() {
		src.Origin = "" // it comes back to where it was made
	}
	base, warning, err := pickBase(ctx, req.To, src.Type, func(m *backup.Manifest) bool {
		return m.ID < src.ID && m.Engine == src.Engine && m.Machine == src.Machine && m.Server == src.Server && m.Database == src.Database
	})
	if err != nil {
		return Copied{}, err
	}
	m, err := req.To.Copy(ctx, req.From.Source(&src), base, req.Observe)
	if errors.Is(err, repository.ErrBackupExists) {
		if m, err = req.To.Manifest(ctx, src.ID); err != nil {
			return Copied{}, fmt.Errorf("read copy: %w", err)
		}
		return Copied{Manifest: m}, nil
	}
	if err != nil {
		return Copied{}, stopped(ctx, err)
	}
	return Copied{Manifest: m, Made: true, Warning: warning}, nil
}
