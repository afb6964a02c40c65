package agent_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/recoverykit"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// kinds are the kinds of a destination's keys, and how many are this
// computer's.
func kinds(t *testing.T, slots []control.KeySlot) (all string, own int) {
	t.Helper()
	count := map[string]int{}
	for _, k := range slots {
		count[k.Kind]++
		if k.This {
			own++
		}
	}
	return fmt.Sprintf("%d passphrase, %d secret, %d age", count["passphrase"], count["secret"], count["age"]), own
}

func TestKeysAreAddedListedAndRemoved(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	kit := must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}))
	slots := must[[]control.KeySlot](t)(a.AddKey(t.Context(), "disk", control.NewKey{Passphrase: "yeni parola"}))
	if got, own := kinds(t, slots); got != "2 passphrase, 1 secret, 1 age" || own != 1 {
		t.Fatalf("%s, %d own", got, own)
	}
	var self, age, old string
	for _, k := range slots {
		switch {
		case k.This:
			self = k.ID
		case k.Kind == "age":
			age = k.ID
			if k.Recipient != kit.Recipient || k.Created == nil {
				t.Errorf("%+v", k)
			}
		case old == "": // of two passphrases nobody can tell which is which
			old = k.ID
		}
	}
	for _, c := range []struct {
		id   string
		want error
	}{{self, repository.ErrLastKey}, {"00000000", repository.ErrNoSuchSlot}, {"zz", repository.ErrNoSuchSlot}, {age[:3], repository.ErrNoSuchSlot}} {
		if err := a.RemoveKey(t.Context(), "disk", c.id); !errors.Is(err, c.want) {
			t.Errorf("remove %s: %v, want %v", c.id, err, c.want)
		}
	}
	check(t, a.RemoveKey(t.Context(), "disk", age[:12]))
	check(t, a.RemoveKey(t.Context(), "disk", old))
	if got := must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Words: kit.Words})); got.OK || !errors.Is(got.Problem.Err(), repository.ErrWrongKey) {
		t.Errorf("the removed kit: %+v", got)
	}
	opens := 0
	for _, p := range []string{passphrase, "yeni parola"} {
		if must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Passphrase: p})).OK {
			opens++
		}
	}
	if opens != 1 {
		t.Errorf("%d of two passphrases open after one was removed", opens)
	}
	if state := must[[]control.RecoveryState](t)(a.Recovery(t.Context())); state[0].Kit != nil {
		t.Errorf("a kit that was removed is still told of: %+v", state)
	}
	for _, bad := range []struct {
		key  control.NewKey
		want error
	}{
		{control.NewKey{}, server.ErrInvalid}, {control.NewKey{Passphrase: "  "}, server.ErrPassphraseBlank},
		{control.NewKey{Passphrase: "\t", Recipient: kit.Recipient}, server.ErrPassphraseBlank},
	} {
		if _, err := a.AddKey(t.Context(), "disk", bad.key); !errors.Is(err, bad.want) {
			t.Errorf("%+v: %v", bad.key, err)
		}
	}
	empty := control.NewDestination{Destination: control.Destination{Name: "blank", URL: local.URL(t.TempDir())}, Passphrase: " \t"}
	if _, err := a.AddDestination(t.Context(), empty); !errors.Is(err, server.ErrPassphraseBlank) {
		t.Errorf("a new destination: %v", err)
	}
	if _, err := a.AddKey(t.Context(), "disk", control.NewKey{Recipient: "age1nonsense"}); !errors.Is(err, repository.ErrRecipient) {
		t.Errorf("a recipient that is none: %v", err)
	}
	if _, err := a.Keys(t.Context(), "nowhere"); !errors.Is(err, server.ErrNoDestination) {
		t.Errorf("unknown destination: %v", err)
	}
}

func TestAKeyThatWasTakenFromThisComputerIsToldApart(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	check(t, a.end())
	st := must[store.Store](t)(openStore(t.Context(), h.disk, vault.Secret{}, false))
	repo := must[*repository.Repository](t)(repository.Open(t.Context(), st, repository.Options{}, repository.Passphrase(vault.NewSecret(passphrase))))
	for _, k := range must[[]repository.Slot](t)(repo.Slots(t.Context())) {
		if k.Kind == "secret" {
			check(t, repo.RemoveSlot(t.Context(), k.ID))
		}
	}
	a = h.start(t)
	got := must[control.DestinationTest](t)(a.TestDestination(t.Context(), "disk"))
	if got.OK || !errors.Is(got.Problem.Err(), server.ErrKeyGone) {
		t.Errorf("%+v, %+v", got, got.Problem)
	}
	check(t, a.RemoveDestination(t.Context(), "disk"))
	d := control.NewDestination{Destination: control.Destination{Name: "disk", URL: h.disk}, Passphrase: passphrase}
	must[control.Destination](t)(a.AddDestination(t.Context(), d))
	if got := must[control.DestinationTest](t)(a.TestDestination(t.Context(), "disk")); !got.OK {
		t.Errorf("added again: %+v", got.Problem)
	}
}

