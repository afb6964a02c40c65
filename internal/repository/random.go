package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// Lines reads a part of kind rows from the line with number from on, the first
// being 0, to the end of the part; from beyond the last line it reads nothing.
// Only chunks that are read, and the bases they lean on, are fetched: the
// part's list says how many lines end in each. Every chunk is proven by its id
// before a byte of it is handed on. The caller closes the reader. ErrDamaged
// and ErrMissing name the object.
func (s *Source) Lines(ctx context.Context, part backup.StoredPart, from int64) (io.ReadCloser, error) {
	if part.Kind != backup.Rows || from < 0 {
		return nil, fmt.Errorf("read part %q from line %d: %w", string(part.Name), from, errors.ErrUnsupported)
	}
	r, err := s.place(ctx, &part)
	if err != nil {
		return nil, err
	}
	if from >= part.Rows {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	p := &lineReader{s: s, l: s.take(ctx), part: part, ref: r, pass: from}
	if p.next, p.ended, err = p.l.seek(r, from); err != nil {
		s.give(p.l)
		return nil, fmt.Errorf("read part %q: %w", string(part.Name), s.r.name(ctx, s.m.ID, err))
	}
	p.pass -= p.ended
	return p, nil
}

// place reads where a part lies.
func (s *Source) place(ctx context.Context, part *backup.StoredPart) (*ref, error) {
	if err := s.r.ensure(ctx); err != nil {
		return nil, fmt.Errorf("open part: %w", err)
	}
	r, err := parseRef(part)
	if err != nil {
		return nil, damaged(manifestName(s.m.ID), err)
	}
	return r, nil
}

// seek returns the list of a part's chunks from the one on in which the line
// before number from ends, and how many lines end before that chunk.
func (l *loader) seek(r *ref, from int64) (next rowdelta.Next, before int64, err error) {
	if r.Bundle || from == 0 {
		return l.entries(r), 0, nil
	}
	rest := *r
	for r.Level == 1 && len(rest.Chunks) > 0 {
		e := rowdelta.DecodeEntry(rest.Chunks)
		if e.Rows == math.MaxUint32 || before+int64(e.Rows) >= from { // the greatest number stands for any above it
			break
		}
		before += int64(e.Rows)
		rest.Chunks = rest.Chunks[rowdelta.EntrySize:]
	}
	all := l.entries(&rest)
	for {
		e, err := all()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		if err == nil && before+int64(e.Rows) < from {
			before += int64(e.Rows)
			continue
		}
		return func() (rowdelta.Entry, error) {
			first, ferr := e, err
			e, err = all()
			return first, ferr
		}, before, nil
	}
}

// A lineReader reads the end of a part of rows.
type lineReader struct {
	s     *Source
	l     *loader // nil once closed
	part  backup.StoredPart
	ref   *ref
	next  rowdelta.Next
	pass  int64 // line ends still to be passed over
	ended int64 // lines that end in what was read or left out
	open  bool  // what was read last does not end with a line's end
	stock
}

// Read implements [io.Reader].
func (p *lineReader) Read(b []byte) (int, error) { return p.read(b, p.fill) }

// fill loads the next chunk and passes over what was not asked for.
func (p *lineReader) fill() error {
	if err := p.l.ctx.Err(); err != nil {
		return fmt.Errorf("read part %q: %w", string(p.part.Name), context.Cause(p.l.ctx))
	}
	e, err := p.next()
	if errors.Is(err, io.EOF) {
		return p.end()
	}
	if err == nil {
		err = p.load(&e)
	}
	if err != nil {
		return fmt.Errorf("read part %q: %w", string(p.part.Name), p.s.r.name(p.l.ctx, p.s.m.ID, err))
	}
	p.ended += int64(bytes.Count(p.rest, lineEnd))
	p.open = len(p.rest) > 0 && p.rest[len(p.rest)-1] != '\n'
	for ; p.pass > 0; p.pass-- {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			p.rest = nil
			break
		}
		p.rest = p.rest[i+1:]
	}
	return nil
}

var lineEnd = []byte{'\n'}

// load reads a chunk into rest.
func (p *lineReader) load(e *rowdelta.Entry) error {
	if p.ref.Bundle {
		b, err := p.l.bundled(e, p.ref, p.part.Bytes)
		p.buf = append(p.buf[:0], b...)
		p.rest = p.buf
		return err
	}
	var err error
	p.buf, err = p.l.chunk(p.buf[:0], e)
	p.rest = p.buf
	if err == nil && bytes.Count(p.rest, lineEnd) != int(e.Rows) {
		id := blobID(e.ID)
		return ErrDamaged.Because(&chunkError{"the list gives another number of lines for chunk", id.short()}, "object", manifestPrefix)
	}
	return err
}

// end compares the number of lines with what the manifest says.
func (p *lineReader) end() error {
	rows := p.ended
	if p.open {
		rows++
	}
	if rows != p.part.Rows {
		return damaged(manifestName(p.s.m.ID), fmt.Errorf("part %q: %d rows instead of %d", string(p.part.Name), rows, p.part.Rows))
	}
	return io.EOF
}

// Close implements [io.Closer].
func (p *lineReader) Close() error {
	if p.l != nil {
		p.s.give(p.l)
		p.l, p.rest, p.err = nil, nil, io.ErrClosedPipe
	}
	return nil
}

