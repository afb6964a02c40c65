package clienttool

import "strings"

// tailSize is how much of a program's complaints is kept, in bytes.
const tailSize = 8 << 10

// cutMark stands before a text of which the beginning is missing.
const cutMark = "... "

// A tail keeps the last max bytes written to it.
type tail struct {
	max int
	b   []byte
	cut bool
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - t.max; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
		t.cut = true
	}
	return len(p), nil
}

// String returns what was kept, from the start of a line.
func (t *tail) String() string {
	s := string(t.b)
	if t.cut {
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			s = s[i+1:]
		}
		s = cutMark + s
	}
	return strings.ToValidUTF8(strings.TrimSpace(s), "?")
}
