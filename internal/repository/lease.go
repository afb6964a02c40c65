package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// A writer's lease tells a prune on any machine that packs it has seen are in
// use. It is renewed while the writer works; a writer that could not renew it
// in time must not commit.
const (
	// LeaseLife is how long a lease protects after it was written.
	LeaseLife = 24 * time.Hour
	// leaseRenew is the age at which a lease is written anew.
	leaseRenew = time.Hour
	// leaseGrace is what a prune waits beyond LeaseLife: clocks run at
	// different speeds.
	leaseGrace = 12 * time.Hour
)

// lease is the stored form; its name is leases/<uuid>-<number>.
type lease struct {
	Machine string    `json:"machine,omitempty"`
	Backup  backup.ID `json:"backup,omitempty"` // empty: a prune's turn
	Written time.Time `json:"written"`          // the writer's clock; the store's decides
	Since   time.Time `json:"since,omitzero"`   // the store's time of number 1; in those after it
}

// leaseHolder keeps one writer's lease, or a prune's turn.
type leaseHolder struct {
	r      *Repository
	id     string
	backup backup.ID
	turn   bool

	mu    sync.Mutex
	n     int
	at    time.Time // when the newest was written, before it was
	name  string
	since time.Time // when the first was written, by the store's clock
}

func (h *leaseHolder) prefix() string {
	if h.turn {
		return turnPrefix
	}
	return leasePrefix
}

func (h *leaseHolder) lives() (life, renew time.Duration) {
	if h.turn {
		return turnLife, turnRenew
	}
	return LeaseLife, leaseRenew
}

// age is the time since the newest was written: by the wall clock, because the
// monotonic one stops while a laptop sleeps, or by the monotonic one, because
// the wall clock may be set back.
func (h *leaseHolder) age() time.Duration {
	now := h.r.opt.Now()
	return max(now.Round(0).Sub(h.at.Round(0)), now.Sub(h.at))
}

func (h *leaseHolder) lost(cause error) error {
	if h.turn {
		return ErrTurn.Because(cause)
	}
	return ErrLease.Because(cause)
}

// take writes the next lease and returns its size.
func (h *leaseHolder) take(ctx context.Context) (int64, error) {
	at := h.r.opt.Now()
	b, err := json.Marshal(lease{Machine: h.r.opt.Machine, Backup: h.backup, Written: at.Round(0).UTC(), Since: h.since})
	if err != nil {
		return 0, fmt.Errorf("encode lease: %w", err)
	}
	name := numberedName(h.prefix(), h.id, h.n+1)
	b = seal(h.r.keys.meta, magicLease, name, b)
	o, err := h.r.st.Put(ctx, name, bytes.NewReader(b))
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", name, err)
	}
	if h.since.IsZero() {
		h.since = o.Modified
	}
	h.n, h.at, h.name = h.n+1, at, name
	return int64(len(b)), nil
}

// keep renews the lease when it is due and fails when it has run out.
func (h *leaseHolder) keep(ctx context.Context) (size int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := h.age()
	life, renew := h.lives()
	if age > life {
		return 0, h.lost(nil)
	}
	if age < renew {
		return 0, nil
	}
	old := h.name
	size, err = h.take(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return 0, err
		}
		return 0, nil // the old one still protects; tried again at the next chunk
	}
	_ = h.r.st.Delete(ctx, old) // one that stays runs out by itself
	return size, nil
}

// held makes sure the lease is still there, so that nothing it protects can
// have been removed.
func (h *leaseHolder) held(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if life, _ := h.lives(); h.age() > life {
		return h.lost(nil)
	}
	_, err := h.r.st.Stat(ctx, h.name)
	if errors.Is(err, store.ErrNotFound) {
		return h.lost(err)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", h.name, err)
	}
	return nil
}

func (h *leaseHolder) release(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.name == "" {
		return nil
	}
	if err := h.r.st.Delete(ctx, h.name); err != nil {
		return fmt.Errorf("delete %s: %w", h.name, err)
	}
	h.name = ""
	return nil
}
