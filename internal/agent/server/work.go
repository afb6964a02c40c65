package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/restorer"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// do is the shape of work.
type do = func(ctx context.Context, run control.Run, report backup.Observe) (queue.Outcome, error)

// backup makes a backup and, if asked, proves it. When the proof fails the
// backup is there all the same, but the run has failed.
func (s *Server) backup(t backup.Type, verify string, d control.Destination) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		begun, madeOn := s.Now(), ""
		defer func() { s.afterBackup(ctx, run, madeOn) }()
		server, cfg, err := s.openServer(ctx, run.Server)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, server.Close()) }()
		made, err := s.archive(ctx, archiver.Request{
			Server: server, ServerName: cfg.Name, Engine: cfg.Engine, Database: run.Database, Job: run.Job, Type: t, Observe: report,
		}, d)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, made.done()) }()
		m := made.manifest
		out.Backup, out.Warnings = string(m.ID), append(made.warnings, control.FromWarnings(m.Warnings)...)
		if err := s.remember(ctx, made.repo.ID(), m); err != nil {
			out.Warnings = append(out.Warnings, *control.FromError(err)) // the backup exists; a rebuild finds it
		}
		result := control.BackupResult{
			Run: run.ID, Backup: string(m.ID), Status: backup.OK, Database: run.Database, Type: m.Type, Base: string(m.Base),
			PlainBytes: m.PlainBytes, StoredBytes: m.StoredBytes, AddedBytes: m.AddedBytes, Rows: m.Rows(),
			Seconds: s.Now().Sub(begun).Seconds(),
		}
		if made.destination.Name != d.Name {
			result.Destination = made.destination.Name
		}
		if verify != "" && verify != noProof {
			if result.Verify, err = s.prove(ctx, run.ID, made, verify, report); err != nil {
				result.Status = backup.Failed
			}
		}
		if err == nil {
			madeOn = made.destination.Name
		}
		out.Result = result
		return out, err
	}
}

// remember takes note of a new backup, even if the run was just cancelled.
func (s *Server) remember(ctx context.Context, repo string, m *backup.Manifest) error {
	if err := s.Catalog.AddBackup(context.WithoutCancel(ctx), repo, stored(repo, m)); err != nil {
		return fmt.Errorf("save backup in catalog: %w", err)
	}
	s.Broker.Changed()
	return nil
}

// verify proves a backup as the named destination holds it; for "", at the first
// place where it can be read, beginning with the destination of the run.
func (s *Server) verify(level, only string) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		places, err := s.placesOf(ctx, run.Backup)
		if err != nil {
			return out, err
		}
		if only != "" {
			places = slices.DeleteFunc(places, func(d control.Destination) bool { return d.Name != only })
		}
		slices.SortStableFunc(places, func(a, b control.Destination) int {
			return order(b.Name == run.Destination) - order(a.Name == run.Destination)
		})
		f, err := s.openBackup(ctx, run.Backup, places)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, f.done()) }()
		out.Warnings = f.warnings
		result, err := s.prove(ctx, run.ID, f, level, report)
		if result != nil {
			out.Result = result
		}
		return out, err
	}
}

// prove makes a proof and keeps it. A proof that was made and failed comes
// with its result and [ErrProofFailed]; one that could not be made, with no
// result.
func (s *Server) prove(ctx context.Context, run string, f *found, level string, report backup.Observe) (*control.VerifyResult, error) {
	m := f.manifest
	driver, err := s.driver(m.Engine)
	if err != nil {
		return nil, err
	}
	result, err := s.Verifier.Run(ctx, level, f.repo, m, driver, report)
	if err != nil {
		return nil, fmt.Errorf("prove backup: %w", err)
	}
	v := &control.VerifyResult{
		Run: run, Backup: string(m.ID), Status: backup.OK, Level: level, Checks: []control.Check{}, Rows: result.Rows,
		At: s.Now().UTC(), Seconds: result.Seconds, Destination: f.destination.Name,
	}
	var failed []string
	for _, c := range result.Checks {
		v.Checks = append(v.Checks, control.Check{Name: c.Name, Status: c.Status, Detail: c.Detail, Count: c.Count, Seconds: c.Seconds})
		if c.Status == engine.CheckFailed {
			failed = append(failed, c.Name)
		}
	}
	if !result.OK() {
		v.Status = backup.Failed
		err = ErrProofFailed.Because(nil, "backup", string(m.ID), "checks", strings.Join(failed, ", "))
	}
	if e := s.Catalog.AddProof(context.WithoutCancel(ctx), f.repo.ID(), *v); e != nil {
		err = errors.Join(err, fmt.Errorf("save proof in catalog: %w", e))
	}
	s.Broker.Changed()
	return v, err
}

// reach opens the repository of an origin and reads the manifest. The caller
// calls done.
func (s *Server) reach(ctx context.Context, o origin) (*found, error) {
	if o.from == nil {
		return s.openBackup(ctx, o.id, o.places)
	}
	repo, err := s.openUnconfigured(ctx, *o.from)
	if err != nil {
		return nil, err
	}
	f := &found{repo: repo, done: repo.Close}
	ids, err := repo.Backups(ctx)
	var id backup.ID
	if err == nil {
		id, err = choose(ids, o.id)
	}
	if err == nil {
		f.manifest, err = repo.Manifest(ctx, id)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read manifest: %w", err), repo.Close())
	}
	return f, nil
}

