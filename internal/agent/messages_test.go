package agent_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/message"
	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// hook is a receiver of webhooks.
func hook(t *testing.T) (url string, got chan message.Message) {
	t.Helper()
	got = make(chan message.Message, 10)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ Data message.Message }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		got <- body.Data
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func next(t *testing.T, got chan message.Message) message.Message {
	t.Helper()
	select {
	case m := <-got:
		return m
	case <-time.After(40 * time.Second):
		t.Fatal("no message came")
		panic("not reached")
	}
}

func TestAFailureIsToldByTheNextAgentIfThisOneEnds(t *testing.T) {
	t.Parallel() // what has happened is gathered for a while before it is told
	url, got := hook(t)
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	must[control.Job](t)(l.AddJob(ctx, control.Job{Name: "nightly", Server: "shop", Databases: []string{"orders"}, Destinations: []string{"disk"}, Type: "full",
		After: []control.Script{{Kind: "command", Text: "exit 7", When: "failed", OnFailure: "warn"}}}))
	must[control.Channel](t)(l.AddChannel(ctx, control.NewChannel{Secret: strings.Repeat("geheim ", 4),
		Channel: control.Channel{Name: "hook", Kind: "webhook", Settings: map[string]string{"url": url}}}))
	h.engine.Host("db").SetHook(func(string) error { return engine.ErrPrivilege.Because(nil, "user", "u", "object", "o") })
	runs := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "nightly"}))
	r := l.wait(runs)[0]
	if len(r.Scripts) != 1 || r.Scripts[0].Status != "failed" || len(r.Warnings) != 1 || r.Warnings[0].Code != "script.failed" {
		t.Errorf("scripts %+v, warnings %+v", r.Scripts, r.Warnings)
	}
	check(t, l.end())
	l = h.start(t)
	m := next(t, got)
	if m.Kind != "failure" || m.Code != r.Problem.Code || m.Title == "" || len(m.Lines) < 2 {
		t.Errorf("told %+v", m)
	}
	h.engine.Host("db").SetHook(nil)
	l.wait(must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Job: "nightly"})))
	if m := next(t, got); m.Kind != "recovered" {
		t.Errorf("told %+v", m)
	}
}

func TestChannelsAreKeptAndTried(t *testing.T) {
	url, got := hook(t)
	h := newHouse(t)
	l := h.start(t)
	ctx := t.Context()
	c := control.NewChannel{Secret: strings.Repeat("geheim ", 4), Channel: control.Channel{Name: "hook", Kind: "webhook", Settings: map[string]string{"url": url}}}
	must[control.Channel](t)(l.AddChannel(ctx, c))
	if _, err := l.AddChannel(ctx, c); !errors.Is(err, server.ErrChannelExists) {
		t.Errorf("a second of that name: %v", err)
	}
	bad := c
	bad.Name, bad.Settings = "bad", map[string]string{"link": url}
	if _, err := l.AddChannel(ctx, bad); !errors.Is(err, message.ErrUnknownSetting) {
		t.Errorf("an unknown setting: %v", err)
	}
	if test := must[control.ChannelTest](t)(l.TestChannel(ctx, "hook")); !test.OK || test.Problem != nil {
		t.Errorf("test %+v", test)
	}
	if m := next(t, got); m.Kind != "test" {
		t.Errorf("told %+v", m)
	}
	c.Secret, c.Paused = "", true // the present secret stays
	c.Settings = map[string]string{"url": "http://127.0.0.1:1/"}
	must[control.Channel](t)(l.EditChannel(ctx, c))
	if test := must[control.ChannelTest](t)(l.TestChannel(ctx, "hook")); test.OK || test.Problem.Code != "message.connection_refused" {
		t.Errorf("test %+v", test)
	}
	check(t, l.end())
	l = h.start(t)
	all := must[[]control.ChannelStatus](t)(l.Channels(ctx))
	if len(all) != 1 || !all[0].Paused || !all[0].Secret || all[0].Settings["url"] != "http://127.0.0.1:1/" {
		t.Errorf("got %+v", all)
	}
	check(t, l.RemoveChannel(ctx, "hook"))
	if err := l.RemoveChannel(ctx, "hook"); !errors.Is(err, server.ErrNoChannel) {
		t.Errorf("removed twice: %v", err)
	}
}
