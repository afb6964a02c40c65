package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/repository"
)

// noProof is the level that asks for none.
const noProof = "none"

type backupsQuery struct {
	Limit       int    `query:"limit" minimum:"0" maximum:"1000" doc:"0: as many as there may be"`
	Database    string `query:"database"`
	Destination string `query:"destination"`
	Search      string `query:"search" maxLength:"200" doc:"in server, database, job, note and tags, or the beginning of an ID"`
	Tag         string `query:"tag" maxLength:"64"`
	Pinned      bool   `query:"pinned" doc:"only those that somebody pinned"`
}

func (s *Server) listBackups(ctx context.Context, in *backupsQuery) ([]control.Backup, error) {
	return s.Catalog.Backups(ctx, catalog.BackupFilter{Database: in.Database, Destination: in.Destination, Search: in.Search, Tag: in.Tag, Pinned: in.Pinned, Limit: in.Limit})
}

func (s *Server) getBackup(ctx context.Context, in *identified) (control.Backup, error) {
	b, err := s.Catalog.Backup(ctx, in.ID)
	if err != nil {
		return b, missing(err, ErrNoBackup, "id", in.ID)
	}
	return b, nil
}

// startBackups queues one run for each database.
func (s *Server) startBackups(ctx context.Context, in *body[control.BackupRequest]) (control.Runs, error) {
	r := in.Body
	if r.Job != "" {
		var err error
		if r, err = s.ofJob(ctx, r); err != nil {
			return control.Runs{}, err
		}
	}
	destination, err := s.destinationOf(ctx, r.Destination)
	if err != nil {
		return control.Runs{}, err
	}
	if _, err := s.Catalog.Server(ctx, r.Server); err != nil {
		return control.Runs{}, missing(err, ErrNoServer, "name", r.Server)
	}
	var skipped []string
	if len(r.Databases) == 0 || slices.Contains(r.Databases, everything) {
		if r.Databases, skipped, err = s.readable(ctx, r.Server); err != nil {
			return control.Runs{}, err
		}
	}
	if r.Type == "" {
		r.Type = backup.Incremental
	}
	work := make([]queue.Work, 0, len(r.Databases))
	for _, database := range r.Databases {
		w, err := s.workOf(ctx, control.Run{
			Kind: backup.RunBackup, Job: r.Job, Server: r.Server, Database: database, Destination: destination.Name, Type: r.Type, Level: r.Verify,
		})
		if err != nil {
			return control.Runs{}, err
		}
		work = append(work, w)
	}
	runs, err := s.start(ctx, work...)
	runs.Skipped = skipped
	if err == nil && in.Body.Job != "" && len(in.Body.Databases) == 0 {
		err = s.scheduler.Began(ctx, taskBackup+r.Job) // what it missed until now is made up for
	}
	return runs, err
}

// ofJob fills a request from its job; what the request says itself stays.
func (s *Server) ofJob(ctx context.Context, r control.BackupRequest) (control.BackupRequest, error) {
	j, err := s.Catalog.Job(ctx, r.Job)
	if err != nil {
		return r, missing(err, ErrNoJob, "name", r.Job)
	}
	if r.Server != "" && r.Server != j.Server {
		return r, invalid("server", "the job has a server of its own")
	}
	r.Server = j.Server
	if len(r.Databases) == 0 {
		r.Databases = j.Databases
	}
	if r.Destination == "" {
		r.Destination = j.Destinations[0]
	}
	if r.Type == "" {
		r.Type = j.Type
	}
	if r.Verify == "" {
		r.Verify = j.Verify
	}
	return r, nil
}

// destinationOf finds a destination by name, or the only one there is.
func (s *Server) destinationOf(ctx context.Context, name string) (control.Destination, error) {
	if name != "" {
		d, err := s.Catalog.Destination(ctx, name)
		if err != nil {
			return d, missing(err, ErrNoDestination, "name", name)
		}
		return d, nil
	}
	all, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return control.Destination{}, err
	}
	if len(all) != 1 {
		return control.Destination{}, ErrWhichDestination.Because(nil)
	}
	return all[0], nil
}

func (s *Server) startVerify(ctx context.Context, in *identifiedBody[control.VerifyRequest]) (control.Runs, error) {
	b, places, err := s.find(ctx, in.ID)
	if err != nil {
		return control.Runs{}, err
	}
	only := in.Body.Destination
	if only != "" && !isOn(b, only) {
		return control.Runs{}, ErrNoCopy.Because(nil, "destination", only, "backup", b.ID)
	}
	if _, err := s.driver(b.Engine); err != nil {
		return control.Runs{}, err
	}
	w, err := s.workOf(ctx, control.Run{
		Kind: backup.RunVerify, Server: b.Server, Database: b.Database, Destination: cmp.Or(only, places[0].Name), Backup: b.ID, Level: in.Body.Level,
	})
	if err != nil {
		return control.Runs{}, err
	}
	if only != "" {
		w.Do = s.verify(in.Body.Level, only)
	}
	return s.start(ctx, w)
}

// find finds a backup and where it lies.
func (s *Server) find(ctx context.Context, id string) (control.Backup, []control.Destination, error) {
	b, err := s.getBackup(ctx, &identified{id})
	if err != nil {
		return b, nil, err
	}
	places, err := s.placesOf(ctx, b.ID)
	return b, places, err
}

