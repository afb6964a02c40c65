package repository_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/blake3"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// The ways into the frozen repository.
var strangerKeys = map[string]string{
	"passphrase": "the passphrase of format one",
	"secret":     "c2VjcmV0IG9mIGZvcm1hdCBvbmUsIDMyIGJ5dGVzISE=",
	"age":        "AGE-SECRET-KEY-1C8LU47HN6D6GYF9UGJF9RS3MJXCY44RAYQSTAJRDH40DXPFNXATSA7SW6Z",
}

// A strangerManifest is what a manifest's frame holds, as far as needed to
// prove it.
type strangerManifest struct {
	Format   int
	Packs    []byte
	Manifest struct {
		ID, Type, Base string
		Parts          []strangerPart
		PlainBytes     int `json:"plain_bytes"`
		StoredBytes    int `json:"stored_bytes"`
		AddedBytes     int `json:"added_bytes"`
	}
}

type strangerPart struct {
	Name     strangerName
	Kind     string
	Bytes    int
	Rows     int
	Checksum string
	Ref      struct {
		Level  int
		Chunks []byte
		Bundle bool
		At     int
	}
}

// A strangerName is a name that need not be UTF-8.
type strangerName string

func (n *strangerName) UnmarshalJSON(b []byte) error {
	var raw struct{ B64 []byte }
	if json.Unmarshal(b, &raw) == nil && raw.B64 != nil {
		*n = strangerName(raw.B64)
		return nil
	}
	return json.Unmarshal(b, (*string)(n))
}

// manifest reads a manifest and returns it with the size of its object.
func (s *stranger) manifest(id string) (*strangerManifest, error) {
	plain, err := s.small("manifests/"+id, "RAHATMF\x01")
	if err != nil {
		return nil, err
	}
	end := 4 + int(binary.LittleEndian.Uint32(plain))
	if end > len(plain) || len(bytes.Trim(plain[end:], "\x00")) > 0 {
		return nil, strangerBad("length of manifest %s", id)
	}
	frame, err := strangerUnzstd(plain[4:end])
	if err != nil {
		return nil, err
	}
	var m strangerManifest
	if err := json.Unmarshal(frame, &m); err != nil {
		return nil, err
	}
	if m.Format != 1 || m.Manifest.ID != id {
		return nil, strangerBad("format or id of manifest %s", id)
	}
	return &m, nil
}

// entries returns the chunks that a list of entries names, joined. Each must
// have the length the list says and, when the bytes are lines, the rows.
func (s *stranger) entries(list []byte, lines bool) ([]byte, error) {
	var joined []byte
	for entry := range slices.Chunk(list, 48) {
		if len(entry) != 48 {
			return nil, strangerBad("a list of %d bytes", len(list))
		}
		chunk, err := s.chunk(strangerHash(entry[:32]), 9)
		if err != nil {
			return nil, err
		}
		length, rows := binary.LittleEndian.Uint32(entry[40:]), binary.LittleEndian.Uint32(entry[44:])
		if int(length) != len(chunk) || lines && int(rows) != bytes.Count(chunk, []byte("\n")) {
			return nil, strangerBad("chunk %x is not of %d bytes and %d rows", entry[:32], length, rows)
		}
		joined = append(joined, chunk...)
	}
	return joined, nil
}

// part returns the bytes of a part, proven by its checksum.
func (s *stranger) part(p strangerPart) ([]byte, error) {
	list := p.Ref.Chunks
	for range p.Ref.Level {
		lower, err := s.entries(list, false)
		if err != nil {
			return nil, err
		}
		list = lower
	}
	b, err := s.entries(list, p.Kind == "rows" && !p.Ref.Bundle)
	if err != nil {
		return nil, err
	}
	if p.Ref.Bundle {
		if p.Ref.At+p.Bytes > len(b) {
			return nil, strangerBad("part %q lies outside of its bundle", p.Name)
		}
		b = b[p.Ref.At : p.Ref.At+p.Bytes]
	}
	checksum, rows := strangerChecksum(p.Kind, b)
	if len(b) != p.Bytes || rows != p.Rows || checksum != p.Checksum {
		return nil, strangerBad("part %q: %d bytes, %d rows, checksum %s", p.Name, len(b), rows, checksum)
	}
	return b, nil
}

