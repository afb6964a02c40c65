package repository

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// wideRows has rows longer than chunks may be, and a last line without an end.
func wideRows() []byte {
	var b bytes.Buffer
	for i := range 40 {
		n := 30
		if i == 3 || i == 30 {
			n = 5 << 19
		}
		fmt.Fprintf(&b, "%d\t%s\n", i, strings.Repeat(string(rune('a'+i%26)), n))
	}
	b.WriteString("40\tunended")
	return b.Bytes()
}

// finely makes the next backup on m cut its parts into chunks of about 512 bytes, so
// that even small parts have long lists.
func finely(t testing.TB, m *backup.Manifest) *backup.Manifest {
	t.Helper()
	fine := *m
	fine.Parts = append([]backup.StoredPart(nil), m.Parts...)
	for i := range fine.Parts {
		r, err := parseRef(&fine.Parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if r.Plan == nil || fine.Parts[i].Name == "b wide" {
			continue
		}
		plan := rowdelta.PlanFor(fine.Parts[i].Part, 512)
		r.Plan = &plan
		if fine.Parts[i].Ref, err = json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	}
	return &fine
}

func (s stream) with(data []byte) stream { s.data = data; return s }

var randomOnce struct {
	sync.Mutex
	st   *memStore
	made []*backup.Manifest
	held [][]stream
}

// randomly has a full, an incremental, and one with short chunks. It is made
// once; who changes the store changes it back.
func randomly(t testing.TB) (*memStore, []*backup.Manifest, [][]stream) {
	t.Helper()
	o := &randomOnce
	o.Lock()
	defer o.Unlock()
	if o.st == nil {
		o.st, o.made, o.held = makeRandomly(t)
	}
	return o.st, o.made, o.held
}

func makeRandomly(t testing.TB) (*memStore, []*backup.Manifest, [][]stream) {
	t.Helper()
	st := newMemStore()
	r := create(t, st)
	parts := func(v int) []stream {
		return []stream{
			rowsPart("a rows", table(20000, v, 40)), rowsPart("b wide", wideRows()), rowsPart("c small", table(70, v, 3)),
			rowsPart("d unended", []byte("1\ta\n2\tb")), rowsPart("e empty", nil),
			{backup.Part{Name: "f pages", Kind: backup.Pages, Format: "sqlite", PageSize: 512}, pages(450, uint64(v))}, pagesPart("g one page", pages(1, 3)), pagesPart("h none", nil),
		}
	}
	held := [][]stream{parts(0), parts(1), parts(2)}
	full := makeBackup(t, r, backup.Full, nil, held[0]...)
	inc := makeBackup(t, r, backup.Incremental, full, held[1]...)
	seed := makeBackup(t, r, backup.Full, nil, rowsPart("a rows", table(900, 0, 0)), held[0][5].with(pages(20, 7)))
	fine := makeBackup(t, r, backup.Incremental, finely(t, seed), held[2]...)
	for _, name := range []string{"a rows", "f pages"} {
		p := partNamed(fine, name)
		if r, err := parseRef(&p); err != nil || r.Level != 1 || len(r.Chunks) < 2*rowdelta.EntrySize {
			t.Fatalf("the list of %s has no lists: %v", name, err)
		}
	}
	return st, []*backup.Manifest{full, inc, fine}, held
}

// window reads at most n lines from a place.
func window(t testing.TB, src *Source, p backup.StoredPart, from int64, n int) ([]byte, error) {
	t.Helper()
	in, err := src.Lines(t.Context(), p, from)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}()
	var got []byte
	one := make([]byte, 10_000)
	for left := n; left > 0; {
		k, err := in.Read(one)
		got = append(got, one[:k]...)
		left -= bytes.Count(one[:k], lineEnd)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return cutLines(got, 0, n), nil
}

// cutLines is what window should read.
func cutLines(b []byte, from int64, n int) []byte {
	for ; from > 0; from-- {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return nil
		}
		b = b[i+1:]
	}
	at := 0
	for range n {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return b
		}
		at += i + 1
	}
	return b[:at]
}

func partNamed(m *backup.Manifest, name string) backup.StoredPart {
	for _, p := range m.Parts {
		if string(p.Name) == name {
			return p
		}
	}
	panic(name)
}

