package file

import (
	"bytes"
	"context"
	"errors"
	"os"

	"golang.org/x/text/unicode/norm"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// A KeySource gives what a vault file is locked with: a passphrase, or 32
// random bytes kept elsewhere, in the OS keychain for instance (package
// keyring).
type KeySource interface {
	// Key returns the secret. stretch says that it is a passphrase, which
	// Argon2id turns into a key; otherwise it is 32 bytes of key. fresh says
	// that there is no vault yet, so a missing key may be made; for an
	// existing vault a missing key is [vault.ErrWrongKey].
	Key(ctx context.Context, fresh bool) (secret []byte, stretch bool, err error)
}

// Passphrase is a source that knows the passphrase.
func Passphrase(p vault.Secret) KeySource { return passphrase{p} }

type passphrase struct{ p vault.Secret }

func (p passphrase) Key(context.Context, bool) ([]byte, bool, error) {
	if p.p.Empty() {
		return nil, false, vault.ErrWrongKey.Because(errors.New("the passphrase is empty"))
	}
	return []byte(p.p.Composed()), true, nil
}

// ErrNoPassphrase: the first line of the file {path}, which holds the
// passphrase, is empty.
var ErrNoPassphrase = problem.New("vault.passphrase_file_empty")

// PassphraseFile is a source that reads the passphrase from a file each time it
// is needed: the first line, without its end.
func PassphraseFile(path string) KeySource { return passphraseFile(path) }

type passphraseFile string

func (p passphraseFile) Key(ctx context.Context, fresh bool) ([]byte, bool, error) {
	b, err := os.ReadFile(string(p))
	if err != nil {
		return nil, false, ErrAccess.Because(err, "path", string(p))
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, false, ErrNoPassphrase.Because(nil, "path", string(p))
	}
	return norm.NFC.Bytes(line), true, nil
}
