package rowdelta

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"github.com/cespare/xxhash/v2"
)

// A RowSummer computes the order-free checksum of a stream of lines: the sum,
// modulo 2^64, of the xxHash64 (seed 0) of every line without its '\n',
// together with the number of lines. Two streams with the same lines in any
// order have the same checksum; a line missing, doubled or changed anywhere
// gives another one. Bytes after the last '\n' are a line as well. It guards
// against mistakes and damage, not against someone who forges rows.
//
// The zero value is not ready; use [NewRowSummer]. It is not for concurrent
// use.
type RowSummer struct {
	sum     uint64
	rows    int64
	partial *xxhash.Digest // of a line whose end has not been written yet
	open    bool           // partial has bytes
}

// NewRowSummer returns a summer that has seen no line.
func NewRowSummer() *RowSummer { return &RowSummer{partial: xxhash.New()} }

// Write adds the next bytes of the stream. It never fails.
func (s *RowSummer) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			_, _ = s.partial.Write(b) // a hash does not fail
			s.open = true
			break
		}
		if s.open {
			_, _ = s.partial.Write(b[:i]) // a hash does not fail
			s.sum += s.partial.Sum64()
			s.partial.Reset()
			s.open = false
		} else {
			s.sum += xxhash.Sum64(b[:i])
		}
		s.rows++
		b = b[i+1:]
	}
	return n, nil
}

// Rows returns the number of lines so far, an unfinished last one included.
func (s *RowSummer) Rows() int64 {
	if s.open {
		return s.rows + 1
	}
	return s.rows
}

// Sum returns the checksum so far: 32 hexadecimal digits, the sum and then
// the number of lines, both big-endian.
func (s *RowSummer) Sum() string {
	sum := s.sum
	if s.open {
		sum += s.partial.Sum64()
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], sum)
	binary.BigEndian.PutUint64(b[8:], uint64(s.Rows()))
	return hex.EncodeToString(b[:])
}

// Reset forgets all lines.
func (s *RowSummer) Reset() {
	s.sum, s.rows, s.open = 0, 0, false
	s.partial.Reset()
}
