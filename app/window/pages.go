//go:build desktop && !hotreload

package main

import (
	"net/http"

	"github.com/rahatbackup/rahat/frontend"
	"github.com/rahatbackup/rahat/internal/pages"
	"github.com/rahatbackup/rahat/internal/window"
)

// pagesHandler serves the pages this program carries. A WebView cannot unpack
// what it is answered, whatever it says.
func pagesHandler(dark bool) http.Handler {
	built := pages.Handler(window.Coloured(frontend.Window(), dark))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		built.ServeHTTP(w, r)
	})
}
