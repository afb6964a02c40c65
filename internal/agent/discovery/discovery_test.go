package discovery

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// calm is how much longer than usual a look takes in these tests.
const calm = 4

// calmPace dials with even more patience: a dial given up is a connection to the
// server all the same, and the tests count those.
var calmPace = pace{
	dial: 30 * time.Second, greeting: calm * usualPace.greeting, patient: calm * usualPace.patient, answer: calm * usualPace.answer,
	login: calm * usualPace.login, folder: calm * usualPace.folder,
}

// here makes a discovery of a machine where these listen, and nothing else.
//
// It goes at a calm pace, so that a busy machine is no silent server.
func here(m machine, sockets ...target) *Discovery {
	return &Discovery{
		pace:      calmPace,
		listening: func(context.Context) (machine, error) { return m, nil },
		sockets:   func() []target { return sockets },
		dial: func(ctx context.Context, w way) (net.Conn, error) {
			conn, err := dial(ctx, w)
			if err == nil {
				ours.Store(conn.LocalAddr().String()+" to "+conn.RemoteAddr().String(), true)
			}
			return conn, err
		},
	}
}

// ours are the connections that tests make. Whatever else looks for servers on
// this computer, such as an agent of another test, finds the fakes too.
var ours sync.Map

func run(t *testing.T, d *Discovery) control.Discovery {
	t.Helper()
	got, err := d.Run(t.Context(), control.DiscoverRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Servers == nil {
		t.Error("servers are null")
	}
	return got
}

func one(t *testing.T, d *Discovery) control.Found {
	t.Helper()
	got := run(t, d)
	if len(got.Servers) != 1 {
		t.Fatalf("found %d servers, want 1: %+v", len(got.Servers), got.Servers)
	}
	if got.Servers[0].Databases == nil {
		t.Error("databases are null")
	}
	return got.Servers[0]
}

func none(t *testing.T, d *Discovery) {
	t.Helper()
	if got := run(t, d); len(got.Servers) != 0 {
		t.Errorf("found %+v", got.Servers)
	}
}

// on is a machine with one listener, known to belong to process or not.
func on(s *fakeServer, process string) machine {
	m := unnamed(s.port)
	m.listeners[0].process = process
	return m
}

// onlyTo replies to one packet, and is silent to others.
func onlyTo(packet []byte, reply string) func([]byte) []byte {
	return func(got []byte) []byte {
		if string(got) != string(packet) {
			return nil
		}
		return []byte(reply)
	}
}

func TestFakesAreFoundOnPortsOfWhichNothingIsKnown(t *testing.T) {
	for _, tt := range []struct {
		name, engine, version, greet string
		reply                        func([]byte) []byte
		hidden                       []string
		connections                  int
	}{
		{"FakePostgres", engine.Postgres, "", "", onlyTo(sslPacket, "N"), nil, 1},
		{"FakeMySQL", engine.MySQL, "8.4.0", mysqlGreets("8.4.0", 5), nil, nil, 1},
		{"FakeMariaDB", engine.MariaDB, "11.8.2", mysqlGreets("11.8.2-MariaDB", 5), nil, nil, 1},
		{"FakeMongoDB", engine.MongoDB, "8.0.1", "", onlyTo(mongoPacket, mongoSays(bsonText("version", "8.0.1"))), nil, 2},
		{"FakeRedis", engine.Redis, "7.0.15", "", onlyTo(redisPacket, bulk(redisInfo)), []string{engine.Redis}, 1},
		{"FakeSQLServer", engine.SQLServer, "16.0.4135", "", onlyTo(preloginPacket, tdsSays(16, 0, 4135)), []string{engine.Postgres, engine.SQLServer}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := fake(t, "127.0.0.1:0", tt.greet, tt.reply)
			m := on(s, "")
			m.hidden = tt.hidden
			f := one(t, here(m))
			if f.Engine != tt.engine || f.Version != tt.version || f.Address != addressOf(s) {
				t.Errorf("got %+v", f)
			}
			if f.Problem == nil || f.Problem.Code != string(ErrNotSupported.Code) || f.Problem.Params["product"] == "" {
				t.Errorf("problem %+v", f.Problem)
			}
			if connections, _ := s.counts(); connections != tt.connections {
				t.Errorf("%d connections, want %d", connections, tt.connections)
			}
		})
	}
}

