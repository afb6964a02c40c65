package discovery

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listening reads the kernel's table of TCP sockets, which needs no rights and
// takes a millisecond. The kernel lists listening sockets first, so a server
// with a hundred thousand connections takes no longer.
func listening(ctx context.Context) (machine, error) {
	running := databaseProcesses(ctx)
	owners := map[string]*process{}
	for _, p := range running {
		for _, inode := range p.inodes {
			owners[inode] = p
		}
	}
	var here machine
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if os.IsNotExist(err) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return machine{}, fmt.Errorf("read listening sockets: %w", err)
		}
		part, err := readTable(f, owners)
		if err = errors.Join(err, f.Close()); err != nil {
			return machine{}, fmt.Errorf("read listening sockets: %w", err)
		}
		here.listeners = append(here.listeners, part...)
	}
	for _, kind := range byWorth {
		if slices.ContainsFunc(running, func(p *process) bool { return programs[p.name] == kind && !p.placed }) {
			here.hidden = append(here.hidden, kind)
		}
	}
	return here, nil
}

// stateListen is TCP_LISTEN of the kernel's tcp_states.h.
const stateListen = "0A"

// readTable reads a table such as /proc/net/tcp. Owners are processes by inode
// of their sockets; those met are placed.
func readTable(r io.Reader, owners map[string]*process) ([]listener, error) {
	var all []listener
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[0] == "sl" {
			continue
		}
		if f[3] != stateListen {
			break
		}
		addr, err := tableAddress(f[1])
		if err != nil {
			return nil, err
		}
		l := listener{ip: addr.Addr(), port: addr.Port()}
		if p := owners[f[9]]; p != nil {
			p.placed, l.process = true, p.name
		}
		all = append(all, l)
	}
	return all, lines.Err()
}

// tableAddress reads "0100007F:1538": the address as 32-bit words in the
// order of this machine's memory, the port as a number.
func tableAddress(s string) (netip.AddrPort, error) {
	host, digits, _ := strings.Cut(s, ":")
	port, err := strconv.ParseUint(digits, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read port of %q: %w", s, err)
	}
	words, err := hex.DecodeString(host)
	if err != nil || (len(words) != 4 && len(words) != 16) {
		return netip.AddrPort{}, fmt.Errorf("read address of %q", s)
	}
	for i := 0; i < len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	ip, _ := netip.AddrFromSlice(words) // has one of the two lengths
	return netip.AddrPortFrom(ip, uint16(port)), nil
}

// A process is a running database program.
type process struct {
	name   string
	inodes []string // of its sockets; none when it is another user's
	placed bool     // one of them is in our table
}

// databaseProcesses lists the database programs that run here, those in
// containers included. Names are open to all; sockets to root and the
// process's own user.
func databaseProcesses(ctx context.Context) []*process {
	paths, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		panic(err) // a constant of ours is malformed
	}
	var all []*process
	for _, path := range paths {
		if ctx.Err() != nil {
			break // the caller's to report
		}
		comm, err := os.ReadFile(path)
		name := strings.TrimSpace(string(comm))
		if _, ours := programs[name]; err != nil || !ours {
			continue // ended meanwhile, or no database
		}
		all = append(all, &process{name: name, inodes: socketsOf(filepath.Join(filepath.Dir(path), "fd"))})
	}
	return all
}

// socketsOf returns the inodes of the sockets in a directory such as
// /proc/1/fd, none if it is closed to us.
func socketsOf(dir string) []string {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var inodes []string
	for _, f := range files {
		link, err := os.Readlink(filepath.Join(dir, f.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(link, "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}
