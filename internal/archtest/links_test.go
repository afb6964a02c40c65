package archtest

import (
	"slices"
	"strings"
	"testing"
)

// A ban is what a program must not link, however indirectly.
type ban struct{ what, why string }

const (
	systray = "github.com/getlantern/systray"
	wails   = "github.com/wailsapp/wails"

	sameClass  = "systray and Wails both define the class AppDelegate: they cannot be linked together on macOS"
	askAgent   = "it talks to the agent, so that it stays small and starts fast"
	standAlone = "it works when there is no agent, no catalog and no vault any more"
	noDisplay  = "a server has no display, and a crash of the screen must not take a backup with it"
)

// bans is the table of programs in the plan. A program that does not exist yet
// is held to its row from its first day.
var bans = map[string][]ban{
	"app/agent": {{wails, noDisplay}, {systray, noDisplay}, {"internal/cli", "another program"}},
	"app/rahat": {
		{"internal/engine", askAgent}, {"internal/store", askAgent}, {"internal/repository", askAgent},
		{"internal/agent", askAgent}, {wails, askAgent}, {systray, askAgent}, {"modernc.org/sqlite", askAgent},
	},
	"app/restore": {
		{"internal/agent/server", standAlone}, {"internal/agent/catalog", standAlone}, {"internal/agent/queue", standAlone},
		{"internal/vault/file", standAlone}, {"internal/vault/keyring", standAlone}, {"internal/control", standAlone},
		{"internal/cli", "another program"}, {wails, noDisplay}, {systray, noDisplay},
	},
	"app/tray": {
		{wails, sameClass}, {"internal/engine", askAgent}, {"internal/store", askAgent},
		{"internal/repository", askAgent}, {"internal/agent", askAgent},
	},
	"app/window": {
		{systray, sameClass}, {"internal/engine", askAgent}, {"internal/store", askAgent},
		{"internal/repository", askAgent}, {"internal/agent", askAgent},
	},
	"app/hub": {
		{"internal/engine", "the hub never touches data"}, {"internal/agent", "another program"},
		{wails, noDisplay}, {systray, noDisplay},
	},
}

// links returns everything that pkg imports, however indirectly, with the way
// there.
func links(graph map[string][]string, pkg string) map[string]string {
	way := map[string]string{pkg: pkg}
	for queue := []string{pkg}; len(queue) > 0; queue = queue[1:] {
		for _, imported := range graph[queue[0]] {
			if _, seen := way[imported]; !seen {
				way[imported] = way[queue[0]] + " -> " + imported
				queue = append(queue, imported)
			}
		}
	}
	return way
}

// broken returns the ways by which pkg links what it must not.
func broken(graph map[string][]string, pkg string, banned []ban) []string {
	var found []string
	for linked, way := range links(graph, pkg) {
		for _, b := range banned {
			if within(linked, b.what) || strings.HasPrefix(linked, b.what+"/") {
				found = append(found, way+": "+b.why)
			}
		}
	}
	slices.Sort(found)
	return found
}

func TestProgramsLinkOnlyWhatTheyMay(t *testing.T) {
	graph := importGraph(goFiles(t))
	for pkg := range graph {
		if name, ok := strings.CutPrefix(pkg, "app/"); ok && !strings.Contains(name, "/") && bans[pkg] == nil {
			t.Errorf("%s has no row in bans: say what it must not link", pkg)
		}
	}
	for program, banned := range bans {
		for _, way := range broken(graph, program, banned) {
			t.Error(way)
		}
	}
}

func TestForbiddenLinksAreSeenThroughOtherPackages(t *testing.T) {
	graph := map[string][]string{
		"app/rahat":         {"internal/cli"},
		"internal/cli":      {"internal/backup", "internal/store/local"},
		"internal/storeish": {"internal/store"},
	}
	got := broken(graph, "app/rahat", bans["app/rahat"])
	if len(got) != 1 || !strings.HasPrefix(got[0], "app/rahat -> internal/cli -> internal/store/local: ") {
		t.Errorf("got %q, want the one way to internal/store/local", got)
	}
}
