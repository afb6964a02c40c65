package rowdelta

import (
	"errors"
	"io"
)

// MaxBases bounds how many neighbouring base chunks one delta may need.
const MaxBases = 3

// Bounds of what [Bases] holds of a list: 8,192 entries stand for 4 GB.
const (
	ahead    = 4096 // entries known beyond the cursor
	behind   = 4096 // entries kept before it
	step     = 1024 // entries dropped at once
	farMiss  = 64   // misses after which the rest of a long list is searched
	sameMost = 1000 // equal anchors looked at
)

// Next returns the next entry of a chunk list, then [io.EOF].
type Next func() (Entry, error)

// Bases finds, for each chunk of a new stream, the chunks of the base stream
// that hold the same place. It reads the base's list in step with the new
// stream and holds a window of it, so its memory does not grow with the list.
// It is not for concurrent use.
type Bases struct {
	open func() Next
	next Next
	end  bool // next has returned io.EOF

	win  []Entry
	same []int // parallel to win: number of the next entry with the same anchor, or -1
	off  int   // number of win[0] in the list
	at   map[uint64]span

	cursor int  // the expected place
	was    int  // the expected place before the last start was found elsewhere, or -1
	lo     int  // what For returned last begins here
	sure   bool // the end of the last chunk is a place the base knows
	missed int  // chunks in a row whose start was not found
	search int  // misses at which the whole list is searched
}

type span struct{ first, last int }

// NewBases takes a function that opens the base's chunk list from its
// beginning; it may be called more than once.
func NewBases(open func() Next) *Bases {
	return &Bases{open: open, next: open(), at: make(map[uint64]span), search: farMiss, was: -1}
}

// For returns the base chunks for a chunk between two anchors, at most
// [MaxBases], none when the base has nothing like it. The slice is valid until
// the next call. Call For, then Used, for every chunk in order.
func (b *Bases) For(start, end uint64) ([]Entry, error) {
	if err := b.slide(); err != nil {
		return nil, err
	}
	if err := b.locate(start); err != nil {
		return nil, err
	}
	if err := b.slide(); err != nil {
		return nil, err
	}
	known := b.off + len(b.win)
	lo, hi := b.cursor, b.cursor+2 // its end is not known: it may run into the next one
	b.sure = false
	if end == 0 {
		hi, b.sure = known, true
	} else if j, ok := b.near(end, lo+1); ok && j > lo && j <= lo+MaxBases {
		hi, b.sure = j, true
	}
	lo, hi = min(lo, known), min(hi, known, lo+MaxBases)
	b.cursor = hi
	if !b.sure {
		b.cursor = lo
	}
	b.lo = lo
	return b.win[lo-b.off : hi-b.off], nil
}

// Instead returns the base chunks at the place where the stream was expected
// to go on, when For went elsewhere because of an equal anchor: in a table that
// repeats its rows that can be the wrong one. Call it when the chunk has
// nothing in common with what For returned; it stands in for that For. It
// returns nothing when For was right about the place.
func (b *Bases) Instead() []Entry {
	known := b.off + len(b.win)
	if b.was < b.off || b.was >= known {
		return nil
	}
	b.lo, b.cursor, b.sure = b.was, b.was, false
	b.was = -1
	return b.win[b.lo-b.off : min(b.lo+2, known)-b.off]
}

// Used tells that the last copy ended within the i-th of the chunks For
// returned: a chunk whose end is a new place leaves the rest to the next.
func (b *Bases) Used(i int) {
	if !b.sure {
		b.cursor = max(b.cursor, min(b.lo+i, b.off+len(b.win)-1))
	}
}

// Within tells which of the joined chunks holds the byte before end.
func Within(chunks []Entry, end int) (i int) {
	for i = range chunks {
		if end -= int(chunks[i].Raw); end <= 0 {
			break
		}
	}
	return i
}

// locate puts the cursor on the entry that begins at the anchor, if there is
// one. When many chunks in a row have none, the rest of the list is searched,
// ever more seldom: more rows than the window holds may have been deleted.
func (b *Bases) locate(anchor uint64) error {
	b.was = -1
	if i, ok := b.near(anchor, b.cursor); ok {
		if i != b.cursor {
			b.was = b.cursor
		}
		b.cursor, b.missed, b.search = i, 0, farMiss
		return nil
	}
	b.missed++
	if b.missed < b.search || b.end && b.off == 0 {
		return nil
	}
	b.search *= 2
	return b.seek(anchor)
}

// seek reads the list from its beginning for an entry with the anchor. When
// there is none everything stays as it is.
func (b *Bases) seek(anchor uint64) error {
	next := b.open()
	for i := 0; ; i++ {
		e, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Anchor != anchor {
			continue
		}
		clear(b.at)
		b.win, b.same, b.off = b.win[:0], b.same[:0], i
		b.next, b.end, b.cursor = next, false, i
		b.add(e)
		b.missed, b.search = 0, farMiss
		return b.slide()
	}
}

// slide reads on until the window reaches ahead of the cursor, and drops what
// lies far behind.
func (b *Bases) slide() error {
	for !b.end && b.off+len(b.win) < b.cursor+ahead {
		e, err := b.next()
		if errors.Is(err, io.EOF) {
			b.end = true
			break
		}
		if err != nil {
			return err
		}
		b.add(e)
	}
	for b.cursor-b.off > behind+step {
		b.drop(step)
	}
	return nil
}

func (b *Bases) add(e Entry) {
	n := b.off + len(b.win)
	b.win, b.same = append(b.win, e), append(b.same, -1)
	s, ok := b.at[e.Anchor]
	if !ok {
		s.first = n
	} else {
		b.same[s.last-b.off] = n
	}
	s.last = n
	b.at[e.Anchor] = s
}

func (b *Bases) drop(n int) {
	for i := range n {
		a, next := b.win[i].Anchor, b.same[i]
		if next < 0 {
			delete(b.at, a)
			continue
		}
		s := b.at[a]
		s.first = next
		b.at[a] = s
	}
	b.win = b.win[:copy(b.win, b.win[n:])]
	b.same = b.same[:copy(b.same, b.same[n:])]
	b.off += n
}

// near returns the entry with this anchor that is nearest to at.
func (b *Bases) near(anchor uint64, at int) (int, bool) {
	s, ok := b.at[anchor]
	if !ok {
		return 0, false
	}
	i := s.first
	for range sameMost {
		j := b.same[i-b.off]
		if j < 0 || distance(j, at) > distance(i, at) {
			break
		}
		i = j
	}
	return i, true
}

func distance(a, b int) int { return max(a-b, b-a) }
