package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/scheduler"
	"github.com/rahatbackup/rahat/internal/agent/verifier"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// ErrOverrun is no failure but a warning: the run of job {job} took longer than
// the time until the next.
var ErrOverrun = problem.New("agent.overrun")

// The kinds of tasks; the name of what they are about follows.
const (
	taskBackup = "backup/"
	taskProof  = "proof/"
)

// asked is how long a server may take to list its databases before the backup
// of all of them becomes a run that is tried again.
const asked = 30 * time.Second

// plan is what is done by a schedule.
type plan struct{ *Server }

// RunSchedule begins what is due until ctx ends.
func (s *Server) RunSchedule(ctx context.Context) error { return s.scheduler.Run(ctx) }

// Tasks implements [scheduler.Work].
func (p plan) Tasks(ctx context.Context) ([]scheduler.Task, error) {
	jobs, err := p.Catalog.Jobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	destinations, err := p.Catalog.Destinations(ctx)
	if err != nil {
		return nil, fmt.Errorf("list destinations: %w", err)
	}
	paused := p.Queue.Paused()
	var tasks []scheduler.Task
	add := func(t scheduler.Task, spec, zone string) {
		if spec == "" {
			return
		}
		// It was checked when it was saved: a schedule that is no good now is
		// that of another version, or this system has lost its zones.
		if t.Schedule, err = schedule.Parse(spec, zone); err != nil {
			p.complain(ctx, t.ID, err)
			return
		}
		tasks = append(tasks, t)
	}
	for _, d := range destinations {
		if d.RereadDays > 0 {
			add(scheduler.Task{ID: taskReread + d.Name, With: fmt.Sprint(d.RereadDays, " days"), Paused: paused}, rereadAt, "")
		}
	}
	for _, j := range jobs {
		add(scheduler.Task{ID: taskBackup + j.Name, With: j.FullSchedule, Paused: paused || j.Paused}, j.Schedule, j.Zone)
		add(scheduler.Task{ID: taskProof + j.Name, Paused: paused || j.Paused}, j.Prove, j.Zone)
	}
	return tasks, nil
}

// complain logs what is wrong with a task, once.
func (p plan) complain(ctx context.Context, task string, err error) {
	if _, told := p.complaints.LoadOrStore(task+err.Error(), true); !told {
		p.Log.ErrorContext(ctx, "cannot plan", "task", task, "err", err)
	}
}

// Begin implements [scheduler.Work].
func (p plan) Begin(ctx context.Context, t scheduler.Task, o scheduler.Occasion) (bool, error) {
	kind, name, _ := strings.Cut(t.ID, "/")
	if kind+"/" == taskReread {
		return p.beginReread(ctx, name, o)
	}
	j, err := p.Catalog.Job(ctx, name)
	if err != nil {
		return false, fmt.Errorf("read job %s: %w", name, err)
	}
	begin, what := p.beginBackups, backup.RunBackup
	if kind+"/" == taskProof {
		begin, what = p.beginProofs, backup.RunVerify
	}
	if still := p.unfinished(what, j.Name); len(still) > 0 {
		return false, p.overrun(ctx, j, still, o)
	}
	return true, begin(ctx, j, o)
}

// unfinished are the runs of a kind of a job that are not over.
func (p plan) unfinished(kind backup.RunKind, job string) []control.Run {
	return slices.DeleteFunc(p.Queue.Active(), func(r control.Run) bool { return r.Kind != kind || r.Job != job })
}

// overrun says once of each run that it was still on when the next was due.
func (p plan) overrun(ctx context.Context, j control.Job, still []control.Run, o scheduler.Occasion) error {
	for _, r := range still {
		if r.Status != backup.Running || r.Started.After(o.At) {
			continue // it waits, or was begun by hand since
		}
		w := control.FromError(ErrOverrun.Because(nil, "job", j.Name, "due", o.At.UTC().Format(time.RFC3339)))
		added, err := p.Queue.Warn(ctx, r.ID, *w)
		if errors.Is(err, queue.ErrOver) {
			continue // just now
		}
		if err != nil {
			return err
		}
		if added {
			p.Log.WarnContext(ctx, "run takes longer than the time between runs", "run", r.ID, "job", j.Name, "database", r.Database, "due", o.At)
		}
	}
	return nil
}

// runOf is a run of a job on some occasion.
func runOf(j control.Job, kind backup.RunKind, o scheduler.Occasion) control.Run {
	r := control.Run{Kind: kind, Job: j.Name, Server: j.Server, Trigger: bySchedule, Attempts: j.Attempts, Priority: j.Priority}
	if o.Late {
		r.Trigger = byCatchUp
	}
	if r.Attempts == 0 {
		r.Attempts = attempts
	}
	return r
}

