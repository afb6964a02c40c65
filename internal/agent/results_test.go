package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/notify"
	"github.com/rahatbackup/rahat/internal/control"
)

// screen keeps what it is given.
type screen struct {
	shown  chan notify.Message
	closed bool
}

func (s *screen) Show(_ context.Context, m notify.Message) error { s.shown <- m; return nil }
func (*screen) Withdraw(context.Context, string) error           { return nil }
func (s *screen) Close() error                                   { s.closed = true; return nil }

func TestResultsAreToldAsThePersonChose(t *testing.T) {
	s := &screen{shown: make(chan notify.Message, 10)}
	h := newHouse(t)
	h.screen, h.opened = s, make(chan string, 1)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	choose := func(language, results string) {
		t.Helper()
		must[control.Settings](t)(l.ChangeSettings(ctx, control.Settings{Language: language, Theme: "system", Notify: results, Locale: "en"}))
	}
	back := func(database string) {
		t.Helper()
		l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{database}, Verify: "full"})))
	}
	told := func(want string) notify.Message {
		t.Helper()
		select {
		case m := <-s.shown:
			if m.Title != want {
				t.Errorf("told %q, want %q", m.Title, want)
			}
			return m
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing was told, want %q", want)
			panic("not reached")
		}
	}
	choose("tr", "all")
	back("orders")
	told("orders yedeklendi ve doğrulandı").Open("front")
	if got := <-h.opened; got != "shop/orders front" {
		t.Errorf("opened %q", got)
	}
	choose("en", "problems")
	back("empty")
	h.engine.Host("db").Forbid("orders")
	back("orders")
	if m := told("orders was not backed up"); !m.Problem {
		t.Errorf("told %+v", m)
	}
	choose("en", "all")
	back("empty")
	check(t, l.end()) // before the result was told
	told("empty is backed up and proved")
	if !s.closed {
		t.Error("the agent has not let go of the desktop")
	}
}
