package server

import (
	"context"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/control"
)

type listQuery struct {
	Limit int  `query:"limit" minimum:"0" maximum:"1000" doc:"0: as many as there may be"`
	Dead  bool `query:"dead" doc:"only those that failed for good and that nobody has retried or dismissed"`
}

func (s *Server) listRuns(ctx context.Context, in *listQuery) ([]control.Run, error) {
	if in.Dead {
		return s.Catalog.DeadRuns(ctx, in.Limit)
	}
	runs, err := s.Catalog.Runs(ctx, in.Limit)
	for i := range runs {
		if err == nil {
			runs[i], err = s.live(ctx, runs[i])
		}
	}
	return runs, err
}

func (s *Server) getRun(ctx context.Context, in *identified) (control.Run, error) {
	if r, ok := s.Queue.Get(in.ID); ok {
		return r, nil
	}
	r, err := s.Catalog.Run(ctx, in.ID)
	if err != nil {
		return r, missing(err, ErrNoRun, "id", in.ID)
	}
	return s.live(ctx, r)
}

// live returns a run of the catalog as the queue knows it, which has its
// progress.
func (s *Server) live(ctx context.Context, r control.Run) (control.Run, error) {
	if r.Status.Over() {
		return r, nil
	}
	if now, ok := s.Queue.Get(r.ID); ok {
		return now, nil
	}
	// It ended after the catalog was read, and was saved before it left the
	// queue.
	return s.Catalog.Run(ctx, r.ID)
}

func (s *Server) cancelRun(ctx context.Context, in *identified) (control.Run, error) {
	r, err := s.getRun(ctx, in)
	if err != nil {
		return r, err
	}
	return s.Queue.Cancel(ctx, r.ID)
}

// start queues work and says which runs it became.
func (s *Server) start(ctx context.Context, work ...queue.Work) (control.Runs, error) {
	ids, err := s.Queue.Add(ctx, work...)
	return control.Runs{Runs: ids}, err
}
