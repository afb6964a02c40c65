//go:build !windows && !darwin

package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// What the Desktop Notifications specification calls its service.
const (
	service = "org.freedesktop.Notifications"
	object  = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// NewScreen returns the notifications of this desktop, as the message bus of
// the session offers them. A connection is open only while something is shown:
// some desktops take back what a program has shown when it leaves.
func NewScreen() Screen { return &screen{} }

type screen struct {
	mu    sync.Mutex
	conn  *dbus.Conn         // nil: none
	end   context.CancelFunc // ends what belongs to conn
	heard chan struct{}      // closed when the signals of conn have ended
	shown map[uint32]*note

	// What the service can do.
	markup, actions bool
}

// A note is a message that is shown.
type note struct {
	message    Message
	activation string
}

// Show implements [Screen].
func (s *screen) Show(ctx context.Context, m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.connect(ctx); err != nil {
		return err
	}
	replaces, _ := s.find(m.About)
	urgency, icon, category := byte(1), "dialog-information", "transfer.complete"
	if m.Problem {
		urgency, icon, category = 2, "dialog-warning", "transfer.error"
	}
	var actions []string
	if s.actions {
		actions = []string{"default", m.Label, "open", m.Label}
	}
	body := m.Body
	if s.markup {
		body = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(body)
	}
	hints := map[string]dbus.Variant{"urgency": dbus.MakeVariant(urgency), "category": dbus.MakeVariant(category)}
	var id uint32
	err := s.call(ctx, "Notify", "Rahat Backup", replaces, icon, m.Title, body, actions, hints, int32(-1)).Store(&id)
	if err != nil {
		err = explain("show", err)
		if errors.Is(err, ErrNobody) {
			clear(s.shown) // it went with who showed it
		}
		s.leaveIfIdle()
		return err
	}
	delete(s.shown, replaces)
	s.shown[id] = &note{message: m}
	return nil
}

// Withdraw implements [Screen].
func (s *screen) Withdraw(ctx context.Context, about string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, found := s.find(about)
	if !found || s.conn == nil || !s.conn.Connected() {
		return nil
	}
	delete(s.shown, id)
	err := s.call(ctx, "CloseNotification", id).Err
	s.leaveIfIdle()
	return explain("withdraw", err)
}

// Close implements [Screen].
func (s *screen) Close() error {
	s.mu.Lock()
	heard := s.heard
	err := s.leave()
	s.mu.Unlock()
	if heard != nil {
		<-heard
	}
	return err
}

func (s *screen) find(about string) (id uint32, found bool) {
	for id, n := range s.shown {
		if n.message.About == about {
			return id, true
		}
	}
	return 0, false
}

func (s *screen) call(ctx context.Context, method string, args ...any) *dbus.Call {
	return s.conn.Object(service, object).CallWithContext(ctx, service+"."+method, 0, args...)
}

// explain tells apart that there is no service, none that can be started, or no
// bus any more.
func explain(what string, err error) error {
	if err == nil {
		return nil
	}
	nobody := !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	if e, ok := errors.AsType[dbus.Error](err); ok {
		name, _ := strings.CutPrefix(e.Name, "org.freedesktop.DBus.Error.")
		nobody = name == "ServiceUnknown" || name == "NameHasNoOwner" || strings.HasPrefix(name, "Spawn.")
	}
	if nobody {
		return fmt.Errorf("%w: %w", ErrNobody, err)
	}
	return fmt.Errorf("%s notification: %w", what, err)
}

// connect makes sure of a connection, and of what the service can do. The
// connection outlives ctx, which bounds only the making of it.
func (s *screen) connect(ctx context.Context) error {
	if s.conn != nil && s.conn.Connected() {
		return nil
	}
	_ = s.leave() // what broke off has nothing left to lose
	var alive context.Context
	alive, s.end = context.WithCancel(context.WithoutCancel(ctx))
	keep := context.AfterFunc(ctx, s.end)
	err := s.dial(alive)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNobody, err)
	} else {
		err = explain("ask for", s.introduce(ctx))
	}
	if !keep() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = errors.Join(err, s.leave())
	}
	return err
}

// dial connects to the message bus of the session. None is started where there
// is none: it would stay behind and show nothing.
func (s *screen) dial(alive context.Context) error {
	conn, err := dbus.SessionBusPrivateNoAutoStartup(dbus.WithContext(alive), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return err
	}
	if err := conn.Auth(nil); err != nil {
		return errors.Join(err, conn.Close())
	}
	if err := conn.Hello(); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.conn, s.shown, s.heard = conn, map[uint32]*note{}, make(chan struct{})
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	go s.listen(conn, signals, s.heard)
	return nil
}

// introduce asks what the service can do, which starts it if it can be
// started, and for the signals about what is shown.
func (s *screen) introduce(ctx context.Context) error {
	var capabilities []string
	if err := s.call(ctx, "GetCapabilities").Store(&capabilities); err != nil {
		return err
	}
	s.markup, s.actions = slices.Contains(capabilities, "body-markup"), slices.Contains(capabilities, "actions")
	return errors.Join(
		s.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(service), dbus.WithMatchInterface(service), dbus.WithMatchObjectPath(object)),
		s.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, service)),
	)
}

// leaveIfIdle closes the connection when nothing is shown. The lock is held.
func (s *screen) leaveIfIdle() {
	if len(s.shown) == 0 {
		_ = s.leave() // what is closed has nothing left to lose
	}
}

// leave closes the connection. The lock is held.
func (s *screen) leave() (err error) {
	if s.conn != nil {
		err = s.conn.Close()
	}
	if s.end != nil {
		s.end()
	}
	s.conn, s.end, s.shown = nil, nil, nil
	return err
}

// listen hears what becomes of what is shown, until the connection ends.
func (s *screen) listen(conn *dbus.Conn, signals <-chan *dbus.Signal, heard chan<- struct{}) {
	defer close(heard)
	for signal := range signals {
		if open := s.hear(conn, signal); open != nil {
			go open() // which may take as long as a window does
		}
	}
}

// hear takes in a signal and returns what the person asked for.
func (s *screen) hear(conn *dbus.Conn, signal *dbus.Signal) (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != conn || len(signal.Body) == 0 {
		return nil
	}
	if signal.Name == "org.freedesktop.DBus.NameOwnerChanged" { // what another service has shown is gone
		clear(s.shown)
		s.leaveIfIdle()
		return nil
	}
	id, ok := signal.Body[0].(uint32)
	n := s.shown[id]
	if !ok || n == nil {
		return nil // of another program
	}
	switch signal.Name {
	case service + ".NotificationClosed":
		delete(s.shown, id)
		s.leaveIfIdle()
	case service + ".ActivationToken":
		if len(signal.Body) > 1 {
			n.activation, _ = signal.Body[1].(string)
		}
	case service + ".ActionInvoked":
		message, activation := n.message, n.activation
		return func() { message.Open(activation) }
	}
	return nil
}
