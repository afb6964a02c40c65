package agent_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
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
	if err := os.Remove(h.home.Catalog()); err != nil { // the mirror has them too
		t.Fatal(err)
	}
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
