//go:build integration && linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/window"
)

// windowProgram builds the window once, beside the other programs.
var windowProgram = sync.OnceValues(func() (string, error) {
	if _, err := os.Stat("../../frontend/dist/window/index.html"); err != nil {
		return "", fmt.Errorf("the pages are not built, which go run ./build test does (npm run build in frontend): %w", err)
	}
	path := filepath.Join(bin, "rahat-window")
	build := exec.Command("go", "build", "-tags", "desktop,production,webkit2_41", "-o", path, "github.com/rahatbackup/rahat/app/window")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build rahat-window: %w\n%s", err, out)
	}
	return path, err
})

// A shown is a window on a screen.
type shown struct {
	*rig
	cmd   *exec.Cmd
	said  *bytes.Buffer
	ended chan error
}

// newWindowRig is a rig whose programs find the screen and can be read.
func newWindowRig(t *testing.T, s *screen) *rig {
	t.Helper()
	return newRig(t, append(s.env, "NO_AT_BRIDGE=0")...)
}

// manager starts what frames windows, raises and closes them, and waits for it.
func (s *screen) manager(t *testing.T) {
	t.Helper()
	background(t, s.env, "xfwm4", "--compositor=off")
	soon(t, "windows are managed", func() bool {
		ask := exec.Command("wmctrl", "-m")
		ask.Env = append(os.Environ(), s.env...)
		return ask.Run() == nil
	})
}

// showWindow starts the window and waits until it can be seen.
func showWindow(r *rig, args ...string) *shown {
	r.t.Helper()
	program, err := windowProgram()
	if err != nil {
		r.t.Fatal(err)
	}
	w := &shown{rig: r, cmd: exec.Command(program, args...), said: &bytes.Buffer{}, ended: make(chan error, 1)}
	w.cmd.Env, w.cmd.Stderr = r.env, w.said
	if err := w.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		w.ended <- w.cmd.Wait()
		close(w.ended)
	}()
	r.t.Cleanup(func() {
		_ = w.cmd.Process.Kill() // it may be gone
		<-w.ended                //nolint:errcheck // closed judges how it ended
		if r.t.Failed() {
			r.t.Logf("rahat-window said:\n%s", w.said)
		}
	})
	w.id()
	return w
}

func (w *shown) pid() int { return w.cmd.Process.Pid }

// id waits until the window is on the screen and returns its number there.
func (w *shown) id() string {
	w.t.Helper()
	id := ""
	soon(w.t, "the window is on the screen", func() bool {
		// It fails when another window goes while it looks.
		out, err := w.try("xdotool", "search", "--onlyvisible", "--all", "--pid", strconv.Itoa(w.pid()), "--name", "Rahat Backup")
		id = out
		return err == nil && id != ""
	})
	return id
}

// hand does what a hand would and returns what is said of it.
func (w *shown) hand(program string, args ...string) string {
	w.t.Helper()
	out, err := w.try(program, args...)
	if err != nil {
		w.t.Fatalf("%s %v: %v", program, args, err)
	}
	return out
}

func (w *shown) try(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = w.env
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// isActive reports whether the window is the one that the person works in, which
// is above the others.
func (w *shown) isActive() bool {
	w.t.Helper()
	return w.hand("xdotool", "getactivewindow") == w.id()
}

// place returns where the window is, as it is told.
func (w *shown) place() string {
	w.t.Helper()
	return w.hand("xdotool", "getwindowgeometry", w.id())
}

// close closes the window by its button and waits until its program has ended
// well.
func (w *shown) close() {
	w.t.Helper()
	w.hand("wmctrl", "-i", "-c", w.id())
	soon(w.t, "the window's program ends", func() bool {
		select {
		case err := <-w.ended:
			if err != nil {
				w.t.Fatalf("the window ended with %v", err)
			}
			return true
		default:
			return false
		}
	})
}

func TestTheWindowShowsTheDatabasesAndOutlivesAnAgent(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", `CREATE DATABASE "dükkan"`)
	pg.Exec(t, "dükkan", shop)
	s := newScreen(t)
	r := newWindowRig(t, s)
	r.addServer(pg)
	w := showWindow(r)
	eyes := newAccessible(t, s)
	eyes.reads(w.pid(), "dükkan")

	dead := r.agentPID()
	if err := syscall.Kill(dead, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	agent := client.Default(paths.Home(r.home))
	defer agent.Close()
	soon(t, "the window starts the agent again", func() bool {
		hello, err := agent.Hello(t.Context())
		return err == nil && hello.PID != dead
	})
	// What happens now comes by the new agent's events.
	other := filepath.Join(r.home, "şarkılar.db")
	sample(t, other, 100)
	r.ok(nil, "server", "add", "lite", "--engine", "sqlite", "--address", other)
	eyes.reads(w.pid(), "şarkılar")

	r.ok(nil, "agent", "stop")
	eyes.reads(w.pid(), "The agent was stopped")
	if _, err := agent.Hello(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("the window started an agent that the person stopped: %v", err)
	}
	r.ok(nil, "server", "list") // somebody else starts it
	eyes.reads(w.pid(), "Agent running")
}

func TestTheSecondWindowRaisesTheFirst(t *testing.T) {
	s := newScreen(t)
	s.manager(t)
	r := newWindowRig(t, s)
	database := filepath.Join(r.home, "shop_1.db")
	sample(t, database, 100)
	r.ok(nil, "server", "add", "shop", "--engine", "sqlite", "--address", database)
	first := showWindow(r)
	eyes := newAccessible(t, s)
	eyes.reads(first.pid(), "shop_1")
	other := showWindow(newWindowRig(t, s)) // of another home
	soon(t, "the other window is above", other.isActive)

	program, err := windowProgram()
	if err != nil {
		t.Fatal(err)
	}
	second := exec.Command(program, "--database", "shop/shop_1.db")
	second.Env = r.env
	if out, err := second.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the second window: %v\n%s", err, out)
	}
	soon(t, "the first window is raised", first.isActive)
	eyes.reads(first.pid(), "shop_1.db · Rahat Backup") // the title of the database's page
}

func TestABackupGoesOnWhenTheWindowIsClosed(t *testing.T) {
	s := newScreen(t)
	s.manager(t)
	r := newWindowRig(t, s)
	database := filepath.Join(r.home, "shop_1.db")
	sample(t, database, 5000)
	r.ok(nil, "server", "add", "shop", "--engine", "sqlite", "--address", database)
	r.addFolder()
	w := showWindow(r)
	eyes := newAccessible(t, s)
	eyes.reads(w.pid(), "shop_1")

	agent := client.Default(paths.Home(r.home))
	defer agent.Close()
	release := hold(t, database)
	runs, err := agent.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"*"}, Destination: "disk", Verify: "none"})
	if err != nil || len(runs.Runs) != 1 {
		t.Fatalf("%+v, %v", runs, err)
	}
	id := runs.Runs[0]
	status := func() backup.Status {
		run, err := agent.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return run.Status
	}
	soon(t, "the backup is running", func() bool { return status() == backup.Running })
	middle := w.place()
	w.hand("xdotool", "windowmove", w.id(), "30", "40")
	soon(t, "the window is moved", func() bool { return w.place() != middle })
	moved := w.place()
	w.close()
	if now := status(); now != backup.Running {
		t.Errorf("closing the window left the backup %s", now)
	}
	release()
	soon(t, "the backup is made", func() bool { return status() == backup.OK })

	again := showWindow(r, "--database", "shop/shop_1.db")
	soon(t, "the window comes back to its place", func() bool {
		_, was, _ := strings.Cut(moved, "\n") // after its number
		_, now, _ := strings.Cut(again.place(), "\n")
		return now == was
	})
	eyes.reads(again.pid(), "shop_1.db · Rahat Backup")
}

