// Package vaulttest checks that a vault keeps the promises of package vault.
// Every implementation runs it.
package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/vault"
)

// Run checks every promise of [vault.Vault]. open returns an empty vault; it is
// called once for each subtest and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) vault.Vault) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, v vault.Vault)
	}{
		{"set then get returns the secret", testRoundTrip},
		{"set replaces", testReplace},
		{"an absent secret is not found", testNotFound},
		{"deleting twice is no error", testDelete},
		{"bad names are refused", testBadNames},
		{"a cancelled context stops every method", testCancelled},
		{"no secret appears in an error", testErrors},
		{"many goroutines may use it", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Want fails the test unless v keeps the secret under name.
func Want(t testing.TB, v vault.Vault, name, secret string) {
	t.Helper()
	s, err := v.Get(t.Context(), name)
	if err != nil {
		t.Errorf("get %s: %v", name, err)
	} else if s.Reveal() != secret {
		t.Errorf("%s is not what was set: %d bytes, want %d", name, len(s.Reveal()), len(secret))
	}
}

// Set puts a secret or fails the test.
func Set(t testing.TB, v vault.Vault, name, secret string) {
	t.Helper()
	if err := v.Set(t.Context(), name, vault.NewSecret(secret)); err != nil {
		t.Fatalf("set %s: %v", name, err)
	}
}

func testRoundTrip(t *testing.T, v vault.Vault) {
	secrets := map[string]string{
		"a":                    "hunter2",
		"server/01/password":   "şifre ıİ 🗝 \t\n\"'",
		"server/01/password.2": "",
		"binary_0-1":           "\x00\xff\xfe not utf-8 \x80",
		"long":                 strings.Repeat("k", 64<<10),
		strings.Repeat("n/", vault.MaxName/2) + "n": "longest name",
	}
	for name, secret := range secrets {
		Set(t, v, name, secret)
	}
	for name, secret := range secrets {
		Want(t, v, name, secret)
	}
}

func testReplace(t *testing.T, v vault.Vault) {
	Set(t, v, "a", "one")
	Set(t, v, "b", "other")
	Set(t, v, "a", "two")
	Want(t, v, "a", "two")
	Want(t, v, "b", "other")
}

func testNotFound(t *testing.T, v vault.Vault) {
	Set(t, v, "a/b", "x")
	for _, name := range []string{"a", "a/b/c", "absent"} {
		if _, err := v.Get(t.Context(), name); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("get %s: %v, want ErrNotFound", name, err)
		}
	}
}

func testDelete(t *testing.T, v vault.Vault) {
	Set(t, v, "a", "x")
	Set(t, v, "b", "y")
	for range 2 {
		if err := v.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.Get(t.Context(), "a"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("get: %v, want ErrNotFound", err)
	}
	Want(t, v, "b", "y")
}

func testBadNames(t *testing.T, v vault.Vault) {
	for _, name := range []string{"", "/", "/a", "a/", "a//b", "A", "a b", "ş", "a\x00", "a:b", strings.Repeat("a", vault.MaxName+1)} {
		_, get := v.Get(t.Context(), name)
		set := v.Set(t.Context(), name, vault.NewSecret("x"))
		for verb, err := range map[string]error{"get": get, "set": set, "delete": v.Delete(t.Context(), name)} {
			if !errors.Is(err, vault.ErrBadName) {
				t.Errorf("%s %.20q: %v, want ErrBadName", verb, name, err)
			}
		}
	}
}

func testCancelled(t *testing.T, v vault.Vault) {
	Set(t, v, "a", "x")
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, get := v.Get(ctx, "a")
	set := v.Set(ctx, "a", vault.NewSecret("y"))
	for verb, err := range map[string]error{"get": get, "set": set, "delete": v.Delete(ctx, "a")} {
		if !errors.Is(err, why) {
			t.Errorf("%s: %v, want the cause of the cancel", verb, err)
		}
	}
	Want(t, v, "a", "x")
}

func testErrors(t *testing.T, v vault.Vault) {
	const secret = "correct-horse-battery"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		v.Set(t.Context(), "BAD NAME", vault.NewSecret(secret)),
		v.Set(ctx, "good", vault.NewSecret(secret)),
	} {
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("the error is nil or shows the secret: %v", err)
		}
	}
	s := vault.NewSecret(secret)
	if text := fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s); strings.Contains(text, secret) {
		t.Errorf("formatting shows the secret: %s", text)
	}
}

func testConcurrent(t *testing.T, v vault.Vault) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 4 {
				name := fmt.Sprintf("w%d/%d", w, i)
				if err := v.Set(t.Context(), name, vault.NewSecret(name)); err != nil {
					t.Errorf("set: %v", err)
				}
				Want(t, v, name, name)
			}
		})
	}
	wg.Wait()
	for w := range 4 {
		for i := range 4 {
			name := fmt.Sprintf("w%d/%d", w, i)
			Want(t, v, name, name) // nobody's change was lost to another's
		}
	}
}
