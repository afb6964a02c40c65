//go:build integration && linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// accessible is the bus by which screen readers read windows (AT-SPI). What
// they are told is what the person sees, so tests read it too.
type accessible struct {
	*testing.T
	bus *dbus.Conn
}

const (
	atspi     = "org.a11y.atspi.Accessible"
	atspiRoot = dbus.ObjectPath("/org/a11y/atspi/accessible/root")
)

// newAccessible connects to the bus of a screen, which starts with the first
// program that wants it.
func newAccessible(t *testing.T, s *screen) accessible {
	t.Helper()
	var address string
	if err := s.bus.Object("org.a11y.Bus", "/org/a11y/bus").Call("org.a11y.Bus.GetAddress", 0).Store(&address); err != nil {
		t.Fatalf("at-spi2-core, which go run ./build setup installs: %v", err)
	}
	bus, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	return accessible{t, bus}
}

// A node is one thing of a window.
type node struct {
	Bus  string
	Path dbus.ObjectPath
}

// window returns the topmost node of the program pid.
func (a accessible) window(pid int) (node, bool) {
	for _, n := range a.below(node{"org.a11y.atspi.Registry", atspiRoot}) {
		var owner uint32
		err := a.bus.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, n.Bus).Store(&owner)
		if err == nil && int(owner) == pid {
			return n, true
		}
	}
	return node{}, false
}

// below returns what is in a node. A WebView holds a page of another process,
// which it names only when it is asked for the first.
func (a accessible) below(n node) (all []node) {
	object := a.bus.Object(n.Bus, n.Path)
	if err := object.Call(atspi+".GetChildren", 0).Store(&all); err != nil || len(all) > 0 {
		return all // none when it has just gone
	}
	var first node
	if err := object.Call(atspi+".GetChildAtIndex", 0, int32(0)).Store(&first); err != nil || first.Path == "/org/a11y/atspi/null" {
		return nil
	}
	return []node{first}
}

// words returns the names and texts of a node and of all in it.
func (a accessible) words(n node) (all []string) {
	object := a.bus.Object(n.Bus, n.Path)
	if name, err := object.GetProperty(atspi + ".Name"); err == nil && name.Value() != "" {
		all = append(all, strings.TrimSpace(name.String()))
	}
	var can []string
	if err := object.Call(atspi+".GetInterfaces", 0).Store(&can); err == nil && slices.Contains(can, "org.a11y.atspi.Text") {
		var text string
		if err := object.Call("org.a11y.atspi.Text.GetText", 0, int32(0), int32(-1)).Store(&text); err == nil {
			all = append(all, text)
		}
	}
	for _, b := range a.below(n) {
		all = append(all, a.words(b)...)
	}
	return all
}

// reads waits until the window of pid has a text somewhere.
func (a accessible) reads(pid int, text string) {
	a.Helper()
	var last []string
	defer func() {
		if a.Failed() {
			a.Logf("the window reads %q", last)
		}
	}()
	soon(a.T, "the window reads "+text, func() bool {
		n, ok := a.window(pid)
		if !ok {
			return false
		}
		last = a.words(n)
		return slices.ContainsFunc(last, func(s string) bool { return strings.Contains(s, text) })
	})
}

// press waits until the window of pid has something of that name which can be
// pressed, and presses it, as a screen reader does for a person.
func (a accessible) press(pid int, name string) {
	a.Helper()
	soon(a.T, name+" is pressed", func() bool {
		n, ok := a.window(pid)
		return ok && a.pressed(n, name)
	})
}

// pressed presses the first thing of a name in n, if there is one.
func (a accessible) pressed(n node, name string) bool {
	object := a.bus.Object(n.Bus, n.Path)
	called, err := object.GetProperty(atspi + ".Name")
	var can []string
	if err == nil && called.Value() == name && object.Call(atspi+".GetInterfaces", 0).Store(&can) == nil && slices.Contains(can, "org.a11y.atspi.Action") {
		var done bool
		return object.Call("org.a11y.atspi.Action.DoAction", 0, int32(0)).Store(&done) == nil && done
	}
	return slices.ContainsFunc(a.below(n), func(b node) bool { return a.pressed(b, name) })
}
