package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"runtime"

	modernc "modernc.org/sqlite"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres"
	"github.com/rahatbackup/rahat/internal/engine/sqlite"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/file"
	"github.com/rahatbackup/rahat/internal/vault/keyring"
)

// What can be wrong with the environment.
var (
	// ErrVaultKind: RAHAT_VAULT is {value}, not keychain or file.
	ErrVaultKind = problem.New("agent.unknown_vault")
	// ErrPassphraseFile: RAHAT_VAULT_PASSPHRASE_FILE names {path}, which
	// cannot be read.
	ErrPassphraseFile = problem.New("agent.passphrase_file")
)

// drivers are the engines this program knows.
func drivers(home paths.Home) map[string]engine.Driver {
	all := map[string]engine.Driver{}
	for _, d := range []engine.Driver{postgres.Driver{}, sqlite.Driver{Temp: home.Temp()}} {
		all[d.Kind()] = d
	}
	return all
}

// keepLocks makes SQLite's locks survive when other code of this process, or the
// catalog, opens and closes a database file (see the SQLite driver's decision
// 5). Only Linux has such locks; elsewhere the driver's own list must do.
func keepLocks() error {
	if runtime.GOOS != "linux" {
		return nil
	}
	if _, err := modernc.OFDLocking(true); err != nil {
		return fmt.Errorf("choose SQLite's locks: %w", err)
	}
	return nil
}

// stores are the kinds of destination this program knows, by the scheme of the
// address.
var stores = map[string]func(ctx context.Context, address string, secret vault.Secret, create bool) (store.Store, error){
	"file": openFolder,
	"s3":   openBucket,
}

// openStore opens the store at an address. With create, what is missing is made
// if it can be made: a folder, but no bucket.
func openStore(ctx context.Context, address string, secret vault.Secret, create bool) (store.Store, error) {
	u, err := url.Parse(address)
	if err != nil || stores[u.Scheme] == nil {
		return nil, store.ErrBadURL.Because(nil, "url", address)
	}
	return stores[u.Scheme](ctx, address, secret, create)
}

func openFolder(_ context.Context, address string, _ vault.Secret, create bool) (store.Store, error) {
	dir, err := local.Dir(address)
	if err != nil {
		return nil, err
	}
	if create {
		return local.Create(dir)
	}
	return local.Open(dir)
}

func openBucket(ctx context.Context, address string, secret vault.Secret, _ bool) (store.Store, error) {
	cfg, err := s3.Parse(address, secret)
	if err != nil {
		return nil, err
	}
	return s3.Open(ctx, cfg)
}

// chooseVault returns how the vault is opened and its kind: as the environment
// says, else the file vault whose passphrase lies in the home, else the
// keychain. It does not open it, but makes sure that it is named rightly.
func chooseVault(home paths.Home, getenv func(string) string) (open func(context.Context) (vault.Vault, error), kind string, err error) {
	path := getenv("RAHAT_VAULT_PASSPHRASE_FILE")
	if kind = getenv("RAHAT_VAULT"); kind == "" {
		kind = "keychain"
		if _, err := os.Stat(home.Passphrase()); err == nil {
			kind, path = "file", home.Passphrase()
		}
	}
	var source file.KeySource
	switch kind {
	case "keychain":
		source = keyring.MasterKey("Rahat Backup", "master key")
	case "file":
		if _, err := os.Stat(path); err != nil {
			return nil, "", ErrPassphraseFile.Because(err, "path", path)
		}
		source = file.PassphraseFile(path)
	default:
		return nil, "", ErrVaultKind.Because(nil, "value", kind)
	}
	return func(ctx context.Context) (vault.Vault, error) { return file.Open(ctx, home.Vault(), source) }, kind, nil
}
