package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// outcome writes findings shortly, those that are well left out.
func outcome(found engine.Findings) string {
	var all []string
	for _, x := range found {
		if x.Status != engine.CheckOK {
			all = append(all, fmt.Sprintf("%s %s %s", x.Name, x.Status, x.Problem.Code))
		}
	}
	return strings.Join(all, ", ")
}

func TestAPreflightForetellsWhatARestoreWouldSay(t *testing.T) {
	s := filled(t)
	s.Exec(t, "postgres", "CREATE ROLE keeper", "CREATE ROLE maker LOGIN CREATEDB PASSWORD 'x'", "CREATE ROLE weak LOGIN PASSWORD 'x'")
	s.Exec(t, "d", "ALTER TABLE t OWNER TO keeper")
	m := take(t, open(t, s, nil), "d")
	s.Exec(t, "d", "DROP OWNED BY keeper; CREATE TABLE t (i int)")
	s.Exec(t, "postgres", "DROP ROLE keeper")
	changed := func(f func(*properties)) *memory {
		var p properties
		if err := json.Unmarshal(m.m.Detail, &p); err != nil {
			t.Fatal(err)
		}
		f(&p)
		c := &memory{m: m.m, data: m.data}
		detail, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		c.m.Detail = detail
		return c
	}
	super, maker, weak := open(t, s, nil), openAs(t, s, "maker", "x", nil), openAs(t, s, "weak", "x", nil)
	for name, c := range map[string]struct {
		srv    *server
		src    *memory
		target engine.Target
		want   string
	}{
		"roles":       {super, m, engine.Target{Database: "e"}, "roles warning postgres.will_make_roles"},
		"no roles":    {super, m, engine.Target{Database: "e", SkipRoles: true}, "roles warning postgres.will_lack_roles"},
		"not a super": {maker, m, engine.Target{Database: "e"}, "roles warning postgres.will_lack_roles"},
		"all at once": {weak, m, engine.Target{Database: "d"}, "rights failed engine.target_privilege, name failed engine.target_exists, roles warning postgres.will_lack_roles"},
		"a table":     {weak, m, engine.Target{Database: "d", Tables: []string{"t"}}, "roles warning postgres.will_lack_roles"},
		"extension": {super, changed(func(p *properties) { p.Extensions = append(p.Extensions, extension{"postgis", "3"}) }), engine.Target{Database: "e", SkipRoles: true},
			"version failed postgres.extension_missing, roles warning postgres.will_lack_roles"},
		"newer": {super, changed(func(p *properties) { p.Version = 99 }), engine.Target{Database: "e"}, "version warning postgres.will_be_older, roles warning postgres.will_make_roles"},
		"tablespace": {super, changed(func(p *properties) { p.Tablespaces = []backup.Name{"fast"} }), engine.Target{Database: "e"},
			"version warning postgres.will_move_tables, roles warning postgres.will_make_roles"},
		"huge":    {super, changed(func(p *properties) { p.SizeBytes = 1 << 60 }), engine.Target{Database: "e", SkipRoles: true}, "space failed engine.target_space, roles warning postgres.will_lack_roles"},
		"no name": {super, m, engine.Target{}, "name failed engine.bad_config, roles warning postgres.will_make_roles"},
	} {
		found, err := c.srv.Preflight(t.Context(), c.src, c.target)
		if got := outcome(found); err != nil || got != c.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", name, got, err, c.want)
		}
	}
	if got := s.Query(t, "postgres", "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'")[0][0]; strings.Contains(got, "keeper") {
		t.Errorf("roles %s", got)
	}
}

// What cannot be seen is not said to be well.
func TestAPreflightIsSilentOnWhatItCannotSee(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d", "CREATE ROLE maker LOGIN CREATEDB PASSWORD 'x'")
	m := take(t, open(t, s, nil), "d")
	for user, sees := range map[string]bool{s.User: true, "maker": false} {
		password := "x"
		if sees {
			password = s.Password
		}
		found, err := openAs(t, s, user, password, nil).Preflight(t.Context(), m, engine.Target{Database: "e"})
		if err != nil || found.Failed() {
			t.Errorf("%s: %s, %v", user, outcome(found), err)
		}
		space := false
		for _, x := range found {
			space = space || x.Name == engine.PreflightSpace
		}
		if space != sees {
			t.Errorf("%s: space was examined: %v", user, space)
		}
	}
}
