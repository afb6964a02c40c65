package server

import (
	"context"
	"slices"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// unsettled takes note of the destinations on which a run that was cut off may
// have made or removed a backup without the catalog's knowing: the truth is
// there, and [Server.TakeStock] brings it home.
func (s *Server) unsettled(ctx context.Context, r control.Run) error {
	if r.Status != backup.Running {
		return nil
	}
	if slices.Contains([]backup.RunKind{backup.RunBackup, backup.RunCopy, backup.RunPrune}, r.Kind) {
		s.unsure[r.Destination] = true
	}
	j, ok, err := s.jobOf(ctx, r.Job)
	if ok && r.Kind == backup.RunBackup && j.Emergency != "" {
		s.unsure[j.Emergency] = true
	}
	return err
}

// TakeStock queues a look at the destinations that the last agent may have left
// otherwise than the catalog says.
func (s *Server) TakeStock(ctx context.Context) error {
	known, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return err
	}
	var work []queue.Work
	for _, d := range known {
		if s.unsure[d.Name] {
			w, err := s.rebuildWork(ctx, d.Name)
			if err != nil {
				return err
			}
			w.Run.Attempts, w.Do = attempts, s.takeStock
			work = append(work, w)
		}
	}
	if len(work) == 0 {
		return nil
	}
	_, err = s.Queue.Add(ctx, work...)
	return err
}

// takeStock reads the run's destination and brings what is found there to the
// other places where it ought to be.
func (s *Server) takeStock(ctx context.Context, run control.Run, report backup.Observe) (queue.Outcome, error) {
	out, err := s.rebuild(ctx, run, report)
	if err == nil {
		s.later(ctx, run, s.MissingCopies(ctx))
	}
	return out, err
}
