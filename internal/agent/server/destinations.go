package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/storecheck"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

// secretName is where the vault keeps what opens a destination's store.
func secretName(destination string) string {
	return "destination/" + hex.EncodeToString([]byte(destination)) + "/secret"
}

// keyName is where the vault keeps this machine's key to a repository.
func keyName(repository string) string { return "repository/" + repository + "/key" }

// addressKeyName is where the vault keeps the same key by the repository's
// address. It is there before the repository is made, so that an agent that
// dies in between does not leave one which nobody can open; and it opens a
// repository whose destination was removed and is added again.
func addressKeyName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return "repository/at-" + hex.EncodeToString(sum[:16]) + "/key"
}

func (s *Server) listDestinations(ctx context.Context, _ *struct{}) ([]control.Destination, error) {
	return s.Catalog.Destinations(ctx)
}

func (s *Server) addDestination(ctx context.Context, in *body[control.NewDestination]) (control.Destination, error) {
	n := in.Body
	if _, err := s.Catalog.Destination(ctx, n.Name); !errors.Is(err, catalog.ErrNotFound) {
		return n.Destination, taken(err, ErrDestinationExists, n.Name)
	}
	st, err := s.OpenStore(ctx, n.URL, vault.NewSecret(n.Secret), true)
	if err != nil {
		return n.Destination, err
	}
	there, err := repository.Exists(ctx, st)
	if err != nil {
		return n.Destination, fmt.Errorf("look for repository: %w", err)
	}
	adopt := s.makeRepository
	if there {
		adopt = s.takeRepository
	}
	repo, err := adopt(ctx, st, n)
	if err != nil {
		return n.Destination, err
	}
	n.Repository = repo.ID()
	if n.LockDays > 0 { // better said now than by the first backup at night
		err = repo.TryLock(ctx)
	}
	if err := errors.Join(err, repo.Close()); err != nil {
		return n.Destination, fmt.Errorf("add destination: %w", err)
	}
	if err := s.keepDestination(ctx, n); err != nil {
		return n.Destination, err
	}
	s.leaveReadme(ctx, st, n.URL)
	if there { // its backups are news to the catalog
		if err := s.queueRebuild(ctx, n.Name); err != nil {
			return n.Destination, err
		}
	}
	return n.Destination, nil
}

// makeRepository makes a repository with a key for this machine, and for what
// else was asked. A key this machine had for the address is used again: it may
// be that of a disk that is just not plugged in.
func (s *Server) makeRepository(ctx context.Context, st store.Store, n control.NewDestination) (*repository.Repository, error) {
	if err := checkPassphrase(n.Passphrase); err != nil {
		return nil, err
	}
	key, err := s.secret(ctx, addressKeyName(n.URL))
	if err != nil {
		return nil, err
	}
	if key.Empty() {
		key = repository.NewSecret()
		if err := s.Vault.Set(ctx, addressKeyName(n.URL), key); err != nil {
			return nil, err
		}
	}
	slots := repository.Slots{Secret: key, Passphrase: vault.NewSecret(n.Passphrase), Recipients: n.Recipients}
	repo, err := repository.Create(ctx, st, slots, s.repositoryOptions())
	if err != nil {
		return nil, fmt.Errorf("make repository: %w", err)
	}
	return repo, s.Vault.Set(ctx, keyName(repo.ID()), key)
}

// takeRepository opens a repository that is there already, with what was given
// or with the key this machine had for it, and gives this machine a key if it
// has none.
func (s *Server) takeRepository(ctx context.Context, st store.Store, n control.NewDestination) (*repository.Repository, error) {
	known, err := s.secret(ctx, addressKeyName(n.URL))
	if err != nil {
		return nil, err
	}
	if !known.Empty() {
		repo, err := openWith(ctx, st, s.repositoryOptions(), typedKeys{all: []repository.Key{repository.SecretKey(known)}})
		if err == nil {
			return repo, s.Vault.Set(ctx, keyName(repo.ID()), known)
		}
		if !errors.Is(err, repository.ErrWrongKey) {
			return nil, err
		}
	}
	keys, err := givenKeys(n.Passphrase, n.Identity)
	if err != nil {
		return nil, err
	}
	if len(keys.all) == 0 {
		return nil, ErrKeyMissing.Because(nil, "destination", n.Name)
	}
	repo, err := openWith(ctx, st, s.repositoryOptions(), keys)
	if err != nil {
		return nil, err
	}
	return repo, s.giveKey(ctx, repo, n.URL)
}

// giveKey gives this machine a key of its own to a repository.
func (s *Server) giveKey(ctx context.Context, repo *repository.Repository, url string) error {
	key := repository.NewSecret()
	if err := repo.AddSlots(ctx, repository.Slots{Secret: key}); err != nil {
		return fmt.Errorf("add key to repository: %w", err)
	}
	for _, name := range []string{keyName(repo.ID()), addressKeyName(url)} {
		if err := s.Vault.Set(ctx, name, key); err != nil {
			return err
		}
	}
	return nil
}

// keepDestination writes down a destination whose repository is ready. What was
// checked before may have changed: no lock is held while a slow store answers.
func (s *Server) keepDestination(ctx context.Context, n control.NewDestination) error {
	s.naming.Lock()
	defer s.naming.Unlock()
	known, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return err
	}
	for _, d := range known {
		if d.Name == n.Name {
			return ErrDestinationExists.Because(nil, "name", n.Name)
		}
		if d.Repository == n.Repository {
			return ErrRepositoryInUse.Because(nil, "url", n.URL, "name", d.Name)
		}
	}
	if err := s.keepSecret(ctx, place{n.Destination, vault.NewSecret(n.Secret)}); err != nil {
		return err
	}
	if err := s.Catalog.AddDestination(ctx, n.Destination); err != nil {
		return fmt.Errorf("add destination: %w", err)
	}
	s.Broker.Changed()
	return nil
}

