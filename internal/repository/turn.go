package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// One prune deletes at a time: of two that choose between two copies of a
// chunk, each might keep the one that the other deletes. A prune therefore
// puts prunes/<uuid>-<n>, an object like a lease, and deletes only if no other
// is there. It stops by itself when its own grows old, long before others take
// it for dead.
const (
	turnLife  = 30 * time.Minute
	turnRenew = 5 * time.Minute
	// turnDead is the age, by the store's clock, at which a turn is over
	// whose holder was killed.
	turnDead = 2 * time.Hour
	// deleteTime bounds one call of Delete, so that none that hangs takes
	// effect in another prune's turn.
	deleteTime = 10 * time.Minute
)

// takeTurn returns the turn, or nil when another prune has it, and the store's
// time.
func (r *Repository) takeTurn(ctx context.Context) (*leaseHolder, time.Time, error) {
	h := &leaseHolder{r: r, id: string(backup.NewID(r.opt.Now())), turn: true}
	if _, err := h.take(ctx); err != nil {
		return nil, time.Time{}, errors.Join(err, h.release(context.WithoutCancel(ctx)))
	}
	now := h.since
	if now.IsZero() {
		now = r.opt.Now()
	}
	all, err := r.numbered(ctx, turnPrefix)
	if err != nil {
		return nil, now, errors.Join(err, h.release(context.WithoutCancel(ctx)))
	}
	for _, o := range all {
		switch {
		case o.id == h.id:
		case now.Sub(o.modified) > turnDead:
			if err := r.sweep(ctx, o.name); err != nil {
				return nil, now, errors.Join(err, h.release(context.WithoutCancel(ctx)))
			}
		default:
			return nil, now, h.release(context.WithoutCancel(ctx))
		}
	}
	return h, now, nil
}

// sweep deletes a small object that is of no use. One that is locked stays and
// does no harm.
func (r *Repository) sweep(ctx context.Context, name string) error {
	if err := r.st.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// writers is what a prune must know of those at work.
type writers struct {
	live   map[string]bool // uuids of leases that have not run out
	dead   []string        // names of leases that have
	oldest time.Time       // when the first of the live ones began, by the store's clock; zero: nobody knows
}

// writersAt lists the leases; now is the store's time.
func (r *Repository) writersAt(ctx context.Context, now time.Time) (*writers, error) {
	all, err := r.numbered(ctx, leasePrefix)
	if err != nil {
		return nil, err
	}
	w := &writers{live: make(map[string]bool), oldest: now}
	for i, o := range all {
		newest := i == len(all)-1 || all[i+1].id != o.id
		if !newest {
			continue
		}
		if now.Sub(o.modified) > LeaseLife+leaseGrace {
			for j := i; j >= 0 && all[j].id == o.id; j-- {
				w.dead = append(w.dead, all[j].name)
			}
			continue
		}
		w.live[o.id] = true
		since, err := r.leaseSince(ctx, o)
		if err != nil {
			return nil, err
		}
		if since.Before(w.oldest) {
			w.oldest = since
		}
	}
	return w, nil
}

// leaseSince returns when a writer began, by the store's clock; zero when
// nobody can tell.
func (r *Repository) leaseSince(ctx context.Context, o numbered) (time.Time, error) {
	if o.n == 1 {
		return o.modified, nil
	}
	plain, err := r.openSmall(ctx, o.name, magicLease, maxSmall)
	switch {
	case isDamage(err): // or given back since it was listed
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	l, err := parseLease(plain)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // who cannot be asked may have begun at any time
	}
	return l.Since, nil
}

// maxSmall is the largest lease that is read.
const maxSmall = 64 << 10

func parseLease(b []byte) (*lease, error) {
	var l lease
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("parse lease: %w", err)
	}
	return &l, nil
}