func strangerChecksum(kind string, b []byte) (checksum string, rows int) {
	if kind != "rows" {
		sum := blake3.Sum256(b)
		return hex.EncodeToString(sum[:]), 0
	}
	var sum uint64
	for line := range bytes.Lines(b) {
		sum += xxhash.Sum64(bytes.TrimSuffix(line, []byte("\n")))
		rows++
	}
	words := binary.BigEndian.AppendUint64(nil, sum)
	return hex.EncodeToString(binary.BigEndian.AppendUint64(words, uint64(rows))), rows
}

// A strangerFeat is something of the format that was met while reading.
type strangerFeat struct {
	what string
	n    int
}

// strangerRead reads every part of every backup, proves it, and compares it
// with what the product's reader returns. It returns what it met on the way and
// the SHA-256 of every part by backup and name.
func strangerRead(t *testing.T, dir, kind, text string, key repository.Key) (met map[strangerFeat]int, sums map[string]string) {
	t.Helper()
	s, err := strangerOpen(os.DirFS(dir), kind, text)
	if err != nil {
		t.Fatal(err)
	}
	st, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := repository.Open(t.Context(), st, repository.Options{}, key)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	manifests, err := fs.Glob(s.store, "manifests/*")
	if err != nil {
		t.Fatal(err)
	}
	met, sums = map[strangerFeat]int{}, map[string]string{}
	for _, name := range manifests {
		s.backup(t, repo, path.Base(name), met, sums)
	}
	if ids, err := repo.Backups(t.Context()); err != nil || len(ids) != len(manifests) {
		t.Fatalf("the product lists backups %v, %v; there are %d", ids, err, len(manifests))
	}
	names, err := fs.Glob(s.store, "packs/*/*")
	if err != nil {
		t.Fatal(err)
	}
	var packs []string
	for _, name := range names {
		packs = append(packs, path.Base(name))
	}
	if err := s.index(packs); err != nil {
		t.Fatal(err)
	}
	for _, copies := range s.copies {
		met[strangerFeat{"copies", len(copies)}]++
	}
	return met, sums
}

