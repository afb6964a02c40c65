package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"testing"
)

// A writer writes the primitives of the format.
type writer struct{ bytes.Buffer }

func (w *writer) int(n int) {
	sign := byte(0)
	if n < 0 {
		sign, n = 1, -n
	}
	w.WriteByte(sign)
	w.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
}

func (w *writer) str(s string) {
	w.int(len(s))
	w.WriteString(s)
}

// build writes an archive of one minor version, made at a second.
func build(minor, second int, entries ...Entry) []byte {
	w := &writer{}
	w.WriteString("PGDMP")
	w.Write([]byte{1, byte(minor), 0, 4, 8, 1})
	if minor >= 15 {
		w.WriteByte(0)
	} else {
		w.int(0)
	}
	for _, v := range []int{second, 59, 23, 31, 11, 126, 0} {
		w.int(v)
	}
	w.str("db")
	w.str("15.18")
	w.str("15.18")
	w.int(len(entries))
	for _, e := range entries {
		w.entry(minor, e)
	}
	return w.Bytes()
}

func (w *writer) entry(minor int, e Entry) {
	w.int(e.ID)
	w.int(0)
	for _, s := range []string{"1259", "16384", e.Tag, e.Desc} {
		w.str(s)
	}
	w.int(int(e.Section))
	w.str(e.Defn)
	w.str(e.Drop)
	w.int(-1) // COPY
	w.str(e.Namespace)
	if e.Tablespace != nil {
		w.str(*e.Tablespace)
	} else {
		w.int(-1)
	}
	if minor >= 14 {
		w.str(e.TableAM)
	}
	if minor >= 16 {
		w.int(int(e.RelKind))
	}
	w.str(e.Owner)
	w.str("false")
	for _, d := range e.Deps {
		w.str(strconv.Itoa(d))
	}
	w.int(-1)
	w.Write(make([]byte, 9))
}

func sample() []Entry {
	ts := "fast"
	return []Entry{
		{ID: 1, Desc: "ENCODING", Tag: "ENCODING", Section: PreData, Defn: "SET client_encoding = 'LATIN5';\n"},
		{ID: 2, Desc: "STDSTRINGS", Tag: "STDSTRINGS", Section: PreData, Defn: "SET standard_conforming_strings = 'off';\n"},
		{ID: 3, Desc: "TABLE", Tag: `t"x`, Namespace: "s", Owner: "o", Section: PreData, Defn: "CREATE TABLE x();\n", Drop: "DROP TABLE x;\n", Tablespace: &ts, TableAM: "heap"},
		{ID: 4, Desc: "FUNCTION", Tag: "f(int)", Namespace: "s", Owner: "o", Section: PreData, Defn: "CREATE FUNCTION f;\n", Drop: "DROP FUNCTION s.f(int);\n"},
		{ID: 5, Desc: "COMMENT", Tag: "TABLE t", Section: None, Defn: "COMMENT ON TABLE t IS 'x';\n", Deps: []int{3}},
		{ID: 6, Desc: "INDEX", Tag: "i", Namespace: "s", Owner: "o", Section: PostData, Defn: "CREATE INDEX i;\n", Drop: "DROP INDEX s.i;\n", Deps: []int{3}},
		{ID: 7, Desc: "ACL", Tag: "DATABASE d", Section: None, Defn: "GRANT x;\n"},
		{ID: 8, Desc: "COMMENT", Tag: "EVENT TRIGGER e", Section: None, Defn: "COMMENT;\n"},
	}
}

func TestEveryKnownVersionIsRead(t *testing.T) {
	for minor := 12; minor <= maxMinor; minor++ {
		a, err := Read(bytes.NewReader(build(minor, 1, sample()...)))
		if err != nil {
			t.Fatalf("1.%d: %v", minor, err)
		}
		if a.Encoding != "LATIN5" || a.StdStrings || len(a.Entries) != 6 {
			t.Errorf("1.%d: %+v", minor, a)
		}
		pre, post := a.Sections(PreData), a.Sections(PostData)
		if len(pre) != 3 || len(post) != 2 || post[0].Tag != "i" || post[1].Pass() != AfterGrants || post[0].Deps[0] != 3 {
			t.Errorf("1.%d: %v, %v", minor, pre, post)
		}
		if got := pre[0].OwnerSQL(); got != `ALTER TABLE "s"."t""x" OWNER TO "o";` {
			t.Error(got)
		}
		if got := pre[1].OwnerSQL(); got != `ALTER FUNCTION s.f(int) OWNER TO "o";` {
			t.Error(got)
		}
		if got := post[0].OwnerSQL(); got != "" {
			t.Error(got)
		}
		if s := pre[0].Setup(); s[0] != [2]string{"default_tablespace", "fast"} {
			t.Error(s)
		}
	}
}

func TestAnArchiveThatIsNoneIsRefused(t *testing.T) {
	whole := build(16, 1, sample()...)
	for n := range whole {
		if _, err := Read(bytes.NewReader(whole[:n])); err == nil {
			t.Fatalf("%d of %d bytes were enough", n, len(whole))
		}
	}
	for at, v := range map[int]byte{0: 'X', 5: 2, 6: 3, 8: 9, 10: 3} {
		bad := bytes.Clone(whole)
		bad[at] = v
		if _, err := Read(bytes.NewReader(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

func TestTheTimeOfTheDumpIsTakenOutHoweverTheBytesCome(t *testing.T) {
	for minor := 12; minor <= maxMinor; minor++ {
		var first []byte
		for second := range 5 {
			for _, step := range []int{1, 7, 10000} {
				var out bytes.Buffer
				w := Undated(&out)
				in := build(minor, second, sample()...)
				for len(in) > 0 {
					n, err := w.Write(in[:min(step, len(in))])
					if err != nil {
						t.Fatal(err)
					}
					in = in[n:]
				}
				if first == nil {
					first = bytes.Clone(out.Bytes())
				}
				if !bytes.Equal(out.Bytes(), first) {
					t.Fatalf("1.%d, second %d, step %d", minor, second, step)
				}
			}
		}
		if _, err := Read(bytes.NewReader(first)); err != nil {
			t.Error(err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(build(14, 1, sample()...))
	f.Add(build(16, 1, sample()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b))
		if err != nil {
			if a != nil || !errors.Is(err, ErrFormat) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v", err)
			}
			return
		}
		for i := range a.Entries {
			a.Entries[i].SQL()
		}
	})
}
