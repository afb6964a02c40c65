package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/recoverykit"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

// repositories keeps the repositories of destinations open while runs use
// them and until the agent is idle: opening one reads its index, which is
// memory as well as time.
type repositories struct {
	open func(ctx context.Context, d control.Destination) (*repository.Repository, error)

	mu   sync.Mutex
	held map[control.Destination]*held
}

// held is one repository. Its own lock is held while it is opened, so that a
// slow store delays only those who want it.
type held struct {
	users int  // guarded by repositories.mu
	old   bool // nobody else gets it, and the last user closes it; guarded likewise
	mu    sync.Mutex
	repo  *repository.Repository // nil until opened
}

// use returns the repository of a destination and a function that gives it
// back, which must be called once.
func (r *repositories) use(ctx context.Context, d control.Destination) (*repository.Repository, func(), error) {
	h := r.take(d)
	done := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		h.users--
		if h.old && h.users == 0 && h.repo != nil {
			_ = h.repo.Close() // what was to be written is
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.repo == nil {
		repo, err := r.open(ctx, d)
		if err != nil {
			done()
			return nil, nil, err
		}
		h.repo = repo
	}
	return h.repo, done, nil
}

func (r *repositories) take(d control.Destination) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = map[control.Destination]*held{}
	}
	h := r.held[d]
	if h == nil {
		h = &held{}
		r.held[d] = h
	}
	h.users++
	return h
}

// release closes what nobody uses.
func (r *repositories) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for d, h := range r.held {
		if h.users > 0 {
			continue
		}
		delete(r.held, d)
		if h.repo != nil {
			errs = append(errs, h.repo.Close())
		}
	}
	return errors.Join(errs...)
}

// outdate lets the next user of a destination open it anew, because it is reached
// in another way now. What uses it goes on to its end as it began.
func (r *repositories) outdate(destination string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for d, h := range r.held {
		if d.Name != destination {
			continue
		}
		delete(r.held, d)
		if h.old = true; h.users == 0 && h.repo != nil {
			errs = append(errs, h.repo.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Server) repositoryOptions() repository.Options {
	return repository.Options{CacheDir: s.CacheDir, Now: s.Now, Machine: s.Machine}
}

// openDestination opens the repository of a configured destination with the
// key in the vault.
func (s *Server) openDestination(ctx context.Context, d control.Destination) (*repository.Repository, error) {
	key, err := s.secret(ctx, keyName(d.Repository))
	if err != nil {
		return nil, err
	}
	if key.Empty() {
		return nil, ErrKeyMissing.Because(nil, "destination", d.Name)
	}
	st, err := s.storeOf(ctx, d)
	if err != nil {
		return nil, err
	}
	opt := s.repositoryOptions()
	opt.Lock = time.Duration(d.LockDays) * 24 * time.Hour
	repo, err := repository.Open(ctx, st, opt, repository.SecretKey(key))
	if errors.Is(err, repository.ErrWrongKey) {
		return nil, ErrKeyGone.Because(err, "destination", d.Name)
	}
	if err == nil {
		s.leaveReadme(ctx, st, d.URL)
	}
	return repo, err
}

// secret reads a secret that need not be there.
func (s *Server) secret(ctx context.Context, name string) (vault.Secret, error) {
	v, err := s.Vault.Get(ctx, name)
	if errors.Is(err, vault.ErrNotFound) {
		return vault.Secret{}, nil
	}
	if err != nil {
		return v, fmt.Errorf("read secret %s: %w", name, err)
	}
	return v, nil
}

// openUnconfigured opens a repository that only this request knows of. The
// caller closes it. Nothing about it is kept.
func (s *Server) openUnconfigured(ctx context.Context, r control.Repository) (*repository.Repository, error) {
	st, err := s.OpenStore(ctx, r.URL, vault.NewSecret(r.Secret), false)
	if err != nil {
		return nil, err
	}
	keys, err := givenKeys(r.Passphrase, r.Identity)
	if err != nil {
		return nil, err
	}
	if len(keys.all) == 0 {
		return nil, invalid("passphrase", "a passphrase or an identity is needed")
	}
	return openWith(ctx, st, repository.Options{Now: s.Now, Machine: s.Machine}, keys)
}

// givenKeys are the keys a person gave. A recovery kit's words are taken for
// its identity, wherever they stand.
func givenKeys(passphrase, identity string) (keys typedKeys, err error) {
	for _, text := range []string{passphrase, identity} {
		if text == "" {
			continue
		}
		if err := keys.add(text); err != nil {
			return keys, err
		}
	}
	if identity != "" && !keys.kit && passphrase == "" {
		return keys, cmp.Or(keys.doubt, error(recoverykit.ErrIdentity.Because(nil)))
	}
	return keys, nil
}

// typedKeys are what the texts that a person typed may be.
type typedKeys struct {
	all   []repository.Key
	kit   bool  // a recovery kit's key is among them
	doubt error // what seems mistyped, in case none fits
}

// add takes a text for all that it may be.
func (k *typedKeys) add(text string) error {
	typed, err := recoverykit.Read(text)
	if err != nil {
		return err
	}
	if !typed.Identity.Empty() { // which costs less to try than a passphrase
		k.all = append(k.all, repository.Identity(typed.Identity))
		k.kit = true
	}
	if !typed.Passphrase.Empty() {
		k.all = append(k.all, repository.Passphrase(typed.Passphrase))
	}
	k.doubt = cmp.Or(k.doubt, typed.Doubt)
	return nil
}

// openWith opens the repository on a store, or says that there is none.
func openWith(ctx context.Context, st store.Store, opt repository.Options, keys typedKeys) (*repository.Repository, error) {
	repo, err := repository.Open(ctx, st, opt, keys.all...)
	if errors.Is(err, repository.ErrWrongKey) && keys.doubt != nil {
		return nil, keys.doubt
	}
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return repo, nil
}
