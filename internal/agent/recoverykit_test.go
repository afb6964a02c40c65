package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

func TestARecoveryKitOpensTheBackupsWithoutThisComputer(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	result[control.BackupResult](a, must[control.Runs](t)(a.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Type: backup.Full})), nil)
	kit := must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{Language: "tr"}))
	if len(kit.Words) != 24 || !bytes.HasPrefix(kit.PDF, []byte("%PDF")) || !strings.Contains(kit.Text, "kurtarma kiti") || !strings.Contains(kit.Text, kit.Identity) {
		t.Fatalf("kit %+v", kit)
	}
	if len(kit.Destinations) != 1 || kit.Destinations[0].Name != "disk" || kit.Destinations[0].Repository == "" {
		t.Errorf("destinations %+v", kit.Destinations)
	}
	state := must[[]control.RecoveryState](t)(a.Recovery(t.Context()))
	if len(state) != 1 || state[0].Destination != "disk" || state[0].Kit == nil || state[0].Drilled != nil {
		t.Errorf("state before the drill: %+v", state)
	}

	words := strings.Join(kit.Words, " ")
	for name, d := range map[string]control.KeyDrill{
		"words as a list":   {Destination: "disk", Words: kit.Words},
		"words as typed":    {Key: strings.ToUpper(words)},
		"identity":          {Destination: "disk", Identity: kit.Identity},
		"the whole text":    {Destination: "disk", Key: kit.Text},
		"the passphrase":    {Destination: "disk", Passphrase: passphrase},
		"passphrase as key": {Destination: "disk", Key: passphrase},
	} {
		got := must[control.KeyDrilled](t)(a.DrillKey(t.Context(), d))
		if !got.OK || got.Backups != 1 || got.Newest == "" || got.Bytes == 0 || got.Problem != nil {
			t.Errorf("%s: %+v, %+v", name, got, got.Problem)
		}
	}
	if state = must[[]control.RecoveryState](t)(a.Recovery(t.Context())); state[0].Drilled == nil {
		t.Error("the drill is not remembered")
	}

	// The words are a key for a computer that has nothing else, too.
	found := must[[]control.Backup](t)(a.RepositoryBackups(t.Context(), control.Repository{URL: h.disk, Identity: words}))
	if len(found) != 1 {
		t.Errorf("found %+v", found)
	}
	check(t, a.end())
	h.noSecret(t, kit.Identity[16:40], kit.Words[0]+" "+kit.Words[1], base64.StdEncoding.EncodeToString(kit.PDF)[:60])

	// What is known of kits outlives the catalog, in the configuration's mirror.
	h.loseCatalog(t)
	a = h.start(t)
	if state = must[[]control.RecoveryState](t)(a.Recovery(t.Context())); len(state) != 1 || state[0].Kit == nil || state[0].Drilled == nil {
		t.Errorf("state after the catalog was lost: %+v", state)
	}
}

// A key is to be tried once a year, however old the kit is.
func TestAKeyIsToBeTriedOnceAYear(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	is := func(when, state string, due bool) {
		t.Helper()
		a.wants(when, map[string]string{"recovery_kit disk": state})
		if s := must[[]control.RecoveryState](t)(a.Recovery(t.Context())); len(s) != 1 || s[0].DrillDue != due {
			t.Errorf("%s: %+v, want due %v", when, s, due)
		}
	}
	is("no kit", "warning doctor.no_kit", false)
	must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}))
	is("a new kit", "warning doctor.kit_untried", false)
	h.shift.Add(int64(367 * 24 * time.Hour))
	is("never tried in its first year", "warning doctor.kit_untried", true)
	drill := func() {
		t.Helper()
		if got := must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Key: passphrase})); !got.OK {
			t.Errorf("%+v", got.Problem)
		}
	}
	drill()
	is("tried", "ok", false)
	h.shift.Add(int64(364 * 24 * time.Hour))
	is("within a year", "ok", false)
	h.shift.Add(int64(3 * 24 * time.Hour))
	is("a year later", "warning doctor.drill_due", true)
	drill()
	is("tried again", "ok", false)
}

// noSecret fails if any of the texts is in a file of the home or the store.
func (h *house) noSecret(t *testing.T, secrets ...string) {
	t.Helper()
	dir, err := local.Dir(h.disk)
	check(t, err)
	for _, root := range []string{string(h.home), dir} {
		check(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, s := range secrets {
				if bytes.Contains(text, []byte(s)) {
					t.Errorf("%s holds a secret", path)
				}
			}
			return err
		}))
	}
}

