package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/control"
)

// clock is a wall clock that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// uiServer is a server with pages and without a catalog.
func uiServer(t *testing.T) (*Server, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	broker := queue.NewBroker(c.Now)
	s := New(Options{
		Now: c.Now, Broker: broker, Log: slog.New(slog.DiscardHandler),
		Queue: queue.New(queue.Options{Broker: broker, Log: slog.New(slog.DiscardHandler), Now: c.Now}),
		Pages: fstest.MapFS{"index.html": {Data: []byte("<p>dashboard</p>")}, "assets/a.js": {Data: []byte("1")}},
		Stop:  func() {},
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

func link(t *testing.T, s *Server) *url.URL {
	t.Helper()
	l, err := s.openUI(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A browser keeps cookies and follows redirects as browsers do.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport}
}

// ask makes a request; headers are name, value, and Host sets the host.
func ask(t *testing.T, c *http.Client, method, target string, headers ...string) (status int, body string, h http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func TestALinkSignsOneBrowserIn(t *testing.T) {
	s, _ := uiServer(t)
	u := link(t, s)
	if u.Hostname() != "127.0.0.1" || u.Path != "/login" || len(u.Query().Get("token")) < 26 {
		t.Fatalf("link %s", u)
	}
	b := browser(t)
	if status, body, _ := ask(t, b, "GET", u.String(), "Sec-Fetch-Site", "none"); status != 200 || body != "<p>dashboard</p>" {
		t.Fatalf("%d %s", status, body)
	}
	base := "http://" + u.Host
	for target, want := range map[string]string{"/": "dashboard", "/assets/a.js": "1", "/api/hello": `"epoch"`, u.RequestURI(): "dashboard"} {
		if status, body, _ := ask(t, b, "GET", base+target, "Sec-Fetch-Site", "same-origin"); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", target, status, body)
		}
	}
	if status, _, _ := ask(t, b, "POST", base+"/api/stop", "Origin", base); status != http.StatusAccepted {
		t.Errorf("stop: %d", status)
	}
	if status, body, _ := ask(t, browser(t), "GET", u.String()); status != http.StatusUnauthorized || !strings.Contains(body, "rahat ui") {
		t.Errorf("the link in another browser: %d %s", status, body)
	}
	if second := link(t, s); second.Host != u.Host || second.RawQuery == u.RawQuery {
		t.Errorf("a second link: %s after %s", second, u)
	}
}

func TestTheCookieIsForThesePagesOnly(t *testing.T) {
	s, _ := uiServer(t)
	u := link(t, s)
	b := browser(t)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _, h := ask(t, b, "GET", u.String())
	cookie := h.Get("Set-Cookie")
	if status != http.StatusSeeOther || h.Get("Location") != "/" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", status, h)
	}
	if !strings.HasPrefix(cookie, "rahat-"+u.Port()+"=") || !strings.HasSuffix(cookie, "; Path=/; HttpOnly; SameSite=Strict") {
		t.Errorf("cookie %q", cookie)
	}
}

func TestALinkWorksForAMinute(t *testing.T) {
	s, c := uiServer(t)
	late, last := link(t, s), link(t, s)
	c.now = c.now.Add(linkLife - time.Second)
	if status, _, _ := ask(t, browser(t), "GET", last.String()); status != 200 {
		t.Errorf("within the minute: %d", status)
	}
	c.now = c.now.Add(time.Second)
	if status, _, _ := ask(t, browser(t), "GET", late.String()); status != http.StatusUnauthorized {
		t.Errorf("after it: %d", status)
	}
	link(t, s)
	if n := len(s.ui.site.tokens); n != 1 {
		t.Errorf("%d tokens are kept, want the new one only", n)
	}
}

func TestNobodyElseIsLetIn(t *testing.T) {
	s, _ := uiServer(t)
	u := link(t, s)
	base, signed := "http://"+u.Host, browser(t)
	if status, _, _ := ask(t, signed, "GET", u.String()); status != 200 {
		t.Fatalf("sign in: %d", status)
	}
	for name, c := range map[string]struct {
		client *http.Client
		header []string
		status int
		code   string
	}{
		"another name":                  {signed, []string{"Host", "rebound.example:80"}, 421, "ui.wrong_address"},
		"localhost":                     {signed, []string{"Host", "localhost:" + u.Port()}, 421, "ui.wrong_address"},
		"another port":                  {signed, []string{"Host", "127.0.0.1:1"}, 421, "ui.wrong_address"},
		"another origin":                {signed, []string{"Origin", "https://example.com"}, 403, "ui.other_site"},
		"an origin without a name":      {signed, []string{"Origin", "null"}, 403, "ui.other_site"},
		"another port as origin":        {signed, []string{"Origin", "http://127.0.0.1:1"}, 403, "ui.other_site"},
		"a page of another site":        {signed, []string{"Sec-Fetch-Site", "cross-site"}, 403, "ui.other_site"},
		"a page of another port":        {signed, []string{"Sec-Fetch-Site", "same-site"}, 403, "ui.other_site"},
		"no cookie":                     {browser(t), nil, 401, "ui.signed_out"},
		"a cookie of something":         {browser(t), []string{"Cookie", "rahat-" + u.Port() + "=AAAA"}, 401, "ui.signed_out"},
		"an empty cookie":               {browser(t), []string{"Cookie", "rahat-" + u.Port() + "="}, 401, "ui.signed_out"},
		"the token instead of a cookie": {browser(t), []string{"Cookie", "rahat-" + u.Port() + "=" + u.Query().Get("token")}, 401, "ui.signed_out"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, call := range []string{"GET /api/hello", "POST /api/stop", "POST /api/ui"} {
				method, path, _ := strings.Cut(call, " ")
				status, body, h := ask(t, c.client, method, base+path, c.header...)
				var p control.Problem
				if err := json.Unmarshal([]byte(body), &p); err != nil || status != c.status || p.Code != c.code || p.Status != c.status || h.Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s: %d %s %v", call, status, body, err)
				}
			}
			for _, path := range []string{"/", "/assets/a.js", "/login", "/login?token=", "/nothing"} {
				status, body, h := ask(t, c.client, "GET", base+path, c.header...)
				if status != c.status || strings.Contains(body, "dashboard") || !strings.Contains(body, `<section lang="tr">`) || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
		})
	}
}

func TestNamesOfOtherSitesAreShownAsText(t *testing.T) {
	w := httptest.NewRecorder()
	refuse(w, httptest.NewRequest("GET", "/", nil), 421, ErrWrongAddress.Because(nil, "host", "<script>x</script>"))
	if body := w.Body.String(); strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
		t.Error(body)
	}
}

