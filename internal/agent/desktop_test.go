package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// login is a way to start at login that a test looks into.
type login struct {
	mu         sync.Mutex
	impossible bool
	on         bool
	broken     error
}

func (l *login) Possible() bool { return !l.impossible }

func (l *login) Enabled() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.on, l.broken
}

func (l *login) Set(on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.on = on
	}
	return l.broken
}

// told waits for the next event of a kind after one was caused.
func (l *living) told(kind string, cause func()) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	s := must[control.StatusReport](l.t)(l.Status(ctx))
	cause()
	for e, err := range l.Events(ctx, s.Seq, s.Epoch) {
		check(l.t, err)
		if e.Kind == kind {
			return
		}
	}
	l.t.Fatalf("no event %s", kind)
}

func TestSettingsAreKeptAndTold(t *testing.T) {
	t.Setenv("RAHAT_LANG", "tr")
	h := newHouse(t)
	starts := &login{}
	h.login = starts
	l := h.start(t)
	first := must[control.Settings](t)(l.Settings(t.Context()))
	if want := (control.Settings{Language: "system", Theme: "system", Notify: "all", AtLogin: true, Locale: "tr"}); first != want {
		t.Errorf("at first %+v", first)
	}
	chosen := control.Settings{Language: "en", Theme: "dark", Notify: "problems", StartAtLogin: true, AtLogin: false, Locale: "en"}
	want := chosen
	want.AtLogin, want.Locale = true, "tr" // not for a client to say
	l.told("catalog", func() {
		if got := must[control.Settings](t)(l.ChangeSettings(t.Context(), chosen)); got != want {
			t.Errorf("got %+v", got)
		}
	})
	if !starts.on {
		t.Error("start at login was not switched on")
	}
	check(t, l.end())
	h.loseCatalog(t) // the mirror has them too
	l = h.start(t)
	if got := must[control.Settings](t)(l.Settings(t.Context())); got != want {
		t.Errorf("after a restart %+v", got)
	}
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	l := newHouse(t).start(t)
	good := control.Settings{Language: "tr", Theme: "light", Notify: "none", Locale: "en"}
	for field, spoil := range map[string]func(*control.Settings){
		"language": func(s *control.Settings) { s.Language = "de" },
		"theme":    func(s *control.Settings) { s.Theme = "" },
		"notify":   func(s *control.Settings) { s.Notify = "sometimes" },
	} {
		bad := good
		spoil(&bad)
		_, err := l.ChangeSettings(t.Context(), bad)
		if p := problem.Of(err); p == nil || p.Code != "agent.invalid" || p.Params["fields"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestStartAtLoginThatCannotBeIsNotClaimed(t *testing.T) {
	on := control.Settings{Language: "system", Theme: "system", Notify: "all", StartAtLogin: true, Locale: "en"}
	h := newHouse(t)
	for name, starts := range map[string]*login{"none": nil, "impossible": {impossible: true}} {
		if h.login = nil; starts != nil {
			h.login = starts
		}
		l := h.start(t)
		if got := must[control.Settings](t)(l.ChangeSettings(t.Context(), on)); got.StartAtLogin || got.AtLogin {
			t.Errorf("%s: %+v", name, got)
		}
		check(t, l.end())
	}
	h.login = &login{broken: errors.New("planted")}
	l := h.start(t)
	if _, err := l.ChangeSettings(t.Context(), on); err == nil || !strings.Contains(err.Error(), "agent.internal") {
		t.Errorf("a switch that fails: %v", err)
	}
	if got := must[control.Settings](t)(l.Settings(t.Context())); !got.AtLogin || got.StartAtLogin {
		t.Errorf("broken: %+v", got)
	}
}

func TestTheSuggestedFolderIsFree(t *testing.T) {
	own := t.TempDir()
	t.Setenv("HOME", own)
	t.Setenv("USERPROFILE", own)
	h := newHouse(t)
	l := h.start(t)
	suggested := func(name, dir string) control.Destination {
		t.Helper()
		d := must[control.Destination](t)(l.SuggestDestination(t.Context()))
		if d.Name != name || d.URL != local.URL(dir) {
			t.Errorf("got %+v, want %s", d, dir)
		}
		return d
	}
	first := suggested("disk", filepath.Join(own, "Rahat Backup"))
	must[control.Destination](t)(l.AddDestination(t.Context(), control.NewDestination{Destination: first, Passphrase: passphrase}))
	check(t, os.Mkdir(filepath.Join(own, "Rahat Backup 3"), 0o700)) // empty: will do
	suggested("disk2", filepath.Join(own, "Rahat Backup 2"))
	check(t, os.WriteFile(filepath.Join(own, "Rahat Backup 2"), nil, 0o600))
	suggested("disk2", filepath.Join(own, "Rahat Backup 3"))
	check(t, os.WriteFile(filepath.Join(own, "Rahat Backup 3", "photo"), nil, 0o600))
	suggested("disk2", filepath.Join(own, "Rahat Backup 4"))
}

func TestTheSuggestedFolderIsNeverAmongOurState(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	inside := filepath.Join(string(h.home), "user")
	for _, own := range []string{string(h.home), inside, filepath.Join(t.TempDir(), "absent"), ""} {
		t.Setenv("HOME", own)
		t.Setenv("USERPROFILE", own)
		if own == inside {
			check(t, os.Mkdir(own, 0o700))
		}
		d := must[control.Destination](t)(l.SuggestDestination(t.Context()))
		if want := local.URL(filepath.Join(filepath.Dir(string(h.home)), "Rahat Backup")); d.URL != want {
			t.Errorf("home %q: got %s, want %s", own, d.URL, want)
		}
	}
	t.Setenv("HOME", filepath.Dir(string(h.home)))
	t.Setenv("USERPROFILE", filepath.Dir(string(h.home)))
	check(t, os.Mkdir(filepath.Join(string(h.home), "empty"), 0o700))
	check(t, os.Symlink(filepath.Join(string(h.home), "empty"), filepath.Join(filepath.Dir(string(h.home)), "Rahat Backup")))
	if d := must[control.Destination](t)(l.SuggestDestination(t.Context())); !strings.HasSuffix(d.URL, "Rahat%20Backup%202") {
		t.Errorf("a link to our state: %s", d.URL)
	}
}

func TestAPausedAgentWaitsAlsoAfterARestart(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	begun, open := gate(h)
	defer open()
	running := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
	<-begun
	l.told("catalog", func() { check(t, l.Pause(ctx)) })
	waiting := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"empty"}}))
	open()
	if run := l.wait(running)[0]; run.Status != backup.OK {
		t.Errorf("what ran when it was paused: %+v", run)
	}
	s := must[control.StatusReport](t)(l.Status(ctx))
	if !s.Paused || len(s.Active) != 1 || s.Active[0].Status != backup.Queued || s.Headline.Code != "state.paused.waiting" || s.Headline.Params["n"] != "1" {
		t.Errorf("paused: %+v", s)
	}
	check(t, l.end())
	l = h.start(t)
	if run := must[control.Run](t)(l.Run(ctx, waiting.Runs[0])); run.Status != backup.Interrupted {
		t.Errorf("waited when the agent stopped: %+v", run)
	}
	waiting = must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"empty"}}))
	if s := must[control.StatusReport](t)(l.Status(ctx)); !s.Paused || s.Active[0].Status != backup.Queued {
		t.Errorf("after a restart: %+v", s)
	}
	l.told("catalog", func() { check(t, l.Resume(ctx)) })
	if run := l.wait(waiting)[0]; run.Status != backup.OK {
		t.Errorf("resumed: %+v", run)
	}
	if s := must[control.StatusReport](t)(l.Status(ctx)); s.Paused || s.Headline.Code != "state.unproven" {
		t.Errorf("resumed: %+v", s)
	}
}

