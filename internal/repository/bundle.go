package repository

import (
	"bytes"
	"encoding/hex"
	"io"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"

	"github.com/zeebo/blake3"
)

// Small parts share chunks: thousands of small tables cost little more than
// one large one. They are kept until Commit, sorted by name, and cut between
// parts chosen by the hash of their name, so that the chunks do not depend on
// the order in which the parts were finished, and one table that changed does
// not move the others.
const (
	// bundleLimit: a part of this many bytes or more is a stream of its own.
	bundleLimit = 64 << 10
	// bundleMemory bounds what is kept. When it is passed, the limit is
	// halved and the parts above become streams of their own. Which parts
	// are bundled in the end depends on their sizes alone: the limit is the
	// largest at which all below it fit.
	bundleMemory = 16 << 20
)

var bundlePlan = rowdelta.Plan{Kind: backup.Bytes, Min: 64 << 10, Avg: 256 << 10, Max: 1 << 20}

type small struct {
	part backup.StoredPart // all but Ref
	data []byte
}

type bundle struct {
	mu    sync.Mutex
	limit int
	size  int
	parts []small
	base  []backup.StoredPart // of the base, sorted by name
}

// addSmall keeps a part for the bundle, or stores it, and what its coming
// displaced, at once.
func (w *Writer) addSmall(p backup.Part, data []byte) error {
	s := small{part: backup.StoredPart{Part: p, Bytes: int64(len(data))}, data: bytes.Clone(data)}
	s.part.Estimate = 0
	if p.Kind == backup.Rows {
		sum := rowdelta.NewRowSummer()
		_, _ = sum.Write(data) // a hash does not fail
		s.part.Rows, s.part.Checksum = sum.Rows(), sum.Sum()
	} else {
		sum := blake3.Sum256(data)
		s.part.Checksum = hex.EncodeToString(sum[:])
	}
	// Whole, but for its place, which is filled in by Commit, or below, here or
	// in the goroutine of another part, if it is expelled.
	kept := s.part
	w.whole(&kept)
	out := w.bundle.add(s)
	if len(out) == 0 {
		return nil
	}
	k := w.takeWorker()
	defer w.giveWorker(k)
	for _, s := range out {
		if err := k.begin(s.part.Part); err != nil {
			return err
		}
		if _, err := k.cut.Write(s.data); err != nil {
			return err
		}
		whole, err := k.finish()
		if err != nil {
			return err
		}
		w.whole(whole)
	}
	return nil
}

// add returns the parts that must be stored on their own, s among them or not.
func (b *bundle) add(s small) (out []small) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, s)
	b.size += len(s.data)
	for b.size > bundleMemory {
		b.limit /= 2
		out = append(out, b.expel()...)
	}
	if len(s.data) >= b.limit {
		out = append(out, b.expel()...)
	}
	return out
}

func (b *bundle) expel() (out []small) {
	b.parts = slices.DeleteFunc(b.parts, func(s small) bool {
		if len(s.data) < b.limit {
			return false
		}
		out = append(out, s)
		b.size -= len(s.data)
		return true
	})
	return out
}

// storeBundle stores the small parts and fills in where they lie.
func (w *Writer) storeBundle() error {
	b := &w.bundle
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.parts) == 0 {
		return nil
	}
	slices.SortFunc(b.parts, func(x, y small) int { return bytes.Compare([]byte(x.part.Name), []byte(y.part.Name)) })
	k := w.takeWorker()
	defer w.giveWorker(k)
	if err := k.begin(backup.Part{Kind: backup.Bytes}); err != nil {
		return err
	}
	bases := bundleBases(b.base)
	var buf []byte
	var start uint64
	first := 0
	for i := range b.parts {
		buf = append(buf, b.parts[i].data...)
		h := w.r.keys.seed.Hash([]byte(b.parts[i].part.Name))
		last := i == len(b.parts)-1
		full := !last && len(buf)+len(b.parts[i+1].data) > bundlePlan.Max
		if !last && !full && !bundlePlan.Ends(h, len(buf), len(b.parts[i].data)) {
			continue
		}
		if err := w.bundleChunk(k, buf, start, h|1, bases, b.parts[first:i+1]); err != nil {
			return err
		}
		buf, start, first = buf[:0], h|1, i+1
	}
	b.parts, b.size = nil, 0
	return nil
}

// bundleChunk stores one chunk of the bundle and tells its parts.
func (w *Writer) bundleChunk(k *worker, buf []byte, start, end uint64, bases *rowdelta.Bases, parts []small) error {
	var chunk []byte
	if len(buf) > 0 {
		e, err := k.store(backup.Bytes, rowdelta.Chunk{Data: buf, Start: start, End: end}, bases)
		if err != nil {
			return err
		}
		for i := range parts {
			e.Rows += uint32(parts[i].part.Rows)
		}
		chunk = e.Append(nil)
	}
	at := 0
	for i := range parts {
		s := &parts[i].part
		r := &ref{}
		if s.Bytes > 0 {
			r = &ref{Bundle: true, Chunks: chunk, At: uint32(at)}
		}
		at += len(parts[i].data)
		var err error
		if s.Ref, err = encodeRef(r); err != nil {
			return err
		}
		w.whole(s)
	}
	return nil
}

// bundleBases lists the chunks of the base's bundle in their order.
func bundleBases(parts []backup.StoredPart) *rowdelta.Bases {
	var list []rowdelta.Entry
	for i := range parts {
		r, err := parseRef(&parts[i])
		if err != nil || !r.Bundle {
			continue // a bad place is met, and reported, where the part is read
		}
		e := rowdelta.DecodeEntry(r.Chunks)
		if n := len(list); n == 0 || list[n-1].ID != e.ID {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return rowdelta.NewBases(func() rowdelta.Next {
		i := 0
		return func() (rowdelta.Entry, error) {
			if i == len(list) {
				return rowdelta.Entry{}, io.EOF
			}
			i++
			return list[i-1], nil
		}
	})
}
