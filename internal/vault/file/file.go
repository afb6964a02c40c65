// Package file is a vault in one encrypted file. It is opened by a passphrase,
// stretched with Argon2id, or by a key that lives in the OS keychain; see
// [KeySource]. The file is replaced as a whole, flushed, under a lock that
// other processes respect, so that a crash leaves the old or the new one.
//
// The secrets are read from the file each time, so that several processes see
// each other's changes and no secret stays in memory; only the key does.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// ErrAccess: the file at {path} cannot be read or written.
var ErrAccess = problem.New("vault.file_access")

// Vault keeps secrets in a file. Its methods may be called from several
// goroutines and several processes.
type Vault struct {
	path   string
	source KeySource

	mu     sync.Mutex // one user of this process at a time; flock is for others
	header header     // what key was made for
	key    []byte     // nil until it is known
}

var _ vault.Vault = (*Vault)(nil)

// Open opens the vault at path, an absolute path, or makes an empty one. The
// key is asked for and tried at once: [vault.ErrWrongKey] when it does not
// fit, [vault.ErrDamaged] when the file is no vault any more. The errors of
// source are returned wrapped. Nothing needs closing.
func Open(ctx context.Context, path string, source KeySource) (*Vault, error) {
	v := &Vault{path: path, source: source}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open vault: %w", v.access(err))
	}
	err := v.locked(ctx, func() error {
		_, err := v.read(ctx)
		if errors.Is(err, fs.ErrNotExist) {
			return v.create(ctx)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

// Get implements [vault.Vault].
func (v *Vault) Get(ctx context.Context, name string) (vault.Secret, error) {
	var secret vault.Secret
	err := v.use(ctx, name, func(secrets map[string][]byte) (changed bool, err error) {
		b, ok := secrets[name]
		if !ok {
			return false, vault.ErrNotFound.Because(nil, "name", name)
		}
		secret = vault.NewSecret(string(b))
		return false, nil
	})
	if err != nil {
		return vault.Secret{}, fmt.Errorf("get secret: %w", err)
	}
	return secret, nil
}

// Set implements [vault.Vault].
func (v *Vault) Set(ctx context.Context, name string, s vault.Secret) error {
	err := v.use(ctx, name, func(secrets map[string][]byte) (bool, error) {
		secrets[name] = []byte(s.Reveal())
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("set secret: %w", err)
	}
	return nil
}

// Delete implements [vault.Vault].
func (v *Vault) Delete(ctx context.Context, name string) error {
	err := v.use(ctx, name, func(secrets map[string][]byte) (bool, error) {
		_, there := secrets[name]
		delete(secrets, name)
		return there, nil
	})
	if err != nil {
		return fmt.Errorf("delete secret: %w", err)
	}
	return nil
}

// use reads the secrets, lets f look at or change them, and writes them back
// if it did.
func (v *Vault) use(ctx context.Context, name string, f func(map[string][]byte) (changed bool, err error)) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := vault.CheckName(name); err != nil {
		return err
	}
	return v.locked(ctx, func() error {
		secrets, err := v.read(ctx)
		if errors.Is(err, fs.ErrNotExist) {
			// Making a new one would hide that all other secrets are lost.
			return vault.ErrDamaged.Because(err, "path", v.path)
		}
		if err != nil {
			return err
		}
		defer func() {
			for _, b := range secrets {
				clear(b)
			}
		}()
		changed, err := f(secrets)
		if err != nil || !changed {
			return err
		}
		return v.write(secrets)
	})
}

// locked runs f while no one else uses the file.
func (v *Vault) locked(ctx context.Context, f func() error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	lock := flock.New(v.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return v.access(err)
	}
	// The lock file stays: removing it would let two holders in.
	return errors.Join(f(), lock.Close())
}

// create writes an empty vault.
func (v *Vault) create(ctx context.Context) error {
	secret, stretch, err := v.source.Key(ctx, true)
	if err != nil {
		return err
	}
	h := newHeader(stretch)
	key, err := h.key(secret, stretch)
	if err != nil {
		return err
	}
	v.header, v.key = h, key
	return v.write(map[string][]byte{})
}

// read returns the secrets in the file. An absent file is fs.ErrNotExist.
func (v *Vault) read(ctx context.Context) (map[string][]byte, error) {
	b, err := readLimited(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, v.access(err)
	}
	h, err := parse(b)
	if err != nil {
		return nil, vault.ErrDamaged.Because(err, "path", v.path)
	}
	if v.key == nil || h != v.header {
		if err := v.unlock(ctx, h); err != nil {
			return nil, err
		}
	}
	secrets, err := unseal(b, v.key)
	if err != nil {
		v.key = nil
		return nil, problem.Of(err).Because(problem.Of(err).Err, "path", v.path)
	}
	return secrets, nil
}

// unlock gets the key that fits a header.
func (v *Vault) unlock(ctx context.Context, h header) error {
	secret, stretch, err := v.source.Key(ctx, false)
	if err != nil {
		return err
	}
	key, err := h.key(secret, stretch)
	if err != nil {
		return err
	}
	v.header, v.key = h, key
	return nil
}

// write replaces the file.
func (v *Vault) write(secrets map[string][]byte) error {
	b, err := seal(v.header, v.key, secrets)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(v.path), "."+filepath.Base(v.path)+".*") // mode 0600
	if err != nil {
		return v.access(err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), v.path)
	}
	if err != nil {
		return v.access(errors.Join(err, os.Remove(f.Name())))
	}
	if err := syncDir(filepath.Dir(v.path)); err != nil {
		return v.access(err)
	}
	return nil
}

func (v *Vault) access(err error) error { return ErrAccess.Because(err, "path", v.path) }

// readLimited reads a file, but not more than a vault can be.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxLen+1))
	return b, errors.Join(err, f.Close())
}
