package repository

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
)

// copies lists every copy in the index that the parts of a backup use.
func depths(t *testing.T, r *Repository, m *backup.Manifest) (deepest int) {
	t.Helper()
	l := newLoader(t.Context(), r, &view{})
	for i := range m.Parts {
		ref, err := parseRef(&m.Parts[i])
		if err != nil {
			t.Fatal(err)
		}
		next := l.entries(ref)
		for e, err := next(); err == nil; e, err = next() {
			id := blobID(e.ID)
			c, ok := r.index.copyOf(&view{}, id.short(), maxDepth)
			if !ok {
				t.Fatalf("chunk %x has no copy", e.ID)
			}
			deepest = max(deepest, int(c.depth))
		}
	}
	return deepest
}

func TestAFullUsesPlainCopiesADifferentialDepthOne(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	state := func(v int) stream { return rowsPart("a", table(20000, v, 50)) }
	full := makeBackup(t, r, backup.Full, nil, state(0))
	base := full
	for v := 1; v <= 3; v++ {
		base = makeBackup(t, r, backup.Incremental, base, state(v))
		if d := depths(t, r, base); d != v {
			t.Errorf("incremental %d uses copies of depth %d", v, d)
		}
	}
	diff := makeBackup(t, r, backup.Differential, full, state(3))
	if d := depths(t, r, diff); d != 1 {
		t.Errorf("the differential uses copies of depth %d", d)
	}
	full2 := makeBackup(t, r, backup.Full, nil, state(3))
	if d := depths(t, r, full2); d != 0 {
		t.Errorf("the full uses copies of depth %d", d)
	}
	mustHold(t, r, diff.ID, state(3))
	mustHold(t, reopen(t, st), full2.ID, state(3))
}

func TestAnUnchangedBackupAddsNextToNothing(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	var parts []stream
	for i := range 40 {
		parts = append(parts, rowsPart(fmt.Sprintf("public.table_%d", i), table(100*(i+1)*(i%7+1), i, 1)))
	}
	full := makeBackup(t, r, backup.Full, nil, parts...)
	before := st.size("")
	next := makeBackup(t, r, backup.Incremental, full, parts...)
	if got := st.size("") - before; got > 16<<10 || len(st.keys(packsPrefix)) != 1 {
		t.Errorf("%d bytes more in %d packs", got, len(st.keys(packsPrefix)))
	}
	mustHold(t, r, next.ID, parts...)
}

// AddedBytes is what really was put: every object but the lease, which is
// counted and gone again.
func TestAddedBytesAreExact(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	var base *backup.Manifest
	for v := range 3 {
		typ := backup.Incremental
		if v == 0 {
			typ = backup.Full
		}
		before, lease := st.size(""), int64(0)
		st.before = func(op, key string) error {
			if op == "delete" && strings.HasPrefix(key, leasePrefix) {
				lease += int64(len(st.objects[key]))
			}
			return nil
		}
		m := makeBackup(t, r, typ, base, rowsPart("a", table(5000, v, 20)), rowsPart("b", table(5, v, 1)))
		if got := st.size("") - before + lease; got != m.AddedBytes {
			t.Errorf("%d bytes were put, the manifest says %d", got, m.AddedBytes)
		}
		if m.PlainBytes == 0 || m.StoredBytes == 0 || m.Rows() != 5005 {
			t.Errorf("%+v", m)
		}
		again, err := r.Manifest(t.Context(), m.ID)
		if err != nil || again.AddedBytes != m.AddedBytes || again.StoredBytes != m.StoredBytes || again.Point != "0/1" {
			t.Errorf("read back: %+v, %v", again, err)
		}
		base = m
	}
}

// Ten thousand tables, one of which changes.
func TestManySmallTablesAreCheap(t *testing.T) {
	n := 10000
	if testing.Short() {
		n = 1000
	}
	st := newMemStore()
	r := create(t, st)
	row := table(5, 0, 0)
	parts := func(v int) []stream {
		out := make([]stream, n)
		for i := range out {
			b := append([]byte(fmt.Sprintf("%d\tshop\t%x\n", i, i*7919)), row...)
			if i == n/2 {
				b = append(b, byte('a'+v), '\n')
			}
			out[i] = rowsPart(fmt.Sprintf("schema.table_%05d", i), b)
		}
		return out
	}
	full := makeBackup(t, r, backup.Full, nil, parts(0)...)
	packs := st.size(packsPrefix)
	manifests := st.size(manifestPrefix)
	if manifests > int64(n)*150 {
		t.Errorf("the manifest takes %d bytes", manifests)
	}
	inc := makeBackup(t, r, backup.Incremental, full, parts(1)...)
	if got := st.size(packsPrefix) - packs; got > 2000 {
		t.Errorf("one changed table adds %d bytes of packs", got)
	}
	t.Logf("%d tables, %d bytes: packs %d, manifest %d; one changed adds %d", n, full.PlainBytes, packs, manifests, inc.AddedBytes)
	gets := st.gets
	mustHold(t, reopen(t, st), inc.ID, parts(1)...)
	if got := st.gets - gets; got > n/10 {
		t.Errorf("reading %d tables takes %d reads of the store", n, got)
	}
}

