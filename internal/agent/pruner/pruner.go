package pruner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/store"
)

// A Repository is what pruning needs of one.
type Repository interface {
	Backups(ctx context.Context) ([]backup.ID, error)
	Manifest(ctx context.Context, id backup.ID) (*backup.Manifest, error)
	Labels(ctx context.Context) (map[backup.ID]repository.Label, error)
	Forget(ctx context.Context, ids ...backup.ID) error
	Usage(ctx context.Context) (repository.Usage, error)
	Prune(ctx context.Context, opt repository.PruneOptions) (repository.PruneReport, error)
}

// A Request says what is pruned and by which rules.
type Request struct {
	Repository Repository
	// Backups are those that a rule holds for, as they are known here. Those
	// the repository has beside them are left alone.
	Backups []Backup
	// Labels are what is known here to be written on backups, which counts
	// where it is newer than what the repository has.
	Labels map[string]repository.Label
	Policy func(job, server, database string) Policy
	// Room also gives back the room of what is needed no more, which reads
	// much of the repository.
	Room    bool
	DryRun  bool           // nothing is written
	Observe backup.Observe // may be nil
}

// A Result is what was done, also when an error comes with it.
type Result struct {
	Decisions []Decision
	Removed   []string // IDs, those that would be removed in a dry run
	Locked    []string // that the store forbids to remove for now
	// What all packs took before and after, in bytes.
	Before, After, Freed int64
	Waiting              int64 // marked, and still there
}

// A Pruner prunes one repository a call of Run; Run may be called from several
// goroutines.
type Pruner struct {
	Now backup.Clock
}

// Run removes the backups that no rule keeps, and gives back their room if asked
// to. What a rule relies on is looked at first: a backup that cannot be read any
// more counts as none. Nothing is removed when labels cannot be read, one of
// which may be a pin.
func (p *Pruner) Run(ctx context.Context, req Request) (r Result, err error) {
	if req.Observe == nil {
		req.Observe = func(backup.Progress) {}
	}
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	present, err := p.present(ctx, req)
	if err != nil {
		return r, err
	}
	if r.Decisions, err = p.decide(ctx, req, present); err != nil {
		return r, err
	}
	if err := forget(ctx, req, &r); err != nil {
		return r, err
	}
	if !req.Room { // the room is still taken
		usage, err := req.Repository.Usage(ctx)
		if err != nil {
			return r, fmt.Errorf("measure repository: %w", err)
		}
		r.Before, r.After = usage.Bytes, usage.Bytes
		return r, nil
	}
	freed, err := req.Repository.Prune(ctx, repository.PruneOptions{DryRun: req.DryRun, Observe: req.Observe})
	if err != nil {
		return r, fmt.Errorf("give back room: %w", err)
	}
	r.Before, r.After, r.Freed, r.Waiting = freed.BeforeBytes, freed.AfterBytes, freed.FreedBytes, freed.WaitingBytes
	return r, nil
}

// present are the backups that are really there, with what is written on them.
func (p *Pruner) present(ctx context.Context, req Request) ([]Backup, error) {
	ids, err := req.Repository.Backups(ctx)
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[string(id)] = true
	}
	labels, err := req.Repository.Labels(ctx)
	if err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	var out []Backup
	for _, b := range req.Backups {
		if !there[b.ID] {
			continue
		}
		ours, known := req.Labels[b.ID]
		theirs, written := labels[backup.ID(b.ID)]
		switch {
		case known && written && ours.Written.After(theirs.Written):
			b.Pinned = ours.Pinned
		case written:
			b.Pinned = theirs.Pinned
		case known:
			b.Pinned = ours.Pinned
		}
		out = append(out, b)
	}
	return out, nil
}

// decide decides until all that the decisions rely on can be read.
func (p *Pruner) decide(ctx context.Context, req Request, list []Backup) ([]Decision, error) {
	list = slices.Clone(list)
	sound := map[string]bool{} // what was read
	for {
		all := Decide(list, req.Policy, p.Now())
		unread, err := firstUnreadable(ctx, req.Repository, pillars(all), sound)
		if err != nil || unread == "" {
			return all, err
		}
		for i := range list {
			list[i].Doubt = list[i].Doubt || list[i].ID == unread
		}
	}
}

// pillars are the backups without which the removal of others would leave a
// database without a good or a proven backup.
func pillars(all []Decision) (ids []string) {
	losing := map[source]bool{}
	for _, d := range all {
		if !d.Keep() {
			losing[source{d.Job, d.Server, d.Database}] = true
		}
	}
	for _, d := range all {
		rests := slices.Contains(d.Why, retention.LastGood) || slices.Contains(d.Why, retention.LastProven)
		if rests && losing[source{d.Job, d.Server, d.Database}] {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// firstUnreadable returns the first of the backups whose manifest is damaged or
// gone, nothing when all can be read. A store that does not answer is an error.
func firstUnreadable(ctx context.Context, repo Repository, ids []string, sound map[string]bool) (string, error) {
	for _, id := range ids {
		if sound[id] {
			continue
		}
		_, err := repo.Manifest(ctx, backup.ID(id))
		switch {
		case err == nil:
			sound[id] = true
		case errors.Is(err, repository.ErrDamaged), errors.Is(err, repository.ErrMissing), errors.Is(err, repository.ErrNoBackup), errors.Is(err, repository.ErrNewer):
			return id, nil
		default:
			return "", fmt.Errorf("read backup %s: %w", id, err)
		}
	}
	return "", nil
}

// forget removes what no rule keeps, the oldest first.
func forget(ctx context.Context, req Request, r *Result) error {
	var going []Decision
	for _, d := range r.Decisions {
		if !d.Keep() {
			going = append(going, d)
		}
	}
	slices.SortStableFunc(going, func(a, b Decision) int { return a.At.Compare(b.At) })
	for i, d := range going {
		req.Observe(backup.Progress{Phase: backup.PhaseDelete, Item: d.ID, Done: int64(i), Total: int64(len(going))})
		if !req.DryRun {
			err := req.Repository.Forget(ctx, backup.ID(d.ID))
			if errors.Is(err, store.ErrLocked) {
				r.Locked = append(r.Locked, d.ID)
				continue
			}
			if err != nil {
				return fmt.Errorf("remove backup %s: %w", d.ID, err)
			}
		}
		r.Removed = append(r.Removed, d.ID)
	}
	return nil
}

// Every is how often at most the room of removed backups is given back on its
// own.
const Every = 24 * time.Hour
