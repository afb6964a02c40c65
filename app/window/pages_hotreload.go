//go:build desktop && hotreload

package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// pagesHandler passes requests on to the development server at RAHAT_DEV_URL,
// whose pages change in the open window when their source does. Never part of a
// program that people get.
func pagesHandler(bool) http.Handler {
	server, err := url.Parse(os.Getenv("RAHAT_DEV_URL"))
	if err != nil || server.Host == "" {
		return http.NotFoundHandler()
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(server)
		r.Out.Header.Del("Origin")
		r.Out.Header.Del("Accept-Encoding")
	}}
}
