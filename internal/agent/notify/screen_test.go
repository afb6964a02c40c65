//go:build integration && linux

package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startBus starts a message bus that starts no services, at a socket, and makes
// it this session's.
func startBus(t *testing.T, socket string) (stop func()) {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "session.conf")
	err := os.WriteFile(settings, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=`+socket+`</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--config-file="+settings, "--nofork", "--nopidfile", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install the package dbus", err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	return func() {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()         // with the signal it was killed by
	}
}

// socketPath is short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "bus")
}

// shown is what a daemon was given.
type shown struct {
	App, Icon, Title, Body string
	Replaces               uint32
	Actions                []string
	Hints                  map[string]dbus.Variant
	Expire                 int32
}

// A daemon shows notifications, as the part of a desktop does that has its name.
type daemon struct {
	conn         *dbus.Conn
	capabilities []string
	shown        chan shown
	withdrawn    chan uint32
	last         uint32
	fail         atomic.Pointer[dbus.Error] // what Notify answers
}

// startDaemon takes the name on the session's bus.
func startDaemon(t *testing.T, capabilities ...string) *daemon {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d := &daemon{conn: conn, capabilities: capabilities, shown: make(chan shown, 10), withdrawn: make(chan uint32, 10), last: 40}
	if err := conn.Export(d, object, service); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("take the name: %v, %v", reply, err)
	}
	return d
}

// GetCapabilities is called over the bus.
func (d *daemon) GetCapabilities() ([]string, *dbus.Error) { return d.capabilities, nil }

// Notify is called over the bus.
func (d *daemon) Notify(app string, replaces uint32, icon, title, body string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	if err := d.fail.Load(); err != nil {
		return 0, err
	}
	id := replaces
	if id == 0 {
		d.last++
		id = d.last
	}
	d.shown <- shown{app, icon, title, body, replaces, actions, hints, expire}
	return id, nil
}

// CloseNotification is called over the bus.
func (d *daemon) CloseNotification(id uint32) *dbus.Error {
	d.withdrawn <- id
	d.emit("NotificationClosed", id, uint32(3))
	return nil
}

func (d *daemon) emit(signal string, values ...any) {
	if err := d.conn.Emit(object, service+"."+signal, values...); err != nil {
		panic(err)
	}
}

// peers returns how many others than the bus itself and the daemon are on it.
func (d *daemon) peers(t *testing.T) int {
	t.Helper()
	var names []string
	if err := d.conn.BusObject().CallWithContext(t.Context(), "org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if strings.HasPrefix(name, ":") {
			n++
		}
	}
	return n - 1
}

// await fails unless something becomes true soon.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
		panic("not reached")
	}
}

func screenFor(t *testing.T) Screen {
	t.Helper()
	s := NewScreen()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func show(t *testing.T, s Screen, m Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), showTime)
	defer cancel()
	if err := s.Show(ctx, m); err != nil {
		t.Fatal(err)
	}
}

