package rowdelta

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func roundTrip(t *testing.T, cur, base []byte) {
	t.Helper()
	var e Encoder
	d, _ := e.Encode(nil, cur, base)
	got, err := Apply(nil, d, base, len(cur))
	if err != nil || !bytes.Equal(got, cur) {
		t.Fatalf("delta: %v, %d bytes, want %d", err, len(got), len(cur))
	}
	p := e.Parts(d)
	if !bytes.Equal(bytes.Join(p[:], nil), d) {
		t.Fatal("the parts of the delta are not the delta")
	}
	var c Columns
	if parts, ok := c.Split(cur); ok {
		all := bytes.Join(parts, nil)
		back, err := Uncolumns(nil, all, len(cur))
		if err != nil || !bytes.Equal(back, cur) {
			t.Fatalf("columns: %v %q %q", err, back, cur)
		}
		if len(all) > len(cur)+ColumnsOverhead {
			t.Fatalf("%d bytes of columns for %d of rows", len(all), len(cur))
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("1\ta\n2\tb\n"), []byte("1\ta\n2\tc\n"), uint64(1))
	f.Add([]byte(""), []byte("x"), uint64(2))
	f.Fuzz(func(t *testing.T, cur, base []byte, seed uint64) {
		roundTrip(t, cur, base)
		r := rand.New(rand.NewPCG(seed, 1))
		big := bytes.Repeat(append(base, '\n'), 1+r.IntN(20))
		roundTrip(t, edit(r, big), big)
	})
}

// A stranger's or damaged delta must give an error or bytes within the limit,
// never a panic.
func FuzzApply(f *testing.F) {
	var e Encoder
	d, _ := e.Encode(nil, []byte("hello world, this is it"), []byte("hello world, that is it"))
	f.Add(d, []byte("hello world, that is it"))
	f.Add([]byte{2, 2, 2, 2, 2, 'a', '\n', 'b', '\n'}, []byte{})
	f.Fuzz(func(t *testing.T, d, base []byte) {
		if out, err := Apply(nil, d, base, 1<<16); err == nil && len(out) > 1<<16 {
			t.Fatal("over the limit")
		}
		if out, err := Uncolumns(nil, d, 1<<16); err == nil && len(out) > 1<<16 {
			t.Fatal("over the limit")
		}
	})
}

func FuzzCutter(f *testing.F) {
	f.Add(rows(200, 1), uint16(300), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint16, key uint8) {
		for _, k := range kinds {
			cutAll(t, b, plan(k, int(key), 512), int(size)+1)
		}
	})
}

func TestRoundTripOfManyEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 300 {
		b := rows(r.IntN(400), r.IntN(3))
		roundTrip(t, edit(r, b), b)
	}
}

func TestADeltaDoesNotFitAnotherBase(t *testing.T) {
	var e Encoder
	base := rows(100, 1)
	d, _ := e.Encode(nil, rows(100, 2), base)
	if _, err := Apply(nil, d, base[1:], 1<<20); err == nil {
		t.Error("a shorter base was taken")
	}
	if _, err := Apply(nil, d, base, len(base)-1); err == nil {
		t.Error("the limit was passed")
	}
}

// Data on which a matcher could become quadratic: MB/s must stay within a
// small factor of the ordinary.
func BenchmarkHard(b *testing.B) {
	const n = 1 << 20
	r := rand.New(rand.NewPCG(1, 1))
	alpha := func(k int) []byte {
		o := make([]byte, n)
		for i := range o {
			o[i] = 'a' + byte(r.IntN(k))
		}
		return o
	}
	text := rows(n/15, 3)[:n]
	sparse := bytes.Clone(text)
	for i := 0; i < n; i += 24 {
		sparse[i] ^= 1
	}
	for name, c := range map[string][2][]byte{
		"unrelated bytes":      {alpha(256), alpha(256)},
		"unrelated 4 letters":  {alpha(4), alpha(4)},
		"unrelated 2 letters":  {alpha(2), alpha(2)},
		"zeros":                {make([]byte, n), make([]byte, n+5)},
		"zeros and bytes":      {make([]byte, n), alpha(256)},
		"period 2 against 3":   {bytes.Repeat([]byte("ab"), n/2), bytes.Repeat([]byte("abc"), n/3)},
		"period 40 against 41": {bytes.Repeat([]byte("0123456789abcdefghijABCDEFGHIJqwertyuiop"), n/40), bytes.Repeat([]byte("0123456789abcdefghijABCDEFGHIJqwertyuiopX"), n/41)},
		"every 24th byte":      {sparse, text},
	} {
		b.Run(name, func(b *testing.B) {
			var e Encoder
			b.SetBytes(n)
			var d []byte
			var f int
			for b.Loop() {
				d, f = e.Encode(d[:0], c[0], c[1])
			}
			b.ReportMetric(float64(f)/n, "fresh/byte")
			if got, err := Apply(nil, d, c[1], n+10); err != nil || !bytes.Equal(got, c[0]) {
				b.Fatal("differs")
			}
		})
	}
}

func BenchmarkCut(b *testing.B) {
	data := rows(700000, 1)
	for _, k := range kinds {
		b.Run(string(k), func(b *testing.B) {
			c := NewCutter(testSeed(), func(Chunk) error { return nil })
			p := plan(k, 1, DefaultAvg)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				c.Reset(p)
				for at := 0; at < len(data); at += 100 { // as COPY delivers
					if _, err := c.Write(data[at:min(at+100, len(data))]); err != nil {
						b.Fatal(err)
					}
				}
				c.Close()
			}
		})
	}
}

func BenchmarkRowSum(b *testing.B) {
	data := rows(100000, 1)
	s := NewRowSummer()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := s.Write(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkColumns(b *testing.B) {
	data := rows(20000, 1)
	var c Columns
	parts, _ := c.Split(data)
	all := bytes.Join(parts, nil)
	b.Run("split", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			c.Split(data)
		}
	})
	b.Run("join", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		var out []byte
		for b.Loop() {
			out, _ = Uncolumns(out[:0], all, len(data))
		}
	})
}

// One percent of the rows changed, scattered.
func BenchmarkDelta(b *testing.B) {
	base := rows(20000, 1)
	cur := bytes.Clone(base)
	for i := 0; i < len(cur); i += 2300 {
		if cur[i] >= '0' && cur[i] <= '9' {
			cur[i] = 'x'
		}
	}
	var e Encoder
	d, _ := e.Encode(nil, cur, base)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(cur)))
		for b.Loop() {
			d, _ = e.Encode(d[:0], cur, base)
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.SetBytes(int64(len(cur)))
		var out []byte
		for b.Loop() {
			out, _ = Apply(out[:0], d, base, len(cur))
		}
	})
}
