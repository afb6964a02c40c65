package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/pages"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What a browser can meet before it gets to the pages.
var (
	// ErrNoListener: no port of this computer could be opened: {cause}.
	ErrNoListener = problem.New("ui.no_listener")
	// ErrSignedOut: the browser shows no session of this agent.
	ErrSignedOut = problem.New("ui.signed_out")
	// ErrWrongAddress: the pages were asked for under the name {host}.
	ErrWrongAddress = problem.New("ui.wrong_address")
	// ErrOtherSite: another site asked for them.
	ErrOtherSite = problem.New("ui.other_site")
)

const (
	// linkLife is how long the address of a link works.
	linkLife = time.Minute
	// quietLife is how long the listener stays open when nobody asks.
	quietLife = 30 * time.Minute
	// siteEnd bounds how long answers may take when the listener closes.
	siteEnd = 500 * time.Millisecond
)

// A browserUI opens the pages to browsers of this computer, when a person asks
// for that. Its methods may be called from several goroutines.
type browserUI struct {
	now     backup.Clock
	handler func() http.Handler // pages and API, for who is signed in
	failed  func(error)         // is told why serving ended; nil: not told

	mu     sync.Mutex
	site   *site // nil: no listener
	closed bool
}

// A site is one listener and the sessions on it. What changes is guarded by
// the lock of its browserUI.
type site struct {
	ui      *browserUI
	host    string // the one name it answers to
	cookie  string // names the port, because browsers share cookies between ports
	session string
	handler http.Handler

	tokens map[string]time.Time // when they expire
	open   int                  // requests being answered
	since  time.Time            // the last time there was one
	quiet  *time.Timer

	web  *http.Server
	end  context.CancelFunc // ends the event streams
	over chan struct{}      // closed when the listener is
}

func newBrowserUI(s *Server) *browserUI {
	handler := func() http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/api/", s.Handler())
		mux.Handle("/", pages.Handler(s.Pages))
		return mux
	}
	return &browserUI{now: s.Now, handler: handler, failed: func(err error) {
		s.Log.Error("browsers can no longer be served", "err", err)
	}}
}

// openUI answers an address that signs one browser in, once and within a
// minute.
func (s *Server) openUI(ctx context.Context, _ *struct{}) (control.UILink, error) {
	return s.ui.link(ctx)
}

func (u *browserUI) link(ctx context.Context) (control.UILink, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return control.UILink{}, queue.ErrStopping.Because(nil)
	}
	if u.site == nil {
		if err := u.listen(ctx); err != nil {
			return control.UILink{}, err
		}
	}
	s := u.site
	now := u.now()
	for token, expires := range s.tokens {
		if !now.Before(expires) {
			delete(s.tokens, token)
		}
	}
	token := rand.Text()
	s.tokens[token] = now.Add(linkLife)
	s.rest()
	link := url.URL{Scheme: "http", Host: s.host, Path: "/login", RawQuery: url.Values{"token": {token}}.Encode()}
	return control.UILink{URL: link.String()}, nil
}

// listen opens a port that only this computer can reach.
func (u *browserUI) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return ErrNoListener.Because(err, "cause", err.Error())
	}
	u.serve(l) //nolint:contextcheck // it outlives the request
	return nil
}

func (u *browserUI) serve(l net.Listener) {
	host := l.Addr().String()
	requests, end := context.WithCancel(context.Background())
	s := &site{
		ui: u, host: host, cookie: "rahat-" + host[strings.LastIndexByte(host, ':')+1:], session: rand.Text(),
		handler: u.handler(), tokens: map[string]time.Time{}, end: end, over: make(chan struct{}),
	}
	s.web = &http.Server{
		Handler: s, BaseContext: func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}
	s.quiet = time.AfterFunc(quietLife, func() { u.expire(s) })
	u.site = s
	go func() { // ends when the site is closed
		defer close(s.over)
		if err := s.web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			u.lost(s, err)
		}
	}()
}

// lost takes note that a listener broke, so that the next link opens another.
func (u *browserUI) lost(s *site, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.site == s {
		u.site = nil
	}
	s.quiet.Stop()
	s.end()
	if u.failed != nil {
		u.failed(err)
	}
}

// expire closes a site that nobody has used for long.
func (u *browserUI) expire(s *site) {
	u.mu.Lock()
	unused := u.site == s && s.open == 0 && time.Since(s.since) >= quietLife
	if unused {
		u.site = nil
	}
	u.mu.Unlock()
	if unused {
		s.close()
	}
}

// close ends all sessions and opens no more.
func (u *browserUI) close() {
	u.mu.Lock()
	s := u.site
	u.site, u.closed = nil, true
	u.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// close ends the event streams, waits a moment for other answers, and returns
// when the listener is closed.
func (s *site) close() {
	s.quiet.Stop()
	s.end()
	ctx, cancel := context.WithTimeout(context.Background(), siteEnd)
	defer cancel()
	if s.web.Shutdown(ctx) != nil {
		// Browsers keep spare connections open, which is no failure; and
		// what could fail here is the closing of something already gone.
		_ = s.web.Close()
	}
	<-s.over
}

// rest begins the time after which an unused site is closed. The lock is held.
func (s *site) rest() {
	s.since = time.Now()
	s.quiet.Reset(quietLife)
}

// enter counts a request until the returned function is called.
func (s *site) enter() (leave func()) {
	s.ui.mu.Lock()
	defer s.ui.mu.Unlock()
	s.open++
	s.quiet.Stop()
	return func() {
		s.ui.mu.Lock()
		defer s.ui.mu.Unlock()
		if s.open--; s.open == 0 && s.ui.site == s {
			s.rest()
		}
	}
}

// ServeHTTP lets in who came by a link. A name that is not ours means that some
// site has made its own name point here; a request of another site, that a
// browser is being used against its owner.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.enter()()
	switch {
	case r.Host != s.host:
		refuse(w, r, http.StatusMisdirectedRequest, ErrWrongAddress.Because(nil, "host", r.Host))
	case s.foreign(r):
		refuse(w, r, http.StatusForbidden, ErrOtherSite)
	case r.URL.Path == "/login" && r.Method == http.MethodGet && s.admit(r):
		http.SetCookie(w, s.signIn())
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case !s.signedIn(r):
		refuse(w, r, http.StatusUnauthorized, ErrSignedOut)
	case r.URL.Path == "/login": // a link that was used before, as by going back
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		s.handler.ServeHTTP(w, r)
	}
}

// foreign reports whether a request was made by a page that is not ours.
func (s *site) foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+s.host {
		return true
	}
	from := r.Header.Get("Sec-Fetch-Site")
	return from != "" && from != "same-origin" && from != "none"
}

// admit takes the token of a link, which is then used up.
func (s *site) admit(r *http.Request) bool {
	token := r.URL.Query().Get("token")
	s.ui.mu.Lock()
	defer s.ui.mu.Unlock()
	expires, known := s.tokens[token]
	delete(s.tokens, token)
	return known && s.ui.now().Before(expires)
}

// signIn returns the cookie of those who came by a link. It says nothing of
// Secure, which not every browser takes without TLS on this computer.
func (s *site) signIn() *http.Cookie {
	return &http.Cookie{Name: s.cookie, Value: s.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode} //nolint:gosec // as said above
}

func (s *site) signedIn(r *http.Request) bool {
	c, err := r.Cookie(s.cookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session)) == 1
}