// The order in which parts are finished must not show in the chunks, also when
// the small parts are more than may be kept.
func TestTheBundleDoesNotDependOnTheOrderOfParts(t *testing.T) {
	var parts []stream
	for i := range 900 {
		parts = append(parts, bytesPart(fmt.Sprint("p", i), randomBytes(100+i*60, uint64(i))))
	}
	// A tiny part is the one that passes the bound.
	parts = append(parts[450:], parts[:450]...)
	st := newMemStore()
	r := create(t, st)
	full := makeBackup(t, r, backup.Full, nil, parts...)
	if full.PlainBytes < bundleMemory {
		t.Fatalf("only %d bytes", full.PlainBytes)
	}
	for seed := range uint64(3) {
		rand.New(rand.NewPCG(5, seed)).Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		next := makeBackup(t, r, backup.Full, nil, parts...)
		if max := full.AddedBytes / 50; next.AddedBytes > max {
			t.Errorf("another order adds %d bytes of %d", next.AddedBytes, full.AddedBytes)
		}
		mustHold(t, r, next.ID, parts...)
	}
}

func TestSeveralBackupsAtOnce(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	base := makeBackup(t, r, backup.Full, nil, rowsPart("a", table(8000, 0, 0)))
	type result struct {
		m   *backup.Manifest
		err error
	}
	results := make(chan result, 4)
	parts := func(i int) []stream {
		return []stream{rowsPart("a", table(8000, i, 30)), rowsPart("b", table(4000, i, 2)), bytesPart("c", randomBytes(200000, 1))}
	}
	for i := range 4 {
		go func() {
			m, err := tryBackup(t.Context(), r, backup.Incremental, base, parts(i)...)
			results <- result{m, err}
		}()
	}
	for range 4 {
		res := <-results
		if res.err != nil {
			t.Fatal(res.err)
		}
	}
	ids, err := r.Backups(t.Context())
	if err != nil || len(ids) != 5 {
		t.Fatal(ids, err)
	}
	rep, err := reopen(t, st).CheckAll(t.Context(), nil)
	if err != nil || len(rep.Damage) != 0 {
		t.Fatal(err, rep.Damage)
	}
}

func TestTheCacheSavesReadsAndIsNeverTrusted(t *testing.T) {
	dir := t.TempDir()
	st := newMemStore()
	opt := testOptions()
	opt.CacheDir = dir
	r, err := Create(t.Context(), st, Slots{Secret: testSecret}, opt)
	if err != nil {
		t.Fatal(err)
	}
	data := rowsPart("a", table(20000, 0, 0))
	m := makeBackup(t, r, backup.Full, nil, data)
	reads := func() int {
		r, err := Open(t.Context(), st, opt, SecretKey(testSecret))
		if err != nil {
			t.Fatal(err)
		}
		was := st.gets
		if err := r.ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := st.gets - was
		mustHold(t, r, m.ID, data)
		return n
	}
	if n := reads(); n != 0 {
		t.Errorf("with a cache the index took %d reads", n)
	}
	file := filepath.Join(dir, r.ID()+".footers")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sparse := 1
	if testing.Short() {
		sparse = 13
	}
	for at := 0; at < len(good); at += 7 * sparse {
		bad := bytes.Clone(good)
		bad[at] ^= 8
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		reads()
	}
	for n := 0; n < min(len(good), 200); n += sparse {
		if err := os.WriteFile(file, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		reads()
	}
	if n := reads(); n != 0 {
		t.Errorf("the cache was not made anew: %d reads", n)
	}
}

var streamMB = flag.Int("stream", 300, "megabytes of the stream in the memory test")

// heapWatch samples the memory in use until stop is called.
func heapWatch() (stop func() (peak uint64)) {
	var peak atomic.Uint64
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(quit); <-done; return peak.Load() }
}

// generated writes rows to a part without ever holding them, n bytes in all.
func generated(w *Writer, name string, n int64, version int) error {
	p, err := w.Part(backup.Part{Name: backup.Name(name), Kind: backup.Rows, Key: 1})
	if err != nil {
		return err
	}
	defer p.Abort()
	var b []byte
	for i := 0; n > 0; i++ {
		x := uint64(i) * 0x9e3779b97f4a7c15
		v := 0
		if i%100 == 7 {
			v = version
		}
		b = fmt.Appendf(b[:0], "%d\t%s\t%d\t%016x\t%s of order %d\t%d\n", i, name, x>>50, x*x, "delivered after a call", x>>40, v)
		if _, err := p.Write(b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return p.Close()
}

// A backup and its restore of any size stay under 200 MB with two streams; run
// with -stream 10240 for the whole ten gigabytes.
func TestMemoryIsBoundedWhateverTheSize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several seconds")
	}
	st := &dropStore{memStore: newMemStore(), dir: t.TempDir()}
	r := create(t, st)
	var base *backup.Manifest
	for v, typ := range []backup.Type{backup.Full, backup.Incremental} {
		runtime.GC()
		stop := heapWatch()
		w, err := r.Begin(t.Context(), head(typ), base)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 2)
		for i := range 2 {
			go func() { errs <- generated(w, fmt.Sprint("t", i), int64(*streamMB)<<19, v) }()
		}
		err = errors.Join(<-errs, <-errs)
		if err == nil {
			base, err = w.Commit(t.Context(), nil)
		}
		if err = errors.Join(err, w.Abort(context.Background())); err != nil {
			t.Fatal(err)
		}
		peak := stop()
		t.Logf("%s: %d MB, added %d KB, peak of the heap %d MB", typ, base.PlainBytes>>20, base.AddedBytes>>10, peak>>20)
		if peak > 200<<20 {
			t.Errorf("%s takes %d MB of memory", typ, peak>>20)
		}
	}
	stop := heapWatch()
	rep, err := r.Check(t.Context(), base.ID, nil)
	peak := stop()
	if err != nil || len(rep.Damage) != 0 || rep.Bytes != base.PlainBytes || rep.Rows != base.Rows() {
		t.Errorf("%+v, %v", rep, err)
	}
	t.Logf("reading takes %d MB", peak>>20)
	if peak > 200<<20 {
		t.Errorf("reading takes %d MB of memory", peak>>20)
	}
}
