package rowdelta

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
)

func testSeed() *Seed {
	b := make([]byte, SeedSize)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return NewSeed(b)
}

func plan(k backup.Kind, key, avg int) Plan {
	return PlanFor(backup.Part{Kind: k, Key: key, PageSize: 512}, avg)
}

var kinds = []backup.Kind{backup.Rows, backup.Pages, backup.Bytes}

// edit changes up to a dozen places of b: removed, doubled, replaced, put in.
func edit(r *rand.Rand, b []byte) []byte {
	c := bytes.Clone(b)
	for range r.IntN(12) {
		if len(c) == 0 {
			break
		}
		i := r.IntN(len(c))
		j := min(len(c), i+r.IntN(300))
		switch r.IntN(4) {
		case 0:
			c = append(c[:i:i], c[j:]...)
		case 1:
			c = append(c[:i:i], append(bytes.Clone(c[i:j]), c[i:]...)...)
		case 2:
			for k := i; k < j; k++ {
				c[k] = byte('a' + r.IntN(20))
			}
		case 3:
			c = append(c[:i:i], append([]byte("x\n"), c[i:]...)...)
		}
	}
	return c
}

func rows(n, seed int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d\tname %d\t%d\n", i, i*7919%1000, seed)
	}
	return b.Bytes()
}

type cutResult struct {
	data  [][]byte
	start []uint64
	end   []uint64
}

// cutAll cuts b, written in pieces of the given sizes in turn.
func cutAll(t *testing.T, b []byte, p Plan, sizes ...int) (out cutResult) {
	t.Helper()
	c := NewCutter(testSeed(), func(k Chunk) error {
		if len(k.Data) > p.Max || len(k.Data) == 0 {
			t.Fatalf("chunk of %d bytes", len(k.Data))
		}
		out.data = append(out.data, bytes.Clone(k.Data))
		out.start = append(out.start, k.Start)
		out.end = append(out.end, k.End)
		return nil
	})
	c.Reset(p)
	for i, rest := 0, b; len(rest) > 0; i++ {
		n := len(rest)
		if len(sizes) > 0 {
			n = min(n, sizes[i%len(sizes)])
		}
		if _, err := c.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Join(out.data, nil), b) {
		t.Fatal("chunks do not add up to the stream")
	}
	return out
}

// Changing every row's other columns must not move one boundary.
func TestKeyCutsDoNotMove(t *testing.T) {
	p := plan(backup.Rows, 1, 16<<10)
	a := cutAll(t, rows(50000, 10), p)
	b := cutAll(t, rows(50000, 99), p)
	if !slices.Equal(a.start, b.start) || len(a.start) < 30 {
		t.Fatalf("%d and %d cuts", len(a.start), len(b.start))
	}
}

func TestChunksDoNotDependOnHowTheStreamIsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		b := make([]byte, r.IntN(1<<19))
		for j := range b {
			b[j] = byte(r.Uint32())
			if i%3 == 0 {
				b[j] = "0123456789\t\n"[r.IntN(12)]
			}
		}
		if i%5 == 0 {
			clear(b)
		}
		for _, k := range kinds {
			p := plan(k, i%3, 8<<10)
			one := cutAll(t, b, p)
			many := cutAll(t, b, p, 1, 100, 7, 70000, 33)
			if !slices.Equal(one.start, many.start) || len(one.data) != len(many.data) {
				t.Fatalf("%s: %d chunks against %d", k, len(one.data), len(many.data))
			}
		}
	}
}

func TestChunksAverageWhatThePlanSays(t *testing.T) {
	b := rows(400000, 5)
	for _, k := range []backup.Kind{backup.Rows, backup.Bytes} {
		p := plan(k, 1, 32<<10)
		got := len(b) / len(cutAll(t, b, p).data)
		if got < p.Avg*6/10 || got > p.Avg*16/10 {
			t.Errorf("%s: chunks average %d bytes, the plan says %d", k, got, p.Avg)
		}
	}
}

func TestCutterReturnsTheErrorOfEmit(t *testing.T) {
	c := NewCutter(testSeed(), func(Chunk) error { return io.ErrShortWrite })
	c.Reset(plan(backup.Rows, 1, 1<<10))
	_, err := c.Write(rows(1000, 1))
	if !errors.Is(err, io.ErrShortWrite) {
		t.Fatalf("Write returned %v", err)
	}
	if err := c.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Fatalf("Close returned %v", err)
	}
}

