package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// ErrOtherRepository: what lies at {url} is not the repository that destination
// {destination} had.
var ErrOtherRepository = problem.New("agent.other_repository")

// unlockDestination gives this machine a key to the repository of a destination
// that came in with a configuration, by a passphrase or a recovery kit.
func (s *Server) unlockDestination(ctx context.Context, in *namedBody[control.Unlock]) (_ control.Destination, err error) {
	d, err := s.Catalog.Destination(ctx, in.Name)
	if err != nil {
		return d, missing(err, ErrNoDestination, "name", in.Name)
	}
	secret := vault.NewSecret(in.Body.Secret)
	if secret.Empty() {
		if secret, err = s.secretOf(ctx, d); err != nil {
			return d, err
		}
	}
	st, err := s.OpenStore(ctx, d.URL, secret, false)
	if err != nil {
		return d, err
	}
	repo, err := s.takeRepository(ctx, st, control.NewDestination{Destination: d, Passphrase: in.Body.Passphrase, Identity: in.Body.Identity})
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	if repo.ID() != d.Repository {
		return d, ErrOtherRepository.Because(nil, "url", d.URL, "destination", d.Name)
	}
	if in.Body.Secret != "" {
		if err := s.keepSecret(ctx, place{d, secret}); err != nil {
			return d, err
		}
	}
	if err := s.queueRebuild(ctx, d.Name); err != nil {
		return d, fmt.Errorf("queue reading of backups: %w", err)
	}
	s.Broker.Changed()
	return d, nil
}
