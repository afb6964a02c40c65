package window

import (
	"context"
	"time"

	"github.com/godbus/dbus/v5"
)

// Dark reports whether the person set their desktop to dark colours. It asks
// the desktop's portal (org.freedesktop.portal.Settings), which not every
// desktop has.
func Dark(ctx context.Context) (dark, known bool) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // the window waits for it
	defer cancel()
	bus, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return false, false
	}
	defer func() { _ = bus.Close() }() // it was only read from
	portal := bus.Object("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop")
	var answer dbus.Variant
	err = portal.CallWithContext(ctx, "org.freedesktop.portal.Settings.Read", dbus.FlagNoAutoStart,
		"org.freedesktop.appearance", "color-scheme").Store(&answer)
	if err != nil {
		return false, false
	}
	if inner, ok := answer.Value().(dbus.Variant); ok { // Read wraps it twice
		answer = inner
	}
	scheme, ok := answer.Value().(uint32)
	const preferDark = 1
	return scheme == preferDark, ok && scheme != 0
}
