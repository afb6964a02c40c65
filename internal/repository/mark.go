package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// mark is the stored form of the packs that a prune means to delete. Its name
// is marks/<uuid>; marks/<uuid>-waits names the leases that were there after it
// was written, and nothing is deleted before they are gone.
type mark struct {
	Packs   []byte    `json:"packs"` // hashes, 32 bytes each
	Created time.Time `json:"created"`
}

// waits is the stored form of what a mark waits for.
type waits struct {
	Leases []string `json:"leases"` // their uuids
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
		if !idPattern.MatchString(strings.TrimPrefix(o.Key, marksPrefix)) {
			continue // what a mark waits for, or not ours
		}
		m, err := r.readMark(ctx, o.Key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for p := m.Packs; len(p) > 0; p = p[32:] {
			all[[32]byte(p)] = true
		}
	}
	return all, nil
}

func (r *Repository) readMark(ctx context.Context, name string) (*mark, error) {
	plain, err := r.openSmall(ctx, name, magicMark, maxMark)
	if err != nil {
		return nil, err
	}
	m, err := parseMark(plain)
	if err != nil {
		return nil, damaged(name, err)
	}
	return m, nil
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

func (r *Repository) readWaits(ctx context.Context, name string) (*waits, error) {
	plain, err := r.openSmall(ctx, name, magicMark, maxMark)
	if err != nil {
		return nil, err
	}
	w, err := parseWaits(plain)
	if err != nil {
		return nil, damaged(name, err)
	}
	return w, nil
}

func parseWaits(b []byte) (*waits, error) {
	var w waits
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("parse what a mark waits for: %w", err)
	}
	for _, id := range w.Leases {
		if !idPattern.MatchString(id) {
			return nil, errors.New("parse what a mark waits for: not a lease")
		}
	}
	return &w, nil
}

// knownMark is a mark as a prune finds it.
type knownMark struct {
	name  string
	packs [][32]byte
	bad   bool   // it cannot be read
	waits *waits // nil: nobody has said yet
	stale string // an object that says what it waits for and cannot be read
}

// marks reads all marks. Orphans are what a mark that is gone has waited for.
// What is of a newer version is an error.
func (r *Repository) marks(ctx context.Context) (all []knownMark, orphans []string, err error) {
	there := make(map[string]bool)
	var names []string
	for o, err := range r.st.List(ctx, marksPrefix) {
		if err != nil {
			return nil, nil, fmt.Errorf("list marks: %w", err)
		}
		there[o.Key] = true
		names = append(names, o.Key)
	}
	for _, name := range names {
		id := strings.TrimPrefix(name, marksPrefix)
		if of, ok := strings.CutSuffix(name, waitsSuffix); ok && !there[of] && idPattern.MatchString(strings.TrimPrefix(of, marksPrefix)) {
			orphans = append(orphans, name)
		}
		if !idPattern.MatchString(id) {
			continue
		}
		m, err := r.knownMark(ctx, name, there[name+waitsSuffix])
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, *m)
	}
	return all, orphans, nil
}

func (r *Repository) knownMark(ctx context.Context, name string, hasWaits bool) (*knownMark, error) {
	k := &knownMark{name: name}
	m, err := r.readMark(ctx, name)
	switch {
	case errors.Is(err, ErrDamaged):
		k.bad = true
		return k, nil
	case err != nil:
		return nil, err
	}
	for p := m.Packs; len(p) > 0; p = p[32:] {
		k.packs = append(k.packs, [32]byte(p))
	}
	if !hasWaits {
		return k, nil
	}
	k.waits, err = r.readWaits(ctx, name+waitsSuffix)
	switch {
	case errors.Is(err, ErrDamaged):
		k.stale = name + waitsSuffix
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	}
	return k, nil
}

// putMark marks packs: the mark first, then what it waits for.
func (r *Repository) putMark(ctx context.Context, packs [][32]byte) error {
	now := r.opt.Now()
	m := mark{Created: now.UTC().Round(0)}
	for _, sum := range packs {
		m.Packs = append(m.Packs, sum[:]...)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode mark: %w", err)
	}
	name := marksPrefix + string(backup.NewID(now))
	if err := r.putOnce(ctx, name, seal(r.keys.meta, magicMark, name, b)); err != nil {
		return err
	}
	return r.putWaits(ctx, name)
}

// putWaits lists the leases and writes that a mark waits for them. The mark
// must have been in the store before the call.
func (r *Repository) putWaits(ctx context.Context, mark string) error {
	leases, err := r.numbered(ctx, leasePrefix)
	if err != nil {
		return err
	}
	w := waits{Leases: []string{}}
	for _, l := range leases {
		if n := len(w.Leases); n == 0 || w.Leases[n-1] != l.id {
			w.Leases = append(w.Leases, l.id)
		}
	}
	b, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode what a mark waits for: %w", err)
	}
	name := mark + waitsSuffix
	err = r.putOnce(ctx, name, seal(r.keys.meta, magicMark, name, b))
	if errors.Is(err, store.ErrExists) {
		return nil // another prune was faster
	}
	return err
}
