package i18n

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
)

var placeholders = regexp.MustCompile(`\{[a-z0-9_:]+\}`)

func areas(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	dir := path.Join("messages", lang)
	files, err := fs.ReadDir(messages, dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, f := range files {
		j, err := messages.ReadFile(path.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(j, &m); err != nil {
			t.Fatalf("%s/%s: %v", lang, f.Name(), err)
		}
		all[f.Name()] = m
	}
	return all
}

func TestEveryTextIsThereInBothLanguages(t *testing.T) {
	en, tr := areas(t, "en"), areas(t, "tr")
	for _, name := range slices.Sorted(maps.Keys(en)) {
		if _, ok := tr[name]; !ok {
			t.Errorf("tr/%s: missing", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tr)) {
		compare(t, name, en[name], tr[name])
	}
}

func compare(t *testing.T, name string, en, tr map[string]string) {
	t.Helper()
	for key, text := range en {
		other, ok := tr[key]
		if !ok {
			t.Errorf("tr/%s: no %s", name, key)
			continue
		}
		want, got := fields(text), fields(other)
		if !slices.Equal(want, got) {
			t.Errorf("%s %s: placeholders en %v, tr %v", name, key, want, got)
		}
	}
	for key := range tr {
		if _, ok := en[key]; !ok {
			t.Errorf("en/%s: no %s", name, key)
		}
	}
}

// fields returns the distinct placeholders of a text, sorted: a language may
// say a name twice.
func fields(text string) []string {
	found := placeholders.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestTextsOfAProblemComeInPairsInTheFileOfTheirArea(t *testing.T) {
	for _, lang := range Languages() {
		for name, m := range areas(t, lang) {
			for key, text := range m {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s/%s: %s is empty", lang, name, key)
				}
				rest, ok := strings.CutPrefix(key, "problem.")
				if !ok {
					continue
				}
				area, _, _ := strings.Cut(rest, ".")
				if area+".json" != name {
					t.Errorf("%s/%s: %s belongs into %s.json", lang, name, key, area)
				}
				twin := strings.TrimSuffix(key, ".title") + ".remedy"
				if strings.HasSuffix(key, ".remedy") {
					twin = strings.TrimSuffix(key, ".remedy") + ".title"
				}
				if _, ok := m[twin]; !ok {
					t.Errorf("%s/%s: %s without %s", lang, name, key, twin)
				}
			}
		}
	}
}

func TestWhatThePagesSayInsteadOfACommandIsOfAProblemAndNamesNone(t *testing.T) {
	command := regexp.MustCompile(`rahat [a-z]|--[a-z]`)
	for _, lang := range Languages() {
		all, n := areas(t, lang), 0
		for key, text := range all["remedy.json"] {
			n++
			code, ok := strings.CutPrefix(key, "remedy.")
			area, _, _ := strings.Cut(code, ".")
			there, has := all[area+".json"]["problem."+code+".remedy"]
			if !ok || !has {
				t.Errorf("%s: %s is of no problem", lang, key)
			}
			if command.MatchString(text) || text == there {
				t.Errorf("%s: %s says nothing else: %q", lang, key, text)
			}
		}
		if n == 0 {
			t.Errorf("%s: there is none", lang)
		}
	}
}

func TestNoKeyStandsInTwoFiles(t *testing.T) {
	for _, lang := range Languages() {
		seen := map[string]string{}
		for name, m := range areas(t, lang) {
			for key := range m {
				if other, ok := seen[key]; ok {
					t.Errorf("%s: %s stands in %s and %s", lang, key, name, other)
				}
				seen[key] = name
			}
		}
	}
}

func TestLanguageOfALocale(t *testing.T) {
	for locale, want := range map[string]string{
		"tr": "tr", "TR": "tr", "tr-TR": "tr", "tr_TR.UTF-8": "tr", "tr@euro": "tr",
		"en_GB.UTF-8": "en", "C": "en", "POSIX": "en", "C.UTF-8": "en", "": "en", "de_DE": "en", "trv": "en",
	} {
		if got := For(locale).Lang(); got != want {
			t.Errorf("For(%q) = %q, want %q", locale, got, want)
		}
	}
	if Known("de") || !Known("tr-TR") {
		t.Error("Known must hold for tr-TR and not for de")
	}
}

func TestDetectTakesTheFirstVariableThatIsSet(t *testing.T) {
	tests := []struct{ rahat, all, messages, lang, want string }{
		{"", "", "", "tr_TR.UTF-8", "tr"},
		{"", "", "tr_TR", "en_US", "tr"},
		{"", "C", "tr_TR", "tr_TR", "en"},
		{"tr", "C", "", "", "tr"},
		{"en", "tr_TR", "tr_TR", "tr_TR", "en"},
		{"xx", "tr_TR", "", "", "tr"},
		{"", "de_DE", "", "", "en"},
	}
	for _, c := range tests {
		t.Setenv("RAHAT_LANG", c.rahat)
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", c.messages)
		t.Setenv("LANG", c.lang)
		if got := Detect(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestFillPutsInWhatIsKnownAndKeepsWhatIsNoPlaceholder(t *testing.T) {
	en := For("en")
	values := map[string]string{"a": "1", "size": "1400000", "n": "1204", "t": "2026-11-21T02:30:00Z", "odd": "many"}
	value := func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	for text, want := range map[string]string{
		"plain":                     "plain",
		"{a}{a}":                    "11",
		"{size:bytes} free":         "1.40 MB free",
		"{n:count} rows":            "1,204 rows",
		"{n:seconds}":               "20 min 4 s",
		"{odd:bytes}":               "many",
		"{missing} is there":        "? is there",
		`{"json": 1} and {A} and {`: `{"json": 1} and {A} and {`,
		"{} {a":                     "{} {a",
		"nested {{a}}":              "nested {1}",
	} {
		if got := en.fill(text, time.Now, value); got != want {
			t.Errorf("fill(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRoomIsToldInUnitsOfTheLanguage(t *testing.T) {
	p := problem.New("engine.target_space").Because(nil, "database", "123456", "need", "4333568", "free", "2100000")
	title, _ := For("tr").Problem(p)
	if !strings.Contains(title, "123456 için 4,33 MB") || !strings.Contains(title, "2,10 MB") {
		t.Errorf("got %q", title)
	}
}

func TestAValueIsNeverReadAsAText(t *testing.T) {
	p := problem.New("test.none").Because(errors.New("{code} {cause}"))
	if title, _ := For("en").Problem(p); !strings.Contains(title, "{code} {cause}") {
		t.Errorf("the cause was filled in: %q", title)
	}
}

func TestAProblemWithoutTextsSaysItsCodeAndCause(t *testing.T) {
	for _, lang := range Languages() {
		title, remedy := For(lang).Problem(problem.New("test.none").Because(errors.New("disk on fire")))
		if !strings.Contains(title, "test.none") || !strings.Contains(title, "disk on fire") || remedy == "" {
			t.Errorf("%s: %q, %q", lang, title, remedy)
		}
		title, _ = For(lang).Problem(problem.New("test.none"))
		if !strings.Contains(title, "test.none") || strings.Contains(title, "?") {
			t.Errorf("%s: %q", lang, title)
		}
	}
	if title, remedy := For("en").Problem(nil); title != "" || remedy != "" {
		t.Errorf("nil: %q, %q", title, remedy)
	}
}

func TestAKeyNobodyHasIsItsOwnText(t *testing.T) {
	if got := For("tr").T("no.such.key"); got != "no.such.key" {
		t.Errorf("got %q", got)
	}
}
