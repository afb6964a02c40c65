package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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
)

// lease is the stored form; its name is leases/<uuid>-<number>.
type lease struct {
	Machine string    `json:"machine,omitempty"`
	Backup  backup.ID `json:"backup"`
	Written time.Time `json:"written"` // the writer's clock; the store's decides
}

// leaseHolder keeps one writer's lease.
type leaseHolder struct {
	r      *Repository
	id     string
	backup backup.ID

	mu   sync.Mutex
	n    int
	at   time.Time // when the newest was written, before it was
	name string
}

func (h *leaseHolder) now() time.Time { return h.r.opt.Now().Round(0).UTC() } // no monotonic clock: it stops while a laptop sleeps

// take writes the next lease and returns its size.
func (h *leaseHolder) take(ctx context.Context) (int64, error) {
	at := h.now()
	b, err := json.Marshal(lease{Machine: h.r.opt.Machine, Backup: h.backup, Written: at})
	if err != nil {
		return 0, fmt.Errorf("encode lease: %w", err)
	}
	name := leasePrefix + h.id + "-" + strconv.Itoa(h.n+1)
	b = seal(h.r.keys.meta, magicLease, name, b)
	if err := put(ctx, h.r.st, name, b); err != nil {
		return 0, err
	}
	h.n, h.at, h.name = h.n+1, at, name
	return int64(len(b)), nil
}

// keep renews the lease when it is due and fails when it has run out.
func (h *leaseHolder) keep(ctx context.Context) (size int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := h.now().Sub(h.at)
	if age > LeaseLife {
		return 0, ErrLease.Because(nil)
	}
	if age < leaseRenew {
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
	if h.now().Sub(h.at) > LeaseLife {
		return ErrLease.Because(nil)
	}
	_, err := h.r.st.Stat(ctx, h.name)
	if errors.Is(err, store.ErrNotFound) {
		return ErrLease.Because(err)
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

// mark is the stored form of the packs that a prune means to delete. Its name
// is marks/<uuid>; marks/<uuid>-waits names the leases that were there after it
// was written, and nothing is deleted before they are gone.
type mark struct {
	Packs   []byte    `json:"packs"` // hashes, 32 bytes each
	Created time.Time `json:"created"`
}

// waitsSuffix ends the names of the objects that say what a mark waits for.
const waitsSuffix = "-waits"

const maxMark = 256 << 20

// marked returns the hashes of all packs that are marked. A writer calls it
// after its lease is written: either it sees a mark, or the prune that makes
// the mark sees the lease.
func (r *Repository) marked(ctx context.Context) (map[[32]byte]bool, error) {
	all := make(map[[32]byte]bool)
	for o, err := range r.st.List(ctx, marksPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list marks: %w", err)
		}
		if strings.HasSuffix(o.Key, waitsSuffix) {
			continue
		}
		if err := r.readMark(ctx, o.Key, all); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return all, nil
}

func (r *Repository) readMark(ctx context.Context, name string, into map[[32]byte]bool) error {
	b, err := readObject(ctx, r.st, name, maxMark)
	if err != nil {
		return err
	}
	plain, err := unseal(r.keys.meta, magicMark, name, b)
	if err != nil {
		return err
	}
	m, err := parseMark(plain)
	if err != nil {
		return damaged(name, err)
	}
	for p := m.Packs; len(p) > 0; p = p[32:] {
		into[[32]byte(p)] = true
	}
	return nil
}

func parseMark(b []byte) (*mark, error) {
	var m mark
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("parse mark: %w", err)
	}
	if len(m.Packs)%32 != 0 {
		return nil, errors.New("parse mark: a hash is cut off")
	}
	return &m, nil
}