// WebKit takes no downloads: the window's program asks where a file is to go.
func TestTheRecoveryKitIsSavedFromTheWindow(t *testing.T) {
	s := newScreen(t)
	s.manager(t)
	r := newWindowRig(t, s)
	folder := t.TempDir()
	r.env = append(r.env, "HOME="+folder)
	r.addFolder()
	w := showWindow(r)
	eyes := newAccessible(t, s)
	eyes.press(w.pid(), "Make it now")
	eyes.press(w.pid(), "Make the recovery kit")
	for button, begins := range map[string]string{"Save PDF": "%PDF-", "Save text": ""} {
		eyes.press(w.pid(), button)
		eyes.reads(w.pid(), "Save a file")
		eyes.press(w.pid(), "Save")
		ending := map[string]string{"Save PDF": ".pdf", "Save text": ".txt"}[button]
		soon(t, "the file of "+button+" is there", func() bool {
			files, err := filepath.Glob(filepath.Join(folder, "rahat-recovery-kit-*"+ending))
			if err != nil || len(files) != 1 {
				return false
			}
			got, err := os.ReadFile(files[0])
			if err != nil || len(got) < 1000 || !bytes.HasPrefix(got, []byte(begins)) {
				t.Fatalf("%s: %d bytes, %v", files[0], len(got), err)
			}
			return true
		})
		eyes.reads(w.pid(), "Saved")
	}
}

// A window that cannot be shown says so in the person's language, and to a
// program that opened it by a code.
func TestAWindowThatCannotBeShownSaysWhy(t *testing.T) {
	program, err := windowProgram()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, "DISPLAY=", "WAYLAND_DISPLAY=")
	for lang, want := range map[string]string{"en": "There is no screen to show the window on", "tr": "Pencerenin gösterileceği bir ekran yok"} {
		cmd := exec.Command(program)
		cmd.Env = append(r.env, "RAHAT_LANG="+lang)
		out, err := cmd.CombinedOutput()
		exit, failed := errors.AsType[*exec.ExitError](err)
		if !failed || exit.ExitCode() != 1 || !strings.Contains(string(out), want) || bytes.Contains(out, []byte("goroutine")) {
			t.Errorf("%s: %v\n%s", lang, err, out)
		}
	}
	home := paths.Home(r.home)
	if err := client.OpenWindow(t.Context(), client.WindowOptions{Home: home, Program: program, Env: r.env}); !errors.Is(err, window.ErrNoDisplay) {
		t.Errorf("opened without a screen: %v", err)
	}

	lame := filepath.Join(r.home, "rahat-window")
	cut := exec.Command("patchelf", "--replace-needed", "libwebkit2gtk-4.1.so.0", "libwebkit2gtk-4.1.so.9", "--output", lame, program)
	if out, err := cut.CombinedOutput(); err != nil {
		t.Fatalf("patchelf: %v\n%s", err, out)
	}
	err = client.OpenWindow(t.Context(), client.WindowOptions{Home: home, Program: lame, Env: r.env})
	if !errors.Is(err, client.ErrNoLibrary) || !strings.Contains(err.Error(), "libwebkit2gtk-4.1-0") {
		t.Errorf("without WebKit: %v", err)
	}
	said, e := json.Marshal(control.FromError(err))
	if e != nil || bytes.Contains(said, []byte("goroutine")) {
		t.Errorf("%s, %v", said, e)
	}
}
