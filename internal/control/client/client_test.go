package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake serves h on a socket, as an agent of the given API version would.
func fake(t *testing.T, api int, h http.HandlerFunc) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(control.HeaderAPI, strconv.Itoa(api))
		w.Header().Set(control.HeaderVersion, "9.9.9")
		h(w, r)
	})}
	done := make(chan struct{})
	go func() { _ = s.Serve(l); close(done) }() // ends with Close
	c := New(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) }, path)
	t.Cleanup(func() { c.Close(); s.Close(); <-done })
	return c
}

func write(t *testing.T, w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func TestProblemsComeBackWithCodeAndParameters(t *testing.T) {
	errAuth := problem.New("engine.auth_failed")
	c := fake(t, version.API, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		write(t, w, control.FromError(errAuth.Because(errors.New("the cause"), "user", "ali")))
	})
	_, err := c.Servers(t.Context())
	p := problem.Of(err)
	if !errors.Is(err, errAuth) || p.Params["user"] != "ali" || p.Err.Error() != "the cause" {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatMakeNoSenseAreProblems(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no JSON":           func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"cut off":           func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[{"name":"a"`) },
		"error, no problem": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gateway", http.StatusBadGateway) },
		"error, empty":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirect":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := fake(t, version.API, h).Servers(t.Context()); !errors.Is(err, ErrProtocol) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAgentOfAnotherVersionIsToldApart(t *testing.T) {
	c := fake(t, version.API+1, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/hello" {
			write(t, w, control.Hello{API: version.API + 1, Version: "9.9.9"})
			return
		}
		if r.URL.Path == "/api/stop" {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		write(t, w, []control.Server{})
	})
	_, err := c.Servers(t.Context())
	p := problem.Of(err)
	if !errors.Is(err, ErrVersion) || p.Params["agent"] != "9.9.9" || p.Params["client"] != version.Version || p.Params["agent_api"] != strconv.Itoa(version.API+1) {
		t.Errorf("servers: %v", err)
	}
	h, err := c.Hello(t.Context())
	if !errors.Is(err, ErrVersion) || h.Version != "9.9.9" {
		t.Errorf("hello: %+v, %v", h, err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("an agent of another version cannot be stopped: %v", err)
	}
}

func TestNobodyThereIsUnreachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := New(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) }, path)
	if _, err := c.Hello(t.Context()); !errors.Is(err, ErrUnreachable) || problem.Of(err).Params["address"] != path {
		t.Errorf("got %v", err)
	}
}

func TestCauseOfACancelledCallIsReturned(t *testing.T) {
	release := make(chan struct{})
	c := fake(t, version.API, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	why := errors.New("window closed")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	if _, err := c.Status(ctx); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestNamesAreEscapedInPaths(t *testing.T) {
	c := fake(t, version.API, func(w http.ResponseWriter, r *http.Request) {
		write(t, w, control.Job{Name: r.PathValue("name") + "|" + r.URL.Path})
	})
	j, err := c.PauseJob(t.Context(), "a/b c?d#e%f")
	if err != nil || j.Name != "|/api/jobs/a/b c?d#e%f/pause" {
		t.Errorf("got %q, %v", j.Name, err)
	}
}

// stream serves status, one run and its events, which a new call continues.
type stream struct {
	t      *testing.T
	status control.StatusReport
	runs   map[string]control.Run
	events [][]control.Event // one list for each call of Events
	asked  []string
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/status":
		write(s.t, w, s.status)
	case "/api/events":
		s.asked = append(s.asked, r.URL.Query().Get("after")+" "+r.URL.Query().Get("epoch"))
		for _, e := range s.events[0] {
			j, err := json.Marshal(e)
			if err != nil {
				s.t.Error(err)
			}
			if e.Run != nil {
				s.runs[e.Run.ID] = *e.Run
			}
			fmt.Fprintf(w, ": comment\nid: %d\ndata: %s\n\n", e.Seq, j)
		}
		s.events = s.events[1:]
	default:
		write(s.t, w, s.runs[filepath.Base(r.URL.Path)])
	}
}

func run(id string, s backup.Status) *control.Run { return &control.Run{ID: id, Status: s} }

func TestFollowSeesRunsToTheirEndAcrossAReset(t *testing.T) {
	s := &stream{
		t: t, status: control.StatusReport{Seq: 7, Epoch: "e"},
		runs: map[string]control.Run{"a": *run("a", backup.Queued), "b": *run("b", backup.Running)},
		events: [][]control.Event{
			{{Seq: 8, Kind: "run", Run: run("a", backup.Running)}, {Seq: 9, Kind: "run", Run: run("stranger", backup.OK)}, {Seq: 10, Kind: "catalog"}, {Seq: 20, Kind: "reset"}},
			{{Seq: 21, Kind: "run", Run: run("b", backup.Failed)}, {Seq: 22, Kind: "run", Run: run("b", backup.Running)}, {Seq: 23, Kind: "run", Run: run("a", backup.OK)}},
		},
	}
	c := fake(t, version.API, s.ServeHTTP)
	var seen []string
	got, err := c.Follow(t.Context(), []string{"a", "b"}, func(r control.Run) { seen = append(seen, r.ID+" "+string(r.Status)) })
	if err != nil || len(got) != 2 || got[0].Status != backup.OK || got[1].Status != backup.Failed {
		t.Errorf("got %+v, %v", got, err)
	}
	want := []string{"a queued", "b running", "a running", "a running", "b running", "b failed", "a ok"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	if strings.Join(s.asked, ",") != "7 e,7 e" {
		t.Errorf("asked %v", s.asked)
	}
}

func TestFollowOfEndedRunsNeedsNoEvents(t *testing.T) {
	s := &stream{t: t, runs: map[string]control.Run{"a": *run("a", backup.OK)}}
	got, err := fake(t, version.API, s.ServeHTTP).Follow(t.Context(), []string{"a"}, nil)
	if err != nil || len(got) != 1 || len(s.asked) != 0 {
		t.Errorf("got %+v, %v, asked %v", got, err, s.asked)
	}
}

func TestFollowEndsWhenTheAgentGoes(t *testing.T) {
	s := &stream{t: t, runs: map[string]control.Run{"a": *run("a", backup.Running)}, events: [][]control.Event{{}}}
	if _, err := fake(t, version.API, s.ServeHTTP).Follow(t.Context(), []string{"a"}, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestAnAgentThatWasAskedToStopIsToldFromOneThatDied(t *testing.T) {
	for name, end := range map[string]func(){
		"asked": func() {},
		"died":  func() { panic(http.ErrAbortHandler) }, // the connection breaks, as when its process is killed
	} {
		c := fake(t, version.API, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "data: {\"seq\":1,\"kind\":\"catalog\"}\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			end()
		})
		events, last := 0, error(nil)
		for _, err := range c.Events(t.Context(), 0, "") {
			if last = err; err == nil {
				events++
			}
		}
		if !errors.Is(last, ErrUnreachable) || errors.Is(last, ErrStopped) != (name == "asked") || events != 1 {
			t.Errorf("%s: %d events, then %v", name, events, last)
		}
	}
}

func FuzzEventsNeverPanic(f *testing.F) {
	f.Add("data: {\"seq\":1,\"kind\":\"run\",\"run\":{\"id\":\"a\"}}\n\n")
	f.Add("data:\n\ndata: {}\nid: x\n: \n")
	f.Fuzz(func(t *testing.T, body string) {
		c := fake(t, version.API, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		last := error(nil)
		for _, err := range c.Events(t.Context(), 0, "") {
			last = err
		}
		if last == nil {
			t.Error("the stream ended without an error")
		}
	})
}
