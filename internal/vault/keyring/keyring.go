// Package keyring keeps one 32-byte master key in the keychain of the
// operating system: Secret Service on Linux, the Keychain on macOS, the
// Credential Manager on Windows. Only that key goes there, because Windows
// takes no more than 2560 bytes; the secrets themselves lie in the file vault
// that the key opens (package file).
package keyring

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/zalando/go-keyring"

	"github.com/rahatbackup/rahat/internal/vault"
)

const keyLen = 32

// Source is a key source of the file vault. Its methods may be called from
// several goroutines.
type Source struct {
	service, user string
	ready         func() error // whether there is a keychain to ask at all
}

// MasterKey returns the source of the key that the keychain keeps under
// service and user. Both are visible to whoever looks at the keychain.
func MasterKey(service, user string) *Source {
	return &Source{service: service, user: user, ready: keychainReachable}
}

// Key returns the master key; it is not a passphrase, so stretch is false. When
// there is none it makes one if fresh is said, else it is
// [vault.ErrWrongKey]. [vault.ErrUnavailable] means that this machine has no
// keychain, [vault.ErrLocked] that it did not open.
//
// A keychain may ask a person for the password and wait. When ctx ends first,
// Key returns, and the question is left to be answered in vain: no keychain
// has a way to take it back.
func (s *Source) Key(ctx context.Context, fresh bool) (key []byte, stretch bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, false, fmt.Errorf("ask keychain: %w", err)
	}
	if err := s.ready(); err != nil {
		return nil, false, fmt.Errorf("ask keychain: %w", vault.ErrUnavailable.Because(err))
	}
	type answer struct {
		key []byte
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		key, err := s.ask(fresh)
		answers <- answer{key, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, false, fmt.Errorf("ask keychain: %w", a.err)
		}
		return a.key, false, nil
	case <-ctx.Done():
		return nil, false, fmt.Errorf("ask keychain: %w", context.Cause(ctx))
	}
}

// Forget removes the key. A vault file locked with it is lost then.
func (s *Source) Forget() error {
	if err := s.ready(); err != nil {
		return fmt.Errorf("forget master key: %w", vault.ErrUnavailable.Because(err))
	}
	if err := keyring.Delete(s.service, s.user); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("forget master key: %w", explain(err))
	}
	return nil
}

// ask gets or makes the key.
func (s *Source) ask(fresh bool) ([]byte, error) {
	text, err := keyring.Get(s.service, s.user)
	if errors.Is(err, keyring.ErrNotFound) && fresh {
		text, err = s.make()
	}
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, vault.ErrWrongKey.Because(errors.New("the keychain holds no key of this vault"))
	}
	if err != nil {
		return nil, explain(err)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keyLen {
		// Not the cause: it could quote the key.
		return nil, vault.ErrWrongKey.Because(errors.New("what the keychain holds is not a key of ours"))
	}
	return key, nil
}

// make puts a new key into the keychain and reads it back, because a vault
// must not be locked with a key the keychain did not keep.
func (s *Source) make() (string, error) {
	key := make([]byte, keyLen)
	rand.Read(key) // never fails, see crypto/rand
	if err := keyring.Set(s.service, s.user, base64.StdEncoding.EncodeToString(key)); err != nil {
		return "", err
	}
	return keyring.Get(s.service, s.user)
}

// explain tells a locked keychain from none. The library has no such errors, so
// the words of the services behind it decide; what is not known to mean
// "locked" means that there is nothing to work with.
func explain(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		// /usr/bin/security ends with the low byte of the OSStatus:
		// errSecInteractionNotAllowed, errSecAuthFailed, cancelled by the user.
		switch exit.ExitCode() {
		case 36, 51, 128:
			return vault.ErrLocked.Because(err)
		}
	}
	text := strings.ToLower(err.Error())
	for _, word := range []string{"failed to unlock", "locked", "dismissed", "prompt", "cancel"} {
		if strings.Contains(text, word) {
			return vault.ErrLocked.Because(err)
		}
	}
	return vault.ErrUnavailable.Because(err)
}
