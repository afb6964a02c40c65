package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/pruner"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Why a run is there, beside those that somebody asked for.
const (
	triggerCopy      = "copy"
	triggerRetention = "retention"
)

// newestCopied is how many of the newest backups of a database are copied later when
// a copy was missed.
const newestCopied = 7

// ErrAlreadyThere: destination {destination} has the backup {backup} already.
var ErrAlreadyThere = problem.New("agent.copy_exists")

// startCopy queues a copy that a person asked for.
func (s *Server) startCopy(ctx context.Context, in *identifiedBody[control.CopyRequest]) (control.Runs, error) {
	b, err := s.getBackup(ctx, &identified{in.ID})
	if err != nil {
		return control.Runs{}, err
	}
	if in.Body.Destination == "" {
		return control.Runs{}, ErrWhichDestination.Because(nil)
	}
	d, err := s.destinationOf(ctx, in.Body.Destination)
	if err != nil {
		return control.Runs{}, err
	}
	if isOn(b, d.Name) {
		return control.Runs{}, ErrAlreadyThere.Because(nil, "destination", d.Name, "backup", b.ID)
	}
	w, err := s.workOf(ctx, copyOf(b, d.Name))
	if err != nil {
		return control.Runs{}, err
	}
	return s.start(ctx, w)
}

// isOn reports whether a destination holds a backup.
func isOn(b control.Backup, destination string) bool {
	return b.Destination == destination || slices.Contains(b.Copies, destination)
}

// copyOf is the run that copies a backup to a destination.
func copyOf(b control.Backup, destination string) control.Run {
	return control.Run{Kind: backup.RunCopy, Job: b.Job, Server: b.Server, Database: b.Database, Destination: destination, Backup: b.ID}
}

// copyExcludes makes copies of one database to one destination follow each
// other, so that each can lean on the one before.
func copyExcludes(r control.Run) []string {
	return []string{"copy\x00" + r.Destination + "\x00" + queue.Database(r.Server, r.Database)}
}

// copy copies the run's backup to the run's destination.
func (s *Server) copy(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
	begun := s.Now()
	out.Backup = run.Backup
	d, err := s.destinationOf(ctx, run.Destination)
	if err != nil {
		return out, err
	}
	places, err := s.placesOf(ctx, run.Backup)
	if err != nil {
		return out, err
	}
	places = slices.DeleteFunc(places, func(p control.Destination) bool { return p.Name == d.Name })
	target, release, err := s.repos.use(ctx, d)
	if err != nil {
		return out, err
	}
	defer release()
	source, err := s.openBackup(ctx, run.Backup, places)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, source.done()) }()
	out.Warnings = source.warnings
	copied, err := s.Archiver.Copy(ctx, archiver.CopyRequest{Manifest: source.manifest, From: source.repo, To: target, Observe: report})
	if err != nil {
		return out, fmt.Errorf("copy backup: %w", err)
	}
	if copied.Warning != nil {
		out.Warnings = append(out.Warnings, *control.FromError(copied.Warning))
	}
	m := copied.Manifest
	if err := s.remember(ctx, target.ID(), m); err != nil {
		out.Warnings = append(out.Warnings, *control.FromError(err)) // the copy exists; a rebuild finds it
	}
	if err := s.copyLabel(ctx, d, run.Backup); err != nil {
		out.Warnings = append(out.Warnings, *control.FromError(err)) // the catalog has it, and other copies
	}
	result := control.CopyResult{
		Run: run.ID, Status: backup.OK, Backup: run.Backup, Destination: d.Name, StoredBytes: m.StoredBytes, Seconds: s.Now().Sub(begun).Seconds(),
	}
	if copied.Made {
		result.AddedBytes = m.AddedBytes
	}
	out.Result = result
	s.afterCopy(ctx, run, d)
	return out, nil
}

// copyLabel writes on a new copy what is written on the backup.
func (s *Server) copyLabel(ctx context.Context, d control.Destination, id string) error {
	b, err := s.Catalog.Backup(ctx, id)
	if err != nil || !b.Pinned && len(b.Tags) == 0 && b.Note == "" {
		return err
	}
	return s.writeLabel(ctx, d, id, b.Label)
}

// afterCopy makes up for the copies that were missed while the destination was
// away.
func (s *Server) afterCopy(ctx context.Context, run control.Run, d control.Destination) {
	j, ok, err := s.jobOf(ctx, run.Job)
	if err == nil && ok && slices.Contains(j.Destinations, d.Name) {
		err = s.queueCopies(ctx, j, run.Server, run.Database, d.Name)
	}
	if err == nil && ok {
		err = s.queueRetention(ctx, run, j, d.Name)
	}
	s.later(ctx, run, err)
}

