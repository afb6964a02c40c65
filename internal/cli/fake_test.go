package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/version"
)

// now is the moment all tests live in.
var now = time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC)

// fakeAgent answers the control API with fixed data and keeps what it was
// asked.
type fakeAgent struct {
	home paths.Home
	mux  *http.ServeMux

	mu       sync.Mutex
	requests []string // "POST /api/servers {...}"
	runs     map[string]control.Run
	queue    []string                    // what the next requests that start runs answer
	skipped  []string                    // what they leave out
	events   chan control.Event          // what GET /api/events sends
	problems map[string]*control.Problem // by "METHOD /path"
	status   control.StatusReport
	empty    bool // no servers, destinations, jobs, backups, runs
	unwell   bool // the doctor finds a failure
	stubborn bool // runs do not end when they are cancelled

	listening, cancelled chan struct{} // closed when it happens first
	slow                 chan struct{} // closed when the test of the server "slow" has begun, which never ends
}

// tester is what a fake agent needs of a test or a script.
type tester interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}

// startFake starts a fake agent in a home of its own, changed by prepare.
func startFake(t tester, prepare ...func(*fakeAgent)) *fakeAgent {
	t.Helper()
	dir, err := os.MkdirTemp("", "rahat")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	})
	f := &fakeAgent{home: paths.Home(dir), mux: http.NewServeMux(), events: make(chan control.Event, 100), problems: map[string]*control.Problem{},
		listening: make(chan struct{}), cancelled: make(chan struct{})}
	f.fill()
	f.route()
	for _, p := range prepare {
		p(f)
	}
	socket, err := f.home.Socket()
	if err != nil {
		t.Fatal(err)
	}
	l, err := ipc.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // always an error; Close below is the reason
	}()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		<-done
	})
	return f
}

// ServeHTTP notes the request and answers it.
func (f *fakeAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(control.HeaderAPI, strconv.Itoa(version.API))
	w.Header().Set(control.HeaderVersion, version.Version)
	call := r.Method + " " + r.URL.RequestURI()
	var body strings.Builder
	if r.ContentLength != 0 {
		var v any
		if err := json.NewDecoder(r.Body).Decode(&v); err == nil {
			j, _ := json.Marshal(v) // came from JSON just now
			body.WriteString(" " + string(j))
		}
	}
	f.mu.Lock()
	if r.Method != "GET" || strings.Contains(call, "?") {
		f.requests = append(f.requests, call+body.String())
	}
	p := f.problems[r.Method+" "+r.URL.Path]
	f.mu.Unlock()
	if p != nil {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p) // a client that left is no matter
		return
	}
	f.mux.ServeHTTP(w, r)
}

func (f *fakeAgent) answer(pattern string, make func(*http.Request) any) {
	f.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		v := make(r)
		f.mu.Unlock()
		if v == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_ = json.NewEncoder(w).Encode(v) // a client that left is no matter
	})
}

// fixed answers with one value, or with an empty list if the agent is empty.
func (f *fakeAgent) fixed(pattern string, v any) {
	f.answer(pattern, func(*http.Request) any {
		if f.empty {
			return []any{}
		}
		return v
	})
}

