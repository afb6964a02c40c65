//go:build !linux

package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// listWait bounds the question to the system, which on macOS is a program
// (lsof).
const listWait = 300 * time.Millisecond

// listening asks the system who listens, and adds the usual ports in case the
// answer leaves out other users' sockets: a closed port costs nothing.
func listening(ctx context.Context) (machine, error) {
	ctx, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	connections, err := net.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return machine{}, fmt.Errorf("list listening sockets: %w", err)
	}
	names := map[int32]string{}
	all := usualListeners()
	for _, c := range connections {
		if c.Status != "LISTEN" || c.Laddr.Port == 0 || c.Laddr.Port > 65535 {
			continue
		}
		ip, err := netip.ParseAddr(c.Laddr.IP)
		if err != nil { // "*"
			ip = netip.IPv6Unspecified()
		}
		if _, known := names[c.Pid]; !known {
			names[c.Pid] = programOf(ctx, c.Pid)
		}
		all = append(all, listener{ip: ip, port: uint16(c.Laddr.Port), process: names[c.Pid]})
	}
	return machine{listeners: all}, nil
}

// programOf returns the name of a process, or nothing: it is only a hint.
func programOf(ctx context.Context, pid int32) string {
	p, err := process.NewProcessWithContext(ctx, pid)
	if err != nil {
		return ""
	}
	name, err := p.NameWithContext(ctx)
	if err != nil {
		return ""
	}
	return name
}
