package tray

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

var update = flag.Bool("update", false, "write testdata anew")

var noon = time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC)

// calm is an agent with three databases, all protected.
func calm() state {
	return state{
		link: up, lang: "en",
		status: control.StatusReport{
			State:    control.Protected,
			Headline: control.Text{Code: "state.protected", Params: map[string]string{"n": "3"}},
			Facts:    &control.Text{Code: "state.facts.proven", Params: map[string]string{"newest": "2026-11-21T13:06:00Z", "proven": "2026-11-21T10:18:00Z"}},
			Epoch:    "e", Seq: 5,
		},
		databases: []control.DatabaseStatus{database("pg", "orders_prod"), database("pg", "crm"), database("files", "crm")},
	}
}

func database(server, name string) control.DatabaseStatus {
	return control.DatabaseStatus{Server: server, Database: name, Present: true, Readable: true}
}

func run(id, name string, status backup.Status, phase backup.Phase, done, total int64) control.Run {
	return control.Run{
		ID: id, Kind: backup.RunBackup, Status: status, Server: "pg", Database: name,
		Progress: &backup.Progress{Phase: phase, Done: done, Total: total},
	}
}

// scenes are the states a person may see.
func scenes() map[string]state {
	with := func(f func(*state)) state {
		s := calm()
		f(&s)
		return s
	}
	return map[string]state{
		"starting":  {},
		"protected": calm(),
		"not_protected": with(func(s *state) {
			s.status.State = control.NotProtected
			s.status.Headline = control.Text{Code: "state.no_backup", Params: map[string]string{"server": "pg", "database": "crm"}}
			s.status.Facts = nil
		}),
		"attention_and_a_failed_click": with(func(s *state) {
			s.status.State = control.Attention
			s.trouble = problem.New("agent.no_server").Because(nil, "name", "pg")
		}),
		"running": with(func(s *state) {
			s.status.Active = []control.Run{
				run("1", "orders_prod", backup.Running, backup.PhaseDump, 58, 100), run("2", "crm", backup.Running, backup.PhaseLoad, 1, 3),
				run("3", "c", backup.Running, backup.PhaseConnect, 0, 0), run("4", "d", backup.Running, backup.PhaseDump, 7, 0),
				run("5", "e", backup.Queued, "", 0, 0),
			}
		}),
		"leaving": with(func(s *state) {
			s.status.Active, s.leaving = []control.Run{{ID: "1", Kind: backup.RunRestore, Status: backup.Running, Database: "copy"}}, true
		}),
		"paused": with(func(s *state) {
			s.status.Paused, s.status.State = true, control.Attention
			s.status.Headline = control.Text{Code: "state.paused"}
			s.status.Active = []control.Run{run("1", "crm", backup.Queued, "", 0, 0)}
		}),
		"paused_with_nothing_to_do": with(func(s *state) { s.status.Paused = true }),
		"lost":                      with(func(s *state) { s.link = lost }),
		"stopped":                   with(func(s *state) { s.link = stopped }),
		"failed":                    {link: failed, trouble: client.ErrNoAgent.Because(nil, "program", "/opt/rahat/rahat-agent")},
		"version":                   {link: otherness, trouble: client.ErrVersion.Because(nil, control.MismatchParams("2", "0.3.0", "1", "0.2.0")...)},
	}
}

// draw writes a view as a person sees it: hidden rows are left out, what cannot
// be clicked stands in brackets.
func draw(v View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "icon %s\ntooltip %s\n", v.Icon, strings.ReplaceAll(v.Tooltip, "\n", " | "))
	drawRows(&b, v.Menu, "")
	return b.String()
}

func drawRows(b *strings.Builder, rows []Row, indent string) {
	for _, r := range rows {
		switch {
		case r.Hidden:
			continue
		case r.Separator:
			fmt.Fprintf(b, "%s----\n", indent)
		case r.Disabled:
			fmt.Fprintf(b, "%s[%s]\n", indent, r.Label)
		default:
			fmt.Fprintf(b, "%s%s  -> %s\n", indent, r.Label, strings.TrimSpace(fmt.Sprint(r.Action.Do, " ", r.Action.Server, " ", r.Action.Database)))
		}
		drawRows(b, r.Rows, indent+"    ")
	}
}

// The file shows every scene in both languages, so that a reader can judge the
// words; a change of one is seen there.
func TestScenesLookAsInTheFile(t *testing.T) {
	all := map[string]map[string][]string{}
	for name, s := range scenes() {
		all[name] = map[string][]string{}
		for _, lang := range []string{"en", "tr"} {
			s.lang = lang
			all[name][lang] = strings.Split(strings.TrimSpace(draw(render(&s, noon))), "\n")
		}
	}
	got, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "scenes.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string][]string{}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name, langs := range all {
		for lang, lines := range langs {
			if !slices.Equal(lines, want[name][lang]) {
				t.Errorf("%s in %s:\n%s\nwant\n%s", name, lang, strings.Join(lines, "\n"), strings.Join(want[name][lang], "\n"))
			}
		}
	}
	if len(want) != len(all) {
		t.Errorf("%d scenes in the file, %d here: run with -update", len(want), len(all))
	}
}