func TestARestoreIsCheckedBeforehand(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	made := result[control.BackupResult](l, r, err)
	must[control.Server](t)(l.AddServer(ctx, control.NewServer{Server: control.Server{Name: "locked", Engine: "postgres", Address: "db"}, Password: "wrong"}))
	host := h.engine.Host("db")
	outline := func(c control.RestoreCheck) string {
		line := fmt.Sprintf("%v %s:", c.OK, c.Database)
		for _, x := range c.Checks {
			if x.Status != "skipped" {
				line += " " + x.Name + " " + x.Status
			}
			if x.Problem != nil {
				line += " " + x.Problem.Code
			}
		}
		return line
	}
	const fine = " backup ok connection ok name ok"
	wants := func(what string, r control.RestoreRequest, want string) {
		t.Helper()
		if got := outline(must[control.RestoreCheck](t)(l.CheckRestore(ctx, made.Backup, r))); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
		}
	}
	wants("a name is proposed", control.RestoreRequest{Server: "shop"}, "true orders_restored:"+fine)
	host.Set("orders_restored", enginemem.Database{})
	host.Set("orders_restored_2", enginemem.Database{})
	wants("the next one", control.RestoreRequest{Server: "shop"}, "true orders_restored_3:"+fine)
	wants("a name of one's own", control.RestoreRequest{Server: "shop", Database: "copy"}, "true copy:"+fine)
	wants("a taken name", control.RestoreRequest{Server: "shop", Database: "orders"}, "false orders: backup ok connection ok name failed engine.target_exists")
	wants("replaced on purpose", control.RestoreRequest{Server: "shop", Database: "orders", Overwrite: "orders"}, "true orders:"+fine)
	wants("a wrong password", control.RestoreRequest{Server: "locked", Database: "copy"}, "false copy: backup ok connection failed engine.auth_failed")
	wants("a wrong password, no name", control.RestoreRequest{Server: "locked"}, "false orders_restored: backup ok connection failed engine.auth_failed")
	dir := must[string](t)(local.Dir(h.disk))
	repository := &control.Repository{URL: h.disk, Passphrase: passphrase}
	wants("a repository that is not configured", control.RestoreRequest{Server: "shop", Database: "copy", From: repository}, "true copy:"+fine)

	if host.Names()[0] != "empty" || len(host.Names()) != 4 {
		t.Errorf("databases %v", host.Names())
	}
	check(t, os.Rename(dir, dir+".away"))
	wants("the disk is away", control.RestoreRequest{Server: "shop"}, "false : backup failed store.unavailable")
	check(t, os.Rename(dir+".away", dir))
	for what, c := range map[string]struct {
		id   string
		r    control.RestoreRequest
		code problem.Code
	}{
		"no such server":   {made.Backup, control.RestoreRequest{Server: "none"}, "agent.no_server"},
		"no such backup":   {"ffff", control.RestoreRequest{Server: "shop"}, "agent.no_backup"},
		"name not retyped": {made.Backup, control.RestoreRequest{Server: "shop", Database: "a", Overwrite: "b"}, "agent.overwrite_mismatch"},
	} {
		if _, err := l.CheckRestore(ctx, c.id, c.r); problem.Of(err) == nil || problem.Of(err).Code != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
	runs := must[[]control.Run](t)(l.Runs(ctx, 0))
	if len(runs) != 1 {
		t.Errorf("%d runs", len(runs))
	}
}
