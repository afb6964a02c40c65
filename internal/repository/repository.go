// Package repository is the deduplicated, encrypted form of backups on a
// store. A backup's streams are cut into chunks (package rowdelta); a chunk
// that is known is a reference, one that changed a delta, any other is
// compressed column by column. Chunks are sealed into packs; a manifest,
// written last, makes them a backup. FORMAT.md has every byte; DECISIONS.md
// says why.
//
// The store is the truth: the index of chunks is read from the packs' footers,
// and a local cache of them only saves time.
package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/klauspost/compress/zstd"
)

// Options adjust how a repository is used. The zero value will do.
type Options struct {
	CacheDir string       // where footers are cached; empty: nowhere
	Now      backup.Clock // nil: the system's clock
	Machine  string       // this machine's name, for leases
	// Lock, when it is more than 0, makes Commit forbid (store.Retainer) that
	// the backup and all it needs is deleted before now+Lock. Without a store
	// that can, Begin returns ErrNoLock.
	Lock time.Duration
}

// A Repository is open. Its methods may be called from several goroutines, and
// several backups may be written and read at once.
type Repository struct {
	st    store.Store
	opt   Options
	id    string
	slot  string // the name of the key slot it was opened with
	key   master
	keys  secrets
	index *index
	cache *cache
	enc   *zstd.Encoder // of documents
	encMu sync.Mutex

	locks   locks
	pruning sync.Mutex // held by Prune

	loading sync.Mutex // held while the index is brought up to date
	loaded  bool       // under loading

	brokenMu sync.Mutex
	broken   map[string]error // packs whose footers cannot be read
}

// Exists reports whether the store holds a repository.
func Exists(ctx context.Context, st store.Store) (bool, error) {
	_, err := st.Stat(ctx, configName)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	}
	return false, fmt.Errorf("look for a repository: %w", err)
}

// Create makes a repository with the given ways in. ErrExists when there is
// one already. The config is written last: when Create fails, nothing is there.
func Create(ctx context.Context, st store.Store, slots Slots, opt Options) (*Repository, error) {
	there, err := Exists(ctx, st)
	if err != nil {
		return nil, err
	}
	if there {
		return nil, ErrExists.Because(nil)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	id, m := string(backup.NewID(opt.Now())), newMaster()
	made, err := m.makeSlots(id, slots)
	if err != nil {
		return nil, err
	}
	if err := putSlots(ctx, st, made); err != nil {
		return nil, err
	}
	r := newRepository(st, opt, id, m)
	if r.slot, err = made[0].name(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(config{Kind: configKind, Format: formatVersion, ID: id, Sum: idSum(id), MAC: r.keys.mac(id)})
	if err != nil {
		return nil, fmt.Errorf("encode config: %w", err)
	}
	if err := put(ctx, st, configName, b); errors.Is(err, store.ErrExists) {
		return nil, ErrExists.Because(err)
	} else if err != nil {
		return nil, err
	}
	return r, nil
}

// Open opens a repository with the first of the keys that fits. ErrNotFound,
// ErrWrongKey, ErrNewer, ErrDamaged. It reads the config and the key slots
// only; the index is read when it is needed first.
func Open(ctx context.Context, st store.Store, opt Options, keys ...Key) (*Repository, error) {
	c, err := readConfig(ctx, st)
	if err != nil {
		return nil, err
	}
	m, slot, err := unlock(ctx, st, c, keys)
	if err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	r := newRepository(st, opt, c.ID, m)
	r.slot = slot
	return r, nil
}

func newRepository(st store.Store, opt Options, id string, m master) *Repository {
	return &Repository{
		st: st, opt: opt, id: id, key: m, keys: m.secrets(id),
		index: newIndex(), cache: newCache(opt.CacheDir, id), enc: newEncoder(),
		broken: make(map[string]error),
	}
}

// ID returns the repository's own ID, which is not secret.
func (r *Repository) ID() string { return r.id }

// AddSlots adds ways in; none is removed (see [Repository.RemoveSlot]).
func (r *Repository) AddSlots(ctx context.Context, s Slots) error {
	made, err := r.key.makeSlots(r.id, s)
	if err != nil {
		return err
	}
	return putSlots(ctx, r.st, made)
}

// Close forgets the keys. No method may be called afterwards. It does not
// close the store and never fails.
func (r *Repository) Close() error {
	clear(r.key[:])
	clear(r.keys.id)
	clear(r.keys.data)
	clear(r.keys.meta)
	return nil
}

// Backups lists the backups, the oldest first.
func (r *Repository) Backups(ctx context.Context) ([]backup.ID, error) {
	var ids []backup.ID
	for o, err := range r.st.List(ctx, manifestPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list backups: %w", err)
		}
		if id := strings.TrimPrefix(o.Key, manifestPrefix); idPattern.MatchString(id) {
			ids = append(ids, backup.ID(id))
		}
	}
	return ids, nil
}

// ensure loads the index if that has not been done yet.
func (r *Repository) ensure(ctx context.Context) error {
	r.loading.Lock()
	loaded := r.loaded
	r.loading.Unlock()
	if loaded {
		return nil
	}
	return r.refresh(ctx)
}

func (r *Repository) setBroken(name string, err error) {
	r.brokenMu.Lock()
	defer r.brokenMu.Unlock()
	r.broken[name] = err
}

func (r *Repository) clearBroken() {
	r.brokenMu.Lock()
	defer r.brokenMu.Unlock()
	clear(r.broken)
}

// brokenPack returns why a pack's footer cannot be read, nil if it can.
func (r *Repository) brokenPack(name string) error {
	r.brokenMu.Lock()
	defer r.brokenMu.Unlock()
	return r.broken[name]
}
