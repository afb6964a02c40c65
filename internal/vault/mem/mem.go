// Package mem is a vault in memory, for tests.
package mem

import (
	"context"
	"fmt"
	"sync"

	"github.com/rahatbackup/rahat/internal/vault"
)

// Vault keeps secrets until the process ends. Its methods may be called from
// several goroutines.
type Vault struct {
	mu      sync.Mutex
	secrets map[string]vault.Secret
}

var _ vault.Vault = (*Vault)(nil)

// New returns an empty vault.
func New() *Vault { return &Vault{secrets: map[string]vault.Secret{}} }

// Get implements [vault.Vault].
func (v *Vault) Get(ctx context.Context, name string) (vault.Secret, error) {
	if err := check(ctx, name); err != nil {
		return vault.Secret{}, fmt.Errorf("get secret: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.secrets[name]
	if !ok {
		return vault.Secret{}, fmt.Errorf("get secret: %w", vault.ErrNotFound.Because(nil, "name", name))
	}
	return s, nil
}

// Set implements [vault.Vault].
func (v *Vault) Set(ctx context.Context, name string, s vault.Secret) error {
	if err := check(ctx, name); err != nil {
		return fmt.Errorf("set secret: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[name] = s
	return nil
}

// Delete implements [vault.Vault].
func (v *Vault) Delete(ctx context.Context, name string) error {
	if err := check(ctx, name); err != nil {
		return fmt.Errorf("delete secret: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.secrets, name)
	return nil
}

func check(ctx context.Context, name string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return vault.CheckName(name)
}
