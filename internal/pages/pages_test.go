package pages

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

var script = "console.log('" + strings.Repeat("şube ", 1000) + "')\n"

func built() fs.FS {
	return fstest.MapFS{
		"index.html":                {Data: []byte(`<meta property="csp-nonce" nonce="__CSP_NONCE__"><style nonce="__CSP_NONCE__"></style>`)},
		"assets/app-1a2b.js":        {Data: []byte(script)},
		"assets/app-1a2b.css":       {Data: []byte("body{}")},
		"assets/icon-1a2b.svg":      {Data: []byte("<svg/>")},
		"assets/font-1a2b.woff2":    {Data: []byte("wOF2")},
		"favicon.ico":               {Data: []byte("icon")},
		".vite/license.md":          {Data: []byte("# MIT")},
		"assets/deeper/data-1.json": {Data: []byte("{}")},
	}
}

func ask(t *testing.T, h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryIndexHasANonceOfItsOwn(t *testing.T) {
	h := Handler(built())
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9]{26})'`)
	seen := map[string]bool{}
	for _, target := range []string{"/", "/index.html", "/?x=1"} {
		resp := ask(t, h, "GET", target, "Accept-Encoding", "gzip")
		body := resp.Body.String()
		m := nonce.FindStringSubmatch(resp.Header().Get("Content-Security-Policy"))
		if resp.Code != 200 || m == nil || seen[m[1]] {
			t.Fatalf("%s: %d, policy %q", target, resp.Code, resp.Header().Get("Content-Security-Policy"))
		}
		seen[m[1]] = true
		if strings.Count(body, `nonce="`+m[1]+`"`) != 2 || strings.Contains(body, placeholder) {
			t.Errorf("%s: the nonce %s is not in the page: %s", target, m[1], body)
		}
		if resp.Header().Get("Cache-Control") != "no-store" || resp.Header().Get("Content-Encoding") != "" || resp.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("%s: %v", target, resp.Header())
		}
	}
}

func TestThePolicyLetsNothingInFromOutside(t *testing.T) {
	const want = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-R'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := policy("R"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilesComeWithTheirTypeAndAreKept(t *testing.T) {
	h := Handler(built())
	const kept, asked = "public, max-age=31536000, immutable", "no-cache"
	for target, want := range map[string][2]string{
		"/assets/app-1a2b.js":        {"text/javascript; charset=utf-8", kept},
		"/assets/app-1a2b.css":       {"text/css; charset=utf-8", kept},
		"/assets/icon-1a2b.svg":      {"image/svg+xml", kept},
		"/assets/font-1a2b.woff2":    {"font/woff2", kept},
		"/assets/deeper/data-1.json": {"application/json", kept},
		"/favicon.ico":               {"image/x-icon", asked},
		"/.vite/license.md":          {"text/markdown; charset=utf-8", asked},
	} {
		resp := ask(t, h, "GET", target)
		got := [2]string{resp.Header().Get("Content-Type"), resp.Header().Get("Cache-Control")}
		if resp.Code != 200 || got != want || resp.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v, want %v", target, resp.Code, resp.Header(), want)
		}
	}
}

func TestFilesAreCompressedForWhoAcceptsIt(t *testing.T) {
	h := Handler(built())
	plain := ask(t, h, "GET", "/assets/app-1a2b.js")
	if plain.Header().Get("Content-Encoding") != "" || plain.Body.String() != script {
		t.Errorf("not asked for: %v", plain.Header())
	}
	packed := ask(t, h, "GET", "/assets/app-1a2b.js", "Accept-Encoding", "gzip, br")
	if packed.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(packed.Header().Get("Vary"), "Accept-Encoding") ||
		packed.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Fatalf("asked for: %v", packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != script {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestWhatIsNoFileIsNotFound(t *testing.T) {
	h := Handler(built())
	for _, target := range []string{"/databases/shop", "/assets", "/assets/", "/assets/none.js", "/..%2findex.html", "/assets/../index.html", "//index.html", "/assets/deeper"} {
		resp := ask(t, h, "GET", target)
		if body := resp.Body.String(); resp.Code != http.StatusNotFound || strings.Contains(body, "nonce") || resp.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: %d %v %s", target, resp.Code, resp.Header(), body)
		}
	}
}

func TestPagesAreOnlyRead(t *testing.T) {
	h := Handler(built())
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if resp := ask(t, h, method, "/"); resp.Code != http.StatusMethodNotAllowed || resp.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, resp.Code)
		}
	}
	for _, target := range []string{"/", "/assets/app-1a2b.js"} {
		resp := ask(t, h, "HEAD", target)
		if body := resp.Body.String(); resp.Code != 200 || body != "" || resp.Header().Get("Content-Length") == "" {
			t.Errorf("HEAD %s: %d %v %q", target, resp.Code, resp.Header(), body)
		}
	}
	if resp := ask(t, h, "GET", "/assets/app-1a2b.js", "Range", "bytes=0-6"); resp.Code != http.StatusPartialContent || resp.Body.String() != "console" {
		t.Errorf("a range: %d", resp.Code)
	}
}

func TestAProgramBuiltWithoutPagesSaysSoInBothLanguages(t *testing.T) {
	for name, files := range map[string]fs.FS{"nothing": nil, "only the file that keeps the folder": fstest.MapFS{".gitkeep": {}}} {
		h := Handler(files)
		resp := ask(t, h, "GET", "/")
		body := resp.Body.String()
		if resp.Code != http.StatusServiceUnavailable || resp.Header().Get("Cache-Control") != "no-store" || strings.Contains(body, placeholder) {
			t.Errorf("%s: %d %v", name, resp.Code, resp.Header())
		}
		for _, want := range []string{"built without its pages", "sayfaları olmadan derlenmiş", `lang="tr"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
		if resp := ask(t, h, "GET", "/assets/app.js"); resp.Code != http.StatusNotFound {
			t.Errorf("%s: a file: %d", name, resp.Code)
		}
	}
}
