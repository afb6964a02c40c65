package server

import (
	"context"
	"errors"
	"slices"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/script"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/vault"
)

// scripted puts the scripts of a run's job around a backup: those before it
// run before the snapshot is taken, those after it in any case. A backup whose
// script after it failed is there all the same, but the run has failed.
func (s *Server) scripted(inner do) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		job, err := s.Catalog.Job(ctx, run.Job)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && len(job.Before)+len(job.After) == 0 {
			return inner(ctx, run, report)
		}
		if err != nil {
			return out, err
		}
		r := script.Runner{Job: job, Run: run, Observe: report, SQL: func(ctx context.Context, text string) error {
			return s.runSQL(ctx, run, text)
		}}
		scripts, warnings, err := r.Before(ctx)
		if err == nil {
			out, err = inner(ctx, run, report)
		}
		stopping := errors.Is(context.Cause(ctx), queue.ErrInterrupted)
		after, more, failed := r.After(ctx, script.Ended{Backup: out.Backup, Err: err}, stopping)
		out.Scripts, out.Warnings = slices.Concat(scripts, after), slices.Concat(warnings, out.Warnings, more)
		if result, ok := out.Result.(control.BackupResult); ok && failed != nil {
			result.Status = backup.Failed
			out.Result = result
		}
		return out, errors.Join(err, failed)
	}
}

// runSQL runs a person's statements in the database of a run.
func (s *Server) runSQL(ctx context.Context, run control.Run, text string) (err error) {
	server, cfg, err := s.openServer(ctx, run.Server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	runner, ok := server.(engine.Runner)
	if !ok {
		return script.ErrNoSQL.Because(nil, "engine", cfg.Engine)
	}
	return runner.Run(ctx, run.Database, text)
}

// checkScripts makes sure that the scripts of a job can be run.
func (s *Server) checkScripts(j control.Job, cfg control.Server) (err error) {
	if err := script.Check(j); err != nil {
		return err
	}
	if !slices.ContainsFunc(slices.Concat(j.Before, j.After), func(sc control.Script) bool { return sc.Kind == script.KindSQL }) {
		return nil
	}
	// Without the password: opening does no I/O.
	server, err := s.open(cfg, vault.Secret{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if _, ok := server.(engine.Runner); !ok {
		return script.ErrNoSQL.Because(nil, "engine", cfg.Engine)
	}
	return nil
}