func TestLinesAreReadFromAnyPlace(t *testing.T) {
	st, made, held := randomly(t)
	r := reopen(t, st)
	for v, m := range made {
		src := r.Source(m)
		for _, s := range held[v] {
			p := partNamed(m, string(s.Name))
			if s.Kind != backup.Rows {
				continue
			}
			step := max(1, p.Rows/7)
			if testing.Short() {
				step = max(1, p.Rows/2)
			}
			for from := int64(0); from <= p.Rows+1; from += step {
				got, err := window(t, src, p, from, 3)
				if err != nil || !bytes.Equal(got, cutLines(s.data, from, 3)) {
					t.Fatalf("backup %d, %s from line %d: %.60q, %v", v, s.Name, from, got, err)
				}
			}
			rest, err := window(t, src, p, p.Rows/2, 1<<30)
			if err != nil || !bytes.Equal(rest, cutLines(s.data, p.Rows/2, 1<<30)) {
				t.Fatalf("backup %d, %s: the second half differs: %d bytes, %v", v, s.Name, len(rest), err)
			}
		}
	}
}

func TestPagesAreReadInAnyPlaceAndByMany(t *testing.T) {
	st, made, held := randomly(t)
	r := reopen(t, st)
	for v, m := range made {
		src := r.Source(m)
		for _, s := range held[v] {
			if s.Kind != backup.Pages {
				continue
			}
			at, err := src.Pages(t.Context(), partNamed(m, string(s.Name)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(io.NewSectionReader(at, 0, int64(len(s.data))))
			if err != nil || !bytes.Equal(got, s.data) {
				t.Fatalf("backup %d, %s: %d bytes of %d, %v", v, s.Name, len(got), len(s.data), err)
			}
			if n, err := at.ReadAt(make([]byte, 1), int64(len(s.data))); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("%s: beyond the end: %d, %v", s.Name, n, err)
			}
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					b := make([]byte, 5000)
					for off := i * 1000; off+len(b) <= len(s.data); off += 97_001 {
						if n, err := at.ReadAt(b, int64(off)); n != len(b) || err != nil || !bytes.Equal(b, s.data[off:off+len(b)]) {
							t.Errorf("%s at %d: %d, %v", s.Name, off, n, err)
						}
					}
				})
			}
			all.Wait()
		}
	}
}

// TestOnlyWhatIsNeededIsRead counts the reads of the store.
func TestOnlyWhatIsNeededIsRead(t *testing.T) {
	st, made, _ := randomly(t)
	r := reopen(t, st)
	gets := func(f func()) int {
		before := st.gets
		f()
		return st.gets - before
	}
	for v, most := range []int{3, 9, 15} { // list, chunk and the one behind; with their bases, which have bases
		m := made[v]
		src := r.Source(m)
		p := partNamed(m, "a rows")
		if _, err := window(t, src, p, 0, 1); err != nil { // reads the index
			t.Fatal(err)
		}
		all := gets(func() {
			if _, err := readPart(t.Context(), r.Source(m), p); err != nil {
				t.Fatal(err)
			}
		})
		for _, from := range []int64{0, 1, p.Rows / 2, p.Rows - 5} {
			n := gets(func() {
				if _, err := window(t, r.Source(m), p, from, 5); err != nil {
					t.Fatal(err)
				}
			})
			if n > most || n >= all {
				t.Errorf("backup %d: five lines from %d took %d reads, the whole takes %d", v, from, n, all)
			}
		}
		if n := gets(func() {
			if got, err := window(t, src, p, p.Rows, 5); err != nil || len(got) > 0 {
				t.Fatal(got, err)
			}
		}); n != 0 {
			t.Errorf("lines beyond the end took %d reads", n)
		}
		pages := partNamed(m, "f pages")
		if n := gets(func() {
			at, err := r.Source(m).Pages(t.Context(), pages)
			if err != nil {
				t.Fatal(err)
			}
			for range 100 {
				if _, err := at.ReadAt(make([]byte, 4096), pages.Bytes/2); err != nil {
					t.Fatal(err)
				}
			}
		}); n > most {
			t.Errorf("backup %d: one page, a hundred times, took %d reads", v, n)
		}
	}
}