// origin is where a run reads its backup from.
type origin struct {
	id     string                // of the backup; what was given, if the repository is not configured
	engine string                // empty, if not known yet
	places []control.Destination // that hold it, in the order in which they are tried
	from   *control.Repository
}

// first is the name of the destination that is tried first.
func (o origin) first() string {
	if len(o.places) == 0 {
		return ""
	}
	return o.places[0].Name
}

// originOf finds the backup a request means, which for a repository that is not
// configured is left to the run.
func (s *Server) originOf(ctx context.Context, id string, from *control.Repository) (origin, error) {
	if from != nil {
		return origin{id: id, from: from}, nil
	}
	b, places, err := s.find(ctx, id)
	return origin{id: b.ID, engine: b.Engine, places: places}, err
}

// restoreOf finds what a request for a restore speaks of.
func (s *Server) restoreOf(ctx context.Context, id string, r control.RestoreRequest) (target control.Server, o origin, err error) {
	if r.Overwrite != "" && r.Overwrite != r.Database {
		return target, o, ErrOverwrite.Because(nil, "database", r.Database)
	}
	if target, err = s.Catalog.Server(ctx, r.Server); err != nil {
		return target, o, missing(err, ErrNoServer, "name", r.Server)
	}
	o, err = s.originOf(ctx, id, r.From)
	return target, o, err
}

func (s *Server) startRestore(ctx context.Context, in *identifiedBody[control.RestoreRequest]) (control.Runs, error) {
	r := in.Body
	if r.Database == "" {
		return control.Runs{}, invalid("database", "a name for the restored database")
	}
	target, o, err := s.restoreOf(ctx, in.ID, r)
	if err != nil {
		return control.Runs{}, err
	}
	if o.engine != "" && o.engine != target.Engine {
		return control.Runs{}, ErrEngineMismatch.Because(nil, "source", o.engine, "target", target.Engine)
	}
	return s.start(ctx, queue.Work{
		Run: control.Run{
			Kind: backup.RunRestore, Server: r.Server, Database: r.Database, Destination: o.first(), Backup: o.id,
		},
		Excludes: []string{queue.Database(r.Server, r.Database)},
		Do:       s.restore(o, r),
	})
}

func (s *Server) startExport(ctx context.Context, in *identifiedBody[control.ExportRequest]) (control.Runs, error) {
	r := in.Body
	if !filepath.IsAbs(r.Path) {
		return control.Runs{}, ErrPathNotAbsolute.Because(nil, "path", r.Path)
	}
	o, err := s.originOf(ctx, in.ID, r.From)
	if err != nil {
		return control.Runs{}, err
	}
	return s.start(ctx, queue.Work{
		Run: control.Run{Kind: backup.RunExport, Destination: o.first(), Backup: o.id},
		Do:  s.export(o, r),
	})
}

// repositoryBackups lists a repository without keeping anything of it.
func (s *Server) repositoryBackups(ctx context.Context, in *body[control.Repository]) (_ []control.Backup, err error) {
	repo, err := s.openUnconfigured(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	ids, err := repo.Backups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	backups := []control.Backup{}
	for _, id := range slices.Backward(ids) {
		m, err := repo.Manifest(ctx, id)
		if unreadable(err) {
			continue // one damaged manifest must not hide the others; verify tells of it
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
		backups = append(backups, describe(m))
	}
	return backups, nil
}

// unreadable reports whether a manifest is at fault rather than the store.
func unreadable(err error) bool {
	return errors.Is(err, repository.ErrDamaged) || errors.Is(err, repository.ErrNewer) || errors.Is(err, repository.ErrNoBackup)
}

// describe is a manifest as the API shows it.
func describe(m *backup.Manifest) control.Backup {
	tables := 0
	for i := range m.Parts {
		if m.Parts[i].Table != nil {
			tables++
		}
	}
	return control.Backup{
		ID: string(m.ID), Type: m.Type, Base: string(m.Base), Depth: m.Depth, Engine: m.Engine, Machine: m.Machine,
		Server: m.Server, Database: string(m.Database), Job: m.Job, ServerVersion: m.ServerVersion, Point: m.Point,
		Started: m.Started, Finished: m.Finished, PlainBytes: m.PlainBytes, StoredBytes: m.StoredBytes, AddedBytes: m.AddedBytes,
		Rows: m.Rows(), Tables: tables, Warnings: control.FromWarnings(m.Warnings),
	}
}

// stored is a manifest as the catalog keeps it for a repository.
func stored(repository string, m *backup.Manifest) catalog.Stored {
	return catalog.Stored{Backup: describe(m), Copied: m.Origin != "" && m.Origin != repository}
}

// choose finds the backup that id means among those of a repository, the
// oldest first: a whole ID, a unique beginning, or the latest.
func choose(ids []backup.ID, id string) (backup.ID, error) {
	if id == catalog.Latest && len(ids) > 0 {
		return ids[len(ids)-1], nil
	}
	var found []backup.ID
	for _, x := range ids {
		if id != "" && strings.HasPrefix(string(x), strings.ToLower(id)) {
			found = append(found, x)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", ErrNoBackup.Because(nil, "id", id)
	}
	return "", ErrAmbiguous.Because(nil, "id", id)
}
