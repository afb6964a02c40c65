// Rahat-restore takes backups out of a destination of Rahat Backup with nothing
// but the destination and a key: for the day when the computer that made them
// is gone. It is one file and needs no installation.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres"
	"github.com/rahatbackup/rahat/internal/engine/sqlite"
	"github.com/rahatbackup/rahat/internal/rescue"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	opt := rescue.Options{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Drivers: drivers(), OpenStore: openStore, NeedsSecret: needsSecret, Progress: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		opt.Ask = ask
	}
	os.Exit(rescue.Run(ctx, opt))
}

// drivers are the engines whose backups this program can take out.
func drivers() map[string]engine.Driver {
	all := map[string]engine.Driver{}
	for _, d := range []engine.Driver{postgres.Driver{}, sqlite.Driver{Temp: os.TempDir()}} {
		all[d.Kind()] = d
	}
	return all
}

// isURL tells an address from the path of a folder, such as C:\Backups.
func isURL(address string) bool {
	return strings.Contains(address, "://") || strings.HasPrefix(address, "file:")
}

// needsSecret reports whether a store takes a secret: all but folders do.
func needsSecret(address string) bool { return isURL(address) && !strings.HasPrefix(address, "file:") }

// openStore opens the store at an address, which is a URL or a folder. Nothing
// is made.
func openStore(ctx context.Context, address string, secret vault.Secret) (store.Store, error) {
	if !isURL(address) {
		dir, err := filepath.Abs(address)
		if err != nil {
			return nil, store.ErrBadURL.Because(err, "url", address)
		}
		return local.Open(dir)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, store.ErrBadURL.Because(nil, "url", "?") // the parser's error shows a password in it
	}
	switch u.Scheme {
	case "file":
		dir, err := local.Dir(address)
		if err != nil {
			return nil, err
		}
		return local.Open(dir)
	case "s3":
		cfg, err := s3.Parse(address, secret)
		if err != nil {
			return nil, err
		}
		return s3.Open(ctx, cfg)
	}
	return nil, store.ErrBadURL.Because(nil, "url", u.Redacted())
}

// ask asks for a secret on the terminal without showing it.
func ask(ctx context.Context, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s: ", question)
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		answers <- answer{text, err}
	}()
	select {
	case got := <-answers:
		fmt.Fprintln(os.Stderr)
		return string(got.text), got.err
	case <-ctx.Done(): // the reader is still waiting with echo off, until the program ends, which is next
		fmt.Fprintln(os.Stderr)
		return "", errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}
