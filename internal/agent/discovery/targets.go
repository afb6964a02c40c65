package discovery

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
)

// A machine is what the system tells of who listens.
type machine struct {
	listeners []listener
	// hidden are the engines of database programs that run here without the
	// system telling us on which ports.
	hidden []string
}

// A listener is one TCP socket that accepts connections on this computer.
type listener struct {
	ip      netip.Addr // may be unspecified: all addresses of its family
	port    uint16
	process string // name of the program, without .exe; empty when not told
}

// A target is one thing to ask: all ways to one port, or one socket.
type target struct {
	hint string // the engine to expect; may be empty
	sure bool   // nothing but hint can be there
	ways []way  // the best known first

	likely []string // engines to expect besides, the likeliest first
}

// A way is an address that can be dialled.
type way struct {
	network string // "tcp", "unix", "pipe"
	address string
}

// usualPorts are where servers are when nobody moved them.
var usualPorts = []struct {
	first, last uint16
	engine      string
}{
	{5432, 5440, engine.Postgres},
	{6432, 6432, engine.Postgres}, // PgBouncer
	{3306, 3310, engine.MySQL},
	{27017, 27019, engine.MongoDB},
	{1433, 1433, engine.SQLServer},
	{6379, 6380, engine.Redis},
}

func engineOfPort(port uint16) string {
	for _, u := range usualPorts {
		if u.first <= port && port <= u.last {
			return u.engine
		}
	}
	return ""
}

// programs are the engines of processes, by name.
var programs = map[string]string{
	"postgres":      engine.Postgres,
	"mysqld":        engine.MySQL,
	"mariadbd":      engine.MySQL,
	"mongod":        engine.MongoDB,
	"mongos":        engine.MongoDB,
	"sqlservr":      engine.SQLServer,
	"redis-server":  engine.Redis,
	"valkey-server": engine.Redis,
	"keydb-server":  engine.Redis,
}

// byWorth are the engines that are asked, those first whose data is most
// missed when it is lost.
var byWorth = []string{engine.Postgres, engine.MongoDB, engine.SQLServer, engine.Redis}

// privileged is the first port of ordinary programs. Databases are such;
// below it live the services that make a computer work, and they are left in
// peace.
const privileged = 1024

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// targets lists what to ask. When the system does not tell who listens, the
// usual ports are tried: a closed port of this computer refuses at once.
func (d *Discovery) targets(ctx context.Context) []target {
	here, err := d.listening(ctx)
	if err != nil || len(here.listeners) == 0 {
		here.listeners = usualListeners()
	}
	byPort := map[uint16]*target{}
	var all []*target
	add := func(t *target, port uint16) *target {
		all = append(all, t)
		byPort[port] = t
		return t
	}
	for _, l := range here.listeners {
		kind, sure := programs[strings.TrimSuffix(strings.ToLower(l.process), ".exe")]
		if l.port < privileged && !sure {
			continue
		}
		t := byPort[l.port]
		if t == nil {
			t = add(&target{hint: engineOfPort(l.port), likely: here.hidden}, l.port)
		}
		if sure {
			t.hint, t.sure = kind, true
		}
		t.ways = append(t.ways, l.ways()...)
	}
	for _, s := range d.sockets() {
		port := portOfSocket(s.ways[0].address)
		switch t := byPort[port]; {
		case port == 0 || t == nil:
			add(&s, port)
		case t.hint == "" || t.hint == s.hint:
			t.hint = s.hint
			t.ways = append(t.ways, s.ways...)
		default:
			add(&s, 0)
		}
	}
	targets := make([]target, 0, len(all))
	for _, t := range all {
		slices.SortFunc(t.ways, compareWays)
		t.ways = slices.Compact(t.ways)
		targets = append(targets, *t)
	}
	return targets
}

// usualListeners stands in for a list of the sockets there are.
func usualListeners() []listener {
	var all []listener
	for _, u := range usualPorts {
		for port := u.first; port <= u.last; port++ {
			all = append(all, listener{ip: netip.IPv6Unspecified(), port: port})
		}
	}
	return all
}

// ways returns the addresses on which the listener can be reached from this
// computer.
func (l listener) ways() []way {
	at := func(ip netip.Addr) way {
		return way{network: "tcp", address: netip.AddrPortFrom(ip, l.port).String()}
	}
	ip := l.ip.Unmap()
	switch {
	case ip.IsUnspecified() && ip.Is4():
		return []way{at(loopback4)}
	case ip.IsUnspecified():
		return []way{at(loopback4), at(loopback6)} // as a rule it serves both families
	case ip.IsLinkLocalUnicast():
		return nil // an address is no use without its network card
	}
	return []way{at(ip)}
}

// compareWays puts the addresses first that people know best: 127.0.0.1, ::1,
// other addresses, sockets and pipes.
func compareWays(a, b way) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.address, b.address))
}

func (w way) rank() int {
	if w.network != "tcp" {
		return 3
	}
	addr, err := netip.ParseAddrPort(w.address)
	if err != nil || !addr.Addr().IsLoopback() {
		return 2
	}
	if addr.Addr().Is4() {
		return 0
	}
	return 1
}

// dial opens a connection.
func dial(ctx context.Context, w way) (net.Conn, error) {
	if w.network == pipe {
		return dialPipe(ctx, w.address)
	}
	var d net.Dialer
	return d.DialContext(ctx, w.network, w.address)
}

// pipe is the network of Windows' named pipes.
const pipe = "pipe"

// portOfSocket returns the TCP port a socket's name tells: .s.PGSQL.5432,
// mongodb-27017.sock; 0 when it tells none.
func portOfSocket(path string) uint16 {
	name := strings.TrimSuffix(filepath.Base(path), ".sock")
	digits := name[strings.LastIndexAny(name, ".-")+1:]
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(port)
}

// resolved returns path without links, or as it is when it cannot be followed.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}
