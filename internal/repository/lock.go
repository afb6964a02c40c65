package repository

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/store"

	"golang.org/x/sync/errgroup"
)

// lockCalls is how many objects are locked at once.
const lockCalls = 8

// locks forbids the deletion of what a backup needs, for Options.Lock from now
// on. A backup made later renews it, so that an object is locked for as long
// as the newest backup that needs it.
type locks struct {
	mu    sync.Mutex
	until map[string]time.Time // what this Repository has locked
}

// retainer returns what locks, nil when nothing is to be locked.
func (r *Repository) retainer() (store.Retainer, error) {
	if r.opt.Lock <= 0 {
		return nil, nil
	}
	ret, ok := store.As[store.Retainer](r.st)
	if !ok {
		return nil, ErrNoLock.Because(nil)
	}
	return ret, nil
}

// triedLock is for how long TryLock locks.
const triedLock = time.Minute

// TryLock makes sure that the destination can forbid deletion, by forbidding
// that of the repository's configuration for a minute, whatever Options.Lock
// says. The error is [ErrNoLock] for a store without that, or the store's own.
func (r *Repository) TryLock(ctx context.Context) error {
	ret, ok := store.As[store.Retainer](r.st)
	if !ok {
		return ErrNoLock.Because(nil)
	}
	if err := ret.Retain(ctx, configName, r.opt.Now().Add(triedLock)); err != nil {
		return fmt.Errorf("forbid deletion of %s: %w", configName, err)
	}
	return nil
}

// lock forbids the deletion of objects.
func (r *Repository) lock(ctx context.Context, names ...string) error {
	ret, err := r.retainer()
	if ret == nil {
		return err
	}
	until := r.opt.Now().Add(r.opt.Lock).UTC().Round(0)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(lockCalls)
	for _, name := range names {
		if gctx.Err() != nil {
			break
		}
		if !r.locks.due(name, until) {
			continue
		}
		g.Go(func() error {
			if err := ret.Retain(gctx, name, until); err != nil {
				return fmt.Errorf("forbid deletion of %s: %w", name, err)
			}
			r.locks.done(name, until)
			return nil
		})
	}
	return errors.Join(g.Wait(), context.Cause(ctx)) // a loop that was broken off locked less than it should
}

func (l *locks) due(name string, until time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until[name].Before(until)
}

func (l *locks) done(name string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = make(map[string]time.Time)
	}
	l.until[name] = until
}

// lockNeeds locks what a backup cannot be restored without, but for its
// manifest, which is not there yet.
func (r *Repository) lockNeeds(ctx context.Context, packs []byte) error {
	if r.opt.Lock <= 0 {
		return nil
	}
	names := []string{configName}
	for o, err := range r.st.List(ctx, keysPrefix) {
		if err != nil {
			return fmt.Errorf("list %s: %w", keysPrefix, err)
		}
		names = append(names, o.Key)
	}
	for ; len(packs) > 0; packs = packs[32:] {
		names = append(names, packName(packs[:32]))
	}
	return r.lock(ctx, names...)
}

// lockManifest locks a manifest that was just written, or takes it back: a
// backup that anybody can delete is not what was asked for.
func (r *Repository) lockManifest(ctx context.Context, name string) error {
	err := r.lock(ctx, name)
	if err == nil {
		return nil
	}
	derr := r.st.Delete(context.WithoutCancel(ctx), name)
	if errors.Is(derr, store.ErrLocked) {
		return nil // it is locked: only the answer was lost
	}
	return errors.Join(err, derr)
}
