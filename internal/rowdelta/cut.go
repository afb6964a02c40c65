package rowdelta

import (
	"bytes"
	"math/bits"

	"github.com/rahatbackup/rahat/internal/backup"
)

// The sizes of chunks that were found best (see delta.md in the design): the
// delta does what small chunks are usually for.
const (
	DefaultAvg = 512 << 10
	// MaxChunk is the largest chunk any plan may ask for.
	MaxChunk = 16 << 20
)

// A Plan says how a stream is cut. It is chosen when a stream is stored for
// the first time and kept as long as backups lean on each other, because cuts
// made by different plans rarely meet.
type Plan struct {
	Kind backup.Kind `json:"kind"`
	Key  int         `json:"key,omitempty"` // Rows: leading fields that identify a row; 0: all
	Min  int         `json:"min"`           // bytes, like Avg and Max
	Avg  int         `json:"avg"`
	Max  int         `json:"max"`
}

// PlanFor returns the plan for a part. Chunks average avg bytes and stay
// between a quarter and four times of it; pages are cut into pieces of whole
// pages, all of the same size.
func PlanFor(p backup.Part, avg int) Plan {
	if p.Kind == backup.Pages {
		page := max(p.PageSize, 1)
		avg = min(max(avg/page, 1)*page, MaxChunk)
		return Plan{Kind: p.Kind, Min: avg, Avg: avg, Max: avg}
	}
	return Plan{Kind: p.Kind, Key: p.Key, Min: avg / 4, Avg: avg, Max: 4 * avg}
}

// Valid reports whether the plan can be cut by: it may have come from a file.
func (p Plan) Valid() bool {
	kind := p.Kind == backup.Rows || p.Kind == backup.Pages || p.Kind == backup.Bytes
	return kind && p.Key >= 0 && p.Min >= 1 && p.Min <= p.Avg && p.Avg <= p.Max && p.Max <= MaxChunk
}

// Ends reports whether a chunk of size bytes should end after a record of n
// bytes (counted in size) whose key hashes to h. The hash, scaled to [0,Avg),
// is compared with the record's length, which makes one cut every Avg bytes
// whatever the records' size: half as likely before Avg, four times as likely
// after, so that Max is hardly ever met.
func (p Plan) Ends(h uint64, size, n int) bool {
	if size < p.Min {
		return false
	}
	likely := uint64(n) / 2
	if size >= p.Avg {
		likely = uint64(n) * 4
	}
	scaled, _ := bits.Mul64(h, uint64(p.Avg))
	return scaled < likely
}

// A Chunk is a piece of a stream. Start and End are the anchors of its ends:
// equal anchors in two versions of a stream mark the same place. They are 0 at
// the beginning of the stream and where a chunk ends only because the stream
// does.
type Chunk struct {
	Data       []byte
	Start, End uint64
}

// piece bounds what is copied into the buffer between two looks for a cut, and
// so what has to be moved to the front after one.
const piece = 64 << 10

// A Cutter is written a stream and hands on its chunks. It is not for
// concurrent use. The chunks do not depend on how the stream was split over
// Writes.
type Cutter struct {
	plan Plan
	seed *Seed
	emit func(Chunk) error
	err  error

	buf   []byte // not yet emitted; its capacity is plan.Max
	start uint64 // anchor of buf[0]
	count uint64 // chunks emitted

	at   int    // rows: where the row in hand begins; bytes: next to be hashed
	seen int    // rows: no newline in buf[at:seen]
	last int    // rows: end of the last row that could have been a cut
	key  uint64 // rows: its anchor, 0 if there is none
	gear uint64 // bytes: the rolling state
}

// NewCutter returns a cutter that calls emit for each chunk; its data is valid
// only during the call. An error of emit ends the stream.
func NewCutter(seed *Seed, emit func(Chunk) error) *Cutter {
	return &Cutter{seed: seed, emit: emit}
}

// Reset begins a new stream; the buffer is kept.
func (c *Cutter) Reset(p Plan) {
	buf := c.buf
	if cap(buf) < p.Max {
		buf = make([]byte, 0, p.Max)
	}
	*c = Cutter{plan: p, seed: c.seed, emit: c.emit, buf: buf[:0:p.Max]}
}