// removeDestination keeps the key of the repository: without it, and without a
// passphrase, the backups on it would be lost.
func (s *Server) removeDestination(ctx context.Context, in *named) (nothing, error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return nothing{}, err
	}
	for _, j := range jobs {
		for _, d := range append([]string{j.Emergency}, j.Destinations...) {
			if d == in.Name {
				return nothing{}, ErrInUse.Because(nil, "name", in.Name, "job", j.Name)
			}
		}
	}
	d, err := s.Catalog.Destination(ctx, in.Name)
	if err == nil {
		err = s.Catalog.RemoveDestination(ctx, in.Name)
	}
	if err != nil {
		return nothing{}, missing(err, ErrNoDestination, "name", in.Name)
	}
	s.Broker.Changed()
	return nothing{}, s.keepSecret(ctx, place{Destination: d})
}

func (s *Server) testDestination(ctx context.Context, in *named) (control.DestinationTest, error) {
	return s.testedDestination(ctx, in.Name, 0)
}

// testedDestination tests with a large file of so many bytes; 0 is what
// storecheck thinks best.
func (s *Server) testedDestination(ctx context.Context, name string, large int64) (control.DestinationTest, error) {
	test := control.DestinationTest{FreeBytes: -1}
	d, err := s.Catalog.Destination(ctx, name)
	if err != nil {
		return test, missing(err, ErrNoDestination, "name", name)
	}
	ctx, cancel := testContext(ctx, destinationTestTime)
	defer cancel()
	err = stopped(ctx, s.tryDestination(ctx, d, large, &test))
	test.Problem, test.OK = control.FromError(err), err == nil
	return test, nil
}

// destinationTestTime bounds the test of a destination, which sends and reads 16
// MiB: enough for a line of one megabit per second.
const destinationTestTime = 5 * time.Minute

// tryDestination fills in what is found.
func (s *Server) tryDestination(ctx context.Context, d control.Destination, large int64, test *control.DestinationTest) error {
	secret, err := s.secretOf(ctx, d)
	if err != nil {
		return err
	}
	st, err := s.OpenStore(ctx, d.URL, secret, false)
	if err != nil {
		return err
	}
	if sized, ok := store.As[store.Sized](st); ok {
		if test.FreeBytes, err = sized.Free(ctx); err != nil {
			return err
		}
	}
	if err := tryStore(ctx, st, storecheck.Options{Lock: d.LockDays > 0, Large: large}, test); err != nil {
		return err
	}
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	test.Repository = repo.ID()
	ids, err := repo.Backups(ctx)
	test.Backups = len(ids)
	return err
}

// destinationUsage measures what is there; nothing is written for it.
func (s *Server) destinationUsage(ctx context.Context, in *named) (control.DestinationUsage, error) {
	usage := control.DestinationUsage{FreeBytes: -1}
	d, err := s.Catalog.Destination(ctx, in.Name)
	if err != nil {
		return usage, missing(err, ErrNoDestination, "name", in.Name)
	}
	ctx, cancel := testContext(ctx, destinationTestTime)
	defer cancel()
	err = stopped(ctx, s.measure(ctx, d, &usage))
	return usage, err
}

func (s *Server) measure(ctx context.Context, d control.Destination, usage *control.DestinationUsage) error {
	st, err := s.storeOf(ctx, d)
	if err != nil {
		return err
	}
	if sized, ok := store.As[store.Sized](st); ok {
		if usage.FreeBytes, err = sized.Free(ctx); err != nil {
			return err
		}
	}
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	held, err := repo.Usage(ctx)
	usage.Backups, usage.Bytes = held.Backups, held.Bytes
	return err
}

// tryStore makes sure that a store does what backups need.
func tryStore(ctx context.Context, st store.Store, opt storecheck.Options, test *control.DestinationTest) error {
	steps := storecheck.Run(ctx, st, opt)
	for _, step := range steps {
		test.Checks = append(test.Checks, control.DestinationCheck{
			Name: step.Name, Status: string(step.Status), Seconds: step.Took.Seconds(), Bytes: step.Bytes,
			Problem: control.FromError(stopped(ctx, step.Err)),
		})
	}
	return storecheck.First(steps)
}

// startRebuild reads the backups of all destinations anew.
func (s *Server) startRebuild(ctx context.Context, _ *struct{}) (control.Runs, error) {
	w, err := s.rebuildWork(ctx, "")
	if err != nil {
		return control.Runs{}, err
	}
	return s.start(ctx, w)
}

// excludeCatalog keeps rebuilds from running beside each other.
const excludeCatalog = "catalog"

// rebuildWork reads the backups of one destination, or of all for "". A prune
// of what is read waits: what it removes after it was listed would come back
// into the catalog.
func (s *Server) rebuildWork(ctx context.Context, destination string) (queue.Work, error) {
	w := queue.Work{
		Run:      control.Run{Kind: backup.RunRebuild, Destination: destination},
		Excludes: []string{excludeCatalog},
		Do:       s.rebuild,
	}
	known, err := s.Catalog.Destinations(ctx)
	for _, d := range known {
		if destination == "" || destination == d.Name {
			w.Excludes = append(w.Excludes, excludePrune+d.Name)
		}
	}
	return w, err
}

// queueRebuild queues the reading of a destination's backups.
func (s *Server) queueRebuild(ctx context.Context, destination string) error {
	w, err := s.rebuildWork(ctx, destination)
	if err == nil {
		_, err = s.Queue.Add(ctx, w)
	}
	return err
}
