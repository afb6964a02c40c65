package window

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/version"
)

// Handler answers everything the pages ask for: what is below /api/ is passed
// on to the agent of home, once the link knows how that stands; save takes files
// that the person keeps, see [Saver]; the rest is up to pages. It may be used by
// several goroutines.
func Handler(home paths.Home, link *Link, save, pages http.Handler, log *slog.Logger) http.Handler {
	api := proxy(home, log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			link.Await(r.Context())
			api.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == SavePath {
			save.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// proxy passes requests on to the agent of home. Each names our version, so
// that an agent of another one refuses it instead of misunderstanding it.
func proxy(home paths.Home, log *slog.Logger) http.Handler {
	dial := client.DialHome(home)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "agent", "agent"
			r.Out.Header.Set(control.HeaderAPI, strconv.Itoa(version.API))
			r.Out.Header.Set(control.HeaderVersion, version.Version)
		},
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
			IdleConnTimeout:    10 * time.Second,
			DisableCompression: true, // the answers do not leave the machine
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			refuse(w, r, client.ErrUnreachable.Because(err, "address", string(home)))
		},
	}
}

// refuse answers with a problem, as the agent would.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	p := control.FromError(err)
	p.Status = http.StatusBadGateway
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a page that has gone needs no answer
}