func TestADamagedChunkSpoilsOnlyItsWindow(t *testing.T) {
	st, made, held := randomly(t)
	intact, damaged, places := 0, 0, 8
	if testing.Short() {
		places = 3
	}
	for _, name := range st.keys(packsPrefix) {
		good := st.objects[name]
		for i := 1; len(good) > 1<<20 && i < places; i++ {
			bad := bytes.Clone(good)
			bad[len(bad)*i/places] ^= 1
			st.objects[name] = bad
			fine, wrong := windows(t, reopen(t, st).Source(made[0]), held[0], name)
			intact, damaged = intact+fine, damaged+wrong
			if fine < wrong {
				t.Errorf("%s, byte %d: %d windows intact, %d damaged", name, len(bad)*i/places, fine, wrong)
			}
		}
		st.objects[name] = good
	}
	if damaged == 0 || intact == 0 {
		t.Errorf("%d windows intact, %d damaged", intact, damaged)
	}
}

// windows reads some of every part. What fails must blame the object.
func windows(t *testing.T, src *Source, parts []stream, object string) (intact, damaged int) {
	t.Helper()
	judge := func(what string, right bool, err error) {
		t.Helper()
		switch {
		case err == nil && right:
			intact++
		case isDamage(err) && problem.Of(err).Params["object"] == object:
			damaged++
		default:
			t.Fatalf("%s: %v", what, err)
		}
	}
	for _, s := range parts {
		p := partNamed(src.Manifest(), string(s.Name))
		for from := int64(0); s.Kind == backup.Rows && from < p.Rows; from += max(1, p.Rows/15) {
			got, err := window(t, src, p, from, 2)
			judge(string(s.Name), bytes.Equal(got, cutLines(s.data, from, 2)), err)
		}
		if s.Kind != backup.Pages {
			continue
		}
		at, err := src.Pages(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		for off := int64(0); off < p.Bytes; off += 81_920 {
			_, err := at.ReadAt(b, off)
			judge(string(s.Name), bytes.Equal(b, s.data[off:off+4096]), err)
		}
	}
	return intact, damaged
}

func TestWhatCannotBeReadAnywhereIsRefused(t *testing.T) {
	st, made, _ := randomly(t)
	src := reopen(t, st).Source(made[0])
	rows, pages := partNamed(made[0], "a rows"), partNamed(made[0], "f pages")
	if _, err := src.Lines(t.Context(), pages, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("lines of pages: %v", err)
	}
	if _, err := src.Lines(t.Context(), rows, -1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("line -1: %v", err)
	}
	if _, err := src.Pages(t.Context(), rows); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("pages of rows: %v", err)
	}
	rows.Rows++ // the manifest says one more than there are
	if _, err := window(t, src, rows, rows.Rows-3, 9); !errors.Is(err, ErrDamaged) {
		t.Errorf("a row that is missing: %v", err)
	}
	pages.Ref = bytes.Replace(pages.Ref, []byte(`"avg":524288`), []byte(`"avg":4096`), 1)
	if _, err := src.Pages(t.Context(), pages); !errors.Is(err, ErrDamaged) {
		t.Errorf("another plan: %v", err)
	}
}

func FuzzRandomAccess(f *testing.F) {
	st, made, held := randomly(f)
	r := reopen(f, st)
	for _, from := range []int64{0, 1, 10000, 19999, 20000, 1 << 40, -1} {
		f.Add(uint8(2), uint8(0), from, uint16(7))
		f.Add(uint8(1), uint8(5), from*90, uint16(9000))
	}
	f.Fuzz(func(t *testing.T, v, part uint8, from int64, n uint16) {
		m, parts := made[int(v)%len(made)], held[int(v)%len(made)]
		s := parts[int(part)%len(parts)]
		p := partNamed(m, string(s.Name))
		if s.Kind == backup.Rows {
			got, err := window(t, r.Source(m), p, from, int(n)%100)
			if (err != nil) != (from < 0) || err == nil && !bytes.Equal(got, cutLines(s.data, min(from, p.Rows+1), int(n)%100)) {
				t.Fatalf("%s from %d: %d bytes, %v", s.Name, from, len(got), err)
			}
			return
		}
		at, err := r.Source(m).Pages(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, n)
		k, err := at.ReadAt(b, from)
		if from < 0 {
			if err == nil {
				t.Fatal("a negative place was read")
			}
			return
		}
		want := s.data[min(from, p.Bytes):min(from+int64(n), p.Bytes)]
		if from > p.Bytes {
			want = nil
		}
		if !bytes.Equal(b[:k], want) || (err == nil) != (k == len(b)) {
			t.Fatalf("%s at %d: %d bytes, %v", s.Name, from, k, err)
		}
	})
}
