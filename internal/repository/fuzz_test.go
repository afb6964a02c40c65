package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// What is read from a store may be anything. It must give an error or sense,
// never a panic, and never memory without bound.

func FuzzConfig(f *testing.F) {
	st := newMemStore()
	if _, err := Create(context.Background(), st, Slots{Secret: testSecret}, testOptions()); err != nil {
		f.Fatal(err)
	}
	f.Add(st.objects[configName])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseConfig(b)
		if err != nil {
			return
		}
		if again, err := json.Marshal(c); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("two forms of one config: %q and %q", b, again)
		}
	})
}

func FuzzSlot(f *testing.F) {
	st := newMemStore()
	if _, err := Create(context.Background(), st, Slots{Secret: testSecret}, testOptions()); err != nil {
		f.Fatal(err)
	}
	f.Add(st.objects[st.keys(keysPrefix)[0]])
	f.Add([]byte(`{"format":1,"kind":"passphrase","salt":"AAAA","time":1,"memory":4294967295,"threads":255,"box":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSlot(b)
		if err != nil {
			return
		}
		if s.Memory > 1<<20 || s.Time > 16 {
			t.Fatalf("opening would cost %d KiB and %d passes", s.Memory, s.Time)
		}
		if s.Kind == slotPassphrase {
			s.Time, s.Memory, s.Threads = 1, 8, 1 // only the cost
		}
		for _, k := range []Key{SecretKey(testSecret), Passphrase(testSecret), Identity(testSecret)} {
			if _, err := k.unlock("x", s); err == nil {
				t.Fatal("a stranger's slot opened")
			}
		}
	})
}

func FuzzFooter(f *testing.F) {
	m := blobMeta{id: blobID{1}, n: 100, raw: 500, form: formDelta, depth: 1, bases: []blobID{{2}}}
	f.Add(append([]byte{1}, m.append(nil)...), int64(100))
	f.Fuzz(func(t *testing.T, b []byte, blobs int64) {
		all, err := decodeFooter(b, blobs)
		if err != nil {
			return
		}
		x := newIndex()
		x.packs = append(x.packs, packInfo{state: packStored})
		var sum int64
		for i := range all {
			x.add(&all[i], 0, uint32(sum), uint32(i))
			sum += int64(all[i].n)
		}
		if sum != blobs {
			t.Fatalf("the blobs take %d of %d bytes", sum, blobs)
		}
		for i := range all {
			x.copyOf(&view{}, all[i].id.short(), maxDepth)
		}
	})
}

func FuzzPack(f *testing.F) {
	var segs segments
	p := newPackBuilder(make([]byte, 32), 0, &segs)
	p.add(&blobMeta{raw: 3, form: formRaw}, []byte("abc"))
	p.finish()
	b, err := io.ReadAll(p.reader())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		st := newMemStore()
		st.objects["packs/aa/x"] = b
		o, err := st.Stat(t.Context(), "packs/aa/x")
		if err != nil {
			t.Fatal(err)
		}
		found, err := fetchFooter(t.Context(), st, o)
		if err != nil {
			return
		}
		if _, err := footerOf(make([]byte, 32), found.head, found.tail, found.size, o.Key); err != nil && !isDamage(err) {
			t.Fatalf("not a clear error: %v", err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	entry := (&rowdelta.Entry{Raw: 5}).Append(nil)
	place, err := json.Marshal(ref{Chunks: entry})
	if err != nil {
		f.Fatal(err)
	}
	doc, err := json.Marshal(document{Format: 1, Packs: make([]byte, 32), Manifest: &backup.Manifest{
		ID: "x", Type: backup.Full, Parts: []backup.StoredPart{{Part: backup.Part{Name: "a", Kind: backup.Rows}, Bytes: 5, Ref: place}},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	r, err := Create(context.Background(), newMemStore(), Slots{Secret: testSecret}, testOptions())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if plain, err := unsqueeze(b); err == nil && len(plain) > maxPlain {
			t.Fatal("over the limit")
		}
		d, err := parseDocument(b, "m")
		if err != nil {
			return
		}
		src := r.Source(d.Manifest)
		for _, p := range d.Manifest.Parts {
			rc, err := src.Open(t.Context(), p)
			if err != nil {
				t.Fatalf("a part that was accepted cannot be opened: %v", err)
			}
			if _, err := io.Copy(io.Discard, rc); err == nil && p.Bytes > 0 {
				t.Fatal("bytes out of nothing")
			}
			rc.Close()
		}
	})
}

func FuzzMark(f *testing.F) {
	f.Add([]byte(`{"packs":"","created":"2027-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseMark(b); err == nil && len(m.Packs)%32 != 0 {
			t.Fatal("half a hash")
		}
	})
}

func FuzzWaits(f *testing.F) {
	f.Add([]byte(`{"leases":["0198c0de-0000-7000-8000-000000000000"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWaits(b)
		if err != nil {
			return
		}
		for _, id := range w.Leases {
			if !idPattern.MatchString(id) {
				t.Fatalf("waiting for %q, which nobody can be", id)
			}
		}
	})
}

func FuzzLease(f *testing.F) {
	f.Add([]byte(`{"machine":"m","backup":"x","written":"2027-01-01T00:00:00Z","since":"2027-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLease(b)
		if err == nil && l == nil {
			t.Fatal("neither a lease nor an error")
		}
	})
}

func FuzzLabel(f *testing.F) {
	f.Add([]byte(`{"pinned":true,"tags":["a"],"note":"n","written":"2027-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLabel(b)
		if err != nil {
			return
		}
		again, err := encodeJSON(l)
		if err != nil {
			return // a year that cannot be written
		}
		if _, err := parseLabel(again); err != nil {
			t.Fatalf("%q became %q: %v", b, again, err)
		}
	})
}

func FuzzNumberedName(f *testing.F) {
	f.Add("0198c0de-0000-7000-8000-000000000000-12")
	f.Fuzz(func(t *testing.T, s string) {
		if id, n, ok := parseNumbered(s); ok && numberedName("", id, n) != s {
			t.Fatalf("two names of one object: %q", s)
		}
	})
}

func FuzzCache(f *testing.F) {
	f.Add(make([]byte, cacheRecord))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		readCache(bytes.NewReader(b), func(*foundPack) error { n++; return nil })
		if n > len(b)/cacheRecord {
			t.Fatal("more records than bytes")
		}
	})
}

// A list that was stored by a mad writer: entries are taken as they are and
// must lead to errors only.
func FuzzList(f *testing.F) {
	f.Add(make([]byte, 2*rowdelta.EntrySize))
	f.Fuzz(func(t *testing.T, list []byte) {
		place, err := json.Marshal(ref{Chunks: list})
		if err != nil {
			t.Fatal(err)
		}
		p := backup.StoredPart{Bytes: int64(len(list)), Ref: place}
		r, err := parseRef(&p)
		if err != nil {
			return
		}
		for _, e := range r.entries() {
			if e.Raw == 0 || e.Raw > rowdelta.MaxChunk {
				t.Fatalf("an entry of %d bytes", e.Raw)
			}
		}
	})
}
