package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/file"
	"github.com/rahatbackup/rahat/internal/vault/vaulttest"
)

// source returns a source that asks the library's mock.
func source() *Source {
	s := MasterKey("rahat-test", "master")
	s.ready = func() error { return nil }
	return s
}

func TestAVaultFileOpensWithTheKeyOfTheKeychain(t *testing.T) {
	keyring.MockInit()
	path := filepath.Join(t.TempDir(), "secrets")
	for range 2 {
		v, err := file.Open(t.Context(), path, source())
		if err != nil {
			t.Fatal(err)
		}
		vaulttest.Set(t, v, "a", "hunter2")
		vaulttest.Want(t, v, "a", "hunter2")
	}
	for range 2 {
		if err := source().Forget(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := file.Open(t.Context(), path, source()); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("the key is gone: %v, want ErrWrongKey", err)
	}
}

func TestOneKeyIsMadeAndKept(t *testing.T) {
	keyring.MockInit()
	if _, _, err := source().Key(t.Context(), false); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("no key yet: %v, want ErrWrongKey", err)
	}
	one, stretch, err := source().Key(t.Context(), true)
	if err != nil || stretch || len(one) != 32 || bytes.Equal(one, make([]byte, 32)) {
		t.Fatalf("%d bytes, stretch %v, %v", len(one), stretch, err)
	}
	two, _, err := source().Key(t.Context(), true)
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("a second key was made: %v", err)
	}
}

func TestWhatIsNoKeyIsRefusedWithoutShowingIt(t *testing.T) {
	for _, text := range []string{"", "hunter2-hunter2", base64.StdEncoding.EncodeToString([]byte("short"))} {
		keyring.MockInit()
		if err := keyring.Set("rahat-test", "master", text); err != nil {
			t.Fatal(err)
		}
		_, _, err := source().Key(t.Context(), true)
		if !errors.Is(err, vault.ErrWrongKey) || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, want ErrWrongKey", text, err)
		}
	}
}

func TestErrorsOfKeychainsAreToldApart(t *testing.T) {
	for text, want := range map[string]error{
		"The name org.freedesktop.secrets was not provided by any .service files":   vault.ErrUnavailable,
		"exec: \"dbus-launch\": executable file not found in $PATH":                 vault.ErrUnavailable,
		"dial unix /run/user/1000/bus: connect: no such file or directory":          vault.ErrUnavailable,
		"unsupported platform: plan9":                                               vault.ErrUnavailable,
		"failed to unlock correct collection '/org/freedesktop/secrets/collection'": vault.ErrLocked,
		"Cannot create an item in a locked collection":                              vault.ErrLocked,
		"The name org.gnome.keyring.SystemPrompter was not provided":                vault.ErrLocked,
	} {
		keyring.MockInitWithError(errors.New(text))
		for _, fresh := range []bool{false, true} {
			if _, _, err := source().Key(t.Context(), fresh); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", text, err, want)
			}
		}
		if err := source().Forget(); !errors.Is(err, want) {
			t.Errorf("forget: %s: %v, want %v", text, err, want)
		}
	}
}

func TestWithoutAMessageBusThereIsNoKeychain(t *testing.T) {
	keyring.MockInit()
	s := source()
	s.ready = func() error { return errors.New("no bus") }
	if _, _, err := s.Key(t.Context(), true); !errors.Is(err, vault.ErrUnavailable) {
		t.Errorf("key: %v, want ErrUnavailable", err)
	}
	if err := s.Forget(); !errors.Is(err, vault.ErrUnavailable) {
		t.Errorf("forget: %v, want ErrUnavailable", err)
	}
	if _, err := os.Stat("/run/user/0/bus"); err != nil && os.Getuid() == 0 {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
		if MasterKey("a", "b").ready() == nil {
			t.Error("a bus was found where there is none")
		}
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/tmp/bus")
	if err := MasterKey("a", "b").ready(); err != nil {
		t.Errorf("the bus of the environment is not seen: %v", err)
	}
}

func TestACancelledQuestionReturns(t *testing.T) {
	keyring.MockInit()
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, _, err := source().Key(ctx, true); !errors.Is(err, why) {
		t.Errorf("key: %v, want the cause of the cancel", err)
	}
}
