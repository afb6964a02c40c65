package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// firstPart is the size of the first parts, and the largest body that is
	// written by one request. A pack of the repository, 16 MiB and its
	// end, is below it.
	firstPart = 20 << 20
	// largestPart and everyParts say how parts grow: twice the size after
	// every so many. 10,000 parts, the most there may be, are 1.75 TiB.
	largestPart = 256 << 20
	everyParts  = 1000
	maxParts    = 10_000
	// windowBytes of parts are in memory at most, or one part that is
	// larger, which happens in bodies of more than 58 GiB.
	windowBytes = 64 << 20
)

// partSize returns the bytes of part number n, from 1.
func partSize(n int) int64 {
	return min(int64(firstPart)<<min((n-1)/everyParts, 10), largestPart)
}

// window bounds what is in memory.
type window struct{ *semaphore.Weighted }

func newWindow() window { return window{semaphore.NewWeighted(windowBytes)} }

// take waits until n bytes may be in memory and returns how to give them back.
func (w window) take(ctx context.Context, n int64) (release func(), err error) {
	n = min(n, windowBytes)
	if err := w.Acquire(ctx, n); err != nil {
		return nil, context.Cause(ctx)
	}
	return sync.OnceFunc(func() { w.Release(n) }), nil
}

// slab is the size of the pieces that a body is kept in, so that a body of a
// few bytes does not take the room of a large one, and memory is used again.
const slab = 1 << 20

var slabs = sync.Pool{New: func() any { return new([slab]byte) }}

func newSlab() *[slab]byte {
	if s, ok := slabs.Get().(*[slab]byte); ok {
		return s
	}
	return new([slab]byte)
}

// body is what one request sends: bytes that can be read again when the request
// has to be repeated.
type body struct {
	slabs []*[slab]byte
	size  int64
}

// fill reads up to limit bytes from r. more is false when r has ended.
func fill(ctx context.Context, r io.Reader, limit int64) (b *body, more bool, err error) {
	b = &body{}
	for b.size < limit {
		at := b.size % slab
		if at == 0 {
			b.slabs = append(b.slabs, newSlab())
		}
		if err := context.Cause(ctx); err != nil {
			b.free()
			return nil, false, err
		}
		n, err := r.Read(b.slabs[len(b.slabs)-1][at:min(slab, at+limit-b.size)])
		b.size += int64(n)
		if errors.Is(err, io.EOF) {
			return b, false, nil
		}
		if err != nil {
			b.free()
			return nil, false, &sourceError{err}
		}
	}
	return b, true, nil
}

// free gives the memory back. Nobody may read from the body any more.
func (b *body) free() {
	for _, s := range b.slabs {
		slabs.Put(s)
	}
	b.slabs = nil
}

// reader returns the bytes from the start.
func (b *body) reader() io.ReadSeeker { return io.NewSectionReader(b, 0, b.size) }

// ReadAt implements [io.ReaderAt].
func (b *body) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < b.size {
		at := off % slab
		c := copy(p[n:], b.slabs[off/slab][at:min(slab, at+b.size-off)])
		n, off = n+c, off+int64(c)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// sourceError marks an error of the reader that Put was given, so that it is
// never taken for one of the destination.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return fmt.Sprintf("read source: %v", e.err) }
func (e *sourceError) Unwrap() error { return e.err }