func (s *stranger) backup(t *testing.T, repo *repository.Repository, id string, met map[strangerFeat]int, sums map[string]string) {
	t.Helper()
	m, err := s.manifest(id)
	if err != nil {
		t.Fatal(err)
	}
	var packs []string
	for hash := range slices.Chunk(m.Packs, 32) {
		packs = append(packs, hex.EncodeToString(hash))
	}
	if err := s.index(packs); err != nil { // and no other packs
		t.Fatal(err)
	}
	theirs, err := repo.Manifest(t.Context(), backup.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	if len(theirs.Parts) != len(m.Manifest.Parts) {
		t.Fatalf("%d parts, the product says %d", len(m.Manifest.Parts), len(theirs.Parts))
	}
	plain := 0
	for i, p := range m.Manifest.Parts {
		b, err := s.part(p)
		if err != nil {
			t.Fatalf("backup %s: %v", id, err)
		}
		if i > 0 && m.Manifest.Parts[i-1].Name >= p.Name {
			t.Errorf("backup %s: part %q is not in order", id, p.Name)
		}
		plain += len(b)
		met[strangerFeat{"level", p.Ref.Level}]++
		if p.Ref.Bundle {
			met[strangerFeat{"bundled " + p.Kind, 0}]++
		}
		sum := sha256.Sum256(b)
		sums[id+" "+string(p.Name)] = hex.EncodeToString(sum[:])
		r, err := repo.Source(theirs).Open(t.Context(), theirs.Parts[i])
		if err != nil {
			t.Fatal(err)
		}
		same, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(same, b) || string(theirs.Parts[i].Name) != string(p.Name) {
			t.Errorf("backup %s: the product reads part %q differently, %v", id, p.Name, err)
		}
	}
	if plain != m.Manifest.PlainBytes {
		t.Errorf("backup %s: %d plain bytes, not %d", id, plain, m.Manifest.PlainBytes)
	}
	s.account(t, m, packs, met)
}

// account compares the blobs that were used with what the manifest says of
// them, and forgets them.
func (s *stranger) account(t *testing.T, m *strangerManifest, packs []string, met map[strangerFeat]int) {
	t.Helper()
	used, stored := map[string]bool{}, 0
	for _, c := range s.used {
		used[c.place.pack] = true
		stored += c.length
		met[strangerFeat{"form", int(c.form)}]++
		met[strangerFeat{"depth", int(c.depth)}]++
		met[strangerFeat{"bases", len(c.bases)}]++
	}
	if stored != m.Manifest.StoredBytes {
		t.Errorf("backup %s: %d stored bytes, not %d", m.Manifest.ID, stored, m.Manifest.StoredBytes)
	}
	if !slices.Equal(packs, slices.Sorted(maps.Keys(used))) {
		t.Errorf("backup %s: packs %v listed, %v used", m.Manifest.ID, packs, used)
	}
	met[strangerFeat{m.Manifest.Type, 0}]++
	s.used, s.known = map[strangerPlace]strangerCopy{}, map[strangerHash]strangerKnown{}
}

func TestAStrangerReadsFormat1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/format1/repository")); err != nil {
		t.Fatal(err)
	}
	keys := map[string]repository.Key{
		"passphrase": repository.Passphrase(vault.NewSecret(strangerKeys["passphrase"])),
		"secret":     repository.SecretKey(vault.NewSecret(strangerKeys["secret"])),
		"age":        repository.Identity(vault.NewSecret(strangerKeys["age"])),
	}
	b, err := os.ReadFile("testdata/format1/expect.json")
	if err != nil {
		t.Fatal(err)
	}
	var expect []struct {
		Backup, Sha256 string
		Name           strangerName
	}
	if err := json.Unmarshal(b, &expect); err != nil {
		t.Fatal(err)
	}
	for kind, key := range keys {
		met, sums := strangerRead(t, dir, kind, strangerKeys[kind], key)
		for _, e := range expect {
			if sums[e.Backup+" "+string(e.Name)] != e.Sha256 {
				t.Errorf("%s: part %q of backup %s is not what was frozen", kind, e.Name, e.Backup)
			}
		}
		if len(sums) != len(expect) || len(expect) == 0 {
			t.Errorf("%s: %d parts, not %d", kind, len(sums), len(expect))
		}
		for _, feat := range []strangerFeat{
			{"form", 0}, {"form", 1}, {"form", 2}, {"form", 3}, {"depth", 2}, {"level", 0}, {"level", 1},
			{"bundled rows", 0}, {"bundled bytes", 0}, {"differential", 0}, {"incremental", 0},
		} {
			if met[feat] == 0 {
				t.Errorf("%s: nothing of %v is in the repository", kind, feat)
			}
		}
	}
}

func TestAStrangerWithoutAKeyReadsNothing(t *testing.T) {
	store := os.DirFS("testdata/format1/repository")
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]string{
		"passphrase": "the passphrase of format two",
		"secret":     base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"age":        identity.String(),
	}
	for kind, text := range wrong {
		if _, err := strangerOpen(store, kind, text); err == nil {
			t.Errorf("a wrong %s opens the repository", kind)
		}
	}
}

