// Package restorer brings backups back: into a server, or as standard files.
package restorer

import (
	"context"
	"fmt"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/repository"
)

// Run restores a backup into a server as target says. The engine checks all it
// can before it changes anything, and leaves nothing that looks whole when it
// fails (see [engine.Server]).
func Run(ctx context.Context, repo *repository.Repository, m *backup.Manifest, server engine.Server, target engine.Target) (engine.Restored, error) {
	if target.Observe != nil {
		target.Observe(backup.Progress{Phase: backup.PhaseConnect})
	}
	done, err := server.Restore(ctx, repo.Source(m), target)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return done, fmt.Errorf("restore %s: %w", m.ID, err)
	}
	return done, nil
}
