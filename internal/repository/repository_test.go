package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memStore is the least a store can be. before, if set, is asked before every
// call and may fail it.
type memStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	before  func(op, key string) error
	gets    int
	sizes   []store.Object // kept elsewhere, listed here
}

func newMemStore() *memStore { return &memStore{objects: make(map[string][]byte)} }

func (s *memStore) call(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.before != nil {
		return s.before(op, key)
	}
	return nil
}

func (s *memStore) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := store.CheckKey(key); err != nil {
		return store.Object{}, err
	}
	if err := s.call(ctx, "put", key); err != nil {
		return store.Object{}, err
	}
	if _, ok := s.objects[key]; ok {
		return store.Object{}, store.ErrExists.Because(nil, "key", key)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return store.Object{}, err
	}
	s.objects[key] = b
	return store.Object{Key: key, Size: int64(len(b))}, nil
}

func (s *memStore) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if err := s.call(ctx, "get", key); err != nil {
		return nil, err
	}
	b, ok := s.objects[key]
	if !ok {
		return nil, store.ErrNotFound.Because(nil, "key", key)
	}
	b = b[min(off, int64(len(b))):]
	if n >= 0 {
		b = b[:min(n, int64(len(b)))]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (s *memStore) Stat(ctx context.Context, key string) (store.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	b, ok := s.objects[key]
	if !ok {
		return store.Object{}, store.ErrNotFound.Because(nil, "key", key)
	}
	return store.Object{Key: key, Size: int64(len(b))}, nil
}

func (s *memStore) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		s.mu.Lock()
		err := s.call(ctx, "list", prefix)
		var all []store.Object
		for _, k := range s.keys(prefix) {
			all = append(all, store.Object{Key: k, Size: int64(len(s.objects[k]))})
		}
		for _, o := range s.sizes {
			if strings.HasPrefix(o.Key, prefix) {
				all = append(all, o)
			}
		}
		s.mu.Unlock()
		if err != nil {
			yield(store.Object{}, err)
			return
		}
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (s *memStore) keys(prefix string) (keys []string) {
	for k := range s.objects {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *memStore) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.call(ctx, "delete", key); err != nil {
		return err
	}
	delete(s.objects, key)
	return nil
}

func (s *memStore) size(prefix string) (n int64) {
	for _, k := range s.keys(prefix) {
		n += int64(len(s.objects[k]))
	}
	return n
}

var testSecret = vault.NewSecret("a secret for tests only")

func testOptions() Options {
	return Options{Now: func() time.Time { return time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC) }, Machine: "test"}
}

