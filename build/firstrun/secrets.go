package firstrun

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/rahatbackup/rahat/build/product"
)

// vaultVariable is how a person chooses where the agent keeps its secrets.
const vaultVariable = "RAHAT_VAULT"

// call runs a command line. Where no keychain can be reached, such as on a
// server, it makes the agent keep its secrets in an encrypted file, opened by a
// passphrase in a file that only this user can read, and tries again.
func (r *run) call(ctx context.Context, result any, args ...string) error {
	err := r.cli.JSON(ctx, result, args...)
	answer, ok := errors.AsType[*product.Error](err)
	if !ok || answer.Code != "vault.unavailable" && answer.Code != "vault.locked" ||
		r.vaultNote != "" || os.Getenv(vaultVariable) != "" {
		return err
	}
	if err := writeNew(r.passphrase(), rand.Text()+"\n"); err != nil {
		return err
	}
	r.useFileVault()
	if err := r.cli.JSON(ctx, nil, "agent", "stop"); err != nil {
		return err
	}
	return r.cli.JSON(ctx, result, args...)
}

// passphrase is the file that opens the file vault; the agent looks for it there.
func (r *run) passphrase() string { return r.home.Passphrase() }

// chooseVault keeps to the file vault that an earlier run made.
func (r *run) chooseVault() {
	if _, err := os.Stat(r.passphrase()); err == nil && os.Getenv(vaultVariable) == "" {
		r.useFileVault()
	}
}

func (r *run) useFileVault() {
	r.vaultNote = "No keychain can be reached, so secrets are kept in an encrypted file, opened by\n" +
		"  " + r.passphrase() + " (only you can read it)."
}

// makeRecoveryKey makes an age identity that opens the backups without this
// computer, writes it to a file, and returns its public half. A file from
// before is used again.
func (r *run) makeRecoveryKey() (recipient string, err error) {
	path := filepath.Join(r.person, "Rahat Backup recovery key.txt")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make recovery key: %w", err)
	}
	text := "# Opens the backups of this computer when it is lost. Keep a copy elsewhere, and let nobody else read it.\n" +
		"# public key: " + identity.Recipient().String() + "\n" + identity.String() + "\n"
	if err := writeNew(path, text); err != nil {
		return "", err
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read recovery key: %w", err)
	}
	identities, err := age.ParseIdentities(strings.NewReader(string(kept)))
	if err != nil {
		return "", fmt.Errorf("read recovery key %s: %w", path, err)
	}
	own, ok := identities[0].(*age.X25519Identity)
	if !ok {
		return "", fmt.Errorf("read recovery key %s: it is not of the kind AGE-SECRET-KEY-1", path)
	}
	r.recoveryKey = path
	return own.Recipient().String(), nil
}

// writeNew writes a file for this user alone, unless there is one: what it holds
// may already lock something.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of a secret: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write secret %s: %w", path, err)
	}
	return nil
}

// quote writes s as one word of a shell.
func quote(s string) string {
	if !strings.ContainsAny(s, " '\"$`\\!*?()[]{}<>|&;~#\t\n") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
