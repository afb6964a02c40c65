package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rahatbackup/rahat/internal/rowdelta"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
)

// keptChunks is how many decoded chunks a loader usually keeps: neighbouring
// chunks lean on the same base, and neighbouring small parts lie in the same
// chunk.
const keptChunks = 3

// A loader reads chunks back. What it returns is what was stored: every chunk
// is checked against its id. It is not for concurrent use.
type loader struct {
	ctx  context.Context
	r    *Repository
	view *view
	dec  *zstd.Decoder
	hash *blake3.Hasher

	keep      int    // how many of kept there may be
	kept      []kept // the one used last at the end
	free      [][]byte
	box, open []byte
	tmp       []byte
	pack      [32]byte // whose sealer this is
	sealer    *sealer
	refreshed bool
	sum       blobID         // whole id of what was decoded last
	seen      func(*located) // told of every blob that was read; may be nil
}

type kept struct {
	id    shortID
	depth int // of the copy it was read from
	b     []byte
}

func newLoader(ctx context.Context, r *Repository, v *view) *loader {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return &loader{ctx: ctx, r: r, view: v, keep: keptChunks, dec: dec, hash: keyedHash(r.keys.id)}
}

// chunk appends one chunk to dst.
func (l *loader) chunk(dst []byte, e *rowdelta.Entry) ([]byte, error) {
	id := blobID(e.ID)
	start := len(dst)
	out, _, err := l.load(dst, id.short(), maxDepth)
	if err != nil {
		return dst, err
	}
	if l.sum != id {
		return dst, ErrDamaged.Because(&chunkError{"the list has another whole id than chunk", id.short()}, "object", manifestPrefix)
	}
	return out, checkLength(len(out)-start, e)
}

// shared returns a chunk that may be wanted again, and the depth of the copy
// it came from; it is valid until the next call.
func (l *loader) shared(id shortID, depth int) ([]byte, int, error) {
	for i := range l.kept {
		if k := l.kept[i]; k.id == id && k.depth <= depth {
			l.kept = append(slices.Delete(l.kept, i, i+1), k)
			return k.b, k.depth, nil
		}
	}
	var buf []byte
	if n := len(l.free); n > 0 {
		buf, l.free = l.free[n-1], l.free[:n-1]
	}
	b, d, err := l.load(buf[:0], id, depth)
	if err != nil {
		l.free = append(l.free, buf)
		return nil, 0, err
	}
	if len(l.kept) == l.keep {
		l.free = append(l.free, l.kept[0].b)
		l.kept = slices.Delete(l.kept, 0, 1)
	}
	l.kept = append(l.kept, kept{id, d, b})
	return b, d, nil
}

// load appends a chunk to dst from the shallowest copy that can be read, and
// tells that copy's depth. Copies found wrong are not asked again.
func (l *loader) load(dst []byte, id shortID, depth int) ([]byte, int, error) {
	var first error
	for range maxCopies {
		c, ok := l.r.index.copyOf(l.view, id, depth)
		if !ok && !l.refreshed && (first == nil || errors.Is(first, ErrMissing)) {
			l.refreshed = true // packs may have come, and others gone, after the index was read
			if err := l.r.refresh(l.ctx); err != nil {
				return nil, 0, err
			}
			c, ok = l.r.index.copyOf(l.view, id, depth)
		}
		if !ok {
			break
		}
		out, err := l.decode(dst, &c)
		if err == nil {
			return out, int(c.depth), nil
		}
		if !isDamage(err) {
			return nil, 0, err
		}
		if first == nil {
			first = err
		}
		if !errors.As(err, new(*baseError)) {
			l.r.spoil(&c)
		}
	}
	if name := l.r.index.spoiled(id); first == nil && name != "" {
		first = damaged(name, &chunkError{"it was found wrong before: chunk", id})
	}
	if first == nil {
		first = ErrMissing.Because(&chunkError{"no pack has chunk", id}, "object", packsPrefix)
	}
	return nil, 0, first
}

// spoil notes that a copy was found to be wrong.
func (r *Repository) spoil(c *located) {
	r.index.spoil(c.num)
	r.cache.doubt(doubtful{c.sum, c.ordinal})
}

// maxCopies bounds how many copies of a chunk are tried.
const maxCopies = 8

// chunkError is a chunk that is not what the manifest says. The loader does
// not know the manifest; who does puts its name, or the pack's, in place.
type chunkError struct {
	what string
	id   shortID
}

func (e *chunkError) Error() string { return fmt.Sprintf("%s %x", e.what, e.id) }

// checkLength compares a chunk with its line in the list.
func checkLength(n int, e *rowdelta.Entry) error {
	if n == int(e.Raw) {
		return nil
	}
	id := blobID(e.ID)
	return ErrDamaged.Because(&chunkError{"the list gives another length for chunk", id.short()}, "object", manifestPrefix)
}

