// Package pages serves the built pages of the window, a single-page app, to a
// WebView and to browsers.
package pages

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"
)

const (
	index = "index.html"
	// hashed is the folder of files whose names change with their contents.
	hashed = "assets/"
	// placeholder stands in index.html where the nonce of the answer goes.
	placeholder = "__CSP_NONCE__"
)

// notBuilt is shown instead of pages that the program was built without.
//
//go:embed notbuilt.html
var notBuilt []byte

// types are the media types of what pages are made of. The table of the system
// is not asked: on Windows other programs change it, and a script of another
// type does not run.
var types = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".json":        "application/json",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".jpg":         "image/jpeg",
	".webp":        "image/webp",
	".ico":         "image/x-icon",
	".woff2":       "font/woff2",
	".md":          "text/markdown; charset=utf-8",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
}

// Handler serves the pages in files; without an index.html in them, or with nil,
// a page that says so. The address of the index is "/", routes of the app come
// after a "#"; what is not a file is not found. Every answer with the index has
// a policy with a nonce of its own, is kept nowhere and is never compressed, so
// that a WebView's bridge can put its script in. All else is compressed for
// whoever accepts that; a WebView that cannot unpack must not say it does. The
// handler may be used by several goroutines.
func Handler(files fs.FS) http.Handler {
	if files == nil {
		files = noFiles{}
	}
	compressed := gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, files) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case r.URL.Path == "", r.URL.Path == "/", r.URL.Path == "/"+index:
			serveIndex(w, r, files)
		default:
			compressed.ServeHTTP(w, r)
		}
	})
}

// policy says what a page of ours may load and do. Styles and scripts in the page
// itself need the nonce.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; img-src 'self' data:; " +
		"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func serveIndex(w http.ResponseWriter, r *http.Request, files fs.FS) {
	page, err := fs.ReadFile(files, index)
	status := http.StatusOK
	switch {
	case errors.Is(err, fs.ErrNotExist):
		page, status = notBuilt, http.StatusServiceUnavailable
	case err != nil:
		http.Error(w, "cannot read "+index, http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	page = bytes.ReplaceAll(page, []byte(placeholder), []byte(nonce))
	h := w.Header()
	h.Set("Content-Type", types[".html"])
	h.Set("Content-Length", strconv.Itoa(len(page)))
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // who has gone gets no answer
	}
}

func serveFile(w http.ResponseWriter, r *http.Request, files fs.FS) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	content, err := read(files, name)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, hashed) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if kind, known := types[path.Ext(name)]; known {
		h.Set("Content-Type", kind)
	}
	http.ServeContent(w, r, name, time.Time{}, content) // which knows ranges
}

// read returns the content of a file. A folder is none.
func read(files fs.FS, name string) (io.ReadSeeker, error) {
	content, err := fs.ReadFile(files, name)
	return bytes.NewReader(content), err
}

// noFiles holds nothing.
type noFiles struct{}

// Open implements [fs.FS].
func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