// afterBackup brings a job's new backup, or those that are still missing if
// there is none, to the job's other destinations, and removes what it makes
// superfluous. madeOn is the destination of a new backup that is good.
func (s *Server) afterBackup(ctx context.Context, run control.Run, madeOn string) {
	j, ok, err := s.jobOf(ctx, run.Job)
	if err != nil || !ok || ctx.Err() != nil {
		s.later(ctx, run, err)
		return
	}
	for _, d := range j.Destinations {
		err = errors.Join(err, s.queueCopies(ctx, j, run.Server, run.Database, d))
	}
	if madeOn != "" {
		err = errors.Join(err, s.queueRetention(ctx, run, j, madeOn))
	}
	s.later(ctx, run, err)
}

// later logs why something that follows a run was not queued: the run itself is
// none the worse, and the next one asks again.
func (s *Server) later(ctx context.Context, run control.Run, err error) {
	if err != nil && !errors.Is(err, queue.ErrStopping) && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "cannot queue what follows a run", "run", run.ID, "kind", run.Kind, "err", err)
	}
}

// MissingCopies queues the copies of the newest backup of every database that
// are not where they ought to be.
func (s *Server) MissingCopies(ctx context.Context) error {
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return err
	}
	newest, err := s.Catalog.LastBackups(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range newest {
		j, ok := jobNamed(jobs, b.Job)
		if !ok || b.Machine != s.Machine {
			continue
		}
		for _, d := range j.Destinations {
			errs = append(errs, s.queueCopies(ctx, j, b.Server, b.Database, d))
		}
	}
	return errors.Join(errs...)
}

// queueCopies queues the copies that a destination of a job lacks of the newest
// backups of a database, the oldest first. Until the newest is there only that
// one is tried: the destination may be away.
func (s *Server) queueCopies(ctx context.Context, j control.Job, server, database, destination string) error {
	missing, err := s.missing(ctx, j, server, database, destination)
	if err != nil || len(missing) == 0 {
		return err
	}
	under := s.Queue.Active()
	var work []queue.Work
	for _, b := range slices.Backward(missing) {
		if slices.ContainsFunc(under, func(r control.Run) bool {
			return r.Kind == backup.RunCopy && r.Backup == b.ID && r.Destination == destination
		}) {
			continue
		}
		r := copyOf(b, destination)
		r.Trigger, r.Attempts, r.Priority = triggerCopy, cmp.Or(j.Attempts, attempts), j.Priority
		w, err := s.workOf(ctx, r)
		if err != nil {
			return err
		}
		work = append(work, w)
	}
	_, err = s.Queue.Add(ctx, work...)
	return err
}

// missing returns which of the newest backups that this machine's job made of a
// database are not on a destination, the newest first. What the job's rule would
// remove there again is not missing, nor is what failed its proof.
func (s *Server) missing(ctx context.Context, j control.Job, server, database, destination string) ([]control.Backup, error) {
	all, err := s.Catalog.Backups(ctx, catalog.BackupFilter{Server: server, Database: database, Limit: newestCopied})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	away := !isOn(all[0], destination)
	absent := slices.DeleteFunc(all, func(b control.Backup) bool {
		return b.Machine != s.Machine || !goesBy(j, b.Job) || isOn(b, destination) || b.Proof != nil && b.Proof.Status != backup.OK
	})
	if len(absent) == 0 {
		return nil, nil
	}
	held, err := s.heldBy(ctx, destination, server, database)
	if err != nil {
		return nil, err
	}
	for _, b := range absent {
		held = append(held, pruner.Backup{Backup: retentionOf(b), Job: j.Name, Server: server, Database: database})
	}
	kept := map[string]bool{}
	for _, d := range pruner.Decide(held, func(string, string, string) pruner.Policy { return pruner.Policy{Rule: j.Rule, Zone: zoneOf(j)} }, s.Now()) {
		kept[d.ID] = d.Keep()
	}
	absent = slices.DeleteFunc(absent, func(b control.Backup) bool { return !kept[b.ID] })
	if away && len(absent) > 1 {
		absent = absent[:1]
	}
	return absent, nil
}

// jobOf returns the job that a name in a run or a backup stands for.
func (s *Server) jobOf(ctx context.Context, name string) (control.Job, bool, error) {
	if name == "" {
		return control.Job{}, false, nil
	}
	jobs, err := s.Catalog.Jobs(ctx)
	j, ok := jobNamed(jobs, name)
	return j, ok, err
}

// jobNamed finds a job by its name, or by one that it had before.
func jobNamed(jobs []control.Job, name string) (control.Job, bool) {
	if name == "" {
		return control.Job{}, false
	}
	for _, j := range jobs {
		if j.Name == name {
			return j, true
		}
	}
	for _, j := range jobs {
		if slices.Contains(j.Former, name) {
			return j, true
		}
	}
	return control.Job{}, false
}

// goesBy reports whether a job has or had a name.
func goesBy(j control.Job, name string) bool {
	return j.Name == name || slices.Contains(j.Former, name)
}

// zoneOf is where a job's days begin. One that this computer does not know was
// refused when the job was made; it may have been removed since.
func zoneOf(j control.Job) *time.Location {
	if j.Zone == "" {
		return time.Local
	}
	zone, err := time.LoadLocation(j.Zone)
	if err != nil {
		return time.Local
	}
	return zone
}
