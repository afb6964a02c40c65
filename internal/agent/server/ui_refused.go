package server

import (
	_ "embed"
	"encoding/json"
	"html"
	"net/http"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
)

// refusedPage is shown to people whose browser is not let in.
//
//go:embed ui_refused.html
var refusedPage string

// refuse answers a problem: to programs as the API does, to people as a page in
// every language, because a browser that is not let in is not told which one
// was chosen.
func refuse(w http.ResponseWriter, r *http.Request, status int, p *problem.Problem) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, "/api/") {
		answer := control.FromError(p)
		answer.Status = status
		h.Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // who has gone gets no answer
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.Replace(refusedPage, "{sections}", sections(p), 1)))
}

// sections says a problem in every language.
func sections(p *problem.Problem) string {
	var b strings.Builder
	for _, lang := range i18n.Languages() {
		title, remedy := i18n.For(lang).Problem(p)
		b.WriteString(`<section lang="` + lang + `"><h1>` + html.EscapeString(title) + "</h1><p>" + html.EscapeString(remedy) + "</p></section>\n")
	}
	return b.String()
}