func TestADesktopShowsWhatIsToldAsText(t *testing.T) {
	defer startBus(t, socketPath(t))()
	d := startDaemon(t, "body", "body-markup", "actions")
	s := screenFor(t)
	opened := make(chan string, 1)
	m := Message{
		About: "backup s/x", Title: "<b>şube</b> & 'kasa' yedeklenemedi", Body: "<a href=\"http://x\">Ş & ğ</a>\nİkinci satır",
		Problem: true, Label: "Aç", Open: func(activation string) { opened <- activation },
	}
	show(t, s, m)
	got := receive(t, d.shown)
	want := shown{
		App: "Rahat Backup", Icon: "dialog-warning", Title: m.Title, Body: "&lt;a href=\"http://x\"&gt;Ş &amp; ğ&lt;/a&gt;\nİkinci satır",
		Actions: []string{"default", "Aç", "open", "Aç"}, Expire: -1,
		Hints: map[string]dbus.Variant{"urgency": dbus.MakeVariant(byte(2)), "category": dbus.MakeVariant("transfer.error")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	d.emit("ActivationToken", uint32(7), "of another program")
	d.emit("ActionInvoked", uint32(7), "default")
	d.emit("ActivationToken", uint32(41), "front")
	d.emit("ActionInvoked", uint32(41), "default")
	if got := receive(t, opened); got != "front" {
		t.Errorf("opened with %q", got)
	}

	m.Problem, m.Title = false, "well"
	show(t, s, m)
	if got := receive(t, d.shown); got.Replaces != 41 || got.Icon != "dialog-information" || got.Hints["urgency"].Value() != byte(1) {
		t.Errorf("a later message about the same: %+v", got)
	}
	show(t, s, Message{About: "backup s/y", Title: "y", Open: m.Open})
	if got := receive(t, d.shown); got.Replaces != 0 {
		t.Errorf("a message about something else: %+v", got)
	}
}

func TestAConnectionIsOpenOnlyWhileSomethingIsShown(t *testing.T) {
	defer startBus(t, socketPath(t))()
	d := startDaemon(t, "actions")
	s := screenFor(t)
	for _, end := range []func(){
		func() { d.emit("NotificationClosed", d.last, uint32(2)) },
		func() {
			if err := s.Withdraw(t.Context(), "a"); err != nil {
				t.Error(err)
			}
			if got := receive(t, d.withdrawn); got != d.last {
				t.Errorf("%d was withdrawn, want %d", got, d.last)
			}
		},
	} {
		show(t, s, Message{About: "a", Title: "a"})
		receive(t, d.shown)
		if n := d.peers(t); n != 1 {
			t.Errorf("%d connections while something is shown", n)
		}
		end()
		await(t, "the connection is closed", func() bool { return d.peers(t) == 0 })
	}
	if err := s.Withdraw(t.Context(), "a"); err != nil {
		t.Errorf("withdraw what is not shown: %v", err)
	}
}

func TestADesktopThatCanDoLittleIsGivenLittle(t *testing.T) {
	defer startBus(t, socketPath(t))()
	d := startDaemon(t, "body")
	show(t, screenFor(t), Message{Title: "a", Body: "x < y & z"})
	if got := receive(t, d.shown); got.Body != "x < y & z" || len(got.Actions) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestANotificationServiceMayComeAndGo(t *testing.T) {
	defer startBus(t, socketPath(t))()
	s := screenFor(t)
	if err := s.Show(t.Context(), Message{}); !errors.Is(err, ErrNobody) {
		t.Fatalf("without a service: %v", err)
	}
	d := startDaemon(t)
	if n := d.peers(t); n != 0 {
		t.Errorf("%d connections though nothing is shown", n)
	}
	show(t, s, Message{About: "a"})
	receive(t, d.shown)
	d.conn.Close()
	if err := s.Show(t.Context(), Message{About: "a"}); !errors.Is(err, ErrNobody) {
		t.Fatalf("the service is gone: %v", err)
	}
	d = startDaemon(t)
	show(t, s, Message{About: "a"})
	if got := receive(t, d.shown); got.Replaces != 0 {
		t.Errorf("a message of the old service was to be replaced: %+v", got)
	}
	d.fail.Store(dbus.MakeFailedError(errors.New("too many")))
	if err := s.Show(t.Context(), Message{About: "b"}); err == nil || errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "too many") {
		t.Errorf("a service that refuses: %v", err)
	}
}

func TestAMessageBusMayComeAndGo(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err != nil {
		if err := screenFor(t).Show(t.Context(), Message{}); !errors.Is(err, ErrNobody) {
			t.Errorf("no address: %v", err)
		}
	}
	socket := socketPath(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	s := screenFor(t)
	if err := s.Show(t.Context(), Message{}); !errors.Is(err, ErrNobody) {
		t.Fatalf("no bus there: %v", err)
	}
	for range 2 { // as when the person logs out and in again
		stop := startBus(t, socket)
		d := startDaemon(t)
		show(t, s, Message{About: "a"})
		receive(t, d.shown)
		stop()
		if err := s.Show(t.Context(), Message{}); !errors.Is(err, ErrNobody) {
			t.Fatalf("the bus is gone: %v", err)
		}
	}
}

func TestABusThatDoesNotAnswerIsGivenUp(t *testing.T) {
	socket := socketPath(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+socket)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := screenFor(t).Show(ctx, Message{}); !errors.Is(err, ErrNobody) {
		t.Errorf("got %v", err)
	}
}
