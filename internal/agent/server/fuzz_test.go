package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/verifier"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	storemem "github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/vault"
	vaultmem "github.com/rahatbackup/rahat/internal/vault/mem"
)

// wholeServer is a server with a catalog, whose work waits for ever.
func wholeServer(f *testing.F) *Server {
	f.Helper()
	dir, quiet := f.TempDir(), slog.New(slog.DiscardHandler)
	db, err := catalog.Open(f.Context(), filepath.Join(dir, "catalog.db"), filepath.Join(dir, "config.json"), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	e := enginemem.New()
	e.Host("db").Set("orders", enginemem.Database{})
	broker := queue.NewBroker(time.Now)
	stores := map[string]*storemem.Store{}
	s := New(Options{
		Catalog: db, Broker: broker, Log: quiet, Now: time.Now, Machine: "m", Home: dir, Vault: vaultmem.New(), VaultKind: "file",
		Queue:    queue.New(queue.Options{Store: db, Broker: broker, Log: quiet, Now: time.Now, StartPaused: true}),
		Drivers:  map[string]engine.Driver{engine.Postgres: e},
		Archiver: &archiver.Archiver{Now: time.Now}, Verifier: &verifier.Verifier{Now: time.Now, TempDir: dir},
		OpenStore: func(_ context.Context, address string, _ vault.Secret, _ bool) (store.Store, error) {
			if !strings.HasPrefix(address, "file:///") {
				return nil, store.ErrBadURL.Because(nil, "url", address)
			}
			if stores[address] == nil {
				stores[address] = storemem.New()
			}
			return stores[address], nil
		},
		Discover: func(context.Context, control.DiscoverRequest) (control.Discovery, error) {
			return control.Discovery{}, nil
		},
		Stop: func() {},
	})
	f.Cleanup(func() {
		if s.Close() != nil || db.Close() != nil {
			f.Error("cannot close")
		}
	})
	return s
}

// operations lists what the API can do as "METHOD path", but for what answers for
// long or opens something on this computer.
func operations(f *testing.F, s *Server) (all []string) {
	f.Helper()
	_, api := s.api()
	for path, item := range api.OpenAPI().Paths {
		if path == "/api/events" || path == "/api/ui" || path == "/api/window" {
			continue
		}
		for method, op := range map[string]any{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete} {
			if b, err := json.Marshal(op); err == nil && !bytes.Equal(b, []byte("null")) {
				all = append(all, method+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// Whatever a client sends, it gets an answer that can be read, and no defect of
// ours shows.
func FuzzControlAPI(f *testing.F) {
	s := wholeServer(f)
	all, handler := operations(f, s), s.Handler()
	add := func(operation, name, body string) {
		i := slices.Index(all, operation)
		if i < 0 {
			f.Fatalf("there is no %s", operation)
		}
		f.Add(uint8(i), name, "", body)
	}
	add("POST /api/servers", "", `{"name":"shop","engine":"postgres","address":"db"}`)
	add("POST /api/destinations", "", `{"name":"disk","url":"file:///disk"}`)
	add("POST /api/jobs", "", `{"name":"j","server":"shop","databases":["orders"],"destinations":["disk"],"type":"full","schedule":"02:00","keep_days":3,"paused":false}`)
	add("POST /api/jobs/preview", "", `{"name":"k","server":"shop","databases":["*"],"destinations":["disk"],"type":"incremental","zone":"UTC","schedule":"every 1h"}`)
	add("POST /api/backups", "", `{"job":"j"}`)
	add("POST /api/backups/{id}/restore", "latest", `{"server":"shop","database":"new"}`)
	add("PUT /api/backups/{id}/label", "latest", `{"pinned":true,"tags":["a"],"note":"n"}`)
	add("POST /api/channels", "", `{"name":"mail","kind":"email","settings":{"to":"a@b"}}`)
	add("POST /api/prune", "", `{"destination":"disk","dry_run":true}`)
	add("PUT /api/settings", "", `{"language":"tr"}`)
	for i := range all {
		f.Add(uint8(i), "a", "limit=1&database=x&search=y", "{}")
	}
	f.Fuzz(func(t *testing.T, which uint8, name, query, body string) {
		method, path, _ := strings.Cut(all[int(which)%len(all)], " ")
		for _, hole := range []string{"{name}", "{id}", "{table}"} {
			path = strings.ReplaceAll(path, hole, url.PathEscape(name))
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			values = nil
		}
		r := httptest.NewRequestWithContext(t.Context(), method, "http://agent"+path+"?"+values.Encode(), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		begun := time.Now()
		handler.ServeHTTP(w, r)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s %s %s took %v", method, r.URL, body, took)
		}
		answer, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		var p control.Problem
		switch {
		case w.Code == http.StatusInternalServerError || strings.Contains(string(answer), string(problem.Internal)):
			t.Errorf("%s %s %s: %d %s", method, r.URL, body, w.Code, answer)
		case w.Code >= 400 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/") && (json.Unmarshal(answer, &p) != nil || p.Code == ""):
			t.Errorf("%s %s %s: %d is no problem: %s", method, r.URL, body, w.Code, answer)
		case w.Code < 300 && len(answer) > 0 && !json.Valid(answer) && !strings.Contains(path, "export"):
			t.Errorf("%s %s: %.200q", method, r.URL, answer)
		}
	})
}
