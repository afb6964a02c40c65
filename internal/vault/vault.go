// Package vault keeps secrets: passwords of servers and destinations, and the
// keys of repositories. The contract is here; vaulttest checks every
// implementation.
package vault

import (
	"context"
	"log/slog"

	"golang.org/x/text/unicode/norm"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it.
var (
	// ErrNotFound: there is no secret of that name.
	ErrNotFound = problem.New("vault.not_found")
	// ErrLocked: the keychain is locked or refused us.
	ErrLocked = problem.New("vault.locked")
	// ErrUnavailable: this machine has no keychain.
	ErrUnavailable = problem.New("vault.unavailable")
	// ErrWrongKey: the file vault does not open with this key.
	ErrWrongKey = problem.New("vault.wrong_key")
	// ErrDamaged: the file vault cannot be read.
	ErrDamaged = problem.New("vault.damaged")
)

// A Vault keeps named secrets. Names are slash-separated, [a-z0-9._/-] only,
// like "server/<id>/password". A name is not secret: it appears in logs and in
// the catalog. Methods may be called from several goroutines, and a Set that
// returned survives a crash.
type Vault interface {
	// Get returns the secret, or [ErrNotFound].
	Get(ctx context.Context, name string) (Secret, error)
	// Set creates or replaces the secret, all or nothing.
	Set(ctx context.Context, name string, s Secret) error
	// Delete removes the secret; an absent one is not an error.
	Delete(ctx context.Context, name string) error
}

// A Secret shows itself only to [Secret.Reveal]: formatting, logging and JSON
// print "[secret]". It must not be compared with ==.
type Secret struct {
	// A pointer, because package fmt calls no methods on what stands in an
	// unexported field: there it would print the text.
	v *string
}

// NewSecret wraps v.
func NewSecret(v string) Secret { return Secret{&v} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// Composed returns the secret in Unicode form C. Passphrases go through it: the
// same letters typed on another system (ş as one code point or as two) must
// open what they locked.
func (s Secret) Composed() string { return norm.NFC.String(s.Reveal()) }

// Empty reports whether there is nothing to keep.
func (s Secret) Empty() bool { return s.Reveal() == "" }

const redacted = "[secret]"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret; there is no way back on purpose.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
