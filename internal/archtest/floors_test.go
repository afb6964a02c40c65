package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// floors is the house, bottom first. A package belongs to its longest matching
// entry, so a driver stands on the floor of its contract; a new package is
// added here in the commit that makes it.
var floors = []string{
	0: "backup problem version",
	1: "schedule retention rowdelta vault clienttool paths ipc i18n logging pages autostart",
	2: "engine store repository control hubapi recoverykit",
	3: "agent/archiver agent/restorer agent/verifier agent/pruner agent/discovery agent/catalog agent/queue doctor " +
		"agent/scheduler agent/notify agent/message agent/script agent/storecheck agent/update hub/account hub/audit hub/fleet hub/reports hub/webhooks",
	4: "agent/server agent/uplink cli rescue tray window hub/server",
	5: "agent hub",
	6: "e2e",
}

// contracts have several drivers in folders below them, which programs choose
// from and nobody else names.
var contracts = []string{"internal/engine", "internal/store", "internal/vault"}

// sideways are imports on one floor that the plan asks for, with the reason.
var sideways = map[string]string{
	"internal/repository -> internal/store": "a repository is a form of backups on a Store, and sees only the contract",
}

// floor returns the floor of a package, or -1 when it has none. Programs and
// what builds them stand above the house.
func floor(pkg string) int {
	rel, internal := strings.CutPrefix(pkg, "internal/")
	if !internal {
		return len(floors)
	}
	best, longest := -1, 0
	for number, names := range floors {
		for name := range strings.FieldsSeq(names) {
			if within(rel, name) && len(name) > longest {
				best, longest = number, len(name)
			}
		}
	}
	return best
}

// within reports whether pkg is parent or lies below it.
func within(pkg, parent string) bool {
	return pkg == parent || strings.HasPrefix(pkg, parent+"/")
}

// driverOf returns the driver that pkg is or belongs to, such as
// internal/engine/postgres, or nothing. Suites, decorators and fakes of a
// contract count as drivers too.
func driverOf(pkg string) string {
	for _, c := range contracts {
		if rest, ok := strings.CutPrefix(pkg, c+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			return c + "/" + name
		}
	}
	return ""
}

// mayImport returns why from must not import to, or nothing when it may.
func mayImport(from, to string) string {
	driver := driverOf(to)
	switch {
	case driver != "" && driver == driverOf(from):
		return "" // the inner parts of one driver
	case within(from, "build"):
		return "" // not part of the product
	case within(to, "build"):
		return "the product does not contain what builds it"
	case to == "frontend" && !within(from, "app"):
		return "the built pages are handed in by programs"
	case to == "frontend":
		return ""
	case driver != "" && strings.HasPrefix(from, "internal/"):
		return "drivers are named only by programs: take the contract, and let the program choose"
	case floor(to) < floor(from), from == to:
		return ""
	case path.Dir(from) == to && floor(to) == floor(from):
		return "" // a driver and its contract, a client and its types
	case strings.HasPrefix(to, from+"/") && floor(to) == floor(from):
		return "" // a package and its own inner part
	case sideways[from+" -> "+to] != "":
		return ""
	}
	return fmt.Sprintf("imports point down: it stands on floor %d, the other on floor %d", floor(from), floor(to))
}

func TestImportsPointDown(t *testing.T) {
	graph := importGraph(goFiles(t))
	for _, pkg := range slices.Sorted(maps.Keys(graph)) {
		if pkg == "internal/archtest" {
			continue
		}
		if floor(pkg) < 0 {
			t.Errorf("%s is on no floor: add it to floors", pkg)
			continue
		}
		for _, imported := range graph[pkg] {
			if _, ours := graph[imported]; !ours || floor(imported) < 0 {
				continue
			}
			if why := mayImport(pkg, imported); why != "" {
				t.Errorf("%s imports %s: %s", pkg, imported, why)
			}
		}
	}
}

func TestForbiddenImportsAreSeen(t *testing.T) {
	forbidden := map[string]string{
		"internal/backup":            "internal/engine",          // up
		"internal/engine/postgres":   "internal/engine/sqlite",   // a sibling
		"internal/engine":            "internal/engine/postgres", // a contract and its driver
		"internal/agent/archiver":    "internal/engine/postgres", // a driver outside a program
		"internal/agent/restorer":    "internal/agent/archiver",  // one use case and another
		"internal/agent/server":      "internal/cli",             // one part and another
		"internal/agent/catalog":     "internal/agent",           // the program that assembles it
		"internal/control":           "internal/store",           // one contract and another
		"internal/store/local":       "internal/store/retry",     // a driver and a decorator
		"internal/engine/enginetest": "internal/engine/postgres", // a suite and what it tests
		"app/rahat":                  "build/step",               // the product and what builds it
		"internal/pages":             "frontend",                 // pages outside a program
	}
	for from, to := range forbidden {
		if mayImport(from, to) == "" {
			t.Errorf("%s may import %s, which the plan forbids", from, to)
		}
	}
	allowed := map[string]string{
		"app/agent":                      "internal/engine/postgres",
		"app/window":                     "frontend",
		"internal/engine/postgres":       "internal/engine",
		"internal/engine/postgres/inner": "internal/engine/postgres/other",
		"internal/agent/archiver":        "internal/repository",
		"internal/control/client":        "internal/control",
		"internal/repository":            "internal/store",
		"internal/agent":                 "internal/agent/server",
		"build/bench":                    "internal/control",
	}
	for from, to := range allowed {
		if why := mayImport(from, to); why != "" {
			t.Errorf("%s may not import %s: %s", from, to, why)
		}
	}
}