func addressOf(s *fakeServer) string {
	return netip.AddrPortFrom(loopback4, s.port).String()
}

func TestTheOwnerOfAPortTellsWhatToAsk(t *testing.T) {
	for process, tt := range map[string]struct {
		packet []byte
		reply  string
	}{
		"postgres":     {sslPacket, "N"},
		"mongod":       {mongoPacket, mongoSays(bsonText("version", "8.0.1"))},
		"redis-server": {redisPacket, bulk(redisInfo)},
		"sqlservr.exe": {preloginPacket, tdsSays(16, 0, 4135)},
	} {
		t.Run(process, func(t *testing.T) {
			s := fake(t, "127.0.0.1:0", "", onlyTo(tt.packet, tt.reply))
			start := time.Now()
			one(t, here(on(s, process)))
			if took := time.Since(start); took > calmPace.greeting {
				t.Errorf("took %s: it waited for a greeting", took)
			}
			if connections, packets := s.counts(); connections != 1 || packets != 1 {
				t.Errorf("%d connections and %d packets, want 1 and 1", connections, packets)
			}
		})
	}
}

func TestUnknownPortsGetTwoPacketsAtMost(t *testing.T) {
	for _, hidden := range [][]string{nil, {engine.Redis}, byWorth} {
		servers := map[string]*fakeServer{}
		var m machine
		for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
			s := fake(t, address, "", nil)
			servers[address] = s
			m.listeners = append(m.listeners, unnamed(s.port, s.port).listeners...) // told twice, as of two sockets
		}
		m.hidden = hidden
		none(t, here(m))
		for address, s := range servers {
			if connections, packets := s.counts(); packets != 2 || connections != 2 {
				t.Errorf("%s, hidden %v: %d packets on %d connections, want 2 on 2", address, hidden, packets, connections)
			}
		}
	}
}

func TestWhoGreetsIsSentNothing(t *testing.T) {
	servers := map[string]*fakeServer{}
	var ports []uint16
	for _, name := range []string{"ssh", "smtp", "ftp", "pop3", "imap", "nats", "mysql x", "vnc", "telnet", "zeros"} {
		servers[name] = fake(t, "127.0.0.1:0", strangers[name], nil)
		ports = append(ports, servers[name].port)
	}
	none(t, here(unnamed(ports...)))
	for name, s := range servers {
		if connections, packets := s.counts(); connections != 1 || packets != 0 {
			t.Errorf("%s: %d connections, %d packets, want 1 and 0", name, connections, packets)
		}
	}
}

func TestWhoAnswersOtherwiseIsNotAskedAgain(t *testing.T) {
	servers := map[string]*fakeServer{}
	var ports []uint16
	for name, said := range strangers {
		servers[name] = fake(t, "127.0.0.1:0", "", onlyTo(sslPacket, said))
		ports = append(ports, servers[name].port)
	}
	none(t, here(unnamed(ports...)))
	for name, s := range servers {
		if _, packets := s.counts(); packets != 1 {
			t.Errorf("%s: %d packets, want 1", name, packets)
		}
	}
}

func TestPortsOfTheSystemAreLeftInPeace(t *testing.T) {
	m := machine{listeners: []listener{
		{ip: loopback4, port: 22}, {ip: loopback4, port: 631, process: "cupsd"}, {ip: loopback4, port: 1023, process: "postgres"},
	}}
	targets := here(m).withDefaults().targets(t.Context())
	if len(targets) != 1 || targets[0].ways[0].address != "127.0.0.1:1023" {
		t.Errorf("would ask %+v", targets)
	}
}