// shape says how many rows there are, and below each.
func shape(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%t%d ", r.Separator, len(r.Rows))
		for _, sub := range r.Rows {
			if len(sub.Rows) > 0 {
				b.WriteString("third level")
			}
		}
	}
	return b.String()
}

func TestEveryMenuHasTheSameRowsInTwoLevels(t *testing.T) {
	start := state{}
	want := shape(render(&start, noon).Menu)
	many := calm()
	for i := range 200 {
		many.databases = append(many.databases, database("pg", fmt.Sprint("db", i)))
		many.status.Active = append(many.status.Active, run(fmt.Sprint(i), "x", backup.Running, backup.PhaseDump, 1, 2))
	}
	many.trouble = problem.New("test.none").Because(fmt.Errorf("%s", strings.Repeat("a long story ", 100)))
	all := scenes()
	all["many"] = many
	for name, s := range all {
		menu := render(&s, noon).Menu
		if got := shape(menu); got != want || strings.Contains(got, "third") {
			t.Errorf("%s: rows %s, want %s", name, got, want)
		}
		if last := menu[len(menu)-2:]; last[0].Hidden == last[1].Hidden {
			t.Errorf("%s: there must be one way to quit", name)
		}
	}
}

// labels returns what can be seen below the row with an action that leads on.
func databases(v View) (labels []string) {
	for _, r := range v.Menu {
		if len(r.Rows) != mostDatabases+1 {
			continue
		}
		for _, d := range r.Rows {
			if !d.Hidden {
				labels = append(labels, d.Label)
			}
		}
	}
	return labels
}

func TestTheDatabasesThatNeedSomebodyAreOfferedAmongMany(t *testing.T) {
	s := calm()
	s.databases = nil
	for i := range 200 {
		s.databases = append(s.databases, database("pg", fmt.Sprintf("db%03d", 199-i)))
	}
	got := databases(render(&s, noon))
	if len(got) != mostDatabases+1 || got[0] != "db180" || got[19] != "db199" || got[20] != "All databases…" {
		t.Errorf("got %q", got)
	}
}

func TestOnlyWhatCanBeBackedUpIsOffered(t *testing.T) {
	gone, closed, found, unnamed := database("pg", "gone"), database("pg", "closed"), database("", "found"), database("pg", "")
	gone.Present, closed.Readable = false, false
	s := calm()
	s.databases = []control.DatabaseStatus{gone, closed, database("pg", "crm"), found, unnamed}
	if got := databases(render(&s, noon)); !slices.Equal(got, []string{"crm", "All databases…"}) {
		t.Errorf("got %q", got)
	}
	for _, s.databases = range [][]control.DatabaseStatus{nil, {gone}} {
		if got := databases(render(&s, noon)); !slices.Equal(got, []string{"All databases…"}) {
			t.Errorf("with %d: got %q", len(s.databases), got)
		}
	}
}

func TestTooltipsAreFitted(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"1234\n678", "1234\n678"},
		{"1234\n6789", "1234"},
		{"123456789", "1234567…"},
		{"123456789\n1", "1234567…"},
		{"日本語日本語日本語", "日本語日本語日…"},
		{"𝔰𝔰𝔰𝔰", "𝔰𝔰𝔰𝔰"},
		{"𝔰𝔰𝔰𝔰𝔰", "𝔰𝔰𝔰…"}, // the cut falls into a pair
		{"1𝔰𝔰𝔰𝔰𝔰", "1𝔰𝔰𝔰…"},
	} {
		if got := Fit(c.text, 8); got != c.want || len(utf16.Encode([]rune(got))) > 8 {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestNamesCannotBreakTheMenu(t *testing.T) {
	s := calm()
	evil := "a\nb\u202ec\x00\xff " + strings.Repeat("ğ", 100) + "end"
	s.databases = []control.DatabaseStatus{database("pg", evil)}
	s.status.Active = []control.Run{run("1", evil, backup.Running, backup.PhaseDump, 1, 2)}
	s.status.Headline = control.Text{Code: "state.unproven", Params: map[string]string{"server": "pg", "database": evil}}
	v := render(&s, noon)
	text := draw(v)
	for _, bad := range []string{"a\nb", "\u202e", "\x00", "\xff"} {
		if strings.Contains(strings.ReplaceAll(text, evil, ""), bad) { // the action keeps the name as it is
			t.Errorf("%q is in\n%s", bad, text)
		}
	}
	label := databases(v)[0]
	if n := len([]rune(label)); !strings.HasPrefix(label, "a\uFFFDb\uFFFDc") || !strings.Contains(label, "end (") || n > longestName+len(" (running)") {
		t.Errorf("%d characters: %q", n, label)
	}
	i := slices.IndexFunc(v.Menu, func(r Row) bool { return len(r.Rows) == mostDatabases+1 })
	if got := v.Menu[i].Rows[0].Action.Database; got != evil {
		t.Errorf("the click would back up %q", got)
	}
}

func TestWrapKeepsEveryWord(t *testing.T) {
	for text, want := range map[string][]string{
		"":              nil,
		"one":           {"one"},
		"one two three": {"one two", "three"},
		"a muchtoolong": {"a", "muchtoolong"},
		"muchtoolong a": {"muchtoolong", "a"},
		" şğü  iıö ":    {"şğü iıö"},
	} {
		if got := wrap(text, 7); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
