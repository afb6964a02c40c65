package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/pruner"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/repository"
)

// startPrune queues a prune of one destination, or of each.
func (s *Server) startPrune(ctx context.Context, in *body[control.PruneRequest]) (control.Runs, error) {
	destinations, err := s.theseOrAll(ctx, in.Body.Destination)
	if err != nil {
		return control.Runs{}, err
	}
	work := make([]queue.Work, 0, len(destinations))
	for _, d := range destinations {
		w, err := s.workOf(ctx, control.Run{Kind: backup.RunPrune, Destination: d.Name})
		if err != nil {
			return control.Runs{}, err
		}
		if in.Body.DryRun {
			w.Do = func(ctx context.Context, run control.Run, report backup.Observe) (queue.Outcome, error) {
				return s.pruneAs(ctx, run, pruner.Request{Room: true, DryRun: true, Observe: report})
			}
		}
		work = append(work, w)
	}
	return s.start(ctx, work...)
}

// theseOrAll finds a destination by name, or returns all for "".
func (s *Server) theseOrAll(ctx context.Context, name string) ([]control.Destination, error) {
	if name == "" {
		return s.Catalog.Destinations(ctx)
	}
	d, err := s.destinationOf(ctx, name)
	return []control.Destination{d}, err
}

// excludePrune and the name of a destination keep one agent from pruning it
// twice at once, and while its backups are listed.
const excludePrune = "prune\x00"

// prune applies the rules of all jobs to the run's destination. One that follows
// a backup gives room back once a day only, because that reads much.
func (s *Server) prune(ctx context.Context, run control.Run, report backup.Observe) (queue.Outcome, error) {
	room := true
	if run.Trigger == triggerRetention {
		last, err := s.prunedAt(ctx, run.Destination)
		if err != nil {
			return queue.Outcome{}, err
		}
		room = s.Now().Sub(last) >= pruner.Every || last.After(s.Now())
	}
	return s.pruneAs(ctx, run, pruner.Request{Room: room, Observe: report})
}

// pruneAs prunes as req says, in which what and by which rules is filled in
// here.
func (s *Server) pruneAs(ctx context.Context, run control.Run, req pruner.Request) (out queue.Outcome, err error) {
	begun := s.Now()
	req.Observe(backup.Progress{Phase: backup.PhaseConnect})
	d, err := s.destinationOf(ctx, run.Destination)
	if err != nil {
		return out, err
	}
	if req.Backups, err = s.heldBy(ctx, d.Name, "", ""); err != nil {
		return out, err
	}
	if req.Labels, err = s.knownLabels(ctx); err != nil {
		return out, err
	}
	if req.Policy, err = s.policies(ctx); err != nil {
		return out, err
	}
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return out, err
	}
	defer done()
	req.Repository = repo
	did, err := s.pruner.Run(ctx, req)
	if !req.DryRun {
		err = errors.Join(err, s.pruned(context.WithoutCancel(ctx), repo.ID(), d.Name, did, req.Room && err == nil, begun))
	}
	if err != nil {
		return out, fmt.Errorf("prune %s: %w", d.Name, err)
	}
	out.Result = control.PruneResult{
		Run: run.ID, Status: backup.OK, Destination: d.Name, Removed: append([]string{}, did.Removed...), Kept: len(did.Decisions) - len(did.Removed),
		BeforeBytes: did.Before, AfterBytes: did.After, FreedBytes: did.Freed, WaitingBytes: did.Waiting, Seconds: s.Now().Sub(begun).Seconds(),
	}
	return out, nil
}

// pruned takes note of what a prune did. What was removed though the prune
// failed in the end is gone all the same.
func (s *Server) pruned(ctx context.Context, repo, destination string, did pruner.Result, room bool, at time.Time) error {
	if len(did.Removed) > 0 {
		if err := s.Catalog.SetBackups(ctx, repo, did.Removed, nil); err != nil {
			return fmt.Errorf("forget backups in catalog: %w", err)
		}
		s.Broker.Changed()
	}
	if !room {
		return nil
	}
	return s.Catalog.SetSetting(ctx, prunedKey(destination), at.UTC().Format(time.RFC3339))
}

func prunedKey(destination string) string { return "pruned/" + destination }