// The frozen repository is small: this one has what it lacks.
func TestAStrangerReadsWhatIsWrittenToday(t *testing.T) {
	const passphrase = "şifre: ığdır çiçeği öğün"
	dir := t.TempDir()
	st, err := local.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	slots := repository.Slots{Passphrase: vault.NewSecret(passphrase)}
	repo, err := repository.Create(t.Context(), st, slots, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	random := rand.New(rand.NewPCG(1, 2))
	rows := strangerRows(random, 50_000)
	parts := func() map[string][]byte {
		return map[string][]byte{
			"rows":    bytes.Join(rows, nil),
			"few":     bytes.Join(rows[:300], nil),
			"unended": bytes.TrimSuffix(bytes.Join(rows[:2000], nil), []byte("\n")),
			"pages":   bytes.Repeat([]byte("page"), 1024), // in a bundle
			"bytes":   bytes.Repeat(bytes.Join(rows[:3000], nil), 2),
		}
	}
	base := strangerWrite(t, repo, backup.Full, nil, parts())
	strangerWrite(t, repo, backup.Log, nil, parts())
	for range 8 { // every chunk changes, and some rows go, so that chunks join
		for i := 0; i < len(rows); i += 500 {
			rows[i] = strangerRow(random, i)
		}
		at := random.IntN(len(rows) / 2)
		rows = slices.Delete(rows, at, at+5000)
		base = strangerWrite(t, repo, backup.Incremental, base, parts())
	}
	// Two machines store the same rows, and neither knows of the other.
	rows = strangerRows(random, 5000)
	other, err := repository.Open(t.Context(), st, repository.Options{}, repository.Passphrase(slots.Passphrase))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	first, second := strangerBegin(t, repo, backup.Full, nil), strangerBegin(t, other, backup.Full, nil)
	strangerLeases(t, dir, passphrase, 2)
	strangerCommit(t, first, parts())
	strangerCommit(t, second, parts())

	met, _ := strangerRead(t, dir, "passphrase", passphrase, repository.Passphrase(slots.Passphrase))
	for _, feat := range []strangerFeat{
		{"bases", 1}, {"bases", 2}, {"depth", 8}, {"copies", 2},
		{"bundled pages", 0}, {"bundled rows", 0}, {"log", 0},
	} {
		if met[feat] == 0 {
			t.Errorf("nothing of %v was written: %v", feat, met)
		}
	}
}

func strangerRow(random *rand.Rand, i int) []byte {
	return fmt.Appendf(nil, "%d\tname of %d\t%x\t\\N\n", i, random.IntN(1000), random.Uint64())
}

func strangerRows(random *rand.Rand, n int) (rows [][]byte) {
	for i := range n {
		rows = append(rows, strangerRow(random, i))
	}
	return rows
}

// strangerLeases opens the leases, of which there are n.
func strangerLeases(t *testing.T, dir, passphrase string, n int) {
	t.Helper()
	s, err := strangerOpen(os.DirFS(dir), "passphrase", passphrase)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(s.store, "leases/*-1")
	if err != nil || len(names) != n {
		t.Fatalf("leases %v, %v", names, err)
	}
	for _, name := range names {
		b, err := s.small(name, "RAHATLS\x01")
		if err != nil {
			t.Fatal(err)
		}
		var lease struct {
			Backup  string
			Written time.Time
		}
		if err := json.Unmarshal(b, &lease); err != nil || lease.Backup == "" || lease.Written.IsZero() {
			t.Errorf("lease %s, %v", b, err)
		}
	}
}

func strangerBegin(t *testing.T, repo *repository.Repository, kind backup.Type, base *backup.Manifest) *repository.Writer {
	t.Helper()
	id := backup.NewID(time.Now())
	w, err := repo.Begin(t.Context(), backup.Manifest{ID: id, Type: kind, Engine: "postgres", Started: time.Now()}, base)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func strangerWrite(t *testing.T, repo *repository.Repository, kind backup.Type, base *backup.Manifest, parts map[string][]byte) *backup.Manifest {
	t.Helper()
	return strangerCommit(t, strangerBegin(t, repo, kind, base), parts)
}

func strangerCommit(t *testing.T, w *repository.Writer, parts map[string][]byte) *backup.Manifest {
	t.Helper()
	kinds := map[string]backup.Kind{"pages": backup.Pages, "bytes": backup.Bytes}
	for name, data := range parts {
		kind := cmp.Or(kinds[name], backup.Rows)
		p, err := w.Part(backup.Part{Name: backup.Name(name), Kind: kind, Format: "json", Key: 1, PageSize: 4096})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m, err := w.Commit(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
