package server

import (
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/discovery"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/i18n"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// world makes facts about the databases of the server pg: names with what is
// wrong with them after a colon.
func world(databases ...string) facts {
	f := facts{servers: []control.Server{{Name: "pg"}}}
	for i, d := range databases {
		name, wrong, _ := strings.Cut(d, ":")
		b := control.Backup{Server: "pg", Database: name, Finished: noon.Add(-time.Duration(12+i) * time.Minute)}
		r := control.Run{Kind: backup.RunBackup, Server: "pg", Database: name, Status: backup.OK}
		p := control.VerifyResult{Status: backup.OK, At: noon.Add(-time.Duration(3+i) * time.Hour)}
		switch wrong {
		case "never": // a job wants it
			f.jobs = append(f.jobs, control.Job{Server: "pg", Databases: []string{name}})
			continue
		case "tried":
			r.Status, r.Problem = backup.Failed, &control.Problem{Code: "store.no_space"}
			f.runs = append(f.runs, r)
			continue
		case "failed":
			r.Status = backup.Failed
		case "disproven":
			p.Status = backup.Failed
		}
		f.runs, f.backups = append(f.runs, r), append(f.backups, b)
		if wrong != "unproven" {
			b.Proof = &p
			f.proven = append(f.proven, b)
		}
	}
	return f
}

func TestTheSentenceNamesTheFirstThing(t *testing.T) {
	all := control.Job{Server: "pg", Databases: []string{everything}}
	cases := []struct {
		name  string
		facts facts
		want  string
	}{
		{"nothing", facts{}, "No database is protected yet."},
		{"only a server", world(), "No database is protected yet."},
		{"one", world("shop"), "Your database is protected. | Newest backup 12 min ago, last proven 3 h ago."},
		{"all", world("shop", "crm", "hr"), "All 3 databases protected. | Newest backup 12 min ago, last proven 3 h ago."},
		{"unproven", world("shop:unproven"), "shop on pg has never been proven. | Newest backup 12 min ago."},
		{"of two", world("crm", "shop:unproven"), "shop on pg has never been proven. | The other one is protected. Newest backup 12 min ago."},
		{"of four", world("a", "b", "c", "shop:failed"), "The last backup of shop on pg failed. | The other 3 are protected. Newest backup 12 min ago."},
		{"two of three", world("a", "b:unproven", "c:disproven"), "The last proof of c on pg failed. | One more needs you, 1 protected. Newest backup 12 min ago."},
		{"three of four", world("a:failed", "b:unproven", "c:disproven", "d"), "The last backup of a on pg failed. | 2 more need you, 1 protected. Newest backup 12 min ago."},
		{"all of it", world("a:unproven", "b:unproven"), "a on pg has never been proven. | One more needs you, 0 protected. Newest backup 12 min ago."},
		{"never worked", world("shop:tried"), "shop on pg has no backup: the last attempt failed."},
		{"none of two", world("shop:never", "crm:tried"), "crm on pg has no backup: the last attempt failed. | One more has no backup."},
		{"none of three", world("a:never", "b:never", "c:tried"), "a on pg has no backup. | 2 more have no backup."},
		{"a job of all", facts{servers: []control.Server{{Name: "pg"}}, jobs: []control.Job{all}}, "No database of pg has a backup."},
		{"one never, others fine", world("a", "b", "c:never"), "c on pg has no backup. | The other 2 are protected. Newest backup 12 min ago."},
	}
	for _, c := range cases {
		if got := said(stand(c.facts), "en"); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestTheSentenceTellsOfDatabasesThatNobodyBacksUp(t *testing.T) {
	has := func(names ...string) known {
		l := listing{}
		for _, n := range names {
			name, closed, _ := strings.Cut(n, ":")
			l.databases = append(l.databases, engine.Database{Name: name, Readable: closed == ""})
		}
		return known{listings: map[string]listing{"pg": l, "gone": {databases: []engine.Database{{Name: "x", Readable: true}}}}}
	}
	wild := has()
	wild.found = []control.Found{{Engine: "mysql", Address: "a", Problem: control.FromError(discovery.ErrNotSupported)}, {Engine: "postgres", Address: "c"}, {Engine: "postgres", Address: "b", Databases: []control.Database{{Name: "x"}, {Name: "y"}}}}
	all := world()
	all.jobs = []control.Job{{Server: "pg", Databases: []string{everything}}}
	const tail = " | Newest backup 12 min ago, last proven 3 h ago."
	cases := []struct {
		facts facts
		known known
		want  string
	}{
		{world("a", "b"), has("a", "b"), "All 2 databases protected." + tail},
		{world("a", "b"), has("a", "b", "c"), "2 databases are protected." + tail + " One more database is not backed up."},
		{world("a"), has("a", "b", "c", "secret:closed"), "One database is protected." + tail + " 2 more databases are not backed up."},
		{world("a:unproven"), has("a", "b"), "a on pg has never been proven. | Newest backup 12 min ago."},
		{world("a", "b:never"), has("a", "b"), "b on pg has no backup. | The other one is protected. Newest backup 12 min ago."},
		{world("a"), wild, "Your database is protected." + tail},
		{world(), has("a"), "No database is protected yet. | One database waits for its first backup."},
		{world(), wild, "No database is protected yet. | 2 database servers were found on this computer."},
		{all, has("a", "b"), "No database of pg has a backup."},
	}
	for _, c := range cases {
		if got := said(newStanding(newRoll(c.facts, c.known)), "en"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAPauseIsTheFirstThing(t *testing.T) {
	fine, bad, none := world("a", "b"), world("a", "b:unproven"), world()
	cases := []struct {
		facts         facts
		jobs, waiting int
		state         control.State
		want          string
	}{
		{fine, 0, 0, control.Protected, "All 2 databases protected. | Newest backup 12 min ago, last proven 3 h ago."},
		{fine, 1, 0, control.Attention, "Backups are paused. | Newest backup 12 min ago, last proven 3 h ago."},
		{fine, 0, 1, control.Attention, "Backups are paused, one run is waiting. | Newest backup 12 min ago, last proven 3 h ago."},
		{bad, 1, 3, control.Attention, "Backups are paused, 3 runs are waiting. | b on pg has never been proven."},
		{none, 1, 0, control.NotProtected, "Backups are paused."},
		{none, 0, 0, control.NotProtected, "No database is protected yet."},
	}
	for _, c := range cases {
		st := stand(c.facts)
		st.paused, st.jobs, st.waiting = true, c.jobs, c.waiting
		if got := said(st, "en"); got != c.want || st.overall() != c.state {
			t.Errorf("%d jobs, %d waiting: %s\ngot  %s\nwant %s", c.jobs, c.waiting, st.overall(), got, c.want)
		}
	}
}

func stand(f facts) standing { return newStanding(newRoll(f, known{})) }

// said writes headline and facts as a person reads them at noon.
func said(st standing, lang string) string {
	h := st.headline()
	text := i18n.For(lang).Say(h.Code, h.Params, noon)
	if f := st.facts(); f != nil {
		text += " | " + i18n.For(lang).Say(f.Code, f.Params, noon)
	}
	return text
}

func TestTheSentenceLeavesOutServersThatAreGone(t *testing.T) {
	f := world("shop")
	f.backups = append([]control.Backup{{Server: "gone", Database: "x", Finished: noon}}, f.backups...)
	f.proven = append(f.proven, control.Backup{Server: "gone", Database: "x", Proof: &control.VerifyResult{Status: backup.OK, At: noon}})
	if got := said(stand(f), "tr"); got != "Veritabanınız korunuyor. | En yeni yedek 12 dk önce, son kanıt 3 sa önce." {
		t.Error(got)
	}
}
