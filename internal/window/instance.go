package window

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
)

const (
	// handOver bounds how long a second window tries to reach the first.
	handOver = 5 * time.Second
	// handOverRetry is how often it tries: the first may just be starting, or
	// ending.
	handOverRetry = 50 * time.Millisecond
	// longestRequest is how long a request may be, in bytes.
	longestRequest = 64 << 10
)

// A request is what a second window hands to the first: one line of JSON, which
// is answered with a line.
type request struct {
	// Route is the page to open; empty: the window is only raised.
	Route string `json:"route"`
}

// An Instance is the right to be the one window of a home. The system takes it
// back when the process dies.
type Instance struct {
	lock     *ipc.Lock
	listener net.Listener
	opened   chan string
	done     chan struct{}
}

// Claim makes this process the one window of home. If there is one already, the
// route is handed over to it, and Claim returns nil without an error: there is
// nothing left to do. [ErrBusy] when that one does not answer.
func Claim(ctx context.Context, home paths.Home, route string) (*Instance, error) {
	if err := home.Make(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handOver)
	defer cancel()
	tick := time.NewTicker(handOverRetry)
	defer tick.Stop()
	for {
		lock, err := ipc.TryLock(home.WindowLock())
		if err == nil {
			return listen(home, lock)
		}
		if !errors.Is(err, ipc.ErrRunning) {
			return nil, err
		}
		if err = ask(ctx, home, request{Route: route}); err == nil {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ErrBusy.Because(err)
		case <-tick.C:
		}
	}
}

// ask hands a request to the first window, which does not take it until it can
// show something.
func ask(ctx context.Context, home paths.Home, r request) error {
	path, err := home.WindowSocket()
	if err != nil {
		return err
	}
	conn, err := ipc.Dial(ctx, path)
	if err != nil {
		return fmt.Errorf("reach the open window: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("bound the request: %w", err)
		}
	}
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return fmt.Errorf("hand over request: %w", err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return fmt.Errorf("read answer of the open window: %w", err)
	}
	return nil
}

func listen(home paths.Home, lock *ipc.Lock) (*Instance, error) {
	path, err := home.WindowSocket()
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	l, err := ipc.Listen(path)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	i := &Instance{lock: lock, listener: l, opened: make(chan string), done: make(chan struct{})}
	go i.serve()
	return i, nil
}

// Opened yields the route of each window that was started after this one; it is
// empty when the window is only to be raised. Whoever started it waits until it
// is taken.
func (i *Instance) Opened() <-chan string { return i.opened }

// Close gives the right back.
func (i *Instance) Close() error {
	close(i.done)
	return errors.Join(i.listener.Close(), i.lock.Unlock())
}

// serve takes requests, one after the other: they come from a person's hand.
func (i *Instance) serve() {
	for {
		conn, err := i.listener.Accept()
		if err != nil {
			return // it was closed
		}
		i.take(conn)
	}
}

// take reads one request, passes it on and says so. A caller that talks nonsense
// or nothing is hung up on.
func (i *Instance) take(conn net.Conn) {
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(handOver)); err != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, longestRequest)
	var r request
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &r) != nil {
		return
	}
	select {
	case i.opened <- r.Route:
		_, _ = conn.Write([]byte("ok\n")) // the window opens whether it hears it or not
	case <-i.done:
	}
}