func TestAWebServerIsNotDisturbed(t *testing.T) {
	requests := 0
	var log strings.Builder
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	web.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelError)
	web.Start()
	none(t, here(machine{listeners: []listener{{ip: loopback4, port: portOf(web.Listener)}}}))
	res, err := web.Client().Get(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	web.Close() // waits for all its connections
	if requests != 1 || log.Len() != 0 {
		t.Errorf("%d requests, want our own; log %q", requests, log.String())
	}
}

// drip is the time between two bytes of who drips.
const drip = 20 * time.Millisecond

// hostile are ways to waste somebody's time.
var hostile = map[string]func(conn net.Conn){
	"silence": func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	"hangs up at once": func(net.Conn) {
	},
	"hangs up on the first packet": func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) },
	"drips a greeting": func(conn net.Conn) {
		for _, b := range []byte(mysqlGreets(strings.Repeat("8", 200), 1)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(drip)
		}
	},
	"drips an answer": func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return
		}
		for {
			if _, err := conn.Write([]byte{'$'}); err != nil {
				return
			}
			<-time.After(drip)
		}
	},
	"floods": func(conn net.Conn) {
		flood := []byte(strings.Repeat("x", 1<<16))
		for {
			if _, err := conn.Write(flood); err != nil {
				return
			}
		}
	},
	"floods with a document": func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return
		}
		head := []byte(mongoSays(""))
		copy(head, []byte{0, 0, 0xd0, 2}) // 47 MB to come
		for {
			if _, err := conn.Write(head); err != nil {
				return
			}
		}
	},
	"agrees to TLS and does not do it": func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 64)); err != nil {
			return
		}
		if _, err := conn.Write([]byte{'S'}); err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn)
	},
}

// misbehave starts a server for one of the hostile.
func misbehave(t *testing.T, behave func(net.Conn)) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				behave(conn)
			})
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	return portOf(l)
}

// longest is what one way may take, with air for a busy machine.
const longest = calm * 1500 * time.Millisecond

func TestNobodyCanKeepDiscoveryWaiting(t *testing.T) {
	for name, behave := range hostile {
		for _, process := range []string{"", "postgres", "mysqld", "mongod", "redis-server", "sqlservr"} {
			t.Run(name+"/"+process, func(t *testing.T) {
				t.Parallel()
				m := unnamed(misbehave(t, behave))
				m.listeners[0].process = process
				start := time.Now()
				run(t, here(m)) // whatever it takes them for
				if took := time.Since(start); took > longest {
					t.Errorf("took %s", took)
				}
			})
		}
	}
}

func TestAnswersAreReadToALimit(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	sent := make(chan int)
	go func() {
		n := 0
		for {
			more, err := theirs.Write(make([]byte, 100))
			if n += more; err != nil {
				sent <- n
				return
			}
		}
	}()
	never := func([]byte) (answer, verdict) { return answer{}, partial }
	if _, v, _ := listen(ours, time.Minute, []reader{never}); v != other {
		t.Errorf("verdict %d", v)
	}
	ours.Close()
	if n := <-sent; n < longestAnswer || n > 2*longestAnswer {
		t.Errorf("read %d bytes, want %d", n, longestAnswer)
	}
}

func TestTwentyPortsTakeNoLongerThanOne(t *testing.T) {
	var ports []uint16
	for len(ports) < 19 {
		ports = append(ports, silent(t).port)
	}
	s := fake(t, "127.0.0.1:0", "", onlyTo(mongoPacket, mongoSays(bsonText("version", "8.0.1"))))
	d := here(unnamed(append(ports, s.port)...))
	d.pace = usualPace // the promise is of that
	d.pace.dial = calmPace.dial
	got := run(t, d)
	t.Logf("20 ports: %.3f s", got.Seconds)
	if len(got.Servers) != 1 || got.Servers[0].Version != "8.0.1" {
		t.Errorf("found %+v", got.Servers)
	}
	if got.Seconds > 0.6 {
		t.Errorf("took %.3f s, want at most 0.6", got.Seconds)
	}
}

