package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/vaulttest"
)

// fixed is a source with a key of its own, which counts how often it is asked.
type fixed struct {
	secret  []byte
	stretch bool
	asked   []bool // the values of fresh
	err     error
}

func (f *fixed) Key(_ context.Context, fresh bool) ([]byte, bool, error) {
	f.asked = append(f.asked, fresh)
	return f.secret, f.stretch, f.err
}

func rawKey(seed byte) *fixed { return &fixed{secret: bytes.Repeat([]byte{seed}, keyLen)} }

func open(t *testing.T, path string, src KeySource) *Vault {
	t.Helper()
	v, err := Open(t.Context(), path, src)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestConforms(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		return open(t, filepath.Join(t.TempDir(), "new", "secrets"), rawKey(1))
	})
}

func TestSecretsSurviveReopening(t *testing.T) {
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("şifrem çok gizli\r\nignored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]KeySource{
		"key": rawKey(1), "passphrase": Passphrase(vault.NewSecret("şifrem")), "file": PassphraseFile(pass),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secrets")
			vaulttest.Set(t, open(t, path, src), "a", "hunter2")
			vaulttest.Want(t, open(t, path, src), "a", "hunter2")
			b, err := os.ReadFile(path)
			if err != nil || bytes.Contains(b, []byte("hunter2")) || bytes.Contains(b, []byte(`"a"`)) {
				t.Errorf("the file shows what it holds: %v", err)
			}
		})
	}
	if got, _, err := PassphraseFile(pass).Key(t.Context(), false); err != nil || string(got) != "şifrem çok gizli" {
		t.Errorf("passphrase %q, %v", got, err)
	}
}

func TestTheSourceIsToldWhetherTheVaultIsNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	src := rawKey(1)
	open(t, path, src)
	vaulttest.Want(t, func() vault.Vault { v := open(t, path, src); vaulttest.Set(t, v, "a", "x"); return v }(), "a", "x")
	if len(src.asked) != 2 || !src.asked[0] || src.asked[1] {
		t.Errorf("asked with fresh %v, want once true, once false", src.asked)
	}
}

func TestAWrongKeyIsToldFromDamage(t *testing.T) {
	dir := t.TempDir()
	raw, pass := filepath.Join(dir, "raw"), filepath.Join(dir, "pass")
	vaulttest.Set(t, open(t, raw, rawKey(1)), "a", "x")
	vaulttest.Set(t, open(t, pass, Passphrase(vault.NewSecret("right"))), "a", "x")
	for name, c := range map[string]struct {
		path string
		src  KeySource
	}{
		"other key":            {raw, rawKey(2)},
		"short key":            {raw, &fixed{secret: []byte("short")}},
		"other passphrase":     {pass, Passphrase(vault.NewSecret("xyzzy"))},
		"empty passphrase":     {pass, Passphrase(vault.NewSecret(""))},
		"key for passphrase":   {pass, rawKey(1)},
		"passphrase for a key": {raw, Passphrase(vault.NewSecret("right"))},
	} {
		before, _ := os.ReadFile(c.path)
		_, err := Open(t.Context(), c.path, c.src)
		if !errors.Is(err, vault.ErrWrongKey) || strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("%s: %v, want ErrWrongKey", name, err)
		}
		if after, err := os.ReadFile(c.path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was touched", name)
		}
	}
	broken := errors.New("keychain on fire")
	if _, err := Open(t.Context(), raw, &fixed{err: broken}); !errors.Is(err, broken) {
		t.Errorf("the source's error is lost: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "new"), PassphraseFile(filepath.Join(dir, "absent"))); !errors.Is(err, ErrAccess) {
		t.Errorf("absent passphrase file: %v, want ErrAccess", err)
	}
}

func TestEveryFlippedByteAndEveryCutIsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	v := open(t, path, rawKey(1))
	vaulttest.Set(t, v, "a", "hunter2")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := v.Get(t.Context(), "a")
		if !errors.Is(err, vault.ErrDamaged) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want ErrDamaged", what, err)
		}
		if err := v.Set(t.Context(), "b", vault.NewSecret("x")); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: set: %v, want ErrDamaged", what, err)
		}
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 0x20
		try("flipped", b)
	}
	for _, n := range []int{0, 1, headerLen, minLen - 1, minLen, len(whole) - 1} {
		try("cut", whole[:n])
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := v.Set(t.Context(), "b", vault.NewSecret("x")); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("the file vanished: %v, want ErrDamaged", err)
	}
}

