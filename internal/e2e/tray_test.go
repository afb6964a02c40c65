//go:build integration && linux

package e2e

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
)

// trayProgram builds the tray once, beside the other programs.
var trayProgram = sync.OnceValues(func() (string, error) {
	path := filepath.Join(bin, "rahat-tray")
	build := exec.Command("go", "build", "-o", path, "github.com/rahatbackup/rahat/app/tray")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build rahat-tray: %w\n%s", err, out)
	}
	return path, err
})

// A desk is a person's machine with a screen and the tray on it.
type desk struct {
	*rig
	screen *screen
	dir    string    // of the programs
	tray   *exec.Cmd // nil: not started
	ended  chan error
}

// newDesk prepares a desk. Its window is a script that notes how it was called.
func newDesk(t *testing.T, s *screen) *desk {
	t.Helper()
	program, err := trayProgram()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{rig: newRig(t, s.env...), screen: s}
	d.dir = filepath.Join(d.home, "programs")
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{program, filepath.Join(bin, "rahat-agent")} {
		if err := os.Link(p, filepath.Join(d.dir, filepath.Base(p))); err != nil {
			t.Fatal(err)
		}
	}
	window := "#!/bin/sh\necho \"window $*\" >> " + d.home + "/opened\n"
	if err := os.WriteFile(filepath.Join(d.dir, "rahat-window"), []byte(window), 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// start starts the tray. When the test ends, it is stopped before the agent.
func (d *desk) start() {
	d.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(filepath.Join(d.dir, "rahat-tray"))
	cmd.Env, cmd.Stderr = d.env, &said
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		close(ended)
	}()
	d.tray, d.ended = cmd, ended
	d.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		<-ended                                 //nolint:errcheck // gone judges how it ended
		if d.t.Failed() {
			d.t.Logf("rahat-tray said:\n%s", said.String())
		}
	})
}

// gone waits until the tray has ended by itself, and well.
func (d *desk) gone() {
	d.t.Helper()
	soon(d.t, "the tray ends", func() bool {
		select {
		case err := <-d.ended:
			if err != nil {
				d.t.Fatalf("the tray ended with %v", err)
			}
			return true
		default:
			return false
		}
	})
}

// item is where the panel has the tray's icon from.
func (d *desk) item() (name string, path dbus.ObjectPath, ok bool) {
	list, err := d.screen.bus.Object(watcher, "/StatusNotifierWatcher").GetProperty(watcher + ".RegisteredStatusNotifierItems")
	items, _ := list.Value().([]string)
	if err != nil || len(items) != 1 {
		return "", "", false
	}
	name, rest, ok := strings.Cut(items[0], "/")
	return name, dbus.ObjectPath("/" + rest), ok
}

// icon returns the name of the picture that the panel shows, or nothing.
func (d *desk) icon() string {
	name, path, ok := d.item()
	if !ok {
		return ""
	}
	file, err := d.screen.bus.Object(name, path).GetProperty("org.kde.StatusNotifierItem.IconName")
	if err != nil {
		return ""
	}
	shown, err := os.ReadFile(fmt.Sprint(file.Value()))
	if err != nil {
		return "" // it is just being changed
	}
	for _, state := range []string{"protected", "attention", "not_protected", "running", "unknown"} {
		drawn, err := os.ReadFile(filepath.Join("..", "..", "app", "tray", "icons", state+".png"))
		if err != nil {
			d.t.Fatal(err)
		}
		if bytes.Equal(drawn, shown) {
			return state
		}
	}
	return ""
}

// An entry is one visible line of the menu.
type entry struct {
	id      int32
	label   string
	enabled bool
	below   []entry
}

// layout is how com.canonical.dbusmenu tells a line and those below it.
type layout struct {
	ID         int32
	Properties map[string]dbus.Variant
	Below      []dbus.Variant
}

func (l layout) entries(t *testing.T) (out []entry) {
	t.Helper()
	for _, v := range l.Below {
		var sub layout
		if err := dbus.Store([]any{v.Value()}, &sub); err != nil {
			t.Fatal(err)
		}
		property := func(name string, otherwise any) any {
			if v, ok := sub.Properties[name]; ok {
				return v.Value()
			}
			return otherwise
		}
		if property("visible", true) == true && property("type", "standard") == "standard" {
			label := strings.ReplaceAll(fmt.Sprint(property("label", "")), "__", "_") // one would underline the next letter
			out = append(out, entry{sub.ID, label, property("enabled", true) == true, sub.entries(t)})
		}
	}
	return out
}

