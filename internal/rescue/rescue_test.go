package rescue

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/recoverykit"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/vault"
)

const passphrase = "correct horse battery staple"

// place is a destination with two backups and what opens it.
type place struct {
	store  store.Store
	engine *enginemem.Engine
	kit    recoverykit.Identity
	ids    []string // of the backups, oldest first
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{store: mem.New(), engine: enginemem.New(), kit: recoverykit.New()}
	p.engine.Host("db").Set("orders", enginemem.Database{"items": {Columns: []string{"id"}, Key: 1, Rows: [][]enginemem.Value{{enginemem.Text("42")}}}})
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	repo, err := repository.Create(t.Context(), p.store, repository.Slots{Passphrase: vault.NewSecret(passphrase), Recipients: []string{p.kit.Recipient()}},
		repository.Options{Now: clock, Machine: "till"})
	if err != nil {
		t.Fatal(err)
	}
	server, err := p.engine.Open(engine.Config{Address: "db"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := (&archiver.Archiver{Now: clock, Machine: "till"}).Run(t.Context(), archiver.Request{
			ID: backup.NewID(clock()), Server: server, ServerName: "shop", Engine: p.engine.Kind(), Database: "orders", Type: backup.Full, Repository: repo,
		})
		if err != nil {
			t.Fatal(err)
		}
		p.ids = append(p.ids, string(m.ID))
	}
	return p
}

// said is what the program printed and how it ended.
type said struct {
	code     int
	out, err string
}

func (p *place) run(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	t.Setenv("RAHAT_LANG", "en")
	var out, errs bytes.Buffer
	code := Run(t.Context(), Options{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
		Drivers:     map[string]engine.Driver{p.engine.Kind(): p.engine},
		NeedsSecret: func(address string) bool { return strings.HasPrefix(address, "s3:") },
		OpenStore: func(_ context.Context, address string, secret vault.Secret) (store.Store, error) {
			switch {
			case address == "empty":
				return mem.New(), nil
			case strings.HasPrefix(address, "s3:") && secret.Reveal() != "bucket secret":
				return nil, store.ErrAccess.Because(nil, "place", address)
			}
			return p.store, nil
		},
	})
	return said{code, out.String(), errs.String()}
}

func TestBackupsAreListedCheckedAndTakenOutWithEveryKindOfKey(t *testing.T) {
	p := newPlace(t)
	for name, key := range map[string]string{
		"words": strings.Join(p.kit.Words(), "\n"), "identity": p.kit.Secret().Reveal() + "\n", "passphrase": passphrase + "\r\n",
	} {
		s := p.run(t, key, "list", "--url", "place", "--key-stdin", "--json")
		var all listing
		if err := json.Unmarshal([]byte(s.out), &all); err != nil || s.code != 0 {
			t.Fatalf("%s: %+v, %v", name, s, err)
		}
		if len(all.Backups) != 2 || all.Backups[0].ID != p.ids[1] || all.Backups[0].Database != "orders" || all.Backups[0].Server != "shop" || all.Repository == "" {
			t.Errorf("%s: %+v", name, all)
		}
	}
	key := filepath.Join(t.TempDir(), "kit.txt")
	if err := os.WriteFile(key, []byte("My kit\n\n   "+p.kit.Secret().Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := p.run(t, "", "list", "--key-file", key, "--url", "place"); s.code != 0 || !strings.Contains(s.out, p.ids[0]) || !strings.Contains(s.out, "shop @ till") {
		t.Errorf("list: %+v", s)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "orders.txt")
	if s := p.run(t, "", "export", "--url", "place", "latest", "-o", out, "--key-file", key); s.code != 0 || !strings.Contains(s.out, out) {
		t.Errorf("export: %+v", s)
	}
	if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), "42") {
		t.Errorf("exported %q, %v", text, err)
	}
	if s := p.run(t, "", "export", "--url", "place", p.ids[0], "-o", dir, "--key-file", key, "--json"); s.code != 0 || !strings.Contains(s.out, `"path": "`+dir) {
		t.Errorf("export into a folder: %+v", s)
	}
	for _, args := range [][]string{{"check"}, {"check", p.ids[0]}} {
		if s := p.run(t, "", append(args, "--url", "place", "--key-file", key)...); s.code != 0 || !strings.Contains(s.out, "No damage") {
			t.Errorf("%v: %+v", args, s)
		}
	}
	if s := p.run(t, passphrase, "list", "--url", "s3://bucket", "--key-stdin", "--secret-file", write(t, "bucket secret\n")); s.code != 0 {
		t.Errorf("a store with a secret: %+v", s)
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsWrongIsSaidWithTheCodeOfTheCommandLine(t *testing.T) {
	p := newPlace(t)
	there := write(t, "there")
	words := p.kit.Words()
	words[3] = "ankara"
	other := recoverykit.New()
	for name, c := range map[string]struct {
		stdin string
		args  []string
		code  int
		says  string
	}{
		"no such command":     {"", []string{"lst"}, 2, "rescue.bad_usage"},
		"no address":          {"", []string{"list"}, 2, "--url"},
		"no ID":               {"", []string{"export", "--url", "x"}, 2, "export ID"},
		"no output":           {"", []string{"export", "latest", "--url", "x"}, 2, "--output"},
		"unknown flag":        {"", []string{"list", "--key", "geheim"}, 2, "--key"},
		"a secret as a value": {"", []string{"list", "--url", "x", "--key-stdin=geheim"}, 2, "--key-stdin"},
		"words as arguments":  {"", []string{"list", "--url", "x", "geheim"}, 2, "rescue.bad_usage"},
		"nobody to ask":       {"", []string{"list", "--url", "x"}, 2, "rescue.no_terminal"},
		"no such file":        {"", []string{"list", "--url", "x", "--key-file", "/nowhere"}, 2, "rescue.input_unreadable"},
		"input twice":         {"bucket secret", []string{"list", "--url", "s3://b", "--key-stdin", "--secret-stdin"}, 2, "--key-stdin"},
		"a wrong secret":      {"geheim", []string{"list", "--url", "s3://b", "--secret-stdin"}, 5, "store.access_denied"},
		"no key":              {" \n", []string{"list", "--url", "x", "--key-stdin"}, 2, "recoverykit.empty"},
		"a wrong word":        {strings.Join(words, " "), []string{"list", "--url", "x", "--key-stdin"}, 2, "Word 4"},
		"another kit":         {strings.Join(other.Words(), " "), []string{"list", "--url", "x", "--key-stdin"}, 5, "repository.wrong_key"},
		"no backups":          {"", []string{"list", "--url", "empty", "--key-stdin"}, 4, "repository.not_found"},
		"no such backup":      {passphrase, []string{"check", "ffff", "--url", "x", "--key-stdin"}, 4, "repository.no_backup"},
		"two begin so":        {passphrase, []string{"check", "01", "--url", "x", "--key-stdin"}, 2, "agent.ambiguous_id"},
		"file exists":         {passphrase, []string{"export", "latest", "-o", there, "--url", "x", "--key-stdin"}, 5, "restorer.file_exists"},
		"unknown format":      {passphrase, []string{"export", "latest", "-o", there + "2", "--format", "xml", "--url", "x", "--key-stdin"}, 2, "restorer.unknown_format"},
	} {
		s := p.run(t, c.stdin, c.args...)
		if s.code != c.code || !strings.Contains(s.err, c.says) || strings.Contains(s.out+s.err, "geheim") || strings.Contains(s.out+s.err, "ankara") {
			t.Errorf("%s: %+v, want %d and %s", name, s, c.code, c.says)
		}
		if strings.Contains(s.err, "{") {
			t.Errorf("%s: a gap in a text: %s", name, s.err)
		}
	}
	s := p.run(t, "wrong", "list", "--url", "x", "--key-stdin", "--json", "--lang", "tr")
	if s.code != 5 || s.err != "" || !strings.Contains(s.out, `"code": "repository.wrong_key"`) || !strings.Contains(s.out, "Bu anahtar") {
		t.Errorf("as a document: %+v", s)
	}
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"list", "-h"}} {
		if s := p.run(t, "", args...); s.code != 0 || !strings.Contains(s.out, "rahat-restore export") {
			t.Errorf("%v: %+v", args, s)
		}
	}
	if s := p.run(t, "", "format"); s.code != 0 || !strings.Contains(s.out, "# The repository's format") {
		t.Errorf("format: %.60q", s.out)
	}
}

func TestDamageIsListedAndEndsInAnError(t *testing.T) {
	p := newPlace(t)
	for o, err := range p.store.List(t.Context(), "packs/") {
		if err != nil {
			t.Fatal(err)
		}
		if err := p.store.Delete(t.Context(), o.Key); err != nil {
			t.Fatal(err)
		}
	}
	s := p.run(t, passphrase, "check", "latest", "--url", "x", "--key-stdin")
	if s.code != 1 || !strings.Contains(s.err, "rescue.damaged") || !strings.Contains(s.out, p.ids[1]) {
		t.Errorf("%+v", s)
	}
	s = p.run(t, passphrase, "check", "latest", "--url", "x", "--key-stdin", "--json")
	var out checked
	if err := json.Unmarshal([]byte(s.out), &out); err != nil || s.code != 1 || out.OK || len(out.Damaged) == 0 {
		t.Errorf("as a document: %+v, %v", s, err)
	}
	if s := p.run(t, passphrase, "list", "--url", "x", "--key-stdin"); s.code != 0 || !strings.Contains(s.out, p.ids[0]) {
		t.Errorf("list: %+v", s)
	}
	if err := p.store.Delete(t.Context(), "manifests/"+p.ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := p.store.Put(t.Context(), "manifests/"+p.ids[0], strings.NewReader("nonsense")); err != nil {
		t.Fatal(err)
	}
	if s := p.run(t, passphrase, "list", "--url", "x", "--key-stdin"); s.code != 0 || !strings.Contains(s.err, p.ids[0]) || !strings.Contains(s.out, p.ids[1]) {
		t.Errorf("list with a damaged manifest: %+v", s)
	}
}
