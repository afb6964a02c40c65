package window

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/version"
)

// handler returns that of a window whose link is known to be down.
func handler(t *testing.T, home paths.Home) http.Handler {
	t.Helper()
	l := NewLink(home, func(string, ...any) {})
	l.settle(false, nil)
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	return Handler(home, l, http.NotFoundHandler(), pages, slog.New(slog.DiscardHandler))
}

func TestRequestsOfPagesReachTheAgentAndNothingElseDoes(t *testing.T) {
	home := shortHome(t)
	a := start(t, home, ours)
	h := handler(t, home)
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "wails://wails/api/backups/a%2Fb/restore?x=1", strings.NewReader(`{"a":1}`))
	r.ContentLength = -1 // as Wails makes them
	h.ServeHTTP(w, r)
	got := <-a.asked
	if w.Body.String() != "POST /api/backups/a%2Fb/restore?x=1" || got.Header.Get(control.HeaderAPI) != strconv.Itoa(version.API) || got.Header.Get(control.HeaderVersion) == "" {
		t.Errorf("answered %q to a request with %v", w.Body, got.Header)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "wails://wails/apiary", nil))
	if w.Body.String() != "page /apiary" || len(a.asked) != 0 {
		t.Errorf("got %q", w.Body)
	}
}

func TestWithoutAnAgentRequestsEndInItsKindOfProblem(t *testing.T) {
	w := httptest.NewRecorder()
	handler(t, shortHome(t)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "wails://wails/api/status", nil))
	var p control.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != "control.unreachable" || p.Status != http.StatusBadGateway ||
		w.Code != http.StatusBadGateway || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %v %s, %v", w.Code, w.Header(), w.Body, err)
	}
}

func TestRequestsWaitForAnAgentThatIsJustStarting(t *testing.T) {
	home, p := shortHome(t), newPage(t)
	l, starts := newTestLink(t, home, p)
	h := Handler(home, l, http.NotFoundHandler(), http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	answered := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "wails://wails/api/status", nil))
		answered <- w.Code
	}()
	select {
	case code := <-answered:
		t.Fatalf("answered %d before there was an agent", code)
	default:
	}
	run(t, l)
	if code := <-answered; code != http.StatusOK || starts.Load() != 1 {
		t.Errorf("answered %d after %d starts", code, starts.Load())
	}
}