func TestOneServerOnTwoFamiliesIsOne(t *testing.T) {
	s := fake(t, "[::]:0", mysqlGreets("8.4.0", 5), nil)
	f := one(t, here(on(s, "")))
	want := []string{netip.AddrPortFrom(loopback6, s.port).String()}
	if f.Address != addressOf(s) || !slices.Equal(f.Addresses, want) {
		t.Errorf("got %s and %v", f.Address, f.Addresses)
	}
}

func TestAServerOnIPv6OnlyIsFound(t *testing.T) {
	s := fake(t, "[::1]:0", "", onlyTo(mongoPacket, mongoSays(bsonText("version", "8.0.1"))))
	f := one(t, here(on(s, "")))
	if f.Address != netip.AddrPortFrom(loopback6, s.port).String() || len(f.Addresses) != 0 {
		t.Errorf("got %s and %v", f.Address, f.Addresses)
	}
}

func TestTwoServersOnOnePortAreTwo(t *testing.T) {
	s := fake(t, "127.0.0.1:0", mysqlGreets("8.4.0", 5), nil)
	l, err := net.Listen("tcp", netip.AddrPortFrom(loopback6, s.port).String())
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, mysqlGreets("9.4.0", 5), nil)
	if got := run(t, here(on(s, ""))); len(got.Servers) != 2 {
		t.Errorf("found %+v", got.Servers)
	}
}

func TestAServerThatTurnsUsAwayIsNamedWithItsReason(t *testing.T) {
	for greet, code := range map[string]string{
		mysqlPacket("\xff\x6a\x04Host 'x' is not allowed to connect"): string(ErrTurnedAway.Code),
		mysqlPacket("\xff\x10\x04Too many connections"):               string(engine.ErrTooManyConnections.Code),
	} {
		f := one(t, here(on(fake(t, "127.0.0.1:0", greet, nil), "")))
		if f.Engine != engine.MySQL || f.Problem == nil || f.Problem.Code != code || f.Problem.Params["address"] != f.Address {
			t.Errorf("got %+v, problem %+v", f, f.Problem)
		}
	}
}

func TestCancellingEndsDiscoveryAtOnceWithItsCause(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := fake(t, "127.0.0.1:0", "", func([]byte) []byte { cancel(stop); return nil })
	start := time.Now()
	d := here(on(s, ""))
	d.pace = pace{dial: time.Second, greeting: time.Millisecond, answer: time.Minute, login: time.Minute}
	_, err := d.Run(ctx, control.DiscoverRequest{})
	if !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestWithoutAListOfSocketsTheUsualPortsAreTried(t *testing.T) {
	for name, listening := range map[string]func(context.Context) (machine, error){
		"not told": func(context.Context) (machine, error) { return machine{}, errors.New("no") },
		"nobody":   func(context.Context) (machine, error) { return machine{}, nil },
	} {
		d := &Discovery{listening: listening, sockets: func() []target { return nil }}
		targets := d.targets(t.Context())
		i := slices.IndexFunc(targets, func(t target) bool { return t.ways[0].address == "127.0.0.1:5433" })
		if i < 0 || targets[i].hint != engine.Postgres || targets[i].ways[1].address != "[::1]:5433" {
			t.Errorf("%s: %+v", name, targets)
		}
	}
}

func TestASocketOfAPortBelongsToItsServer(t *testing.T) {
	s := fake(t, "127.0.0.1:0", "", onlyTo(sslPacket, "N"))
	path := fakeSocket(t, s)
	f := one(t, here(on(s, ""), socketOf(engine.Postgres, path)))
	if f.Address != addressOf(s) || !slices.Equal(f.Addresses, []string{path}) {
		t.Errorf("got %s and %v", f.Address, f.Addresses)
	}
}

func TestAForeignSocketOfTheSameNumberDoesNotHideAServer(t *testing.T) {
	s := fake(t, "127.0.0.1:0", mysqlGreets("8.4.0", 5), nil)
	path := fakeSocket(t, s)
	if got := run(t, here(on(s, "mysqld"), socketOf(engine.Postgres, path))); len(got.Servers) != 2 {
		t.Errorf("found %+v", got.Servers)
	}
}