func (f *fakeAgent) route() {
	f.answer("GET /api/hello", func(*http.Request) any { return hello })
	f.answer("GET /api/status", func(*http.Request) any { return f.status })
	f.mux.HandleFunc("GET /api/events", f.serveEvents)
	f.answer("POST /api/discover", func(*http.Request) any {
		if f.empty {
			return control.Discovery{Servers: []control.Found{}, Seconds: 0.1}
		}
		return discovery
	})
	f.fixed("GET /api/servers", servers)
	f.answer("POST /api/servers", func(*http.Request) any { return servers[0] })
	f.answer("DELETE /api/servers/{name}", func(*http.Request) any { return nil })
	f.answer("POST /api/servers/{name}/test", func(r *http.Request) any {
		if r.PathValue("name") == "erp" {
			return control.ServerTest{Databases: []control.Database{}, Warnings: []control.Problem{}, Problem: wrongPassword}
		}
		return serverTest
	})
	f.mux.HandleFunc("POST /api/servers/slow/test", func(_ http.ResponseWriter, r *http.Request) {
		close(f.slow)
		<-r.Context().Done()
	})
	f.fixed("GET /api/destinations", destinations)
	f.answer("POST /api/destinations", func(*http.Request) any { return destinations[0] })
	f.answer("DELETE /api/destinations/{name}", func(*http.Request) any { return nil })
	f.answer("POST /api/destinations/{name}/test", func(r *http.Request) any {
		switch r.PathValue("name") {
		case "gone":
			return control.DestinationTest{FreeBytes: -1, Problem: diskGone}
		case "careless":
			return control.DestinationTest{FreeBytes: -1, Problem: replaced, Checks: carelessChecks}
		}
		return control.DestinationTest{OK: true, Repository: destinations[0].Repository, Backups: 412, FreeBytes: 184_000_000_000, Checks: checks}
	})
	f.fixed("GET /api/destinations/{name}/keys", keySlots)
	f.answer("POST /api/destinations/{name}/keys", func(*http.Request) any { return keySlots })
	f.answer("DELETE /api/destinations/{name}/keys/{id}", func(*http.Request) any { return nil })
	f.answer("POST /api/destinations/{name}/keys/rotate", func(*http.Request) any { return keySlots[:1] })
	f.answer("POST /api/recovery-kit", func(*http.Request) any { return kit })
	f.answer("POST /api/recovery-kit/drill", func(*http.Request) any {
		if strings.Contains(f.requests[len(f.requests)-1], `"gone"`) {
			return control.KeyDrilled{Problem: diskGone}
		}
		return control.KeyDrilled{OK: true, Backups: 412, Newest: shopBackup, Bytes: 18_400_000, Seconds: 0.8}
	})
	f.fixed("GET /api/jobs", jobs)
	f.answer("POST /api/jobs", func(*http.Request) any { return jobs[0] })
	f.answer("PUT /api/jobs/{name}", func(*http.Request) any { return jobs[0] })
	f.answer("DELETE /api/jobs/{name}", func(*http.Request) any { return nil })
	f.answer("POST /api/jobs/{name}/pause", func(*http.Request) any { return jobs[1] })
	f.answer("POST /api/jobs/{name}/resume", func(*http.Request) any { return jobs[0] })
	f.fixed("GET /api/channels", channels)
	f.answer("POST /api/channels", func(*http.Request) any { return channels[0].Channel })
	f.answer("PUT /api/channels/{name}", func(*http.Request) any { return channels[0].Channel })
	f.answer("DELETE /api/channels/{name}", func(*http.Request) any { return nil })
	f.answer("POST /api/channels/{name}/test", func(r *http.Request) any {
		if r.PathValue("name") == "team" {
			return control.ChannelTest{Problem: linkGone, Seconds: 0.4}
		}
		return control.ChannelTest{OK: true, Seconds: 1.2}
	})
	f.answer("GET /api/backups/{id}", func(*http.Request) any { return backups[0] })
	f.answer("GET /api/doctor", func(*http.Request) any {
		if f.unwell {
			return unwell()
		}
		return wellness
	})
	f.fixed("GET /api/backups/{id}/tables", tables)
	f.answer("GET /api/backups/{id}/rows", func(r *http.Request) any {
		if f.empty {
			return control.BackupRows{Name: "orders", Columns: []string{"id"}, Rows: [][]*string{}}
		}
		page := tableRows
		page.More = r.URL.Query().Get("offset") == "1000"
		return page
	})
	f.fixed("POST /api/repository/backups", backups)
	for _, pattern := range []string{"POST /api/backups", "POST /api/backups/{id}/verify", "POST /api/backups/{id}/restore",
		"POST /api/backups/{id}/export", "POST /api/catalog/rebuild"} {
		f.answer(pattern, func(*http.Request) any { return control.Runs{Runs: f.queue, Skipped: f.skipped} })
	}
	f.answer("GET /api/runs", func(r *http.Request) any {
		if f.empty {
			return []control.Run{}
		}
		if r.FormValue("dead") != "" {
			return []control.Run{f.runs["failing"]}
		}
		return []control.Run{f.runs["restoring"], f.runs["failing"], f.runs["proving"], f.runs["shop"]}
	})
	f.answer("GET /api/runs/{id}", func(r *http.Request) any { return f.runs[r.PathValue("id")] })
	f.answer("POST /api/runs/{id}/cancel", func(r *http.Request) any { return f.cancel(r.PathValue("id")) })
	f.routePlan()
	f.answer("POST /api/ui", func(*http.Request) any {
		return control.UILink{URL: "http://127.0.0.1:4711/login?token=ONCE"}
	})
	f.answer("POST /api/stop", func(*http.Request) any { return nil })
	f.routeKeeping()
}

// cancel ends a run, as the agent would in its own time.
func (f *fakeAgent) cancel(id string) control.Run {
	close(f.cancelled)
	run := f.runs[id]
	if f.stubborn {
		return run
	}
	over := run
	over.Status, over.Problem = backup.Cancelled, &control.Problem{Code: "agent.cancelled"}
	over.Finished = moment(0)
	f.events <- control.Event{Seq: 8, Time: now, Kind: "run", Run: &over}
	return run
}

// serveEvents sends what the test puts into events.
func (f *fakeAgent) serveEvents(w http.ResponseWriter, r *http.Request) {
	close(f.listening)
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	_ = flush.Flush() // a client that left is met below
	for {
		select {
		case <-r.Context().Done():
			return
		case e, ok := <-f.events:
			if !ok {
				return
			}
			j, err := json.Marshal(e)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", e.Seq, j)
			_ = flush.Flush()
		}
	}
}

// asked returns what the agent was asked to change, and what it was asked with
// a query.
func (f *fakeAgent) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.requests...)
}

// use makes the CLI of this test speak to the fake agent, in English.
func (f *fakeAgent) use(t *testing.T) {
	t.Helper()
	t.Setenv(paths.HomeVariable, string(f.home))
	t.Setenv("RAHAT_LANG", "en")
	t.Setenv("NO_COLOR", "1")
}
