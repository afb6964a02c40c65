package discovery

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeServer accepts connections and counts what it is sent. Its behaviour
// is a function of a connection and of the first bytes on it.
type fakeServer struct {
	port uint16

	mu      sync.Mutex
	packets map[string]int // by connection
}

// fake starts a server on an address of the loopback interface. Greet is said
// to everybody; reply answers each packet, nil being silence.
func fake(t *testing.T, address, greet string, reply func(packet []byte) []byte) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, greet, reply)
}

func serve(t *testing.T, l net.Listener, greet string, reply func([]byte) []byte) *fakeServer {
	t.Helper()
	s := &fakeServer{port: portOf(l), packets: map[string]int{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.packets[name(conn)] += 0
			s.mu.Unlock()
			all.Go(func() { s.talk(conn, greet, reply) })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	return s
}

// portOf returns the port of a listener, 0 for a unix socket.
func portOf(l net.Listener) uint16 {
	address, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return 0
	}
	return address.Port()
}

func (s *fakeServer) talk(conn net.Conn, greet string, reply func([]byte) []byte) {
	defer conn.Close()
	if _, err := io.WriteString(conn, greet); err != nil {
		return
	}
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		packet := append([]byte(nil), b[:n]...)
		s.mu.Lock()
		s.packets[name(conn)]++
		s.mu.Unlock()
		if reply == nil {
			continue
		}
		answer := reply(packet)
		if answer == nil {
			continue
		}
		if _, err := conn.Write(answer); err != nil && !errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// name tells a connection from others, as whoever dialled it sees it.
func name(conn net.Conn) string {
	return conn.RemoteAddr().String() + " to " + conn.LocalAddr().String()
}

// counts is what it got from this test.
func (s *fakeServer) counts() (connections, packets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, n := range s.packets {
		if _, mine := ours.Load(name); mine {
			connections++
			packets += n
		}
	}
	return connections, packets
}

// silent accepts and never says a word.
func silent(t *testing.T) *fakeServer {
	t.Helper()
	return fake(t, "127.0.0.1:0", "", nil)
}

// unnamed lists listeners of which nothing is known but their ports.
func unnamed(ports ...uint16) machine {
	var here machine
	for _, port := range ports {
		here.listeners = append(here.listeners, listener{ip: netip.IPv6Unspecified(), port: port})
	}
	return here
}

// shortDir is a directory whose name fits into a socket's address.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rahat-d-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fakeSocket is a PostgreSQL on a socket named after the port of s.
func fakeSocket(t *testing.T, s *fakeServer) string {
	t.Helper()
	path := filepath.Join(shortDir(t), ".s.PGSQL."+portText(s))
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, "", onlyTo(sslPacket, "N"))
	return path
}

func linkTo(t *testing.T, old, name string) {
	t.Helper()
	if err := os.Symlink(old, name); err != nil {
		t.Fatal(err)
	}
}

func portText(s *fakeServer) string { return strconv.Itoa(int(s.port)) }

func socketOf(kind, path string) target {
	return target{hint: kind, sure: true, ways: []way{{"unix", path}}}
}
