package rowdelta

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// maxColumns is more than any table has worth storing by column.
const maxColumns = 1000

// ColumnsOverhead bounds by how much the columns of rows are longer than the
// rows.
const ColumnsOverhead = (maxColumns + 2) * binary.MaxVarintLen64

// Columns lays out lines of tab-separated fields column by column:
//
//	uvarint columns, uvarint rows, columns x uvarint length,
//	the columns, each field ended by '\n'
//
// It is not for concurrent use.
type Columns struct {
	parts [][]byte // the head, then the columns
}

// Split returns the head and the columns, valid until the next call: a
// compressor does best on each of them alone. ok is false when b is not
// complete lines that all have the same number of fields, at least two.
func (c *Columns) Split(b []byte) (parts [][]byte, ok bool) {
	n := bytes.Count(b[:bytes.IndexByte(b, '\n')+1], []byte{'\t'}) + 1
	if n < 2 || n > maxColumns {
		return nil, false
	}
	for len(c.parts) < n+1 {
		c.parts = append(c.parts, nil)
	}
	cols := c.parts[1 : n+1]
	for i := range cols {
		cols[i] = cols[i][:0]
	}
	rows, ok := split(cols, b)
	if !ok {
		return nil, false
	}
	head := binary.AppendUvarint(c.parts[0][:0], uint64(n))
	head = binary.AppendUvarint(head, uint64(rows))
	for _, x := range cols {
		head = binary.AppendUvarint(head, uint64(len(x)))
	}
	c.parts[0] = head
	return c.parts[:n+1], true
}

// split appends each field and its end to its column. It looks at eight bytes
// at a time: most bytes are not the end of a field.
func split(cols [][]byte, b []byte) (rows int, ok bool) {
	k, from := 0, 0
	for i := 0; i < len(b); i += 8 {
		for ends := fieldEnds(b[i:]); ends != 0; ends &= ends - 1 {
			at := i + bits.TrailingZeros64(ends)/8
			last := k == len(cols)-1
			if (b[at] == '\n') != last {
				return 0, false
			}
			cols[k] = appendField(cols[k], b, from, at)
			from = at + 1
			k++
			if last {
				k = 0
				rows++
			}
		}
	}
	return rows, k == 0 && from == len(b)
}

// short is the length of fields that are moved in one go, in bytes.
const short = 16

// appendField appends b[from:at] and a line end. Most fields are short: moving
// a fixed number of bytes, some of them too many, is then quicker than moving
// the right number.
func appendField(c, b []byte, from, at int) []byte {
	n, size := len(c), at-from
	if size < short && cap(c)-n >= short && len(b)-from >= short {
		copy(c[n:n+short], b[from:from+short])
		c = c[:n+size+1]
	} else {
		c = append(c, b[from:at+1]...)
	}
	c[n+size] = '\n'
	return c
}

const (
	eachByte = 0x0101010101010101
	low7     = 0x7f * eachByte
)

// fieldEnds has the top bit of every byte set that is '\t' or '\n' among the
// first eight of b.
func fieldEnds(b []byte) uint64 {
	var v uint64
	if len(b) >= 8 {
		v = le64(b)
	} else {
		for i, x := range b {
			v |= uint64(x) << (8 * i)
		}
	}
	t, n := v^'\t'*eachByte, v^'\n'*eachByte
	return ^((t&low7 + low7) | t | low7) | ^((n&low7 + low7) | n | low7)
}

// Uncolumns appends to dst the lines that [Columns] split, at most limit
// bytes. b may come from anywhere.
func Uncolumns(dst, b []byte, limit int) ([]byte, error) {
	cols, rows, err := columnsOf(b, limit)
	if err != nil {
		return nil, err
	}
	dst = slices.Grow(dst, len(b)+short)
	last := len(cols) - 1
	for range rows {
		for k, c := range cols {
			i := lineEnd(c)
			if i < 0 {
				return nil, ErrForm
			}
			dst = appendField(dst, c, 0, i)
			cols[k] = c[i+1:]
			if k < last {
				dst[len(dst)-1] = '\t'
			}
		}
	}
	for _, c := range cols {
		if len(c) > 0 {
			return nil, ErrForm
		}
	}
	return dst, nil
}

// lineEnd returns where the first '\n' is, or -1.
func lineEnd(b []byte) int {
	if len(b) < 8 {
		return bytes.IndexByte(b, '\n')
	}
	// The lowest top bit that is set marks the first byte that is zero.
	x := le64(b) ^ '\n'*eachByte
	if m := (x - eachByte) &^ x & (0x80 * eachByte); m != 0 {
		return bits.TrailingZeros64(m) / 8
	}
	i := bytes.IndexByte(b[8:], '\n')
	if i < 0 {
		return -1
	}
	return i + 8
}

// columnsOf reads the head and finds the columns behind it.
func columnsOf(b []byte, limit int) (cols [][]byte, rows uint64, err error) {
	r := uvarints{b: b}
	n, rows := r.next(), r.next()
	if r.bad || n < 2 || n > maxColumns || rows > uint64(len(b)) {
		return nil, 0, ErrForm
	}
	size := make([]uint64, n)
	for i := range size {
		size[i] = r.next()
	}
	b = r.b
	if r.bad || len(b) > limit {
		return nil, 0, ErrForm
	}
	cols = make([][]byte, n)
	for i, s := range size {
		if s > uint64(len(b)) {
			return nil, 0, ErrForm
		}
		cols[i], b = b[:s], b[s:]
	}
	if len(b) > 0 {
		return nil, 0, ErrForm
	}
	return cols, rows, nil
}

// uvarints reads integers from the front of b until one is not there.
type uvarints struct {
	b   []byte
	bad bool
}

func (r *uvarints) next() uint64 {
	v, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[k:]
	return v
}

func (r *uvarints) signed() int64 {
	v, k := binary.Varint(r.b)
	if k <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[k:]
	return v
}
