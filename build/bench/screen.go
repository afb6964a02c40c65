package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// A screen is a desktop nobody sits at: a display in memory, a session bus and
// a panel that shows icons, with folders of its own for caches and settings.
type screen struct {
	env   []string // leads programs to it
	ended []func() error
}

// startScreen makes a screen whose files lie in dir. The caller closes it.
func startScreen(ctx context.Context, dir string) (s *screen, err error) {
	s = &screen{env: []string{
		"HOME=" + dir, "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"NO_AT_BRIDGE=1", "WAYLAND_DISPLAY=", "GDK_BACKEND=x11",
	}}
	settings := filepath.Join(dir, "config", "xfce4", "xfconf", "xfce-perchannel-xml")
	for _, d := range []string{filepath.Join(dir, "run"), settings} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("make folder of the screen: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(settings, "xfce4-panel.xml"), []byte(panelSettings), 0o600); err != nil {
		return nil, fmt.Errorf("set up the panel: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	display, err := s.start(ctx, "Xvfb", "-displayfd", "1", "-noreset", "-screen", "0", "1440x900x24", "-nolisten", "tcp")
	if err != nil {
		return s, err
	}
	s.env = append(s.env, "DISPLAY=:"+display)
	address, err := s.start(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
	if err != nil {
		return s, err
	}
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	return s, s.panel(ctx, address)
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

// panel starts the panel and waits until it takes icons.
func (s *screen) panel(ctx context.Context, address string) error {
	cmd := exec.CommandContext(ctx, "xfce4-panel", "--disable-wm-check")
	cmd.Env = append(os.Environ(), s.env...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start panel: %w", err)
	}
	s.ended = append(s.ended, func() error { return end(cmd) })
	bus, err := dbus.Connect(address)
	if err != nil {
		return fmt.Errorf("connect to the session bus: %w", err)
	}
	defer func() { _ = bus.Close() }() // it was only asked
	ctx, cancel := context.WithTimeoutCause(ctx, panelLimit, errors.New("the panel takes no icons"))
	defer cancel()
	const watcher = "org.kde.StatusNotifierWatcher"
	for {
		ready, err := bus.Object(watcher, "/StatusNotifierWatcher").GetProperty(watcher + ".IsStatusNotifierHostRegistered")
		if err == nil && ready.Value() == true {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return context.Cause(ctx)
		}
	}
}

// panelLimit bounds how long the panel may take to be ready.
const panelLimit = 30 * time.Second

// start starts a program of the screen and returns its first line, with which it
// says that it is ready.
func (s *screen) start(ctx context.Context, name string, args ...string) (line string, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	s.ended = append(s.ended, func() error { return end(cmd) })
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("wait for %s: %w", name, err)
	}
	return strings.TrimSpace(line), nil
}

// close ends the screen's programs, the last one first.
func (s *screen) close() (err error) {
	for i := len(s.ended) - 1; i >= 0; i-- {
		err = errors.Join(err, s.ended[i]())
	}
	return err
}

// end asks a program to end and waits until it has.
func end(cmd *exec.Cmd) error {
	_ = cmd.Process.Signal(os.Interrupt)                                      // it may be gone
	kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }) // as above
	defer kill.Stop()
	err := cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		return nil // it was asked to
	}
	return err
}
