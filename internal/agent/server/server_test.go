package server

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestTheCommittedDocumentIsTheOneOfTheseTypes(t *testing.T) {
	file := filepath.Join("..", "..", "control", "openapi.json")
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(now, committed) {
		t.Errorf("%s is not what the types say: go run ./app/agent openapi > internal/control/openapi.json", file)
	}
	for _, want := range []string{`"/api/backups/{id}/restore"`, `"BackupResult"`, `"#/components/schemas/Problem"`} {
		if !bytes.Contains(now, []byte(want)) {
			t.Errorf("the document lacks %s", want)
		}
	}
	// The one thing that is null is NULL, in BackupRows.
	if bytes.Contains(now, []byte(`"$schema"`)) || bytes.Count(now, []byte(`"null"`)) != 1 {
		t.Error("the document has $schema or null")
	}
}

func TestEveryRouteOfTheContractIsInTheDocument(t *testing.T) {
	document, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	contract, err := os.ReadFile(filepath.Join("..", "..", "control", "API.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(contract)) {
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ' ' || r == '?' || r == '|' || r == ';' }) {
			if strings.HasPrefix(word, "/api/") && word != "/api/openapi.json" {
				n++
				if !bytes.Contains(document, []byte(`"`+word+`"`)) {
					t.Errorf("no %s", word)
				}
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d routes found in API.md", n)
	}
}

func TestJudge(t *testing.T) {
	shop := []control.Server{{Name: "shop"}}
	run := func(database string, s backup.Status) control.Run {
		return control.Run{Kind: backup.RunBackup, Server: "shop", Database: database, Status: s}
	}
	absent := func(database string) control.Run {
		r := run(database, backup.Failed)
		r.Problem = control.FromError(engine.ErrNoDatabase)
		return r
	}
	made := func(database string) control.Backup { return control.Backup{Server: "shop", Database: database} }
	proof := func(database string, s backup.Status) control.Backup {
		return control.Backup{Server: "shop", Database: database, Proof: &control.VerifyResult{Status: s}}
	}
	job := func(databases ...string) []control.Job {
		return []control.Job{{Name: "j", Server: "shop", Databases: databases}}
	}
	cases := map[string]struct {
		facts facts
		want  control.State
	}{
		"nothing at all": {facts{}, control.NotProtected},
		"only a server":  {facts{servers: shop}, control.NotProtected},
		"proven": {
			facts{servers: shop, jobs: job("a"), runs: []control.Run{run("a", backup.OK)}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Protected,
		},
		"not proven": {
			facts{servers: shop, runs: []control.Run{run("a", backup.OK)}, backups: []control.Backup{made("a")}},
			control.Attention,
		},
		"one of two not proven": {
			facts{servers: shop, backups: []control.Backup{made("a"), made("b")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Attention,
		},
		"proof failed": {
			facts{servers: shop, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.Failed)}},
			control.Attention,
		},
		"last run failed": {
			facts{servers: shop, runs: []control.Run{run("a", backup.Failed)}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Attention,
		},
		"last run interrupted": {
			facts{servers: shop, runs: []control.Run{run("a", backup.Interrupted)}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Attention,
		},
		"never worked": {
			facts{servers: shop, runs: []control.Run{run("a", backup.OK), run("b", backup.Failed)}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.NotProtected,
		},
		"a database that is not there": {
			facts{servers: shop, jobs: job("a"), runs: []control.Run{run("a", backup.OK), absent("typo")}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Protected,
		},
		"a database of a job that is not there": {
			facts{servers: shop, jobs: job("a"), runs: []control.Run{absent("a")}, backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Attention,
		},
		"job never ran": {
			facts{servers: shop, jobs: job("a", "b"), backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.NotProtected,
		},
		"job for all": {
			facts{servers: shop, jobs: job("*"), backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)}},
			control.Protected,
		},
		"job for all of another server": {
			facts{
				servers: append(shop, control.Server{Name: "new"}), jobs: []control.Job{{Server: "new", Databases: []string{"*"}}},
				backups: []control.Backup{made("a")}, proven: []control.Backup{proof("a", backup.OK)},
			},
			control.NotProtected,
		},
		"failures of a server that is gone": {
			facts{
				servers: shop, runs: []control.Run{{Server: "gone", Database: "x", Status: backup.Failed}},
				backups: []control.Backup{made("a"), {Server: "gone", Database: "x"}}, proven: []control.Backup{proof("a", backup.OK)},
			},
			control.Protected,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := judge(c.facts)
			got, why := v.state, v.concerns
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if none := got == control.Protected || len(c.facts.backups) == 0 && len(c.facts.jobs) == 0; (len(why) == 0) != none {
				t.Errorf("%s for the reasons %+v", got, why)
			}
		})
	}
}

func TestConcernsNameTheWorstOfEachDatabase(t *testing.T) {
	run := func(database string) control.Run {
		return control.Run{Server: "s", Database: database, Status: backup.Failed, Problem: &control.Problem{Code: "store.no_space"}}
	}
	made := func(database string) control.Backup { return control.Backup{Server: "s", Database: database} }
	proof := func(database string, s backup.Status) control.Backup {
		return control.Backup{Server: "s", Database: database, Proof: &control.VerifyResult{Status: s}}
	}
	list := judge(facts{
		servers: []control.Server{{Name: "s"}, {Name: "new"}},
		jobs:    []control.Job{{Server: "s", Databases: []string{"never", "ok"}}, {Server: "new", Databases: []string{"*"}}},
		runs:    []control.Run{run("failed"), run("never")},
		backups: []control.Backup{made("ok"), made("unproven"), made("failed"), made("disproven")},
		proven:  []control.Backup{proof("ok", backup.OK), proof("disproven", backup.Failed)},
	}).concerns
	var got []string
	for _, c := range list {
		code := ""
		if c.Problem != nil {
			code = " " + c.Problem.Code
		}
		got = append(got, c.Kind+" "+c.Server+" "+c.Database+code)
	}
	want := "no_backup new *; no_backup s never store.no_space; failed s failed store.no_space; disproven s disproven; unproven s unproven"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestConnectionLeadsToTheDatabaseAndHasNoPassword(t *testing.T) {
	dir := t.TempDir()
	cases := []struct {
		server   control.Server
		database string
		want     string
	}{
		{control.Server{Engine: engine.Postgres, Address: "db:5432", User: "ali"}, "shop", "postgresql://ali@db:5432/shop"},
		{control.Server{Engine: engine.Postgres, Address: "[::1]:5432"}, "şube 1/2", "postgresql://[::1]:5432/%C5%9Fube%201%2F2"},
		{control.Server{Engine: engine.Postgres, Address: "::1", User: "a@b"}, "x", "postgresql://a%40b@[::1]/x"},
		{control.Server{Engine: engine.Postgres, Address: "/run/postgresql", User: "ali"}, "x", "postgresql://ali@/x?host=%2Frun%2Fpostgresql"},
		{control.Server{Engine: engine.Postgres, Address: "/run/postgresql"}, "x", "postgresql:///x?host=%2Frun%2Fpostgresql"},
		{control.Server{Engine: engine.SQLite, Address: dir}, "a.db", filepath.Join(dir, "a.db")},
		{control.Server{Engine: engine.SQLite, Address: filepath.Join(dir, "old.db")}, "new.db", filepath.Join(dir, "new.db")},
		{control.Server{Engine: engine.SQLite, Address: dir}, filepath.Join(dir, "b.db"), filepath.Join(dir, "b.db")},
	}
	for _, c := range cases {
		if got := connection(c.server, c.database); got != c.want {
			t.Errorf("%+v %q: got %s, want %s", c.server, c.database, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	ids := []backup.ID{"01a1", "01a2", "01b1"}
	cases := []struct {
		id   string
		want backup.ID
		err  error
	}{
		{"latest", "01b1", nil}, {"01a2", "01a2", nil}, {"01B", "01b1", nil},
		{"01a", "", ErrAmbiguous}, {"ff", "", ErrNoBackup}, {"", "", ErrNoBackup},
	}
	for _, c := range cases {
		if got, err := choose(ids, c.id); got != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%q: got %s, %v", c.id, got, err)
		}
	}
	if _, err := choose(nil, "latest"); !errors.Is(err, ErrNoBackup) {
		t.Errorf("latest of none: %v", err)
	}
}

func TestStatusOfCodes(t *testing.T) {
	for code, want := range map[problem.Code]int{
		"agent.no_server": 404, "repository.not_found": 404, "repository.no_backup": 404, "engine.table_not_found": 404,
		"agent.job_exists": 409, "engine.target_exists": 409, "store.exists": 409, "vault.wrong_key": 401,
		"engine.unreachable": 502, "store.unavailable": 502, "agent.internal": 500, "catalog.damaged": 500,
		"agent.stopping": 503, "agent.no_databases": 422, "control.version_mismatch": http.StatusPreconditionFailed,
	} {
		if got := statusOf(code); got != want {
			t.Errorf("%s: got %d, want %d", code, got, want)
		}
	}
}

func TestARestoreThatWasCutOffSaysWhatMayBeLeft(t *testing.T) {
	begun := time.Now()
	for want, r := range map[string]control.Run{
		"agent.restore_cut_off": {Kind: backup.RunRestore, Server: "shop", Database: "copy", Started: &begun},
		"agent.interrupted":     {Kind: backup.RunRestore, Server: "shop", Database: "copy"}, // it never began
	} {
		if p := cutOff(r); p.Code != want || want == "agent.restore_cut_off" && (p.Params["database"] != "copy" || p.Params["server"] != "shop") {
			t.Errorf("got %+v, want %s", p, want)
		}
	}
	if p := cutOff(control.Run{Kind: backup.RunBackup, Started: &begun}); p.Code != "agent.interrupted" {
		t.Errorf("a backup: %+v", p)
	}
}
