package server

import (
	"context"

	"github.com/rahatbackup/rahat/internal/agent/pruner"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/retention"
)

// heldBy returns what retention asks of the backups that jobs of this machine
// made and a destination holds; of one database unless both names are empty.
// Backups of other machines or of no job are not among them: no rule of ours
// holds for them.
func (s *Server) heldBy(ctx context.Context, destination, server, database string) ([]pruner.Backup, error) {
	held, err := s.Catalog.Held(ctx, destination, server, database)
	if err != nil {
		return nil, err
	}
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]pruner.Backup, 0, len(held))
	for _, h := range held {
		j, ok := jobNamed(jobs, h.Job)
		if !ok || h.Machine != s.Machine {
			continue
		}
		out = append(out, pruner.Backup{
			Backup: retention.Backup{
				ID: h.ID, Base: h.Base, At: h.Started, Pinned: h.Pinned, Proven: h.Proof == backup.OK, Doubt: h.Proof != "" && h.Proof != backup.OK,
			},
			Job: j.Name, Server: h.Server, Database: h.Database, StoredBytes: h.StoredBytes,
		})
	}
	return out, nil
}

// retentionOf is what retention asks of a backup.
func retentionOf(b control.Backup) retention.Backup {
	return retention.Backup{
		ID: b.ID, Base: b.Base, At: b.Started, Pinned: b.Pinned, Proven: b.Proof != nil && b.Proof.Status == backup.OK,
		Doubt: b.Proof != nil && b.Proof.Status != backup.OK,
	}
}