func TestADrillSaysWhatIsWrongWithTheKey(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	a.furnish(h)
	kit := must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}))
	changed := func(i int, w string) []string {
		c := append([]string(nil), kit.Words...)
		c[i] = w
		return c
	}
	other := recoverykit.New()
	for name, c := range map[string]struct {
		drill control.KeyDrill
		want  error
	}{
		"another kit":     {control.KeyDrill{Words: other.Words()}, repository.ErrWrongKey},
		"not on the list": {control.KeyDrill{Words: changed(4, "ankara")}, recoverykit.ErrWord},
		"a word missing":  {control.KeyDrill{Words: kit.Words[:23]}, recoverykit.ErrWordCount},
		"half a line":     {control.KeyDrill{Identity: kit.Identity[:30]}, recoverykit.ErrIdentity},
		"no line at all":  {control.KeyDrill{Identity: "something"}, recoverykit.ErrIdentity},
		"typed, unknown":  {control.KeyDrill{Key: strings.Join(changed(4, "ankara"), " ")}, recoverykit.ErrWord},
		"passphrase":      {control.KeyDrill{Key: "wrong"}, repository.ErrWrongKey},
		"nothing":         {control.KeyDrill{}, recoverykit.ErrEmpty},
		"only space":      {control.KeyDrill{Key: "  \n"}, recoverykit.ErrEmpty},
	} {
		got, err := a.DrillKey(t.Context(), c.drill)
		if err != nil || got.OK || !errors.Is(got.Problem.Err(), c.want) {
			t.Errorf("%s: %+v, %+v, %v", name, got, got.Problem, err)
		}
	}
	if state := must[[]control.RecoveryState](t)(a.Recovery(t.Context())); state[0].Drilled != nil {
		t.Error("a drill that failed counts")
	}
	if _, err := a.DrillKey(t.Context(), control.KeyDrill{Destination: "nowhere", Key: passphrase}); !errors.Is(err, server.ErrNoDestination) {
		t.Errorf("unknown destination: %v", err)
	}
	dir, err := local.Dir(h.disk)
	check(t, err)
	check(t, os.Rename(dir, dir+".unplugged"))
	if got := must[control.KeyDrilled](t)(a.DrillKey(t.Context(), control.KeyDrill{Words: kit.Words})); got.OK || !errors.Is(got.Problem.Err(), store.ErrUnavailable) {
		t.Errorf("disk gone: %+v", got.Problem)
	}
}

func TestAKitIsForReachableDestinationsOrNotMade(t *testing.T) {
	h := newHouse(t)
	a := h.start(t)
	if _, err := a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}); !errors.Is(err, server.ErrKitNothing) {
		t.Errorf("without destinations: %v", err)
	}
	a.furnish(h)
	gone := filepath.Join(t.TempDir(), "gone")
	must[control.Destination](t)(a.AddDestination(t.Context(), control.NewDestination{Destination: control.Destination{Name: "gone", URL: local.URL(gone)}}))
	check(t, a.end())
	check(t, os.RemoveAll(gone))
	a = h.start(t)
	if _, err := a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{}); !errors.Is(err, server.ErrKitUnreachable) {
		t.Errorf("one is gone: %v", err)
	}
	if _, err := a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{Destinations: []string{"nowhere"}}); !errors.Is(err, server.ErrNoDestination) {
		t.Errorf("an unknown one: %v", err)
	}
	kit := must[control.RecoveryKit](t)(a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{Destinations: []string{"disk", "disk"}}))
	if len(kit.Destinations) != 1 {
		t.Errorf("destinations %+v", kit.Destinations)
	}
	for _, s := range must[[]control.RecoveryState](t)(a.Recovery(t.Context())) {
		if (s.Kit != nil) != (s.Destination == "disk") {
			t.Errorf("%+v", s)
		}
	}
}

// A destination that fails while a kit is made leaves the key of no kit anywhere.
func TestAKitThatIsNotMadeLeavesNoKey(t *testing.T) {
	turns := 0
	for _, late := range []bool{false, true} {
		for n := 1; notMade(t, fault.Rule{Call: n, Late: late}); n++ {
			turns++
		}
	}
	t.Logf("%d faults", turns)
	if turns < 4 {
		t.Errorf("only %d faults were met", turns)
	}
}

// notMade makes a kit for two destinations, of which the second fails by a rule,
// and reports whether that came to pass.
func notMade(t *testing.T, rule fault.Rule) bool {
	t.Helper()
	h := newHouse(t)
	other := local.URL(filepath.Join(t.TempDir(), "other"))
	var faulty *fault.Store
	h.open = func(ctx context.Context, url string, s vault.Secret, create bool) (store.Store, error) {
		st, err := openStore(ctx, url, s, create)
		if err != nil || url != other || faulty == nil {
			return st, err
		}
		return faulty, nil
	}
	a := h.start(t)
	for name, url := range map[string]string{"disk": h.disk, "other": other} {
		must[control.Destination](t)(a.AddDestination(t.Context(), control.NewDestination{Destination: control.Destination{Name: name, URL: url}}))
	}
	check(t, a.end())
	a = h.start(t)
	defer func() { check(t, a.end()) }()
	faulty = fault.New(must[store.Store](t)(openStore(t.Context(), other, vault.Secret{}, false)), rule)
	_, err := a.MakeRecoveryKit(t.Context(), control.RecoveryKitRequest{})
	if faulty.Fired() == 0 {
		check(t, err)
		return false
	}
	for _, name := range []string{"disk", "other"} {
		if keys := must[[]control.KeySlot](t)(a.Keys(t.Context(), name)); err != nil && len(keys) != 1 {
			t.Errorf("call %d, late: %v: %s is left with the keys %+v", rule.Call, rule.Late, name, keys)
		}
	}
	return true
}
