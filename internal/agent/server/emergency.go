package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// WarnEmergency: destination {destination} could not take the backup of
// {database}, which was made on {emergency} instead.
var WarnEmergency = problem.New("agent.emergency_used")

// archive makes a backup on a destination or, if that cannot take it, on the one
// that the job has for this case. The caller calls done of what it returns.
func (s *Server) archive(ctx context.Context, req archiver.Request, d control.Destination) (*found, error) {
	made, err := s.archiveAt(ctx, req, d)
	if err == nil || !cannotTake(err) || ctx.Err() != nil {
		return made, err
	}
	j, ok, e := s.jobOf(ctx, req.Job)
	if e != nil || !ok || j.Emergency == "" || j.Emergency == d.Name {
		return nil, errors.Join(err, e)
	}
	other, e := s.destinationOf(ctx, j.Emergency)
	if e != nil {
		return nil, errors.Join(err, e)
	}
	if made, e = s.archiveAt(ctx, req, other); e != nil {
		return nil, errors.Join(err, fmt.Errorf("on the emergency destination: %w", e))
	}
	w := WarnEmergency.Because(err, "destination", d.Name, "emergency", other.Name, "database", req.Database)
	made.warnings = append(made.warnings, *control.FromError(w))
	return made, nil
}

func (s *Server) archiveAt(ctx context.Context, req archiver.Request, d control.Destination) (*found, error) {
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return nil, err
	}
	// Each attempt has an ID of its own: one that failed at its very end may
	// have left a backup.
	req.ID, req.Repository = backup.NewID(s.Now()), repo
	m, err := s.Archiver.Run(ctx, req)
	if err != nil {
		done()
		return nil, err
	}
	return &found{repo: repo, manifest: m, destination: d, done: func() error { done(); return nil }}, nil
}
