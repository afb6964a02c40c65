package logging

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// hidden replaces what must not be written.
const hidden = "[secret]"

// secretNames are attributes whose values are never written, alone or as the
// last word of a longer name: "password", "repository_key".
var secretNames = []string{"password", "secret", "passphrase", "identity", "key", "token"}

var (
	// userinfo is the account in a URL: scheme://user:password@host.
	userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#\s"'@]*(?:@[^/?#\s"'@]*)*@`)
	// ageIdentity is the private half of an age key pair.
	ageIdentity = regexp.MustCompile(`(?i)AGE-SECRET-KEY-[0-9A-Z-]+`)
	// assigned is a secret in a connection string or query: password=x.
	assigned = regexp.MustCompile(`(?i)\b(password|passwd|pwd|passphrase|secret|token|secret_key|access_key)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s&;,]+)`)
)

// Scrub takes out of a text what looks like a secret: accounts in URLs,
// password=... and age identities.
func Scrub(s string) string {
	if strings.Contains(s, "://") {
		s = userinfo.ReplaceAllString(s, "${1}"+hidden+"@")
	}
	if strings.Contains(s, "=") {
		s = assigned.ReplaceAllString(s, "${1}="+hidden)
	}
	return ageIdentity.ReplaceAllString(s, hidden)
}

// redact is called by slog for every attribute, those in groups included.
func redact(_ []string, a slog.Attr) slog.Attr {
	if isSecret(a.Key) {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Scrub(a.Value.String()))
	case slog.KindAny:
		a.Value = scrubAny(a.Value.Any())
	}
	return a
}

func isSecret(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	return len(words) > 0 && slices.Contains(secretNames, words[len(words)-1])
}

// scrubAny looks into a value of any type by way of its JSON, for a struct may
// hold a password or a URL at any depth.
func scrubAny(v any) slog.Value {
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.StringValue(Scrub(v.Error()))
	case *slog.Source: // the log call's own place
		return slog.AnyValue(v)
	}
	j, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(Scrub(fmt.Sprint(v)))
	}
	var tree any
	if err := json.Unmarshal(j, &tree); err != nil {
		return slog.StringValue(hidden) // not reached: it was just made
	}
	return slog.AnyValue(scrubTree(tree))
}

func scrubTree(v any) any {
	switch v := v.(type) {
	case string:
		return Scrub(v)
	case []any:
		for i := range v {
			v[i] = scrubTree(v[i])
		}
	case map[string]any:
		for k := range v {
			if isSecret(k) {
				v[k] = hidden
			} else {
				v[k] = scrubTree(v[k])
			}
		}
	}
	return v
}