// object is the menu on the bus.
func (d *desk) object() (dbus.BusObject, bool) {
	name, path, ok := d.item()
	if !ok {
		return nil, false
	}
	menu, err := d.screen.bus.Object(name, path).GetProperty("org.kde.StatusNotifierItem.Menu")
	if err != nil {
		return nil, false
	}
	at, ok := menu.Value().(dbus.ObjectPath)
	return d.screen.bus.Object(name, at), ok
}

// menu reads the menu as a panel does.
func (d *desk) menu() []entry {
	object, ok := d.object()
	if !ok {
		return nil
	}
	var revision uint32
	var root layout
	call := object.Call("com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{})
	if err := call.Store(&revision, &root); err != nil {
		return nil
	}
	return root.entries(d.t)
}

// find returns the line that labels lead to.
func find(entries []entry, labels ...string) (entry, bool) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.label == labels[0] })
	if i < 0 {
		return entry{}, false
	}
	if len(labels) == 1 {
		return entries[i], true
	}
	return find(entries[i].below, labels[1:]...)
}

// shows waits until the menu has a line.
func (d *desk) shows(labels ...string) {
	d.t.Helper()
	defer func() {
		if d.t.Failed() {
			d.t.Logf("icon %q, menu %v", d.icon(), d.menu())
		}
	}()
	soon(d.t, fmt.Sprintf("the menu shows %q", labels), func() bool {
		_, ok := find(d.menu(), labels...)
		return ok
	})
}

// isIcon waits until the panel shows a picture.
func (d *desk) isIcon(state string) {
	d.t.Helper()
	defer func() {
		if d.t.Failed() {
			d.t.Logf("icon %q, menu %v", d.icon(), d.menu())
		}
	}()
	soon(d.t, "the icon is "+state, func() bool { return d.icon() == state })
}

// click waits until a line is there and clicks it as a panel does.
func (d *desk) click(labels ...string) {
	d.t.Helper()
	var e entry
	soon(d.t, fmt.Sprintf("%q can be clicked", labels), func() (ok bool) {
		e, ok = find(d.menu(), labels...)
		return ok && e.enabled
	})
	object, _ := d.object()
	call := object.Call("com.canonical.dbusmenu.Event", 0, e.id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	// A tray that quits may be gone before it has answered; what the click did is
	// looked at by who clicked.
	if e, ok := errors.AsType[dbus.Error](call.Err); ok && e.Name == "org.freedesktop.DBus.Error.NoReply" {
		return
	}
	if call.Err != nil {
		d.t.Fatal(call.Err)
	}
}

// setUp adds a database and a destination.
func (d *desk) setUp() (database string) {
	d.t.Helper()
	database = filepath.Join(d.home, "shop_1.db")
	sample(d.t, database, 5000)
	d.ok(nil, "server", "add", "shop", "--engine", "sqlite", "--address", database)
	d.ok(nil, "destination", "add", "disk", "--url", filepath.Join(d.home, "backups"), "--passphrase-file", filepath.Join(d.home, "passphrase"))
	return database
}

// hold locks a SQLite database, so that a backup of it has to wait.
func hold(t *testing.T, database string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`BEGIN EXCLUSIVE`); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := db.Exec(`ROLLBACK`); err != nil {
			t.Error(err)
		}
		db.Close()
	}
}