// keptPages is how many bytes of chunks the reader of a page file keeps: who
// walks through a tree of pages comes back to its upper ones.
const keptPages = 16 << 20

// Pages gives access to any place of a part of kind pages, for as long as ctx
// lasts. Only the chunks in which what is read lies, and the bases those lean
// on, are fetched; the last 16 MB of them are kept. Every chunk is proven by
// its id. The reader may be used by several goroutines, needs no closing, and
// returns errors as [Source.Open] does.
func (s *Source) Pages(ctx context.Context, part backup.StoredPart) (io.ReaderAt, error) {
	if part.Kind != backup.Pages {
		return nil, fmt.Errorf("read part %q in any place: %w", string(part.Name), errors.ErrUnsupported)
	}
	r, err := s.place(ctx, &part)
	if err != nil {
		return nil, err
	}
	p := &pageReader{s: s, l: newLoader(ctx, s.r, &view{}), part: part, ref: r}
	if err := p.measure(); err != nil {
		return nil, damaged(manifestName(s.m.ID), fmt.Errorf("part %q: %w", string(part.Name), err))
	}
	if p.step > 0 {
		p.l.keep = max(keptChunks, int(keptPages/p.step))
	}
	return p, nil
}

// A pageReader reads a part whose chunks are all of the same size.
type pageReader struct {
	s    *Source
	part backup.StoredPart
	ref  *ref
	step int64 // size of every chunk but the last; 0 for a bundle
	ends []int // level 1: how many chunks there are up to the end of each list

	mu sync.Mutex
	l  *loader
}

// measure finds out how large chunks are and how many the lists hold.
func (p *pageReader) measure() error {
	if p.ref.Bundle || p.part.Bytes == 0 {
		return nil
	}
	plan := p.ref.Plan
	if plan == nil || !plan.Valid() || plan.Kind != backup.Pages || plan.Min != plan.Max {
		return errRef
	}
	p.step = int64(plan.Avg)
	n := len(p.ref.Chunks) / rowdelta.EntrySize
	if p.ref.Level == 1 {
		n = 0
		for _, e := range p.ref.entries() {
			n += int(e.Raw) / rowdelta.EntrySize
			p.ends = append(p.ends, n)
		}
	}
	if int64(n) != (p.part.Bytes+p.step-1)/p.step {
		return errRef
	}
	return nil
}

// ReadAt implements [io.ReaderAt].
func (p *pageReader) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read part %q at %d: %w", string(p.part.Name), off, errors.ErrUnsupported)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) && off < p.part.Bytes {
		if err := p.l.ctx.Err(); err != nil {
			return n, fmt.Errorf("read part %q: %w", string(p.part.Name), context.Cause(p.l.ctx))
		}
		at, err := p.at(off)
		if err != nil {
			return n, fmt.Errorf("read part %q: %w", string(p.part.Name), p.s.r.name(p.l.ctx, p.s.m.ID, err))
		}
		k := copy(b[n:], at)
		n, off = n+k, off+int64(k)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// at returns the bytes from off, which lies within the part, to the end of
// their chunk, valid until the next call.
func (p *pageReader) at(off int64) ([]byte, error) {
	if p.ref.Bundle {
		e := rowdelta.DecodeEntry(p.ref.Chunks)
		b, err := p.l.bundled(&e, p.ref, p.part.Bytes)
		if err != nil {
			return nil, err
		}
		return b[off:], nil
	}
	e, err := p.entry(int(off / p.step))
	if err != nil {
		return nil, err
	}
	b, err := p.l.whole(&e)
	if err != nil {
		return nil, err
	}
	start := off / p.step * p.step
	if int64(len(b)) != min(p.step, p.part.Bytes-start) {
		return nil, damaged(manifestName(p.s.m.ID), errRef)
	}
	return b[off-start:], nil
}

// entry returns the i-th line of the part's chunk list.
func (p *pageReader) entry(i int) (e rowdelta.Entry, err error) {
	if p.ref.Level == 0 {
		return rowdelta.DecodeEntry(p.ref.Chunks[i*rowdelta.EntrySize:]), nil
	}
	k := sort.SearchInts(p.ends, i+1)
	list := rowdelta.DecodeEntry(p.ref.Chunks[k*rowdelta.EntrySize:])
	b, err := p.l.whole(&list)
	if err != nil {
		return e, err
	}
	if k > 0 {
		i -= p.ends[k-1]
	}
	return rowdelta.DecodeEntry(b[i*rowdelta.EntrySize:]), nil
}

// whole returns a chunk, valid until the next call.
func (l *loader) whole(e *rowdelta.Entry) ([]byte, error) {
	id := blobID(e.ID)
	b, _, err := l.shared(id.short(), maxDepth)
	if err != nil {
		return nil, err
	}
	return b, checkLength(len(b), e)
}

// bundled returns the bytes of a part that shares the chunk with others, valid
// until the next call.
func (l *loader) bundled(e *rowdelta.Entry, r *ref, size int64) ([]byte, error) {
	b, err := l.whole(e)
	if err != nil {
		return nil, err
	}
	return b[r.At : int64(r.At)+size], nil
}
