package repository

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/vault"

	"filippo.io/age"
	"golang.org/x/text/unicode/norm"
)

func TestEverySlotOpensTheRepositoryAndNoOtherKeyDoes(t *testing.T) {
	kit, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	st := newMemStore()
	secret := NewSecret()
	r, err := Create(t.Context(), st, Slots{Passphrase: vault.NewSecret("correct horse"), Secret: secret, Recipients: []string{kit.Recipient().String()}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	data := rowsPart("a", table(10, 0, 0))
	m := makeBackup(t, r, backup.Full, nil, data)
	later := NewSecret()
	if err := r.AddSlots(t.Context(), Slots{Secret: later}); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]Key{
		"passphrase": Passphrase(vault.NewSecret("correct horse")), "secret": SecretKey(secret),
		"identity": Identity(vault.NewSecret(kit.String())), "a secret added later": SecretKey(later),
	} {
		r, err := Open(t.Context(), st, Options{}, SecretKey(NewSecret()), k)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		mustHold(t, r, m.ID, data)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]Key{
		"wrong passphrase": Passphrase(vault.NewSecret("correct Horse")), "empty": Passphrase(vault.NewSecret("")),
		"other identity": Identity(vault.NewSecret(other.String())), "no identity": Identity(vault.NewSecret("AGE-SECRET-KEY-1NOT")),
		"the passphrase as secret": SecretKey(vault.NewSecret("correct horse")),
	} {
		_, err := Open(t.Context(), st, Options{}, k)
		if !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
	if _, err := Open(t.Context(), st, Options{}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("without a key: %v", err)
	}
}

func TestKeysAreListedAndRemovedButForTheLast(t *testing.T) {
	kit, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	st := newMemStore()
	to := kit.Recipient().String()
	if _, err := Create(t.Context(), st, Slots{Passphrase: vault.NewSecret("old"), Secret: testSecret, Recipients: []string{to}}, Options{}); err != nil {
		t.Fatal(err)
	}
	slots := func(r *Repository) map[string]Slot {
		all, err := r.Slots(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kinds := make(map[string]Slot)
		for _, s := range all {
			kinds[s.Kind] = s
		}
		return kinds
	}
	r := reopen(t, st)
	have := slots(r)
	if len(have) != 3 || have[slotAge].Recipient != to || !have[slotSecret].Opened || have[slotPassphrase].Opened || have[slotAge].Opened {
		t.Fatalf("%+v", have)
	}
	if err := r.RemoveSlot(t.Context(), have[slotSecret].ID); !errors.Is(err, ErrLastKey) {
		t.Errorf("the one that opened: %v", err)
	}
	if err := r.RemoveSlot(t.Context(), "../config"); !errors.Is(err, ErrNoSuchSlot) {
		t.Errorf("none: %v", err)
	}
	byKit, err := Open(t.Context(), st, Options{}, Identity(vault.NewSecret(kit.String())))
	if err != nil || !slots(byKit)[slotAge].Opened {
		t.Fatal(err)
	}
	for _, kind := range []string{slotPassphrase, slotSecret} {
		if err := byKit.RemoveSlot(t.Context(), have[kind].ID); err != nil {
			t.Fatal(kind, err)
		}
	}
	if _, err := Open(t.Context(), st, Options{}, Passphrase(vault.NewSecret("old"))); !errors.Is(err, ErrWrongKey) {
		t.Errorf("the old passphrase: %v", err)
	}
	// Damage beside it does not count as a second key; removing it is possible.
	st.objects[keysPrefix+strings.Repeat("0", 32)] = []byte("{}")
	if err := r.RemoveSlot(t.Context(), have[slotAge].ID); !errors.Is(err, ErrLastKey) {
		t.Errorf("the last: %v", err)
	}
	if err := byKit.RemoveSlot(t.Context(), strings.Repeat("0", 32)); err != nil {
		t.Error(err)
	}
	if len(slots(byKit)) != 1 {
		t.Errorf("%+v", slots(byKit))
	}
}

// Two machines that remove each other's key at once do not lock out both.
func TestKeysRemovedAtOnceLeaveOne(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	other := NewSecret()
	if err := r.AddSlots(t.Context(), Slots{Secret: other}); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), st, Options{}, SecretKey(other))
	if err != nil {
		t.Fatal(err)
	}
	mine, theirs := strings.TrimPrefix(r.slot, keysPrefix), strings.TrimPrefix(second.slot, keysPrefix)
	nested := false
	st.before = func(op, _ string) error {
		if op == "delete" && !nested {
			nested = true
			delete(st.objects, r.slot) // second.RemoveSlot(mine) got through meanwhile
		}
		return nil
	}
	if err := r.RemoveSlot(t.Context(), theirs); !errors.Is(err, ErrLastKey) {
		t.Errorf("removing %s as %s is removed: %v", theirs, mine, err)
	}
	st.before = nil
	if _, err := Open(t.Context(), st, Options{}, SecretKey(other)); err != nil {
		t.Errorf("nobody can open it any more: %v", err)
	}
}

func TestCreateAndOpenSayWhatIsThere(t *testing.T) {
	st := newMemStore()
	if there, err := Exists(t.Context(), st); there || err != nil {
		t.Errorf("an empty store: %v, %v", there, err)
	}
	if _, err := Open(t.Context(), st, Options{}, SecretKey(testSecret)); !errors.Is(err, ErrNotFound) {
		t.Errorf("Open of an empty store: %v", err)
	}
	if _, err := Create(t.Context(), st, Slots{}, Options{}); !errors.Is(err, ErrNoSlot) {
		t.Errorf("without a slot: %v", err)
	}
	if _, err := Create(t.Context(), st, Slots{Recipients: []string{"age1nonsense"}}, Options{}); !errors.Is(err, ErrRecipient) {
		t.Errorf("with a senseless recipient: %v", err)
	}
	if len(st.objects) != 0 {
		t.Errorf("something was written: %v", st.keys(""))
	}
	r := create(t, st)
	if there, err := Exists(t.Context(), st); !there || err != nil {
		t.Errorf("a repository: %v, %v", there, err)
	}
	if _, err := Create(t.Context(), st, Slots{Secret: testSecret}, Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("the second Create: %v", err)
	}
	for _, id := range []backup.ID{"", "../config", "0198c0de-0000-7000-8000-000000000000"} {
		if _, err := r.Manifest(t.Context(), id); !errors.Is(err, ErrNoBackup) {
			t.Errorf("backup %q: %v", id, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatANewerVersionWroteIsRefusedAsSuch(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	m := makeBackup(t, r, backup.Full, nil, rowsPart("a", table(2000, 0, 0)))
	name := manifestName(m.ID)
	good := st.objects[name]

	st.objects[name] = append([]byte("RAHATMF\x02"), good[8:]...)
	if _, err := r.Manifest(t.Context(), m.ID); !errors.Is(err, ErrNewer) || objectOf(err) != name {
		t.Errorf("the manifest's magic: %v", err)
	}
	doc, err := json.Marshal(document{Format: 2, Manifest: m})
	if err != nil {
		t.Fatal(err)
	}
	st.objects[name] = seal(r.keys.meta, magicManifest, name, squeeze(r.enc, doc, 0))
	if _, err := r.Manifest(t.Context(), m.ID); !errors.Is(err, ErrNewer) {
		t.Errorf("the manifest's format: %v", err)
	}
	st.objects[configName] = []byte(strings.Replace(string(st.objects[configName]), `"format":1`, `"format":2`, 1))
	if _, err := Open(t.Context(), st, Options{}, SecretKey(testSecret)); !errors.Is(err, ErrNewer) {
		t.Errorf("the config: %v", err)
	}
}

// Nothing that can be seen without a key tells what is in a repository.
func TestNamesAndContentsAreNotToBeSeen(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	makeBackup(t, r, backup.Full, nil, rowsPart("secret_table", []byte(strings.Repeat("1\tsecret row\n", 9000))))
	for name, b := range st.objects {
		for _, s := range []string{"secret_table", "secret row", "shop", "postgres"} {
			if strings.Contains(name, s) || strings.Contains(string(b), s) {
				t.Errorf("%s shows %q", name, s)
			}
		}
	}
}

// ş as one code point and as s with a cedilla are the same passphrase.
func TestAPassphraseOpensHoweverItsLettersAreComposed(t *testing.T) {
	st := newMemStore()
	if _, err := Create(t.Context(), st, Slots{Passphrase: vault.NewSecret("şifrem çok gizli")}, Options{}); err != nil {
		t.Fatal(err)
	}
	apart := norm.NFD.String("şifrem çok gizli")
	if apart == "şifrem çok gizli" {
		t.Fatal("nothing to compose")
	}
	if _, err := Open(t.Context(), st, Options{}, Passphrase(vault.NewSecret(apart))); err != nil {
		t.Error(err)
	}
}
