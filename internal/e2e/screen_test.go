//go:build integration && linux

package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A screen is a desktop nobody sits at: a display in memory, a session bus, and
// a panel with a place for icons.
type screen struct {
	env []string // leads programs to it
	bus *dbus.Conn
}

// newScreen makes a screen. Its panel is a real one, of Xfce.
func newScreen(t *testing.T) *screen {
	t.Helper()
	dir, err := os.MkdirTemp("", "rahat-screen-") // it outlives what the panel still writes
	if err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "config", "xfce4", "xfconf", "xfce-perchannel-xml")
	for _, d := range []string{settings, filepath.Join(dir, "run")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(settings, "xfce4-panel.xml"), []byte(panelSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err) // a daemon of the panel may be a moment behind
		}
	})
	s := &screen{env: []string{
		"HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"NO_AT_BRIDGE=1", "LC_ALL=C.UTF-8", "WAYLAND_DISPLAY=",
	}}
	display := background(t, s.env, "Xvfb", "-displayfd", "1", "-noreset", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	s.env = append(s.env, "DISPLAY=:"+firstLine(t, display))
	address := firstLine(t, background(t, s.env, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"))
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if s.bus, err = dbus.Connect(address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.bus.Close() })
	return s
}

// panelSettings are a panel with nothing but a place for icons.
const panelSettings = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="24"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
`

const watcher = "org.kde.StatusNotifierWatcher"

// panel starts the panel and waits until it takes icons.
func (s *screen) panel(t *testing.T) {
	t.Helper()
	background(t, s.env, "xfce4-panel", "--disable-wm-check")
	soon(t, "the panel takes icons", func() bool {
		ready, err := s.bus.Object(watcher, "/StatusNotifierWatcher").GetProperty(watcher + ".IsStatusNotifierHostRegistered")
		return err == nil && ready.Value() == true
	})
}

// background runs a program until the test ends and returns its output. What it
// complains of is shown when the test fails.
func background(t *testing.T, env []string, name string, args ...string) *bufio.Reader {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("%s, which go run ./build setup installs: %v", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may be gone
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was interrupted
		kill.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, said.String())
		}
	})
	return bufio.NewReader(out)
}

func firstLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
