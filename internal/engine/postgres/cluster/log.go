package cluster

import (
	"strings"
	"sync"
)

// maxLog is how much of a server's log is kept, in bytes.
const maxLog = 256 << 10

// A syncBuffer keeps the end of what a server says while others look at it.
type syncBuffer struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer; it never fails.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = append(s.b, p...)
	if over := len(s.b) - maxLog; over > 0 {
		s.b = append(s.b[:0], s.b[over:]...)
	}
	return len(p), nil
}

// Reset forgets everything.
func (s *syncBuffer) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b = s.b[:0]
}

// String returns what was kept.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.b)
}

// tail returns the last lines on one line, for an error.
func (s *syncBuffer) tail() string {
	lines := strings.Split(strings.TrimSpace(s.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