func TestTheTrayBacksUpAndShowsHowItGoes(t *testing.T) {
	s := newScreen(t)
	s.panel(t)
	d := newDesk(t, s)
	d.start()
	d.isIcon("not_protected")
	d.shows("Back up now", "All databases…") // there is none to choose yet
	if d.agentPID() == 0 {
		t.Error("the tray started no agent")
	}
	second := exec.Command(filepath.Join(d.dir, "rahat-tray"))
	second.Env = d.env
	if out, err := second.CombinedOutput(); err != nil {
		t.Errorf("a second tray: %v\n%s", err, out)
	}

	database := d.setUp()
	release := hold(t, database)
	d.click("Back up now", "shop_1.db")
	d.isIcon("running")
	d.shows("Backing up shop_1.db")
	d.shows("Back up now", "shop_1.db (running)")
	release()
	d.isIcon("protected")
	d.shows("Your database is protected.")
	if list := d.backups(); len(list) != 1 || list[0].Proof == nil || list[0].Proof.Level != "full" {
		t.Errorf("backups %+v", list)
	}

	d.click("Pause backups")
	d.shows("Backups are paused.")
	d.click("Resume backups")
	d.shows("Your database is protected.")

	d.click("Open Rahat Backup")
	soon(t, "the window opens", func() bool {
		opened, err := os.ReadFile(filepath.Join(d.home, "opened"))
		return err == nil && strings.HasPrefix(string(opened), "window")
	})

	c := client.Default(paths.Home(d.home))
	defer c.Close()
	settings, err := c.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	settings.Language = "tr"
	if _, err := c.ChangeSettings(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	d.shows("Veritabanınız korunuyor.")
	d.shows("Şimdi yedekle", "shop_1.db")
	d.click("Çık")
	d.gone()
	soon(t, "the agent ends", func() bool { return d.run("", "agent", "status").code == 3 })
}

func TestTheTraySaysThatTheAgentDiedAndStartsItAgain(t *testing.T) {
	s := newScreen(t)
	s.panel(t)
	d := newDesk(t, s)
	d.start()
	d.isIcon("not_protected")
	for range 2 {
		pid := d.agentPID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.isIcon("unknown")
		d.shows("The agent has stopped and is being started again.")
		d.isIcon("not_protected")
		if now := d.agentPID(); now == pid {
			t.Errorf("agent %d was killed and is there", pid)
		}
		if err := syscall.Kill(pid, 0); err == nil {
			t.Error("nobody took leave of the dead agent")
		}
	}
	d.ok(nil, "agent", "stop")
	d.shows("The agent was stopped.")
	d.click("Start the agent now")
	d.isIcon("not_protected")
	d.ok(nil, "agent", "stop")
	d.shows("The agent was stopped.")
	d.ok(nil, "server", "list") // somebody else starts it
	d.isIcon("not_protected")
}

func TestQuittingFromTheTrayAsksWhenABackupRuns(t *testing.T) {
	s := newScreen(t)
	s.panel(t)
	d := newDesk(t, s)
	d.start()
	d.isIcon("not_protected")
	database := d.setUp()

	release := hold(t, database)
	d.click("Back up now", "shop_1.db")
	d.click("Quit", "Quit when it is done")
	d.shows("Quits when it is done", "Do not quit")
	release()
	d.gone()
	soon(t, "the agent ends", func() bool { return d.run("", "agent", "status").code == 3 })
	if list := d.backups(); len(list) != 1 { // asking starts an agent
		t.Errorf("%d backups, want the one that was waited for", len(list))
	}

	d.start()
	d.isIcon("protected")
	release = hold(t, database)
	defer release()
	d.click("Back up now", "shop_1.db")
	d.click("Quit", "Stop what is running and quit")
	d.gone()
	soon(t, "the agent ends", func() bool { return d.run("", "agent", "status").code == 3 })
	if list := d.backups(); len(list) != 1 {
		t.Errorf("%d backups, want none of the run that was stopped", len(list))
	}
	var runs []control.Run
	if d.ok(&runs, "runs"); runs[0].Status != "cancelled" && runs[0].Status != "interrupted" {
		t.Errorf("the run that was stopped is %s", runs[0].Status)
	}
}

func TestTheTrayComesWhenAPanelDoes(t *testing.T) {
	s := newScreen(t)
	d := newDesk(t, s)
	d.start()
	soon(t, "the agent runs", func() bool { return d.run("", "agent", "status").code == 0 })
	if _, _, ok := d.item(); ok {
		t.Error("there is an icon without a panel")
	}
	s.panel(t)
	d.isIcon("not_protected")
}

func TestATrayWithoutAScreenSaysSo(t *testing.T) {
	program, err := trayProgram()
	if err != nil {
		t.Fatal(err)
	}
	for _, display := range []string{"", ":4711"} {
		r := newRig(t, "DISPLAY="+display, "WAYLAND_DISPLAY=")
		cmd := exec.Command(program)
		cmd.Env = r.env
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "There is no screen") {
			t.Errorf("display %q: %v\n%s", display, err, out)
		}
	}
}
