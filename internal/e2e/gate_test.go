//go:build integration && unix

package e2e

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// gate lets nothing more of an answer through once it is longer than gateAfter,
// which only the rows of a big table are. A server then waits as it waits for
// any slow reader: it holds no lock inside and can be told to stop.
type gate struct {
	addr string

	mu   sync.Mutex
	open chan struct{}
}

const gateAfter = 8 << 20

// newGate puts a gate in front of a server. It stands open until it is closed.
func newGate(t *testing.T, pg *pgtest.Server) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{addr: l.Addr().String(), open: make(chan struct{})}
	g.set(true)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { g.pass(c, pg.Addr) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.set(true)
		all.Wait()
	})
	return g
}

// set opens or closes the gate.
func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if !open {
			g.open = make(chan struct{})
		}
	default:
		if open {
			close(g.open)
		}
	}
}

func (g *gate) await() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
}

// pass carries one connection. Either end closes both; a gate that is closed
// keeps only what the server says.
func (g *gate) pass(c net.Conn, server string) {
	defer c.Close()
	s, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(s, c)
		_ = s.Close()
	})
	buf := make([]byte, 64<<10)
	for said := 0; ; {
		n, err := s.Read(buf)
		if said += n; said > gateAfter {
			g.await()
		}
		if _, werr := c.Write(buf[:n]); werr != nil || err != nil {
			break
		}
	}
	_ = s.Close()
	_ = c.Close()
	both.Wait()
}
