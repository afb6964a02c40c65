package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// message is a message of the protocol.
func message(kind byte, body string) []byte {
	b := append([]byte{kind}, binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))...)
	return append(b, body...)
}

func TestSkimmerTakesRowsAndPassesTheRest(t *testing.T) {
	long := string(bytes.Repeat([]byte("0123456789"), 100_000)) // passes the buffer several times
	var wire, rest []byte
	var rows string
	for i, body := range []string{"a\t1\n", "", "b\n", long + "\n", "c\n"} {
		wire = append(wire, message('d', body)...)
		rows += body
		other := message("NSC"[i%3], long[:i*7000])
		wire, rest = append(wire, other...), append(rest, other...)
	}
	for name, src := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "halves": iotest.HalfReader(bytes.NewReader(wire)), "bytes": iotest.OneByteReader(bytes.NewReader(wire)),
		"with its end": iotest.DataErrReader(bytes.NewReader(wire)),
	} {
		var got bytes.Buffer
		s := newSkimmer(src)
		s.to(&got)
		passed, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(passed, rest) || got.String() != rows {
			t.Errorf("%s: %d of %d bytes passed, %d of %d of rows: %v", name, len(passed), len(rest), got.Len(), len(rows), err)
		}
		if len(s.buf) != skimBuffer {
			t.Errorf("%s: the buffer grew to %d", name, len(s.buf))
		}
	}
}

func TestSkimmerWithoutASinkPassesEverything(t *testing.T) {
	wire := append(message('d', "a\n"), message('Z', "I")...)
	if got, err := io.ReadAll(newSkimmer(iotest.HalfReader(bytes.NewReader(wire)))); err != nil || !bytes.Equal(got, wire) {
		t.Errorf("%q, %v", got, err)
	}
}

// What was read before a COPY began stays where it is.
func TestSkimmerKeepsWhatIsOnItsWayWhenASinkComes(t *testing.T) {
	before, row := message('S', "name"), message('d', "a\n")
	s := newSkimmer(bytes.NewReader(append(bytes.Clone(before), row...)))
	p := make([]byte, 3)
	if _, err := io.ReadFull(s, p); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	s.to(&got)
	rest, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(append(p, rest...), before) {
		t.Errorf("%q, %v", rest, err)
	}
	// The stream ended inside the COPY: its rows are not handed over, and the
	// library sees that no end was said.
	if got.Len() != 0 {
		t.Errorf("rows: %q", got.String())
	}
}

func TestSkimmerStopsWithTheErrorOfItsSink(t *testing.T) {
	boom := errors.New("boom")
	s := newSkimmer(bytes.NewReader(append(message('d', "a\n"), message('c', "")...)))
	s.to(writerFunc(func([]byte) (int, error) { return 0, boom }))
	if _, err := io.ReadAll(s); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func FuzzSkimmer(f *testing.F) {
	f.Add(append(message('d', "a\n"), message('c', "")...))
	f.Add([]byte("d\x00\x00\x00\x03"))
	f.Add([]byte("Z\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		var a, b bytes.Buffer
		whole, halves := newSkimmer(bytes.NewReader(wire)), newSkimmer(iotest.OneByteReader(bytes.NewReader(wire)))
		whole.to(&a)
		halves.to(&b)
		x, errX := io.ReadAll(whole)
		y, errY := io.ReadAll(halves)
		if !bytes.Equal(x, y) || !bytes.Equal(a.Bytes(), b.Bytes()) || (errX == nil) != (errY == nil) {
			t.Errorf("%q and %q, %q and %q, %v and %v", x, y, a.Bytes(), b.Bytes(), errX, errY)
		}
	})
}