func create(t testing.TB, st store.Store) *Repository {
	t.Helper()
	r, err := Create(t.Context(), st, Slots{Secret: testSecret}, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func reopen(t testing.TB, st store.Store) *Repository {
	t.Helper()
	r, err := Open(t.Context(), st, testOptions(), SecretKey(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stream is one part for tests.
type stream struct {
	backup.Part
	data []byte
}

func rowsPart(name string, data []byte) stream {
	return stream{backup.Part{Name: backup.Name(name), Kind: backup.Rows, Format: "pg_copy_text", Key: 1}, data}
}

func pagesPart(name string, data []byte) stream {
	return stream{backup.Part{Name: backup.Name(name), Kind: backup.Pages, Format: "sqlite", PageSize: 4096}, data}
}

func bytesPart(name string, data []byte) stream {
	return stream{backup.Part{Name: backup.Name(name), Kind: backup.Bytes, Format: "json"}, data}
}

var tick = time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
var tickMu sync.Mutex

func head(typ backup.Type) backup.Manifest {
	tickMu.Lock()
	defer tickMu.Unlock()
	tick = tick.Add(time.Second)
	return backup.Manifest{ID: backup.NewID(tick), Type: typ, Engine: "postgres", Machine: "test", Server: "main", Database: "shop", Agent: "test", Started: tick}
}

// writeParts writes parts with as many goroutines.
func writeParts(w *Writer, streams int, parts []stream) error {
	work := make(chan stream, len(parts))
	for _, p := range parts {
		work <- p
	}
	close(work)
	errs := make(chan error, streams)
	for range streams {
		go func() {
			var err error
			for p := range work {
				if err == nil {
					err = writePart(w, p)
				}
			}
			errs <- err
		}()
	}
	var all error
	for range streams {
		all = errors.Join(all, <-errs)
	}
	return all
}

func writePart(w *Writer, s stream) error {
	p, err := w.Part(s.Part)
	if err != nil {
		return err
	}
	defer p.Abort()
	for b := s.data; len(b) > 0; {
		n := min(len(b), 3000)
		if i := bytes.IndexByte(b, '\n'); i >= 0 && i < n {
			n = i + 1 // as COPY delivers
		}
		if _, err := p.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return p.Close()
}

func tryBackup(ctx context.Context, r *Repository, typ backup.Type, base *backup.Manifest, parts ...stream) (*backup.Manifest, error) {
	w, err := r.Begin(ctx, head(typ), base)
	if err != nil {
		return nil, err
	}
	err = writeParts(w, 2, parts)
	var m *backup.Manifest
	if err == nil {
		m, err = w.Commit(ctx, func(m *backup.Manifest) { m.Point = "0/1" })
	}
	return m, errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
}

func makeBackup(t testing.TB, r *Repository, typ backup.Type, base *backup.Manifest, parts ...stream) *backup.Manifest {
	t.Helper()
	m, err := tryBackup(t.Context(), r, typ, base, parts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readPart(ctx context.Context, src *Source, p backup.StoredPart) ([]byte, error) {
	rc, err := src.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

// mustHold reads a backup back and compares every part.
func mustHold(t testing.TB, r *Repository, id backup.ID, parts ...stream) {
	t.Helper()
	m, err := r.Manifest(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parts) != len(parts) {
		t.Fatalf("%d parts, want %d", len(m.Parts), len(parts))
	}
	src := r.Source(m)
	for _, p := range parts {
		i := slices.IndexFunc(m.Parts, func(s backup.StoredPart) bool { return s.Name == p.Name })
		if i < 0 {
			t.Fatalf("part %q is not there", p.Name)
		}
		got, err := readPart(t.Context(), src, m.Parts[i])
		if err != nil {
			t.Fatalf("part %q: %v", p.Name, err)
		}
		if !bytes.Equal(got, p.data) {
			t.Fatalf("part %q differs: %d bytes, want %d", p.Name, len(got), len(p.data))
		}
	}
}

// table makes rows of about 90 bytes; the share of rows whose version is not 0
// is one in every.
func table(n, version, every int) []byte {
	var b bytes.Buffer
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		v := 0
		if every > 0 && (i*7919)%every == 0 {
			v = version
		}
		fmt.Fprintf(&b, "%d\t%d\t%s\t%d.%02d\t2026-01-%02d 10:%02d:%02d+00\tdeliver to %s %d\n", i, r.IntN(500000),
			[]string{"new", "paid", "shipped"}[(r.IntN(3)+v)%3], r.IntN(500)+v, r.IntN(100), 1+r.IntN(28), r.IntN(60), r.IntN(60),
			[]string{"north street", "south square", "west lane", "east road"}[r.IntN(4)], r.IntN(10000)+v)
	}
	return b.Bytes()
}

func randomBytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func pages(n int, seed uint64) []byte {
	b := make([]byte, 0, n*4096)
	for i := range n {
		b = append(b, bytes.Repeat([]byte(fmt.Sprintf("page %d of many ", i)), 4096/16)[:2048]...)
		b = append(b, randomBytes(2048, uint64(i)%200+seed)...)
	}
	return b
}

func TestFullDifferentialAndIncrementalComeBack(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	parts := func(v int) []stream {
		return []stream{
			rowsPart("orders", table(30000, v, 100)),
			rowsPart("empty", nil),
			rowsPart("tiny", table(5, v, 1)),
			rowsPart("unended", []byte("1\ta\n2\tb")),
			pagesPart("db", pages(600, uint64(v))),
			bytesPart("schema", randomBytes(300000, uint64(v))),
			bytesPart("note", []byte("hello")),
		}
	}
	full := makeBackup(t, r, backup.Full, nil, parts(0)...)
	inc := makeBackup(t, r, backup.Incremental, full, parts(1)...)
	diff := makeBackup(t, r, backup.Differential, full, parts(2)...)
	inc2 := makeBackup(t, r, backup.Incremental, inc, parts(3)...)
	for i, m := range []*backup.Manifest{full, inc, diff, inc2} {
		t.Logf("%s: plain %d stored %d added %d", m.Type, m.PlainBytes, m.StoredBytes, m.AddedBytes)
		if m.Root != full.ID || m.Depth != []int{0, 1, 1, 2}[i] {
			t.Errorf("%s: root %s, depth %d", m.Type, m.Root, m.Depth)
		}
		v := []int{0, 1, 2, 3}[i]
		mustHold(t, r, m.ID, parts(v)...)
		mustHold(t, reopen(t, st), m.ID, parts(v)...)
	}
	ids, err := r.Backups(t.Context())
	if err != nil || !slices.Equal(ids, []backup.ID{full.ID, inc.ID, diff.ID, inc2.ID}) {
		t.Errorf("backups %v, %v", ids, err)
	}
	if n := len(st.keys(leasePrefix)); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}
