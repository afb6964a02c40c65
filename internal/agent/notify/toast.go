package notify

import (
	"encoding/xml"
	"strings"
)

// toast describes a message to Windows. Of a problem it stays longer.
func toast(m Message) string {
	duration := "short"
	if m.Problem {
		duration = "long"
	}
	return `<toast launch="` + escaped(m.About) + `" duration="` + duration + `"><visual><binding template="ToastGeneric"><text>` +
		escaped(m.Title) + `</text><text>` + escaped(m.Body) + `</text></binding></visual><actions><action content="` +
		escaped(m.Label) + `" arguments="` + escaped(m.About) + `"/></actions></toast>`
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}