// prunedAt is when room was last given back on a destination; the zero time when
// it never was.
func (s *Server) prunedAt(ctx context.Context, destination string) (time.Time, error) {
	text, err := s.Catalog.Setting(ctx, prunedKey(destination))
	if err != nil || text == "" {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // as good as never
	}
	return at, nil
}

// knownLabels are the labels of the catalog in the words of a repository.
func (s *Server) knownLabels(ctx context.Context) (map[string]repository.Label, error) {
	known, err := s.Catalog.Labels(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]repository.Label, len(known))
	for id, l := range known {
		out[id] = repository.Label{Pinned: l.Pinned, Tags: l.Tags, Note: l.Note, Written: l.Written}
	}
	return out, nil
}

// policies returns what holds for the backups of a job and a database now.
func (s *Server) policies(ctx context.Context) (func(job, server, database string) pruner.Policy, error) {
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	last, err := s.Catalog.LastRuns(ctx, backup.RunBackup)
	if err != nil {
		return nil, err
	}
	failing := map[source]bool{}
	for i, r := range last {
		failing[source{r.Server, r.Database}] = r.Status != backup.OK && (r.Database != everything || !madeUp(r, last[i+1:]))
	}
	return func(job, server, database string) pruner.Policy {
		j, ok := jobNamed(jobs, job)
		if !ok {
			return pruner.Policy{} // keeps all
		}
		return pruner.Policy{Rule: j.Rule, Zone: zoneOf(j), Failing: failing[source{server, database}] || failing[source{server, everything}]}
	}, nil
}

// queueRetention queues a prune of a destination that just got a backup of a
// job, if there is something to remove or room to give back.
func (s *Server) queueRetention(ctx context.Context, run control.Run, j control.Job, destination string) error {
	if j.Rule.Empty() || slices.ContainsFunc(s.Queue.Active(), func(r control.Run) bool {
		return r.Kind == backup.RunPrune && r.Destination == destination && r.Status == backup.Queued
	}) {
		return nil
	}
	held, err := s.heldBy(ctx, destination, run.Server, run.Database)
	if err != nil {
		return err
	}
	decided := pruner.Decide(held, func(string, string, string) pruner.Policy { return pruner.Policy{Rule: j.Rule, Zone: zoneOf(j)} }, s.Now())
	if !slices.ContainsFunc(decided, func(d pruner.Decision) bool { return !d.Keep() }) {
		last, err := s.prunedAt(ctx, destination)
		if err != nil || last.IsZero() || s.Now().Sub(last) < pruner.Every {
			return err
		}
	}
	w, err := s.workOf(ctx, control.Run{Kind: backup.RunPrune, Job: j.Name, Destination: destination, Trigger: triggerRetention, Attempts: attempts})
	if err != nil {
		return err
	}
	// It waits for the end of the run that it follows, which says whether runs
	// of the database fail.
	w.Excludes = append(w.Excludes, queue.Database(run.Server, run.Database))
	_, err = s.Queue.Add(ctx, w)
	return err
}

// previewPrune says what the rules would remove now, as far as the catalog
// knows.
func (s *Server) previewPrune(ctx context.Context, in *body[control.PruneRequest]) (control.PrunePreview, error) {
	preview := control.PrunePreview{Backups: []control.RetentionEntry{}}
	destinations, err := s.theseOrAll(ctx, in.Body.Destination)
	if err != nil {
		return preview, err
	}
	policy, err := s.policies(ctx)
	if err != nil {
		return preview, err
	}
	for _, d := range destinations {
		held, err := s.heldBy(ctx, d.Name, "", "")
		if err != nil {
			return preview, err
		}
		preview.Backups = append(preview.Backups, entries(d.Name, pruner.Decide(held, policy, s.Now()))...)
	}
	return preview, nil
}

// entries are decisions as the API tells them.
func entries(destination string, decided []pruner.Decision) []control.RetentionEntry {
	out := make([]control.RetentionEntry, 0, len(decided))
	for _, d := range decided {
		out = append(out, control.RetentionEntry{
			Backup: d.ID, Server: d.Server, Database: d.Database, Destination: destination, At: d.At, StoredBytes: d.StoredBytes,
			Keep: d.Keep(), Why: d.Why,
		})
	}
	return out
}
