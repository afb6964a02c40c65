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
)

// A screen is a desktop nobody sits at: a display in memory and a session bus,
// with folders of its own for caches and settings.
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
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		return nil, fmt.Errorf("make folder of the screen: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	display, err := s.start(ctx, "Xvfb", "-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp")
	if err != nil {
		return s, err
	}
	s.env = append(s.env, "DISPLAY=:"+display)
	address, err := s.start(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
	if err != nil {
		return s, err
	}
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	return s, nil
}

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