func TestPlanOfPagesIsWholePages(t *testing.T) {
	for _, page := range []int{0, 512, 4096, 65536, 3000, 1 << 20} {
		p := PlanFor(backup.Part{Kind: backup.Pages, PageSize: page}, DefaultAvg)
		if !p.Valid() || p.Avg%max(page, 1) != 0 {
			t.Errorf("page of %d: %+v", page, p)
		}
	}
	if (Plan{Kind: backup.Rows, Min: 10, Avg: 5, Max: 20}).Valid() || (Plan{Kind: "x", Min: 1, Avg: 1, Max: 1}).Valid() {
		t.Error("a senseless plan counts as valid")
	}
}

func next(list []Entry) func() Next {
	return func() Next {
		i := 0
		return func() (Entry, error) {
			if i == len(list) {
				return Entry{}, io.EOF
			}
			i++
			return list[i-1], nil
		}
	}
}

func TestADeltaStreamRoundTripsAndIsSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		old := rows(3000, 5)
		cur := old
		for range 10 {
			cur = edit(r, cur)
		}
		p := plan(backup.Rows, 1, 4<<10)
		was, is := cutAll(t, old, p), cutAll(t, cur, p)
		list := make([]Entry, len(was.data))
		for i := range list {
			list[i] = Entry{Anchor: was.start[i], Raw: uint32(len(was.data[i])), Rows: uint32(i)}
		}
		bases := NewBases(next(list))
		var e Encoder
		var got []byte
		fresh := 0
		for i, k := range is.data {
			bs, err := bases.For(is.start[i], is.end[i])
			if err != nil {
				t.Fatal(err)
			}
			var base []byte
			for _, x := range bs {
				base = append(base, was.data[x.Rows]...)
			}
			d, n := e.Encode(nil, k, base)
			bases.Used(Within(bs, e.End))
			fresh += n
			if got, err = Apply(got, d, base, len(k)); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, cur) {
			t.Fatal("differs")
		}
		if fresh > len(cur)/3 {
			t.Errorf("%d of %d bytes are new", fresh, len(cur))
		}
	}
}

// More of a table is deleted than the window of the base's list holds.
func TestBasesFindTheirPlaceBehindALargeGap(t *testing.T) {
	list := make([]Entry, 60000)
	for i := range list {
		list[i] = Entry{Anchor: uint64(i)*2 + 1, Raw: 1}
	}
	b := NewBases(next(list))
	lost := 0
	for i := 40000; i < len(list); i++ {
		bs, err := b.For(list[i].Anchor, list[i].Anchor+2)
		if err != nil {
			t.Fatal(err)
		}
		if len(bs) != 1 || bs[0].Anchor != list[i].Anchor {
			lost++
		}
		b.Used(0)
		if len(b.win) > ahead+behind+2*step {
			t.Fatalf("the window holds %d entries", len(b.win))
		}
	}
	if lost > farMiss {
		t.Errorf("%d chunks without their base", lost)
	}
}

func TestBasesChooseTheNearestOfEqualAnchors(t *testing.T) {
	list := make([]Entry, 20000)
	for i := range list {
		list[i] = Entry{Anchor: uint64(i%7 + 1), Raw: 10, Rows: uint32(i)}
	}
	b := NewBases(next(list))
	for i := range list {
		bs, err := b.For(list[i].Anchor, uint64((i+1)%7+1))
		if err != nil {
			t.Fatal(err)
		}
		if len(bs) == 0 || bs[0].Rows != uint32(i) {
			t.Fatalf("chunk %d leans on %v", i, bs)
		}
		b.Used(0)
	}
}

func TestBasesReturnTheErrorOfTheList(t *testing.T) {
	b := NewBases(func() Next {
		return func() (Entry, error) { return Entry{}, io.ErrNoProgress }
	})
	if _, err := b.For(0, 1); !errors.Is(err, io.ErrNoProgress) {
		t.Fatalf("got %v", err)
	}
}

func TestEntryRoundTrips(t *testing.T) {
	e := Entry{ID: [32]byte{1, 2, 31: 9}, Anchor: 1<<63 + 5, Raw: 1 << 24, Rows: 77}
	b := e.Append(nil)
	if len(b) != EntrySize || DecodeEntry(b) != e {
		t.Fatalf("%d bytes, %+v", len(b), DecodeEntry(b))
	}
}

func TestKeyIsTheFirstFields(t *testing.T) {
	for _, c := range []struct {
		row    string
		fields int
		want   string
	}{
		{"a\tb\tc", 0, "a\tb\tc"}, {"a\tb\tc", 1, "a"}, {"a\tb\tc", 2, "a\tb"}, {"a\tb\tc", 3, "a\tb\tc"}, {"a", 5, "a"}, {"", 1, ""},
	} {
		if got := string(Key([]byte(c.row), c.fields)); got != c.want {
			t.Errorf("%d fields of %q are %q", c.fields, c.row, got)
		}
	}
}