// baseError is damage in what a delta leans on.
type baseError struct{ err error }

func (e *baseError) Error() string { return "base: " + e.err.Error() }
func (e *baseError) Unwrap() error { return e.err }

// decode reads one copy of a chunk and checks it.
func (l *loader) decode(dst []byte, c *located) ([]byte, error) {
	base, err := l.baseOf(c)
	if err != nil {
		return nil, err
	}
	if base != nil {
		defer func() { l.free = append(l.free, base) }()
	}
	payload, err := l.read(c)
	if err != nil {
		return nil, err
	}
	start, raw := len(dst), int(c.raw)
	dst = slices.Grow(dst, raw)
	switch c.form {
	case formRaw:
		dst = append(dst, payload...)
	case formZstd:
		var out []byte // within dst, whose capacity it must not lose
		out, err = l.dec.DecodeAll(payload, dst[:start:start+raw])
		dst = dst[:max(start, len(out))]
	case formColumns:
		var cols []byte
		if cols, err = l.unzip(payload, raw+rowdelta.ColumnsOverhead); err == nil {
			dst, err = rowdelta.Uncolumns(dst, cols, raw)
		}
	case formDelta:
		var delta []byte
		if delta, err = l.unzip(payload, raw); err == nil {
			dst, err = rowdelta.Apply(dst, delta, base, raw)
		}
	}
	if err != nil {
		return nil, damaged(c.name(), err)
	}
	l.hash.Reset()
	_, _ = l.hash.Write(dst[start:]) // a hash does not fail
	l.hash.Sum(l.sum[:0])
	if len(dst)-start != raw || l.sum.short() != c.id {
		return nil, damaged(c.name(), errors.New("a chunk is not what its id says"))
	}
	return dst, nil
}

// unzip decompresses at most limit bytes, valid until the next call.
func (l *loader) unzip(payload []byte, limit int) ([]byte, error) {
	l.tmp = slices.Grow(l.tmp[:0], limit)
	return l.dec.DecodeAll(payload, l.tmp[:0:limit])
}

// baseOf joins what a delta leans on, in a buffer of its own; nil for a plain
// copy. It is read before the delta itself, so that a chain of deltas holds
// only one chunk at a time.
func (l *loader) baseOf(c *located) ([]byte, error) {
	if c.bases == 0 {
		return nil, nil
	}
	var buf []byte
	if n := len(l.free); n > 0 {
		buf, l.free = l.free[n-1], l.free[:n-1]
	}
	buf = buf[:0]
	for _, id := range c.leans[:c.bases] {
		b, _, err := l.shared(id, int(c.depth)-1)
		if err != nil {
			l.free = append(l.free, buf)
			if isDamage(err) {
				err = &baseError{err}
			}
			return nil, err
		}
		buf = append(buf, b...)
	}
	if buf == nil {
		buf = []byte{}
	}
	return buf, nil
}

// read fetches a blob and opens it; the payload is valid until the next call.
func (l *loader) read(c *located) ([]byte, error) {
	name := c.name()
	r, err := l.r.st.Get(l.ctx, name, int64(c.off), int64(c.n))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrMissing.Because(err, "object", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	l.box = slices.Grow(l.box[:0], int(c.n))[:c.n]
	_, err = io.ReadFull(r, l.box)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return nil, damaged(name, errors.New("cut off"))
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if l.seen != nil {
		l.seen(c)
	}
	if l.sealer == nil || l.pack != c.sum {
		l.sealer, l.pack = newSealer(l.r.keys.data, c.salt[:]), c.sum
	}
	if l.box[0] != c.form {
		return nil, damaged(name, errors.New("a blob has another form than the footer says"))
	}
	l.open, err = l.sealer.open(l.open[:0], c.ordinal, c.form, l.box[1:])
	if err != nil {
		return nil, damaged(name, err)
	}
	return l.open, nil
}

// entries reads a part's chunk list, one chunk of it at a time.
func (l *loader) entries(r *ref) rowdelta.Next {
	lists, list := r.Chunks, []byte(nil)
	if r.Level == 0 {
		lists, list = nil, r.Chunks
	}
	var buf []byte
	return func() (rowdelta.Entry, error) {
		for len(list) == 0 {
			if len(lists) == 0 {
				return rowdelta.Entry{}, io.EOF
			}
			e := rowdelta.DecodeEntry(lists)
			lists = lists[rowdelta.EntrySize:]
			var err error
			if buf, err = l.chunk(buf[:0], &e); err != nil {
				return e, err
			}
			list = buf
		}
		e := rowdelta.DecodeEntry(list)
		list = list[rowdelta.EntrySize:]
		return e, nil
	}
}