// Write takes the next bytes of the stream. It returns emit's error, and again
// on every later call.
func (c *Cutter) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 && c.err == nil {
		n := min(len(b), piece, c.plan.Max-len(c.buf))
		c.buf = append(c.buf, b[:n]...)
		b = b[n:]
		c.drain()
	}
	return total - len(b), c.err
}

// Close emits what is left as the last chunk.
func (c *Cutter) Close() error {
	if c.err == nil && len(c.buf) > 0 {
		c.cut(len(c.buf), 0)
	}
	return c.err
}

// drain emits every chunk that is complete in the buffer, so that it has room.
func (c *Cutter) drain() {
	for c.err == nil {
		n, anchor := c.find()
		if n == 0 {
			return
		}
		c.cut(n, anchor)
	}
}

func (c *Cutter) cut(n int, anchor uint64) {
	c.err = c.emit(Chunk{Data: c.buf[:n:n], Start: c.start, End: anchor})
	c.count++
	c.start = anchor
	c.buf = c.buf[:copy(c.buf, c.buf[n:])]
	c.at, c.seen, c.last, c.key, c.gear = 0, 0, 0, 0, 0
}

// find returns where the chunk in hand ends and the anchor there, or 0 when
// more of the stream is needed to tell.
func (c *Cutter) find() (int, uint64) {
	switch c.plan.Kind {
	case backup.Pages:
		if len(c.buf) < c.plan.Avg {
			return 0, 0
		}
		return c.plan.Avg, c.count + 1
	case backup.Rows:
		return c.findRow()
	default:
		return c.findByte()
	}
}

func (c *Cutter) findRow() (int, uint64) {
	for {
		i := bytes.IndexByte(c.buf[c.seen:], '\n')
		if i < 0 {
			c.seen = len(c.buf)
			break
		}
		row, end := c.at, c.seen+i+1
		c.at, c.seen = end, end
		if end < c.plan.Min {
			continue
		}
		h := c.seed.Hash(Key(c.buf[row:end-1], c.plan.Key))
		if c.plan.Ends(h, end, end-row) {
			return end, h | 1
		}
		c.last, c.key = end, h|1
	}
	if len(c.buf) < c.plan.Max {
		return 0, 0
	}
	if c.key != 0 {
		return c.last, c.key
	}
	// Inside a row that is larger than a chunk may be.
	c.at, c.gear = 0, 0
	n, anchor := c.findByte()
	return n, anchor
}

// Key returns the first fields of a tab-separated row, all of it when it has
// no more than that or fields is 0.
func Key(row []byte, fields int) []byte {
	at := 0
	for range fields {
		i := bytes.IndexByte(row[at:], '\t')
		if i < 0 {
			return row
		}
		at += i + 1
	}
	if at == 0 {
		return row
	}
	return row[:at-1]
}

// gearWindow is how many bytes the rolling state remembers.
const gearWindow = 64

// findByte cuts where the gear hash of the last 64 bytes has enough leading
// zeros: more are asked for before Avg than after (FastCDC's two masks).
func (c *Cutter) findByte() (int, uint64) {
	p := c.plan
	bitsAvg := bits.Len(uint(p.Avg)) - 1
	hard, soft := ^uint64(0)<<(63-bitsAvg), ^uint64(0)<<(66-bitsAvg)
	h, gear := c.gear, &c.seed.gear
	i := max(c.at, p.Min-gearWindow)
	if i < 0 {
		i = 0
	}
	for ; i < min(p.Avg, len(c.buf)); i++ {
		h = h<<1 + gear[c.buf[i]]
		if h&hard == 0 && i >= p.Min {
			return i + 1, h | 1
		}
	}
	for ; i < len(c.buf); i++ {
		h = h<<1 + gear[c.buf[i]]
		if h&soft == 0 {
			return i + 1, h | 1
		}
	}
	c.at, c.gear = max(c.at, i), h
	if len(c.buf) < p.Max {
		return 0, 0
	}
	return len(c.buf), h | 1
}
