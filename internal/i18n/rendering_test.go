package i18n

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/rendering.json anew")

// A rendering says what a text looks like. The renderer of the pages is tested
// with the same file, in the time zone of now, which is UTC. Its numbers stay
// below 2^53, so that JavaScript can hold them.
type rendering struct {
	Lang   string            `json:"lang"`
	Key    string            `json:"key"`
	Params map[string]string `json:"params"`
	Now    time.Time         `json:"now"`
	Text   string            `json:"text"`
}

var renderNow = time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC)

// values are what each form is tried with: the edges of what it writes.
var values = map[string][]string{
	"bytes": {"-1", "0", "999", "1000", "1404000", "9994999", "9995000", "99949999", "99950000", "999499999", "999500000", "41000000000", "112300000000",
		"9007199254740991", "many", ""},
	"count": {"0", "7", "999", "1000", "1204", "-1204", "123456", "3000000", "9007199254740991", "1.5", "many"},
	"seconds": {"0", "-1", "0.0135", "0.099", "0.1", "0.4", "9.94", "9.96", "13", "59.4", "59.6", "60", "84", "3599.4", "3599.6", "7500", "86369", "86371",
		"273600", "86400000", "soon"},
	"time": {"2026-11-21T02:30:59Z", "2026-11-21T02:30:00+03:00", "2026-01-02T03:04:05.678Z", "yesterday"},
	"ago": {"2026-11-21T13:18:00Z", "2026-11-21T14:18:00Z", "2026-11-21T13:17:50.5Z", "2026-11-21T13:17:50Z", "2026-11-21T13:17:01Z", "2026-11-21T13:17:00Z",
		"2026-11-21T16:06:00+03:00", "2026-11-21T11:48:01Z", "2026-11-21T11:48:00Z", "2026-11-21T10:18:00Z", "2026-11-19T13:18:01Z", "2026-11-19T13:18:00Z",
		"2024-01-01T00:00:00Z", "never"},
}

// renderCases are the keys and parameters that both renderers must treat alike.
func renderCases() []rendering {
	var all []rendering
	add := func(key string, params map[string]string) {
		for _, lang := range Languages() {
			all = append(all, rendering{Lang: lang, Key: key, Params: params, Now: renderNow})
		}
	}
	for _, as := range []string{"bytes", "count", "seconds", "time", "ago"} {
		for _, v := range values[as] {
			add("format.as."+as, map[string]string{"value": v})
		}
		add("format.as."+as, map[string]string{})
	}
	for _, n := range []string{"0", "1", "2", "7", "1204", "-1", "x"} {
		add("state.protected", map[string]string{"n": n})
		add("state.facts.more", map[string]string{"n": n, "ok": "1204", "newest": "2026-11-21T13:06:00Z"})
		add("count.rows", map[string]string{"n": n})
	}
	add("state.protected", map[string]string{})
	add("state.protected.other", map[string]string{"n": "1204"}) // asked for by its own name
	add("state.unproven", map[string]string{"server": "pg", "database": "mağaza İŞ 日本"})
	add("state.unproven", map[string]string{"server": "{database}", "database": "{server:bytes} $& $1"})
	add("state.unproven", map[string]string{"database": "", "n": "1"})
	add("state.facts.proven", map[string]string{"newest": "2026-11-21T13:06:00Z", "proven": "2026-11-21T10:18:00Z"})
	add("problem.engine.target_space.title", map[string]string{"database": "shop", "need": "4333568", "free": "2100000"})
	add("no.such.key", map[string]string{"n": "1"})
	return all
}

func TestTextsAreRenderedAsTheFileSays(t *testing.T) {
	cases := renderCases()
	var now bytes.Buffer
	now.WriteString("[\n")
	for i, c := range cases {
		c.Text = For(c.Lang).Say(c.Key, c.Params, c.Now)
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		now.Write(line)
		if i < len(cases)-1 {
			now.WriteByte(',')
		}
		now.WriteByte('\n')
	}
	now.WriteString("]\n")
	file := filepath.Join("testdata", "rendering.json")
	if *update {
		if err := os.WriteFile(file, now.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(now.Bytes(), want) {
		return
	}
	was := strings.Split(string(want), "\n")
	for i, line := range strings.Split(now.String(), "\n") {
		if i >= len(was) || line != was[i] {
			t.Fatalf("line %d of %s differs (run with -update if that is meant):\n%s", i+1, file, line)
		}
	}
	t.Fatalf("%s has more lines than there are cases", file)
}

var forms = regexp.MustCompile(`\{[a-z0-9_]+:([a-z]+)\}`)

func TestEveryFormThatATextUsesIsInTheFile(t *testing.T) {
	for _, lang := range Languages() {
		for name, texts := range areas(t, lang) {
			for key, text := range texts {
				for _, m := range forms.FindAllStringSubmatch(text, -1) {
					if len(values[m[1]]) == 0 {
						t.Errorf("%s/%s: %s: no form %s", lang, name, key, m[1])
					}
				}
			}
		}
	}
}

func TestCountedTextsComeInBothForms(t *testing.T) {
	for _, lang := range Languages() {
		for name, texts := range areas(t, lang) {
			for key := range texts {
				stem, one := strings.CutSuffix(key, ".one")
				if _, ok := texts[stem+".other"]; one && !ok {
					t.Errorf("%s/%s: %s without .other", lang, name, key)
				}
			}
		}
	}
}

func TestSayTellsAgesAndTimesFromTheReadersClock(t *testing.T) {
	istanbul := time.FixedZone("", 3*3600)
	at := map[string]string{"value": "2026-11-21T02:30:00Z"}
	if got := For("tr").Say("format.as.time", at, renderNow.In(istanbul)); got != "21.11.2026 05:30" {
		t.Errorf("time: %q", got)
	}
	if got := For("tr").Say("format.as.ago", at, renderNow.Add(24*time.Hour)); got != "34 sa önce" {
		t.Errorf("ago: %q", got)
	}
	if fresh := time.Now().Add(-3 * time.Hour).Format(time.RFC3339); For("en").T("format.as.ago", "value", fresh) != "3 h ago" {
		t.Errorf("T: %q", For("en").T("format.as.ago", "value", fresh))
	}
}
