package server

import (
	"cmp"
	"context"
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
	d, err := s.destinationOf(ctx, in.Name)
	if err != nil {
		return d, err
	}
	if d, err = s.relocate(ctx, d, in.Body); err != nil {
		return d, err
	}
	if days := in.Body.LockDays; days != nil {
		if d.LockDays == 0 && *days > 0 {
			if err := s.tryLock(ctx, d); err != nil {
				return d, err
			}
		}
		d.LockDays = *days
	}
	if in.Body.RereadDays != nil {
		d.RereadDays = *in.Body.RereadDays
	}
	if err := s.Catalog.EditDestination(ctx, d); err != nil {
		return d, missing(err, ErrNoDestination, "name", in.Name)
	}
	s.Broker.Changed()
	return d, errors.Join(s.repos.outdate(d.Name), s.scheduler.Look(ctx))
}

// relocate returns a destination with its new address, after it has found its
// repository there with what the store asks for now. Until then nothing changes.
func (s *Server) relocate(ctx context.Context, d control.Destination, e control.DestinationEdit) (_ control.Destination, err error) {
	if e.URL == "" && e.Secret == "" {
		return d, nil
	}
	moved, secret := d, vault.NewSecret(e.Secret)
	moved.URL = cmp.Or(e.URL, d.URL)
	if secret.Empty() {
		if secret, err = s.secret(ctx, secretName(d.Name)); err != nil {
			return d, err
		}
	}
	key, err := s.secret(ctx, keyName(d.Repository))
	if err != nil {
		return d, err
	}
	if key.Empty() {
		return d, ErrKeyMissing.Because(nil, "destination", d.Name)
	}
	if err := s.foundAt(ctx, moved, secret, key); err != nil {
		return d, err
	}
	if err := s.Vault.Set(ctx, addressKeyName(moved.URL), key); err != nil {
		return d, err
	}
	if e.Secret != "" {
		err = s.Vault.Set(ctx, secretName(d.Name), secret)
	}
	return moved, err
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
