package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

var (
	// ErrKeyGone: the key that this computer has no longer opens destination
	// {destination}: another computer has removed it.
	ErrKeyGone = problem.New("recoverykit.own_key_gone")
	// ErrOldKeyStays: this computer has a new key to destination
	// {destination}, but the old one, {id}, could not be removed.
	ErrOldKeyStays = problem.New("recoverykit.old_key_stays")
	// ErrPassphraseBlank: a new passphrase is nothing but blanks, which anybody
	// would try first.
	ErrPassphraseBlank = problem.New("recoverykit.passphrase_blank")
)

// nextKeyName is where the vault keeps this machine's next key to a repository
// while it is being changed. It is there before its slot is, so that a change
// that is cut off can be taken up again.
func nextKeyName(repository string) string { return "repository/" + repository + "/key-next" }

type (
	namedBody[T any] struct {
		Name string `path:"name" maxLength:"63"`
		Body T
	}
	namedKey struct {
		Name string `path:"name" maxLength:"63"`
		ID   string `path:"id" maxLength:"32" doc:"an ID, or a unique beginning of one that has at least four characters"`
	}
)

// leastID is how much of an ID names a key: whoever leaves out more may have
// made a mistake.
const leastID = 4

// withKeys opens a destination anew for work on its keys: a repository that is
// open for long may have been opened with a key that was changed since.
func (s *Server) withKeys(ctx context.Context, name string, do func(d control.Destination, repo *repository.Repository) error) (err error) {
	s.keying.Lock()
	defer s.keying.Unlock()
	d, err := s.Catalog.Destination(ctx, name)
	if err != nil {
		return missing(err, ErrNoDestination, "name", name)
	}
	repo, err := s.openDestination(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	return do(d, repo)
}

func (s *Server) listKeys(ctx context.Context, in *named) (all []control.KeySlot, err error) {
	err = s.withKeys(ctx, in.Name, func(_ control.Destination, repo *repository.Repository) error {
		all, err = keySlots(ctx, repo)
		return err
	})
	return all, err
}

// checkPassphrase refuses what looks like a passphrase and is none.
func checkPassphrase(typed string) error {
	if typed != "" && strings.TrimSpace(typed) == "" {
		return ErrPassphraseBlank.Because(nil)
	}
	return nil
}

func keySlots(ctx context.Context, repo *repository.Repository) ([]control.KeySlot, error) {
	slots, err := repo.Slots(ctx)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	all := []control.KeySlot{}
	for _, k := range slots {
		if k.Kind != "" {
			all = append(all, control.KeySlot{ID: k.ID, Kind: k.Kind, Recipient: k.Recipient, Created: moment(k.Created), This: k.Opened})
		}
	}
	return all, nil
}

func (s *Server) addKey(ctx context.Context, in *namedBody[control.NewKey]) (all []control.KeySlot, err error) {
	n := repository.Slots{Passphrase: vault.NewSecret(in.Body.Passphrase)}
	if in.Body.Recipient != "" {
		n.Recipients = []string{in.Body.Recipient}
	}
	if in.Body.Passphrase == "" && in.Body.Recipient == "" {
		return nil, invalid("passphrase", "a passphrase or a recipient is needed")
	}
	if err := checkPassphrase(in.Body.Passphrase); err != nil {
		return nil, err
	}
	err = s.withKeys(ctx, in.Name, func(_ control.Destination, repo *repository.Repository) error {
		if err := repo.AddSlots(ctx, n); err != nil {
			return fmt.Errorf("add key: %w", err)
		}
		all, err = keySlots(ctx, repo)
		return err
	})
	return all, err
}

func (s *Server) removeKey(ctx context.Context, in *namedKey) (nothing, error) {
	return nothing{}, s.withKeys(ctx, in.Name, func(d control.Destination, repo *repository.Repository) error {
		slots, err := repo.Slots(ctx)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		var found []repository.Slot
		for _, k := range slots {
			if strings.HasPrefix(k.ID, in.ID) && len(in.ID) >= leastID {
				found = append(found, k)
			}
		}
		switch len(found) {
		case 0:
			return repository.ErrNoSuchSlot.Because(nil, "id", in.ID)
		case 1:
		default:
			return ErrAmbiguous.Because(nil, "id", in.ID)
		}
		if err := repo.RemoveSlot(ctx, found[0].ID); err != nil {
			return fmt.Errorf("remove key: %w", err)
		}
		return s.forgetKit(ctx, d, found[0].Recipient)
	})
}

// forgetKit forgets a kit that no longer opens a destination.
func (s *Server) forgetKit(ctx context.Context, d control.Destination, recipient string) error {
	known, err := s.Catalog.Recoveries(ctx)
	if err != nil || recipient == "" || known[d.Repository].Recipient != recipient {
		return err
	}
	return s.Catalog.ChangeRecovery(ctx, func(r *catalog.Recovery) { *r = catalog.Recovery{} }, d.Repository)
}

// rotateKey gives this computer a new key to a destination and takes the old
// one away. Every step can be repeated, and whatever fails or is cut off, the
// vault holds a key that opens the repository; the next call goes on where this
// one ended.
func (s *Server) rotateKey(ctx context.Context, in *named) (all []control.KeySlot, err error) {
	err = s.withKeys(ctx, in.Name, func(d control.Destination, repo *repository.Repository) (err error) {
		next, err := s.change(ctx, repo)
		if err != nil {
			return err
		}
		renewed, err := s.renew(ctx, d, repo, vault.NewSecret(next.Key))
		if err != nil {
			return fmt.Errorf("change this computer's key: %w", err)
		}
		defer func() { err = errors.Join(err, renewed.Close()) }()
		err = renewed.RemoveSlot(ctx, next.Old)
		if err != nil && !errors.Is(err, repository.ErrNoSuchSlot) {
			return ErrOldKeyStays.Because(err, "destination", d.Name, "id", next.Old)
		}
		if err := s.Vault.Delete(ctx, nextKeyName(repo.ID())); err != nil {
			return err
		}
		all, err = keySlots(ctx, renewed)
		return err
	})
	return all, err
}

// keyChange is a change of this computer's key that has begun.
type keyChange struct {
	Key string `json:"key"` // the new one
	Old string `json:"old"` // ID of the slot to remove
}

// change goes on with the change that was begun, or begins one.
func (s *Server) change(ctx context.Context, repo *repository.Repository) (c keyChange, err error) {
	begun, err := s.secret(ctx, nextKeyName(repo.ID()))
	if err != nil {
		return c, err
	}
	if !begun.Empty() && json.Unmarshal([]byte(begun.Reveal()), &c) == nil { // the parser's error shows the key
		return c, nil
	}
	slots, err := repo.Slots(ctx)
	if err != nil {
		return c, fmt.Errorf("list keys: %w", err)
	}
	for _, k := range slots {
		if k.Opened {
			c.Old = k.ID
		}
	}
	c.Key = repository.NewSecret().Reveal()
	text, err := json.Marshal(c)
	if err != nil {
		return c, errors.New("encode change of key")
	}
	return c, s.Vault.Set(ctx, nextKeyName(repo.ID()), vault.NewSecret(string(text)))
}

// renew lets this computer's next key in, proves that it opens the repository
// and only then puts it in the place of the present one. It returns the
// repository as opened with the new key.
func (s *Server) renew(ctx context.Context, d control.Destination, repo *repository.Repository, next vault.Secret) (*repository.Repository, error) {
	st, err := s.storeOf(ctx, d)
	if err != nil {
		return nil, err
	}
	open := func() (*repository.Repository, error) {
		return repository.Open(ctx, st, s.repositoryOptions(), repository.SecretKey(next))
	}
	renewed, err := open()
	if errors.Is(err, repository.ErrWrongKey) { // unless a change that was cut off has let it in
		if err := repo.AddSlots(ctx, repository.Slots{Secret: next}); err != nil {
			return nil, err
		}
		renewed, err = open()
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{addressKeyName(d.URL), keyName(d.Repository)} {
		if err := s.Vault.Set(ctx, name, next); err != nil {
			return nil, errors.Join(err, renewed.Close())
		}
	}
	return renewed, nil
}

// storeOf opens the store of a configured destination.
func (s *Server) storeOf(ctx context.Context, d control.Destination) (store.Store, error) {
	secret, err := s.secretOf(ctx, d)
	if err != nil {
		return nil, err
	}
	return s.OpenStore(ctx, d.URL, secret, false)
}
