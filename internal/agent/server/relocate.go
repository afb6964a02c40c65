package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/vault"
)

// tryLock makes sure that a destination can forbid deletion.
func (s *Server) tryLock(ctx context.Context, d control.Destination) error {
	repo, err := s.openDestination(ctx, d)
	if err != nil {
		return err
	}
	return errors.Join(repo.TryLock(ctx), repo.Close())
}

// editDestination changes how a destination is kept, and where it is when its
// repository was moved or its store has another secret now.
func (s *Server) editDestination(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"63"`
	Body control.DestinationEdit
}) (control.Destination, error) {
	for {
		old, err := s.placed(ctx, in.Name)
		if err != nil {
			return old.Destination, err
		}
		next := old.with(in.Body)
		if err := s.mayMove(ctx, old, next, in.Body.URL != "" || in.Body.Secret != ""); err != nil {
			return old.Destination, err
		}
		done, err := s.move(ctx, old, next)
		if err != nil {
			return old.Destination, missing(err, ErrNoDestination, "name", in.Name)
		}
		if !done {
			continue // somebody else has changed it meanwhile: what was found out no longer holds
		}
		s.Broker.Changed()
		return next.Destination, errors.Join(s.repos.outdate(in.Name), s.scheduler.Look(ctx))
	}
}

// A place is a destination and what opens its store.
type place struct {
	control.Destination
	secret vault.Secret
}

// placed returns the place of a destination.
func (s *Server) placed(ctx context.Context, name string) (p place, err error) {
	if p.Destination, err = s.destinationOf(ctx, name); err != nil {
		return p, err
	}
	p.secret, err = s.secretOf(ctx, p.Destination)
	return p, err
}

// with returns the place after an edit.
func (p place) with(e control.DestinationEdit) place {
	p.URL = cmp.Or(e.URL, p.URL)
	if e.Secret != "" {
		p.secret = vault.NewSecret(e.Secret)
	}
	if e.LockDays != nil {
		p.LockDays = *e.LockDays
	}
	if e.RereadDays != nil {
		p.RereadDays = *e.RereadDays
	}
	return p
}

func (p place) same(q place) bool {
	return p.Destination == q.Destination && p.secret.Reveal() == q.secret.Reveal()
}

// mayMove makes sure that the repository is found at its next place with what
// the store asks for there if it moves, and that a lock can be set if it is to be.
func (s *Server) mayMove(ctx context.Context, old, next place, moves bool) error {
	if !moves {
		if old.LockDays == 0 && next.LockDays > 0 {
			return s.tryLock(ctx, old.Destination)
		}
		return nil
	}
	key, err := s.secret(ctx, keyName(old.Repository))
	if err != nil {
		return err
	}
	if key.Empty() {
		return ErrKeyMissing.Because(nil, "destination", old.Name)
	}
	if err := s.foundAt(ctx, next.Destination, next.secret, key); err != nil {
		return err
	}
	return s.Vault.Set(ctx, addressKeyName(next.URL), key)
}

// move writes down the next place of a destination, unless it is no longer at
// the old one: no lock is held while a slow store answers. Wherever this breaks
// off, the old address is read with the old secret or the next with the next: the
// catalog alone decides, for until it knows the next address the secret waits
// under that.
func (s *Server) move(ctx context.Context, old, next place) (done bool, err error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	now, err := s.placed(ctx, old.Name)
	if err != nil || !now.same(old) {
		return false, err
	}
	if next.URL == old.URL {
		if next.secret.Reveal() != old.secret.Reveal() {
			if err := s.keepSecret(ctx, next); err != nil {
				return false, err
			}
		}
		return true, s.Catalog.EditDestination(ctx, next.Destination)
	}
	if err := s.setSecret(ctx, movedSecretName(next.Name, next.URL), next.secret); err != nil {
		return false, err
	}
	if err := s.Catalog.EditDestination(ctx, next.Destination); err != nil {
		return false, errors.Join(err, s.unmove(context.WithoutCancel(ctx), next))
	}
	if err := errors.Join(s.keepSecret(ctx, next), s.Vault.Delete(ctx, movedSecretName(old.Name, old.URL))); err != nil {
		// It is found where it waits.
		s.Log.WarnContext(ctx, "cannot tidy up the secret of a destination that was moved", "destination", next.Name, "err", err)
	}
	return true, nil
}

// unmove forgets the secret of a place that a destination did not move to. The
// catalog may have taken the place though it told of an error.
func (s *Server) unmove(ctx context.Context, next place) error {
	d, err := s.Catalog.Destination(ctx, next.Name)
	if err != nil || d.URL == next.URL {
		return err
	}
	return s.Vault.Delete(ctx, movedSecretName(next.Name, next.URL))
}

// movedSecretName is where the vault keeps what opens a destination's store at
// an address, while it moves there.
func movedSecretName(destination, url string) string {
	sum := sha256.Sum256([]byte(url))
	return "destination/" + hex.EncodeToString([]byte(destination)) + "/secret-at-" + hex.EncodeToString(sum[:16])
}

// secretOf returns what opens the store of a destination; empty if it needs
// nothing.
func (s *Server) secretOf(ctx context.Context, d control.Destination) (vault.Secret, error) {
	moved, err := s.secret(ctx, movedSecretName(d.Name, d.URL))
	if err != nil || !moved.Empty() {
		return moved, err
	}
	return s.secret(ctx, secretName(d.Name))
}

// keepSecret puts the secret of a place where it belongs.
func (s *Server) keepSecret(ctx context.Context, p place) error {
	if err := s.setSecret(ctx, secretName(p.Name), p.secret); err != nil {
		return err
	}
	return s.Vault.Delete(ctx, movedSecretName(p.Name, p.URL))
}

// setSecret keeps a secret, or that there is none.
func (s *Server) setSecret(ctx context.Context, name string, secret vault.Secret) error {
	if secret.Empty() {
		return s.Vault.Delete(ctx, name)
	}
	return s.Vault.Set(ctx, name, secret)
}

// foundAt makes sure that the repository of a destination is where it says.
func (s *Server) foundAt(ctx context.Context, d control.Destination, secret, key vault.Secret) error {
	st, err := s.OpenStore(ctx, d.URL, secret, false)
	if err != nil {
		return err
	}
	repo, err := openWith(ctx, st, s.repositoryOptions(), typedKeys{all: []repository.Key{repository.SecretKey(key)}})
	if errors.Is(err, repository.ErrWrongKey) {
		return ErrOtherRepository.Because(err, "url", d.URL, "destination", d.Name)
	}
	if err != nil {
		return fmt.Errorf("open repository: %w", err)
	}
	if repo.ID() != d.Repository {
		err = ErrOtherRepository.Because(nil, "url", d.URL, "destination", d.Name)
	}
	if err == nil && d.LockDays > 0 {
		err = repo.TryLock(ctx)
	}
	return errors.Join(err, repo.Close())
}
