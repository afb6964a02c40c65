package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
)

func TestNamesProposedForRestoredDatabases(t *testing.T) {
	long := strings.Repeat("ş", 40)
	for _, c := range []struct {
		name, kind string
		n          int
		want       string
	}{
		{"shop", engine.Postgres, 1, "shop_restored"},
		{"shop", engine.Postgres, 2, "shop_restored_2"},
		{"shop_restored", engine.Postgres, 1, "shop_restored"},
		{"shop_restored_12", engine.Postgres, 3, "shop_restored_3"},
		{"my_restored_shop", engine.Postgres, 1, "my_restored_shop_restored"},
		{long, engine.Postgres, 1, strings.Repeat("ş", 27) + "_restored"},
		{long, engine.Postgres, 10, strings.Repeat("ş", 25) + "_restored_10"},
		{"data/shop.db", engine.SQLite, 1, "data/shop_restored.db"},
		{"data/shop_restored.db", engine.SQLite, 2, "data/shop_restored_2.db"},
		{"shop", engine.SQLite, 1, "shop_restored"},
		{long + ".db", engine.SQLite, 1, long + "_restored.db"},
	} {
		if got := restoredName(c.name, c.kind, c.n); got != c.want {
			t.Errorf("%s %d: got %s, want %s", c.name, c.n, got, c.want)
		}
	}
}

func TestEveryCheckIsListedInItsPlace(t *testing.T) {
	var found engine.Findings
	found.Add(engine.PreflightVersion, nil)
	found.Add(engine.PreflightVersion, nil, engine.ErrToolTooOld)
	found.Add(engine.PreflightVersion, engine.ErrTargetVersion.Because(nil))
	found.Add(engine.PreflightVersion, nil)
	found.Add(engine.PreflightName, nil)
	found.Add(engine.PreflightBackup, nil)
	found.Add(engine.PreflightBackup, nil)
	var got []string
	for _, c := range checks(found) {
		line := c.Name + " " + c.Status
		if c.Problem != nil {
			line += " " + c.Problem.Code
		}
		got = append(got, line)
	}
	want := "backup ok, connection skipped, name ok, version warning engine.tool_too_old, version failed engine.target_version, rights skipped, roles skipped, space skipped"
	if s := fmt.Sprint(strings.Join(got, ", ")); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}