// restore brings a backup back.
func (s *Server) restore(o origin, r control.RestoreRequest) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		begun := s.Now()
		f, err := s.reach(ctx, o)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, f.done()) }()
		m := f.manifest
		out.Backup, out.Warnings = string(m.ID), f.warnings
		server, cfg, err := s.openServer(ctx, r.Server)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, server.Close()) }()
		if m.Engine != cfg.Engine {
			return out, ErrEngineMismatch.Because(nil, "source", m.Engine, "target", cfg.Engine)
		}
		restored, err := restorer.Run(ctx, f.repo, m, server, engine.Target{
			Database: r.Database, Overwrite: r.Overwrite != "", Tables: r.Tables, Streams: max(1, s.Streams),
			SkipRoles: r.SkipRoles, Observe: report,
		})
		out.Warnings = append(out.Warnings, control.FromProblems(restored.Warnings)...)
		if err != nil {
			return out, err
		}
		s.census.expire() // there is one database more
		out.Result = control.RestoreResult{
			Run: run.ID, Status: backup.OK, Server: r.Server, Database: r.Database, Rows: restored.Rows,
			PlainBytes: restored.Bytes, Seconds: s.Now().Sub(begun).Seconds(), Connection: connection(cfg, r.Database),
		}
		return out, nil
	}
}

// export writes a backup as standard files.
func (s *Server) export(o origin, r control.ExportRequest) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		begun := s.Now()
		f, err := s.reach(ctx, o)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, f.done()) }()
		m := f.manifest
		out.Backup, out.Warnings = string(m.ID), f.warnings
		driver, err := s.driver(m.Engine)
		if err != nil {
			return out, err
		}
		format := r.Format
		if exporter, ok := driver.(engine.Exporter); ok && format == "" {
			format = exporter.Formats()[0]
		}
		path, n, err := restorer.Export(ctx, f.repo, m, driver, format, engine.ExportOptions{Clean: r.Clean, Observe: report}, r.Path)
		if err != nil {
			return out, err
		}
		out.Result = control.ExportResult{
			Run: run.ID, Status: backup.OK, Path: path, Format: format, Bytes: n, Seconds: s.Now().Sub(begun).Seconds(),
		}
		return out, nil
	}
}

// rebuild reads the backups of the run's destination, or of all. A destination
// that cannot be read does not keep the others from being read.
func (s *Server) rebuild(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
	destinations, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return out, err
	}
	result := control.RebuildResult{Run: run.ID, Status: backup.OK}
	var failed []error
	for _, d := range destinations {
		if run.Destination != "" && run.Destination != d.Name {
			continue
		}
		if err := s.rebuildFrom(ctx, d, &result, &out, report); err != nil {
			failed = append(failed, fmt.Errorf("read destination %s: %w", d.Name, err))
		}
	}
	if err := errors.Join(failed...); err != nil {
		result.Status = backup.Failed
		out.Result = result
		return out, err
	}
	out.Result = result
	return out, nil
}

func (s *Server) rebuildFrom(ctx context.Context, d control.Destination, result *control.RebuildResult, out *queue.Outcome, report backup.Observe) error {
	report(backup.Progress{Phase: backup.PhaseConnect, Item: d.Name})
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	// What the catalog knows is asked for first: a backup that is finished
	// while we read is in neither list, and stays.
	known, err := s.Catalog.BackupIDs(ctx, repo.ID())
	if err != nil {
		return err
	}
	ids, err := repo.Backups(ctx)
	if err != nil {
		return fmt.Errorf("list backups: %w", err)
	}
	there := make([]catalog.Stored, 0, len(ids))
	for i, id := range ids {
		report(backup.Progress{Phase: backup.PhaseRead, Item: string(id), Done: int64(i), Total: int64(len(ids))})
		m, err := repo.Manifest(ctx, id)
		switch {
		case err == nil:
			there = append(there, stored(repo.ID(), m))
		case unreadable(err):
			result.Damaged++
			out.Warnings = append(out.Warnings, *control.FromError(err))
		default:
			return fmt.Errorf("read manifest: %w", err)
		}
	}
	gone := slices.DeleteFunc(known, func(id string) bool { return slices.Contains(ids, backup.ID(id)) })
	if err := s.Catalog.SetBackups(ctx, repo.ID(), gone, there); err != nil {
		return err
	}
	switch unread, err := s.takeLabels(ctx, repo); {
	case err != nil:
		return err
	case unread != nil:
		out.Warnings = append(out.Warnings, *unread)
	}
	result.Backups += len(there)
	s.Broker.Changed()
	return nil
}

// RebuildCatalog queues the reading of all destinations, for a catalog that
// was begun anew or comes from a copy. It is done again if the agent dies over
// it, and says what became of the catalog.
func (s *Server) RebuildCatalog(ctx context.Context) error {
	known, err := s.Catalog.Destinations(ctx)
	if err == nil && len(known) > 0 {
		err = s.queueRecovery(ctx)
	}
	if err != nil {
		return err
	}
	return s.Catalog.Settle(ctx)
}

func (s *Server) queueRecovery(ctx context.Context) error {
	w, err := s.rebuildWork(ctx, "")
	if err != nil {
		return err
	}
	w.Run.Attempts = attempts
	if p := s.Catalog.Recovered(); p != nil {
		w.Run.Warnings = []control.Problem{*control.FromError(p)}
	}
	_, err = s.Queue.Add(ctx, w)
	return err
}
