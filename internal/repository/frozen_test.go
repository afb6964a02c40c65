package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/vault"
)

var freeze = flag.Bool("freeze", false, "make the frozen files of format 1 anew; only before format 1 is released")

// The frozen repository and the keys that open it. They protect nothing.
const (
	frozenDir        = "testdata/format1"
	frozenPassphrase = "the passphrase of format one"
	frozenSecret     = "c2VjcmV0IG9mIGZvcm1hdCBvbmUsIDMyIGJ5dGVzISE="
	frozenRecipient  = "age1vj3hqwtwl3vvxl83asxjcfs36mf37n2kd8hufflxhnq73dg0q9qqlfxke3"
	frozenIdentity   = "AGE-SECRET-KEY-1C8LU47HN6D6GYF9UGJF9RS3MJXCY44RAYQSTAJRDH40DXPFNXATSA7SW6Z"
)

// frozenPart is what a part of the frozen repository must read back as.
type frozenPart struct {
	Backup backup.ID   `json:"backup"`
	Type   backup.Type `json:"type"`
	Name   backup.Name `json:"name"`
	Bytes  int64       `json:"bytes"`
	Rows   int64       `json:"rows"`
	SHA256 string      `json:"sha256"`
}

// frozenState is one state of a database with everything the format knows.
func frozenState(v int) []stream {
	wide := func(v int) []byte {
		var b []byte
		for i := range 16000 {
			b = fmt.Appendf(b, "%d\t%s\t%d\n", i, strings.Repeat("the same words again and again ", 6), v*((i%500+1)/500))
		}
		return b
	}
	page := func(v int) (b []byte) {
		for i := range 40 {
			b = append(b, fmt.Sprintf("%-4096s", fmt.Sprintf("page %d of version %d", i, v*((i%10)/9)))...)
		}
		return b
	}
	odd := rowsPart("odd\xffname", []byte("1\t\\N\n2\t"+fmt.Sprint(v)+"\n"))
	odd.Table = &backup.Table{Schema: "s\xfe", Name: "odd\xffname", Columns: []backup.Name{"a", "b\xff"}}
	return []stream{
		rowsPart("wide", wide(v)), rowsPart("middle", table(1500, v, 40)), pagesPart("pages", page(v)),
		bytesPart("schema", []byte(strings.Repeat("CREATE TABLE x;\n", 5000)+fmt.Sprint(v))),
		rowsPart("tiny one", table(3, v, 1)), rowsPart("tiny two", table(4, 0, 0)), odd,
		rowsPart("empty", nil), rowsPart("unended", []byte("1\ta\n2\tb")), bytesPart("raw", randomBytes(300, 1)),
	}
}

func TestFreeze(t *testing.T) {
	if !*freeze {
		t.Skip("only with -freeze")
	}
	st := newMemStore()
	r, err := Create(t.Context(), st, Slots{
		Passphrase: vault.NewSecret(frozenPassphrase), Secret: vault.NewSecret(frozenSecret), Recipients: []string{frozenRecipient},
	}, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	full := makeBackup(t, r, backup.Full, nil, frozenState(0)...)
	inc := makeBackup(t, r, backup.Incremental, full, frozenState(1)...)
	diff := makeBackup(t, r, backup.Differential, full, frozenState(2)...)
	inc2 := makeBackup(t, r, backup.Incremental, inc, frozenState(3)...)
	var all []frozenPart
	for i, m := range []*backup.Manifest{full, inc, diff, inc2} {
		for _, s := range frozenState(i) {
			sum := sha256.Sum256(s.data)
			all = append(all, frozenPart{m.ID, m.Type, s.Name, int64(len(s.data)), lines(s), hex.EncodeToString(sum[:])})
		}
	}
	b, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	st.objects["../expect.json"] = b
	if err := os.RemoveAll(frozenDir); err != nil {
		t.Fatal(err)
	}
	for name, b := range st.objects {
		path := filepath.Join(frozenDir, "repository", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func lines(s stream) int64 {
	if s.Kind != backup.Rows {
		return 0
	}
	n := int64(strings.Count(string(s.data), "\n"))
	if len(s.data) > 0 && s.data[len(s.data)-1] != '\n' {
		n++
	}
	return n
}

// frozen loads the frozen repository.
func frozen(t *testing.T) (*memStore, []frozenPart) {
	t.Helper()
	st := newMemStore()
	root := filepath.Join(frozenDir, "repository")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		st.objects[filepath.ToSlash(name)] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(frozenDir, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []frozenPart
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("only %d parts are expected", len(all))
	}
	return st, all
}

// What format 1 wrote is read for ever.
func TestFormat1IsReadForEver(t *testing.T) {
	st, all := frozen(t)
	for name, k := range map[string]Key{
		"passphrase": Passphrase(vault.NewSecret(frozenPassphrase)), "secret": SecretKey(vault.NewSecret(frozenSecret)),
		"identity": Identity(vault.NewSecret(frozenIdentity)),
	} {
		r, err := Open(t.Context(), st, testOptions(), k)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rep, err := r.CheckAll(t.Context(), nil)
		if err != nil || len(rep.Damage) != 0 {
			t.Fatalf("%s: %v, %v", name, err, rep.Damage)
		}
		for _, want := range all {
			frozenPartReads(t, r, want)
		}
	}
}

func frozenPartReads(t *testing.T, r *Repository, want frozenPart) {
	t.Helper()
	m, err := r.Manifest(t.Context(), want.Backup)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Parts {
		if p.Name != want.Name {
			continue
		}
		b, err := readPart(t.Context(), r.Source(m), p)
		if err != nil {
			t.Fatalf("%s %q: %v", m.Type, p.Name, err)
		}
		sum := sha256.Sum256(b)
		if hex.EncodeToString(sum[:]) != want.SHA256 || p.Bytes != want.Bytes || p.Rows != want.Rows || m.Type != want.Type {
			t.Fatalf("%s %q differs", m.Type, p.Name)
		}
		return
	}
	t.Fatalf("%s has no part %q", m.Type, want.Name)
}

// The frozen repository has every form of blob and of place, so that reading
// it proves something.
func TestTheFrozenRepositoryHasEverything(t *testing.T) {
	st, all := frozen(t)
	r, err := Open(t.Context(), st, testOptions(), SecretKey(vault.NewSecret(frozenSecret)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, c := range r.index.recs {
		seen[fmt.Sprint("form ", c.form)] = true
		seen[fmt.Sprint("depth ", c.depth)] = true
	}
	for _, id := range all {
		m, err := r.Manifest(t.Context(), id.Backup)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(m.Type)] = true
		for i := range m.Parts {
			ref, err := parseRef(&m.Parts[i])
			if err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprintf("level %d bundle %v", ref.Level, ref.Bundle)] = true
		}
	}
	for _, want := range []string{
		"form 0", "form 1", "form 2", "form 3", "depth 0", "depth 1", "depth 2", "full", "differential", "incremental",
		"level 0 bundle false", "level 1 bundle false", "level 0 bundle true",
	} {
		if !seen[want] {
			t.Errorf("it has no %s", want)
		}
	}
}