// resum gives a changed file a matching checksum, as an attacker would.
func resum(b []byte) []byte {
	b = bytes.Clone(b[:len(b)-sha256.Size])
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func TestAPlantedFileCannotDemandMuch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	src := Passphrase(vault.NewSecret("p"))
	open(t, path, src)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte){
		"passes":  func(b []byte) { binary.BigEndian.PutUint32(b[10:], maxPasses+1) },
		"none":    func(b []byte) { binary.BigEndian.PutUint32(b[10:], 0) },
		"memory":  func(b []byte) { binary.BigEndian.PutUint32(b[14:], 1<<31) },
		"lanes":   func(b []byte) { b[18] = 0 },
		"version": func(b []byte) { b[8] = 2 },
		"lock":    func(b []byte) { b[9] = 3 },
	} {
		b := bytes.Clone(whole)
		change(b)
		if err := os.WriteFile(path, resum(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path, src); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	b := bytes.Clone(whole)
	b[headerLen+30] ^= 1 // in the sealed part
	if err := os.WriteFile(path, resum(b), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, src); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("a forged body: %v, want ErrWrongKey", err)
	}
}

func TestAVaultReplacedByOneOfAnotherKeyIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	src := Passphrase(vault.NewSecret("one"))
	v := open(t, path, src)
	vaulttest.Set(t, open(t, other, src), "a", "same passphrase, other salt")
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	vaulttest.Want(t, v, "a", "same passphrase, other salt")
	open(t, other, Passphrase(vault.NewSecret("two")))
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Get(t.Context(), "a"); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("get: %v, want ErrWrongKey", err)
	}
}

func TestOnlyTheOwnerMayReadAndNothingIsLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "er")
	path := filepath.Join(dir, "secrets")
	vaulttest.Set(t, open(t, path, rawKey(1)), "a", "x")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 { // the vault and its lock
		t.Errorf("%v, %v", entries, err)
	}
	if runtime.GOOS == "windows" {
		return // rights come from the folder above
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// child makes this test binary a second process that writes one secret.
const child = "RAHAT_TEST_VAULT_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(child); path != "" {
		v, err := Open(context.Background(), path, rawKey(1))
		if err == nil {
			err = v.Set(context.Background(), os.Getenv(child+"_NAME"), vault.NewSecret("from a child"))
		}
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestProcessesDoNotLoseEachOthersChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	var wg sync.WaitGroup
	names := []string{"c0", "c1", "c2", "c3"}
	for _, name := range names {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), child+"="+path, child+"_NAME="+name)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("child: %v %s", err, out)
			}
		})
	}
	wg.Wait()
	v := open(t, path, rawKey(1))
	for _, name := range names {
		vaulttest.Want(t, v, name, "from a child")
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	v := open(t, path, rawKey(1))
	other := open(t, path, rawKey(1))
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := other.locked(t.Context(), func() error {
		done := make(chan error)
		go func() { _, err := v.Get(ctx, "a"); done <- err }()
		cancel(why)
		return <-done
	})
	if !errors.Is(err, why) {
		t.Errorf("get: %v, want the cause of the cancel", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, stretch := range []bool{false, true} {
		h := newHeader(stretch)
		b, err := seal(h, bytes.Repeat([]byte{1}, keyLen), map[string][]byte{"a": []byte("x")})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, append(bytes.Clone(b), make([]byte, sha256.Size)...)} {
			if len(b) >= sha256.Size {
				b = resum(b)
			}
			h, err := parse(b)
			if err != nil {
				continue
			}
			if !bytes.Equal(h.encode(), b[:headerLen]) {
				t.Errorf("header %+v does not encode to what it was read from", h)
			}
			// A key of ours opens what we sealed and nothing else.
			secrets, err := unseal(b, bytes.Repeat([]byte{1}, keyLen))
			if err == nil && string(secrets["a"]) != "x" {
				t.Errorf("a forged vault opened: %d secrets", len(secrets))
			}
		}
	})
}

func TestAnEmptyPassphraseFileIsSaidToBeEmpty(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "passphrase")
	for _, text := range []string{"", "\n", "\r\nbelow"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), filepath.Join(dir, "vault"), PassphraseFile(path)); !errors.Is(err, ErrNoPassphrase) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
