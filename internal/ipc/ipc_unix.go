//go:build unix

package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Listen opens the socket at path. The caller holds the agent's lock, so a
// socket that is already there was left by an agent that died and is replaced.
// Connections of other users, root excepted, are closed unanswered.
func Listen(path string) (Listener, error) {
	g := &guarded{path: path, uid: os.Getuid()}
	if err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

func listen(path string) (*net.UnixListener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := checkOwner(dir); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// The folder is closed to others before the socket is there, so there is
	// no moment in which they could connect.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the path may lead elsewhere by then
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket, and nothing but a socket.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("open socket %s: a file of that name is in the way", path)
	}
	return os.Remove(path)
}

// checkOwner refuses a folder that another user owns or that others may write
// to: they could put their own socket there and be sent our passwords.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Getuid() {
		return ErrRefused.Because(nil, "path", dir)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return ErrRefused.Because(fmt.Errorf("folder is writable by others: %v", info.Mode()), "path", dir)
	}
	return nil
}

// Dial connects to the socket at path. [ErrRefused] when it belongs to another
// user; any other error means that nobody listens.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	if err := checkOwner(filepath.Dir(path)); err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrRefused.Because(err, "path", path)
	}
	return conn, err
}

// guarded hands out only connections of the user uid and of root.
type guarded struct {
	path string
	uid  int

	mu     sync.Mutex
	now    *net.UnixListener
	file   fs.FileInfo // of the socket that now made
	closed bool
}

// open makes the socket, in place of the one that was lost.
func (g *guarded) open() error {
	l, err := listen(g.path)
	if err == nil {
		g.now = l
		g.file, err = os.Lstat(g.path)
	}
	if err != nil && !errors.Is(err, ErrRefused) {
		return ErrListen.Because(err, "path", g.path, "cause", err.Error())
	}
	return err
}

// Keep implements [Listener].
func (g *guarded) Keep() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.ours() {
		return nil
	}
	old := g.now
	if err := g.open(); err != nil {
		g.now = old
		return err
	}
	return old.Close() // nobody could reach it any more
}

// ours reports whether the path leads to this listener.
func (g *guarded) ours() bool {
	info, err := os.Lstat(g.path)
	return err == nil && os.SameFile(info, g.file)
}

// current returns the listener that is to be asked now.
func (g *guarded) current() (l *net.UnixListener, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now, g.closed
}

// Accept implements [net.Listener].
func (g *guarded) Accept() (net.Conn, error) {
	for {
		l, _ := g.current()
		conn, err := l.AcceptUnix()
		if err != nil {
			if now, closed := g.current(); !closed && now != l {
				continue // it was replaced
			}
			return nil, err
		}
		uid, err := peer(conn)
		if err == nil && (uid == g.uid || uid == 0) {
			return conn, nil
		}
		// A stranger, or one who is gone again; either way not ours to serve,
		// and an error of this Close concerns nobody.
		_ = conn.Close()
	}
}

// Addr implements [net.Listener].
func (g *guarded) Addr() net.Addr { return &net.UnixAddr{Name: g.path, Net: "unix"} }

// Close implements [net.Listener]. The socket is removed, but not one that
// another agent has put in its place.
func (g *guarded) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return net.ErrClosed
	}
	g.closed = true
	var err error
	if g.ours() {
		err = os.Remove(g.path)
	}
	return errors.Join(err, g.now.Close())
}