// beginBackups queues the backup of each database of a job. When its server
// cannot be asked for them it queues one run of all, which fails for the same
// reason, is told to people, and is tried again.
func (p plan) beginBackups(ctx context.Context, j control.Job, o scheduler.Occasion) error {
	r := runOf(j, backup.RunBackup, o)
	r.Destination, r.Type, r.Level = j.Destinations[0], j.Type, j.Verify
	databases := j.Databases
	if slices.Contains(databases, everything) {
		asking, cancel := context.WithTimeout(ctx, asked)
		defer cancel()
		if all, _, err := p.readable(asking, j.Server); err == nil {
			databases = all
		}
	}
	return p.queueBackups(ctx, j, r, databases, o.At)
}

// queueBackups queues a backup like r of each database. due is the moment they
// are for.
func (s *Server) queueBackups(ctx context.Context, j control.Job, r control.Run, databases []string, due time.Time) error {
	work := make([]queue.Work, 0, len(databases))
	for _, database := range databases {
		r.Database = database
		full, err := s.fullDue(ctx, j, database, due)
		if err != nil {
			return err
		}
		if r.Type = j.Type; full {
			r.Type = backup.Full
		}
		w, err := s.workOf(ctx, r)
		if err != nil {
			return err
		}
		work = append(work, w)
	}
	_, err := s.Queue.Add(ctx, work...)
	return err
}

// fullDue reports whether the backup of a database that is due at some moment
// is to be a full one: FullSchedule was met since the last full, or since it
// was made. So one that failed is asked for again.
func (s *Server) fullDue(ctx context.Context, j control.Job, database string, due time.Time) (bool, error) {
	if j.FullSchedule == "" {
		return false, nil
	}
	sched, err := schedule.Parse(j.FullSchedule, j.Zone)
	if err != nil {
		return false, err
	}
	last, err := s.Catalog.LastFull(ctx, j.Server, database, j.Destinations[0])
	if err != nil {
		return false, fmt.Errorf("look for last full backup: %w", err)
	}
	if made := s.scheduler.Since(taskBackup + j.Name); last.Before(made) {
		last = made
	}
	_, full := sched.Due(last, due)
	return full, nil
}

// backupAll queues the backups of all databases of a server that could not be
// asked for them before.
func (s *Server) backupAll(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
	report(backup.Progress{Phase: backup.PhaseConnect})
	j, err := s.Catalog.Job(ctx, run.Job)
	if err != nil {
		return out, missing(err, ErrNoJob, "name", run.Job)
	}
	databases, _, err := s.readable(ctx, run.Server)
	if err != nil {
		return out, err
	}
	each := run
	each.ID, each.Attempt, each.Started, each.Warnings = "", 0, nil, nil
	return out, s.queueBackups(ctx, j, each, databases, run.Queued)
}

// beginProofs queues a proof of the newest backup of each database of a job. What
// has none yet has nothing to prove, and how things stand says so.
func (p plan) beginProofs(ctx context.Context, j control.Job, o scheduler.Occasion) error {
	newest, err := p.Catalog.LastBackups(ctx)
	if err != nil {
		return fmt.Errorf("list backups: %w", err)
	}
	var work []queue.Work
	for _, b := range newest {
		if b.Server != j.Server || !slices.Contains(j.Databases, everything) && !slices.Contains(j.Databases, b.Database) {
			continue
		}
		r := runOf(j, backup.RunVerify, o)
		r.Database, r.Destination, r.Backup, r.Level = b.Database, b.Destination, b.ID, verifier.Full
		w, err := p.workOf(ctx, r)
		if err != nil {
			return err
		}
		work = append(work, w)
	}
	_, err = p.Queue.Add(ctx, work...)
	return err
}

// beat is called with every beat of the schedule: some things come with time
// alone.
func (s *Server) beat(ctx context.Context) {
	s.Queue.Tick() //nolint:contextcheck // a run does not end with the beat that begins it
	if err := s.Catalog.KeepCopy(ctx, s.Now()); err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "cannot copy the catalog", "err", err)
	}
	f, err := s.facts(ctx)
	if err != nil {
		if ctx.Err() == nil { // else the agent is ending
			s.Log.ErrorContext(ctx, "cannot see how things stand", "err", err)
		}
		return
	}
	if now := judge(f).signature(); now != s.lastSeen {
		s.lastSeen = now
		s.Broker.Changed()
	}
}

// signature tells whether two verdicts are the same.
func (v verdict) signature() string {
	var b strings.Builder
	for _, c := range v.concerns {
		fmt.Fprintf(&b, "%s %q %q\n", c.Kind, c.Server, c.Database)
	}
	return b.String()
}
