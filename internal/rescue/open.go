package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/recoverykit"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/vault"
)

// errAmbiguous: more than one ID begins with {id}; the agent's own.
var errAmbiguous = problem.New("agent.ambiguous_id")

// maxSecret bounds what is read as a key, in bytes: a recovery kit kept as text
// is far smaller.
const maxSecret = 64 << 10

// secret reads a secret from where the flags say, or asks.
func (a *app) secret(ctx context.Context, name, file string, stdin bool) (string, error) {
	var r io.Reader
	switch {
	case file != "" && stdin, stdin && a.stdinTaken:
		return "", ErrUsage.Because(nil, "what", "--"+name+"-stdin")
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return "", ErrNoInput.Because(err, "flag", "--"+name+"-file")
		}
		defer func() { _ = f.Close() }() // it was only read
		r = f
	case stdin:
		a.stdinTaken = true
		r = a.Stdin
	case a.Ask == nil:
		return "", ErrNobody.Because(nil, "flag", "--"+name)
	default:
		return a.Ask(ctx, a.texts.T("rescue.ask."+name))
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = fmt.Errorf("more than %d bytes", maxSecret)
	}
	if err != nil {
		return "", ErrNoInput.Because(err, "flag", "--"+name)
	}
	return string(text), nil
}

// open opens the repository. The caller closes it.
func (a *app) open(ctx context.Context) (*repository.Repository, error) {
	in, secret := &a.input, ""
	if in.secretFile != "" || in.secretStdin || a.NeedsSecret(in.url) {
		text, err := a.secret(ctx, "secret", in.secretFile, in.secretStdin)
		if err != nil {
			return nil, err
		}
		secret = strings.TrimRight(text, "\r\n")
	}
	st, err := a.OpenStore(ctx, in.url, vault.NewSecret(secret))
	if err != nil {
		return nil, err
	}
	there, err := repository.Exists(ctx, st)
	if err != nil {
		return nil, err
	}
	if !there { // said before anybody types 24 words
		return nil, repository.ErrNotFound.Because(nil)
	}
	text, err := a.secret(ctx, "key", in.keyFile, in.keyStdin)
	if err != nil {
		return nil, err
	}
	typed, err := recoverykit.Read(text)
	if err != nil {
		return nil, err
	}
	var keys []repository.Key
	if !typed.Identity.Empty() {
		keys = append(keys, repository.Identity(typed.Identity))
	}
	if !typed.Passphrase.Empty() {
		keys = append(keys, repository.Passphrase(typed.Passphrase))
	}
	repo, err := repository.Open(ctx, st, repository.Options{}, keys...)
	if errors.Is(err, repository.ErrWrongKey) && typed.Doubt != nil {
		return nil, typed.Doubt
	}
	return repo, err
}

// with opens the repository for some work.
func (a *app) with(ctx context.Context, do func(*repository.Repository) error) (err error) {
	repo, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	return do(repo)
}

// latest is the ID that means the newest backup.
const latest = "latest"

// choose finds the backup that a person means: a whole ID, a unique beginning,
// or the latest.
func choose(ctx context.Context, repo *repository.Repository, typed string) (*backup.Manifest, error) {
	ids, err := repo.Backups(ctx)
	if err != nil {
		return nil, err
	}
	if typed == latest && len(ids) > 0 {
		return repo.Manifest(ctx, ids[len(ids)-1])
	}
	ids = slices.DeleteFunc(ids, func(id backup.ID) bool { return !strings.HasPrefix(string(id), typed) })
	switch {
	case len(ids) == 0 || typed == "":
		return nil, repository.ErrNoBackup.Because(nil, "id", typed)
	case len(ids) > 1:
		return nil, errAmbiguous.Because(nil, "id", typed)
	}
	return repo.Manifest(ctx, ids[0])
}
