// Package i18n holds what the program says to people, in English and Turkish:
// the texts of messages/<language>/<area>.json and the way numbers, sizes,
// times and durations are written.
//
// A text is found by its key and may hold placeholders. {name} is replaced by
// the parameter as it is. With a form, the parameter is plain and is written as
// the language does, so that it can travel between programs without a language:
//
//	{name:bytes}    a whole number of bytes: "1.40 MB"
//	{name:count}    a whole number: "1,204"
//	{name:seconds}  a number of seconds, with a fraction or without: "1 min 24 s"
//	{name:time}     an RFC 3339 time: "2026-11-21 02:30"
//	{name:ago}      an RFC 3339 time: "12 min ago"
//
// A parameter that is not of its form is shown as it is, one that is missing as
// "?". A counted text has two keys, <key>.one and <key>.other, and the number is
// its parameter n; {n} is then written as {n:count} is.
//
// The pages of the window show the same texts by a renderer of their own:
// testdata/rendering.json says what both must make of them.
//
// Texts are never changed in case: what is right for i in one language is wrong
// in the other.
package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
)

//go:embed messages/*/*.json
var messages embed.FS

// Texts writes for readers of one language. It is made by [For], never changes
// and may be used by several goroutines.
type Texts struct {
	lang string
	form form
	load func() map[string]string
}

// The languages, in the order they are offered. A language is read when its
// first text is asked for.
var languages = []*Texts{
	{lang: "en", form: english, load: sync.OnceValue(func() map[string]string { return read("en") })},
	{lang: "tr", form: turkish, load: sync.OnceValue(func() map[string]string { return read("tr") })},
}

// Languages returns the languages there are, as two-letter codes.
func Languages() []string {
	var all []string
	for _, t := range languages {
		all = append(all, t.lang)
	}
	return all
}

// For returns the texts of a language, given as a code or the name of a locale
// ("tr", "tr-TR", "tr_TR.UTF-8"). What is not known is English.
func For(lang string) *Texts {
	if t, ok := find(lang); ok {
		return t
	}
	return languages[0]
}

// Known reports whether there are texts in the language that lang names.
func Known(lang string) bool {
	_, ok := find(lang)
	return ok
}

func find(lang string) (*Texts, bool) {
	code := lang
	if i := strings.IndexAny(code, "-_.@"); i >= 0 {
		code = code[:i]
	}
	for _, t := range languages {
		if asciiEqual(t.lang, code) {
			return t, true
		}
	}
	return nil, false
}

// asciiEqual compares codes, which are ASCII, so no language has a say in it.
func asciiEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// read merges the files of a language. They are embedded, so a mistake in them
// is a defect that every start and every test shows at once.
func read(lang string) map[string]string {
	all := make(map[string]string, 512)
	dir := path.Join("messages", lang)
	files, err := fs.ReadDir(messages, dir)
	if err != nil {
		panic(fmt.Sprintf("i18n: list embedded texts: %v", err))
	}
	for _, f := range files {
		j, err := messages.ReadFile(path.Join(dir, f.Name()))
		if err == nil {
			err = json.Unmarshal(j, &all)
		}
		if err != nil {
			panic(fmt.Sprintf("i18n: read embedded %s/%s: %v", dir, f.Name(), err))
		}
	}
	return all
}

// Lang returns the two-letter code of the language.
func (t *Texts) Lang() string { return t.lang }

// Has reports whether the language has a text of its own for key.
func (t *Texts) Has(key string) bool {
	_, ok := t.load()[key]
	return ok
}

// T returns the text of key with its placeholders filled; params are name,
// value, name, value. A key this language lacks is answered in English, one
// that nobody has by itself.
func (t *Texts) T(key string, params ...string) string {
	text, ok := t.text(key)
	if !ok {
		return key
	}
	return t.fill(text, time.Now, func(name string) (string, bool) {
		for i := 0; i+1 < len(params); i += 2 {
			if params[i] == name {
				return params[i+1], true
			}
		}
		return "", false
	})
}

// Say returns the text of a key that came from another program, with plain
// parameters. It chooses <key>.one or <key>.other by the parameter n where key
// itself is no text. Ages are told from now, times in now's zone.
func (t *Texts) Say(key string, params map[string]string, now time.Time) string {
	value := func(name string) (string, bool) { v, ok := params[name]; return v, ok }
	text, ok := t.text(key)
	if n, err := strconv.ParseInt(params["n"], 10, 64); !ok && err == nil {
		text, ok = t.text(key + plural(n))
		value = func(name string) (string, bool) {
			if name == "n" {
				return t.Count(n), true
			}
			v, ok := params[name]
			return v, ok
		}
	}
	if !ok {
		return key
	}
	return t.fill(text, func() time.Time { return now }, value)
}

// N is [Texts.T] for a counted thing: it takes <key>.one for one and
// <key>.other for any other number, and fills {n} with the number.
func (t *Texts) N(key string, n int64, params ...string) string {
	return t.T(key+plural(n), append([]string{"n", t.Count(n)}, params...)...)
}

// plural returns the form of a counted text. Both languages have the same two,
// though Turkish makes little of them.
func plural(n int64) string {
	if n == 1 {
		return ".one"
	}
	return ".other"
}

// Problem returns what happened and what to do about it. Beside the parameters
// of p its texts may use {cause}. A code without texts is told by its name and
// its cause. Problem(nil) is two empty strings.
func (t *Texts) Problem(p *problem.Problem) (title, remedy string) {
	if p == nil {
		return "", ""
	}
	value := func(name string) (string, bool) {
		if v, ok := p.Params[name]; ok {
			return v, true
		}
		switch {
		case name == "code":
			return string(p.Code), true
		case name == "cause" && p.Err != nil:
			return p.Err.Error(), true
		}
		return "", false
	}
	key := "problem." + string(p.Code)
	if _, ok := t.text(key + ".title"); !ok {
		key = "unknown"
		if p.Err == nil {
			key = "unknown.bare"
		}
	}
	title, _ = t.text(key + ".title")
	remedy, _ = t.text(key + ".remedy")
	return t.fill(title, time.Now, value), t.fill(remedy, time.Now, value)
}

func (t *Texts) text(key string) (string, bool) {
	if s, ok := t.load()[key]; ok {
		return s, true
	}
	s, ok := languages[0].load()[key]
	return s, ok
}

// fill replaces the placeholders of text. A value nobody gave shows as "?".
func (t *Texts) fill(text string, now func() time.Time, value func(name string) (string, bool)) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed || !placeholder(inner) {
			b.WriteByte('{')
			text = rest
			continue
		}
		name, as, _ := strings.Cut(inner, ":")
		if v, ok := value(name); ok {
			b.WriteString(t.write(v, as, now))
		} else {
			b.WriteByte('?')
		}
		text = after
	}
}

// placeholder reports whether s is a name, or a name and a form.
func placeholder(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != ':' {
			return false
		}
	}
	return s != ""
}

// write puts a parameter into the form a placeholder asks for. What is not of
// that form stays as it is: a strange number is better than none.
func (t *Texts) write(v, as string, now func() time.Time) string {
	switch as {
	case "bytes", "count":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return v
		}
		if as == "bytes" {
			return t.Bytes(n)
		}
		return t.Count(n)
	case "seconds":
		s, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return v
		}
		return t.Duration(time.Duration(s * float64(time.Second)))
	case "time", "ago":
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return v
		}
		if as == "ago" {
			return t.Ago(at, now())
		}
		return t.Time(at.In(now().Location()))
	}
	return v
}
