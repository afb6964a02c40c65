package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/vault"
)

// asAgent makes the test program the agent.
const asAgent = "RAHAT_TEST_AS_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// environment is that of an agent with a file vault.
func environment(t *testing.T, extra ...string) []string {
	t.Helper()
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(append(os.Environ(), asAgent+"=1", "RAHAT_VAULT=file", "RAHAT_VAULT_PASSPHRASE_FILE="+pass), extra...)
}

func TestAClientStartsOneAgentAndStopsIt(t *testing.T) {
	home := paths.Home(t.TempDir())
	opt := client.StartOptions{Home: home, Program: os.Args[0], Env: environment(t), Wait: 20 * time.Second}
	type started struct {
		c   *client.Client
		err error
	}
	both := make(chan started, 2)
	for range 2 { // two clients at once
		go func() {
			c, err := client.Start(t.Context(), opt)
			both <- started{c, err}
		}()
	}
	var pids []int
	var c *client.Client
	for range 2 {
		s := <-both
		if s.err != nil {
			t.Fatal(s.err)
		}
		defer s.c.Close()
		h, err := s.c.Hello(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pids, c = append(pids, h.PID), s.c
		if h.Home != string(home) || h.Vault != "file" {
			t.Errorf("hello %+v", h)
		}
	}
	if pids[0] != pids[1] || pids[0] == os.Getpid() {
		t.Errorf("agents %v", pids)
	}

	t.Setenv(paths.HomeVariable, string(home))
	t.Setenv("RAHAT_LANG", "tr")
	t.Setenv("RAHAT_VAULT", "keychain") // not opened before it is needed
	var out bytes.Buffer
	if code := run([]string{"run"}, &out, &out); code != 1 || !strings.Contains(out.String(), "Aracı servis zaten çalışıyor") {
		t.Errorf("a second agent: %d, %s", code, &out)
	}

	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, home)
	if _, err := c.Hello(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("an agent that has ended: %v", err)
	}
}

// awaitEnd waits until an agent that was asked to stop has let go of its home.
func awaitEnd(t *testing.T, home paths.Home) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := ipc.TryLock(home.Lock())
		if err == nil {
			err = lock.Unlock()
		}
		if err == nil {
			return
		}
		if !errors.Is(err, ipc.ErrRunning) || ctx.Err() != nil {
			t.Fatalf("the agent does not stop: %v", err)
		}
		<-tick.C
	}
}

// Whoever starts an agent while another one is just ending gets a new one.
func TestAnAgentThatIsEndingIsWaitedFor(t *testing.T) {
	home := paths.Home(t.TempDir())
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	lock, err := ipc.TryLock(home.Lock()) // we are the one that is ending
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() {
		c, err := client.Start(t.Context(), client.StartOptions{Home: home, Program: os.Args[0], Env: environment(t), Wait: 20 * time.Second})
		if err == nil {
			err = c.Stop(t.Context())
			c.Close()
		}
		started <- err
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for said := ""; !strings.Contains(said, "already_running"); <-tick.C {
		text, err := os.ReadFile(home.StartLog())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		said = string(text)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	awaitEnd(t, home)
}

func TestAnAgentThatCannotStartTellsItsClientWhy(t *testing.T) {
	for extra, want := range map[string]string{
		"RAHAT_VAULT=paper":                      `agent.unknown_vault value="paper"`,
		"RAHAT_VAULT_PASSPHRASE_FILE=/none/here": `agent.passphrase_file path="/none/here"`,
	} {
		_, err := client.Start(t.Context(), client.StartOptions{
			Home: paths.Home(t.TempDir()), Program: os.Args[0], Env: environment(t, extra), Wait: 20 * time.Second,
		})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", extra, err)
		}
	}
}

func TestUsage(t *testing.T) {
	cases := []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage:"},
		{[]string{"dance"}, 2, "usage:"},
		{[]string{"run", "now"}, 2, "usage:"},
		{[]string{"run", "--nonsense"}, 2, "usage:"},
		{[]string{"version"}, 0, "0."},
	}
	for _, c := range cases {
		var out bytes.Buffer
		if code := run(c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: %d, %s", c.args, code, &out)
		}
	}
}

func TestOpenAPIPrintsADocument(t *testing.T) {
	var out bytes.Buffer
	if code := run([]string{"openapi"}, &out, &out); code != 0 || !json.Valid(out.Bytes()) {
		t.Errorf("%d, %s", code, &out)
	}
}

func TestOnlyASetUpMakesAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if _, err := openStore(t.Context(), local.URL(dir), vault.Secret{}, false); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("absent: %v", err)
	}
	if _, err := openStore(t.Context(), local.URL(dir), vault.Secret{}, true); err != nil {
		t.Errorf("set up: %v", err)
	}
	if _, err := openStore(t.Context(), local.URL(dir), vault.Secret{}, false); err != nil {
		t.Errorf("then: %v", err)
	}
	for _, bad := range []string{"", "s3://", "gopher://x", "file:relative", ":", "/plain/path"} {
		if _, err := openStore(t.Context(), bad, vault.Secret{}, true); !errors.Is(err, store.ErrBadURL) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestABucketNeedsItsKeys(t *testing.T) {
	if _, err := openStore(t.Context(), "s3://bucket", vault.Secret{}, true); !errors.Is(err, s3.ErrNoKeys) {
		t.Errorf("%v, want ErrNoKeys", err)
	}
	server := s3test.Start(t)
	address := server.URL(server.Bucket(t, gateway.BucketOptions{}), "backups")
	if _, err := openStore(t.Context(), address, vault.NewSecret(gateway.Secret), true); err != nil {
		t.Error(err)
	}
}

func TestTheVaultsPassphraseIsTriedWhenASecretIsNeeded(t *testing.T) {
	home := paths.Home(t.TempDir())
	pass := filepath.Join(t.TempDir(), "pass")
	open, kind, err := chooseVault(home, func(name string) string {
		return map[string]string{"RAHAT_VAULT": "file", "RAHAT_VAULT_PASSPHRASE_FILE": pass}[name]
	})
	if !errors.Is(err, ErrPassphraseFile) || open != nil || kind != "" {
		t.Errorf("absent file: %v", err)
	}
	if err := os.WriteFile(pass, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(name string) string {
		return map[string]string{"RAHAT_VAULT": "file", "RAHAT_VAULT_PASSPHRASE_FILE": pass}[name]
	}
	if open, _, err = chooseVault(home, get); err != nil {
		t.Fatal(err)
	}
	v, err := open(t.Context())
	if err == nil {
		err = v.Set(t.Context(), "a", vault.NewSecret("b"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pass, []byte("two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = open(t.Context()); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("another passphrase: %v", err)
	}
}

func TestAPassphraseInTheHomeChoosesTheFileVault(t *testing.T) {
	home := paths.Home(t.TempDir())
	none := func(string) string { return "" }
	if _, kind, err := chooseVault(home, none); kind != "keychain" || err != nil {
		t.Errorf("without one: %q, %v", kind, err)
	}
	if err := os.WriteFile(home.Passphrase(), []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, kind, err := chooseVault(home, none)
	if kind != "file" || err != nil {
		t.Fatalf("with one: %q, %v", kind, err)
	}
	if _, err := open(t.Context()); err != nil {
		t.Error(err)
	}
}