func TestOnlyAVisitUsesALinkUp(t *testing.T) {
	s, _ := uiServer(t)
	u := link(t, s)
	for _, method := range []string{"HEAD", "POST"} {
		if status, _, _ := ask(t, browser(t), method, u.String()); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", method, status)
		}
	}
	if status, _, _ := ask(t, browser(t), "GET", u.String()); status != 200 {
		t.Errorf("the visit: %d", status)
	}
}

func TestEventsReachABrowserUntilTheAgentEnds(t *testing.T) {
	s, _ := uiServer(t)
	u := link(t, s)
	b := browser(t)
	ask(t, b, "GET", u.String())
	r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("http://%s/api/events?after=0&epoch=%s", u.Host, s.Broker.Epoch()), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Broker.Changed()
	resp, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for i := range 3 {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data:") {
		}
		if !strings.Contains(lines.Text(), fmt.Sprintf(`"seq":%d`, i+1)) {
			t.Fatalf("event %d: %q, %v", i+1, lines.Text(), lines.Err())
		}
		s.Broker.Changed() // the next comes while the stream is open
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if _, err := net.DialTimeout("tcp", u.Host, time.Second); err == nil {
		t.Error("the port is still open")
	}
	if _, err := s.openUI(t.Context(), nil); !errors.Is(err, queue.ErrStopping) {
		t.Errorf("a link of an agent that ends: %v", err)
	}
}

// A pipe is a listener that no network stands behind, so that time in a
// synctest bubble goes on while it waits.
type pipe struct{ closed chan struct{} }

func (p *pipe) Accept() (net.Conn, error) {
	<-p.closed
	return nil, net.ErrClosed
}
func (p *pipe) Close() error   { close(p.closed); return nil }
func (p *pipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000} }

func TestTheListenerClosesWhenNobodyHasAskedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := make(chan struct{}) // closed when the stream ends
		u := &browserUI{now: time.Now, handler: func() http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stream })
		}}
		defer u.close()
		p := &pipe{make(chan struct{})}
		u.serve(p)
		if _, err := u.link(t.Context()); err != nil {
			t.Fatal(err)
		}
		open := func(want bool) {
			t.Helper()
			synctest.Wait()
			select {
			case <-p.closed:
				if want {
					t.Fatal("closed too early")
				}
			default:
				if !want {
					t.Fatal("still open")
				}
			}
		}
		site := u.site
		visit := func() {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:4000/api/events", nil)
			r.AddCookie(site.signIn())
			site.ServeHTTP(httptest.NewRecorder(), r)
		}
		time.Sleep(quietLife - time.Second) //nolint:forbidigo // fake time
		open(true)
		go visit()
		time.Sleep(5 * quietLife) //nolint:forbidigo // fake time; the stream stays open
		open(true)
		close(stream)
		time.Sleep(quietLife - time.Second) //nolint:forbidigo // fake time
		visit()
		time.Sleep(quietLife - time.Second) //nolint:forbidigo // fake time
		open(true)
		time.Sleep(2 * time.Second) //nolint:forbidigo // fake time
		open(false)
		if u.site != nil {
			t.Error("the next link would lead to a closed port")
		}
	})
}

func TestABrokenListenerIsReplacedByTheNextLink(t *testing.T) {
	told := make(chan error, 1)
	u := &browserUI{now: time.Now, handler: http.NotFoundHandler, failed: func(err error) { told <- err }}
	defer u.close()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.serve(l)
	broken := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err == nil {
		t.Error("nobody was told why")
	}
	got, err := u.link(t.Context())
	if err != nil || strings.Contains(got.URL, broken+"/") {
		t.Errorf("%s, %v", got.URL, err)
	}
}