// breakable is a vault whose n-th change fails.
type breakable struct {
	vault.Vault
	after int // changes until one fails; 0: none does
}

func (b *breakable) fails() bool {
	b.after--
	return b.after == 0
}

func (b *breakable) Set(ctx context.Context, name string, s vault.Secret) error {
	if b.fails() {
		return vault.ErrLocked
	}
	return b.Vault.Set(ctx, name, s)
}

func (b *breakable) Delete(ctx context.Context, name string) error {
	if b.fails() {
		return vault.ErrLocked
	}
	return b.Vault.Delete(ctx, name)
}

// Every call to the store and every change of the vault fails once while the
// key is changed. After each the next agent must get in, and a change that is
// asked for again must end with one key of this computer, and not the old one.
func TestAChangeOfTheKeyMayBeCutOffAnywhere(t *testing.T) {
	places := []string{"store", "store, late", "vault"}
	if testing.Short() {
		places = places[2:]
	}
	turns := 0
	for _, place := range places {
		for n := 1; ; n++ {
			if !cutOff(t, place, n) {
				break
			}
			turns++
		}
	}
	t.Logf("%d faults", turns)
	if turns < 4*len(places) {
		t.Errorf("only %d faults were met", turns)
	}
}

// cutOff changes a key with the n-th call failing, and reports whether there
// was one.
func cutOff(t *testing.T, place string, n int) (met bool) {
	t.Helper()
	h := newHouse(t)
	var faulty *fault.Store
	h.open = func(ctx context.Context, url string, s vault.Secret, create bool) (store.Store, error) {
		st, err := openStore(ctx, url, s, create)
		if err != nil || faulty == nil {
			return st, err
		}
		return faulty, nil
	}
	v := &breakable{Vault: h.vault}
	h.vault = v
	a := h.start(t)
	kit := recoverykit.New() // its key costs less than a passphrase
	must[control.Destination](t)(a.AddDestination(t.Context(), control.NewDestination{
		Destination: control.Destination{Name: "disk", URL: h.disk}, Recipients: []string{kit.Recipient()},
	}))
	before := must[[]control.KeySlot](t)(a.Keys(t.Context(), "disk"))
	if place == "vault" {
		v.after = n
	} else {
		faulty = fault.New(must[store.Store](t)(openStore(t.Context(), h.disk, vault.Secret{}, false)), fault.Rule{Call: n, Late: place != "store"})
	}
	_, err := a.RotateKey(t.Context(), "disk")
	met = place == "vault" && v.after <= 0 || place != "vault" && faulty.Fired() > 0
	if !met && err != nil {
		t.Fatalf("%s, call %d: %v", place, n, err)
	}
	check(t, a.end())
	faulty, v.after = nil, 0

	a = h.start(t)
	defer a.close()
	if got := must[control.DestinationTest](t)(a.TestDestination(t.Context(), "disk")); !got.OK {
		t.Fatalf("%s, call %d failed with %v: no way in: %+v", place, n, err, got.Problem)
	}
	after := must[[]control.KeySlot](t)(a.RotateKey(t.Context(), "disk"))
	if got, own := kinds(t, after); got != "0 passphrase, 1 secret, 1 age" || own != 1 {
		t.Errorf("%s, call %d: %s, %d own: %+v", place, n, got, own, after)
	}
	for _, k := range before {
		for _, now := range after {
			if k.This && now.ID == k.ID {
				t.Errorf("%s, call %d: the old key still opens", place, n)
			}
		}
	}
	if !must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Words: kit.Words()})).OK {
		t.Errorf("%s, call %d: the kit no longer opens", place, n)
	}
	return met
}

// A repository that is open while its key is changed stays usable, and a
// destination that is forgotten and added again opens with the new key.
func TestAfterAChangeOfTheKeyEverythingGoesOn(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	run := func() {
		r, err := a.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Type: backup.Full})
		result[control.BackupResult](a, r, err)
	}
	run()
	must[[]control.KeySlot](t)(a.RotateKey(t.Context(), "disk"))
	run()
	must[[]control.KeySlot](t)(a.RotateKey(t.Context(), "disk"))
	kit := must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}))
	if got := must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Key: strings.Join(kit.Words, "\n")})); !got.OK || got.Backups != 2 {
		t.Errorf("kit made after the change: %+v", got)
	}
	check(t, a.RemoveDestination(t.Context(), "disk"))
	must[control.Destination](t)(a.AddDestination(t.Context(), control.NewDestination{Destination: control.Destination{Name: "again", URL: h.disk}}))
	if got := must[control.DestinationTest](t)(a.TestDestination(t.Context(), "again")); !got.OK || got.Backups != 2 {
		t.Errorf("added again: %+v", got)
	}
}
