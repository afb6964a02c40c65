package rowdelta

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func sumOf(b []byte, sizes ...int) (string, int64) {
	s := NewRowSummer()
	for i := 0; len(b) > 0; i++ {
		n := len(b)
		if len(sizes) > 0 {
			n = min(n, sizes[i%len(sizes)])
		}
		_, _ = s.Write(b[:n]) // a hash does not fail
		b = b[n:]
	}
	return s.Sum(), s.Rows()
}

func TestRowSumIgnoresOrderAndSplitting(t *testing.T) {
	lines := bytes.SplitAfter(bytes.TrimSuffix(rows(500, 3), []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(lines[len(lines)-1], '\n')
	want, n := sumOf(bytes.Join(lines, nil))
	if n != 500 || len(want) != 32 {
		t.Fatalf("%d rows, sum %q", n, want)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	all := bytes.Join(lines, nil)
	if got, _ := sumOf(all); got != want {
		t.Error("another order gives another sum")
	}
	if got, _ := sumOf(all, 1, 3, 50); got != want {
		t.Error("smaller writes give another sum")
	}
	if got, n := sumOf(all[:len(all)-1]); got != want || n != 500 {
		t.Error("a last line without its end does not count as a line")
	}
}

func TestRowSumSeesEveryChange(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{"", "\n", "\n\n", "a\n", "a\na\n", "a\na\na\n", "b\n", "a\nb\n", "ab\n", "a\tb\n"} {
		got, _ := sumOf([]byte(s))
		if was, ok := seen[got]; ok {
			t.Errorf("%q and %q have the same sum", was, s)
		}
		seen[got] = s
	}
}

// The value is part of the format: it is stored and compared for ever.
func TestRowSumIsFixed(t *testing.T) {
	if got, _ := sumOf([]byte("1\tone\n2\ttwo\n")); got != "f97b534e193f67570000000000000002" {
		t.Errorf("got %s", got)
	}
}
