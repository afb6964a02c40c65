package postgres

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

const (
	// The buffer of a connection, in bytes: passing messages on needs little,
	// rows are gathered into fewer writes.
	passBuffer = 8 << 10
	skimBuffer = 256 << 10
	// headSize is the size of what every message begins with: a byte for its
	// kind, four for its length, which counts these four too (PostgreSQL manual,
	// "Frontend/Backend Protocol").
	headSize = 5
)

// errFraming: the bytes are not those of the protocol.
var errFraming = errors.New("message of the server has no valid length")

// A skimmer stands between a connection and the library that speaks the
// protocol. While it has a sink it takes the rows of a COPY off the stream and
// hands them over as they come, so that a row costs no more than moving it, and
// the largest value needs no more memory than this buffer; every other message
// passes unseen. It is used by one goroutine at a time, like its connection.
type skimmer struct {
	src  io.Reader
	sink io.Writer // nil: everything passes

	buf  []byte
	out  int  // buf[:out] are gathered rows
	r, w int  // buf[r:w] was read and not looked at yet; out <= r
	left int  // what the message at r still has, in bytes
	rows bool // that message is a row for the sink
}

func newSkimmer(src io.Reader) *skimmer { return &skimmer{src: src, buf: make([]byte, passBuffer)} }

// to sets the sink, nil for none. Nothing of a COPY may be on its way.
func (s *skimmer) to(sink io.Writer) {
	if s.sink = sink; sink != nil && len(s.buf) < skimBuffer {
		s.buf = append(make([]byte, 0, skimBuffer), s.buf[:s.w]...)[:skimBuffer]
	}
}

// Read returns bytes of messages that are not rows for the sink. An error of
// the sink is returned, and ends the connection.
func (s *skimmer) Read(p []byte) (int, error) {
	for {
		switch n := min(s.left, s.w-s.r); {
		case n > 0 && s.rows:
			copy(s.buf[s.out:], s.buf[s.r:s.r+n])
			s.out += n
			s.took(n)
		case n > 0:
			n = copy(p, s.buf[s.r:s.r+n])
			s.took(n)
			return n, nil
		case s.left == 0 && s.w-s.r >= headSize:
			if err := s.next(); err != nil {
				return 0, err
			}
		default:
			if err := s.fill(); err != nil {
				return 0, err
			}
		}
	}
}

func (s *skimmer) took(n int) { s.r, s.left = s.r+n, s.left-n }

// next looks at the head of the next message.
func (s *skimmer) next() error {
	head := s.buf[s.r : s.r+headSize]
	length := binary.BigEndian.Uint32(head[1:])
	if length < headSize-1 || length > math.MaxInt32 {
		return errFraming
	}
	if s.rows = head[0] == 'd' && s.sink != nil; s.rows {
		s.r += headSize
		s.left = int(length) - (headSize - 1)
		return nil
	}
	s.left = int(length) + 1
	return s.flush()
}

// fill reads more from the server.
func (s *skimmer) fill() error {
	if len(s.buf)-s.out-(s.w-s.r) < len(s.buf)/4 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.r, s.w = s.out, s.out+copy(s.buf[s.out:], s.buf[s.r:s.w])
	n, err := s.src.Read(s.buf[s.w:])
	s.w += n
	if n > 0 {
		return nil // the error comes again
	}
	return err
}

// flush hands the gathered rows to the sink.
func (s *skimmer) flush() error {
	if s.out == 0 {
		return nil
	}
	rows := s.buf[:s.out]
	s.out = 0
	_, err := s.sink.Write(rows)
	return err
}
