package server

import (
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/schedule"
)

func TestGraceIsHalfTheTimeUntilTheNext(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	since := at("2026-11-01 12:00") // a Sunday
	for _, c := range []struct{ spec, now, want string }{
		{"02:00", "2026-11-01 23:00", ""}, // none yet
		{"02:00", "2026-11-02 02:30", ""},
		{"02:00", "2026-11-02 13:59", ""},
		{"02:00", "2026-11-02 14:00", "2026-11-02 02:00"},
		{"02:00", "2026-11-05 03:00", "2026-11-04 02:00"}, // that of today has time left
		{"every 1h", "2026-11-01 13:59", ""},
		{"every 1h", "2026-11-01 14:00", "2026-11-01 13:00"},
		{"every 5m", "2026-11-01 12:59", ""},
		{"every 5m", "2026-11-01 13:07", "2026-11-01 12:05"},
		{"mon,tue 02:00", "2026-11-04 12:00", "2026-11-02 02:00"}, // Tuesday's has until Friday
		{"mon,tue 02:00", "2026-11-06 12:00", "2026-11-03 02:00"},
	} {
		s, err := schedule.Parse(c.spec, "UTC")
		if err != nil {
			t.Fatal(err)
		}
		m, ok := missable(s, since, at(c.now))
		got := ""
		if ok {
			got = m.at.Format("2006-01-02 15:04")
		}
		if got != c.want {
			t.Errorf("%s at %s: %q, want %q", c.spec, c.now, got, c.want)
		}
	}
}

func TestWhatWasNotBackedUpWhenItWasDueIsOfConcern(t *testing.T) {
	const hour = time.Hour
	// The facts are those of noon: daily at 06:00 UTC is overdue at 18:00.
	night := control.Job{Name: "nightly", Server: "pg", Databases: []string{"a", "b"}, Schedule: "06:00", Zone: "UTC"}
	all, paused, never := night, night, night
	all.Databases, paused.Paused, never.Schedule = []string{everything}, true, ""
	cases := []struct {
		name string
		job  control.Job
		now  time.Duration // after noon
		edit func(*facts)
		want string // database kind
	}{
		{"made today", night, 7 * hour, nil, ""},
		{"made yesterday, not late yet", night, 5*hour + 24*hour, nil, ""},
		{"made yesterday, and late", night, 7*hour + 24*hour, nil, "a overdue; b overdue"},
		{"all", all, 7*hour + 24*hour, nil, "a overdue; b overdue; c overdue"},
		{"one of all was dropped", all, 7*hour + 24*hour, func(f *facts) { f.backups[1].Finished = noon.Add(-50 * hour) }, "a overdue; c overdue"},
		{"one was made", night, 7*hour + 24*hour, func(f *facts) { f.backups[0].Finished = noon.Add(20 * hour) }, "b overdue"},
		{"paused", paused, 7*hour + 24*hour, nil, ""},
		{"no schedule", never, 7*hour + 24*hour, nil, ""},
		{"the schedule is new", night, 7*hour + 24*hour, func(f *facts) {
			f.records[taskBackup+"nightly"] = schedule.Record{Since: noon.Add(25 * hour)}
		}, ""},
		{"not seen yet", night, 7*hour + 24*hour, func(f *facts) { f.records = nil }, ""},
		{"one failed as well", night, 7*hour + 24*hour, func(f *facts) { f.runs[1].Status = backup.Failed }, "b failed; a overdue"},
	}
	for _, c := range cases {
		f := world("a", "b", "c")
		f.jobs, f.now = []control.Job{c.job}, noon.Add(c.now)
		f.records = map[string]schedule.Record{taskBackup + "nightly": {Since: noon.Add(-100 * hour)}}
		if c.edit != nil {
			c.edit(&f)
		}
		v := judge(f)
		if got := kinds(v); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if (v.state == control.Protected) != (c.want == "") {
			t.Errorf("%s: %s", c.name, v.state)
		}
	}
}

func TestADatabaseWhoseFirstBackupDidNotRunIsSaidToBeOverdue(t *testing.T) {
	night := control.Job{Name: "nightly", Server: "pg", Databases: []string{"a", "b", "c"}, Schedule: "06:00", Zone: "UTC"}
	late := func(databases ...string) facts {
		f := world(databases...)
		f.jobs, f.now = []control.Job{night}, noon.Add(7*time.Hour)
		f.records = map[string]schedule.Record{taskBackup + "nightly": {Since: noon.Add(-100 * time.Hour)}}
		return f
	}
	f := late("b:tried", "c:unproven") // a was never tried, of b the first attempt failed
	v := judge(f)
	if got := kinds(v); got != "a overdue; b no_backup; c unproven" || v.state != control.NotProtected {
		t.Errorf("%s, %s", got, v.state)
	}
	for lang, want := range map[string]string{"en": "a on pg has no backup: it was due and did not run.", "tr": "pg üzerindeki a veritabanının yedeği yok: zamanı geldi ama çalışmadı."} {
		if got := said(stand(f), lang); !strings.HasPrefix(got, want) {
			t.Errorf("said %s", got)
		}
	}
	f.now = noon.Add(-5 * time.Hour) // not late yet
	f.records[taskBackup+"nightly"] = schedule.Record{Since: noon.Add(-6 * time.Hour)}
	if got := kinds(judge(f)); got != "a no_backup; b no_backup; c unproven" {
		t.Errorf("in time: %s", got)
	}
	all := late()
	all.jobs[0].Databases = []string{everything}
	if got := said(stand(all), "en"); !strings.HasPrefix(got, "No database of pg has a backup: it was due and did not run.") {
		t.Errorf("all: %s", got)
	}
	row := control.DatabaseStatus{}
	newRoll(f, known{}).judgeRow(source{"pg", "b"}, &row)
	if row.State != control.NotProtected || row.Concern != noBackup {
		t.Errorf("row of b: %+v", row)
	}
	row = control.DatabaseStatus{}
	newRoll(late("c"), known{}).judgeRow(source{"pg", "a"}, &row)
	if row.State != control.NotProtected || row.Concern != overdue {
		t.Errorf("row of a: %+v", row)
	}
}

func kinds(v verdict) string {
	var list []string
	for _, c := range v.concerns {
		list = append(list, c.Database+" "+c.Kind)
	}
	return strings.Join(list, "; ")
}

func TestAProofHasAnAge(t *testing.T) {
	f := world("a", "b:disproven", "c:unproven") // a was proved at 09:00
	f.jobs = []control.Job{{Name: "j", Server: "pg", Databases: []string{everything}, ProofDays: 7}}
	f.now = noon.Add(6 * 24 * time.Hour)
	if got := kinds(judge(f)); got != "b disproven; c unproven" {
		t.Errorf("after six days: %s", got)
	}
	f.now = noon.Add(7 * 24 * time.Hour)
	if got := kinds(judge(f)); got != "b disproven; a proof_old; c unproven" {
		t.Errorf("after seven days: %s", got)
	}
	if got, want := said(stand(world("a")), "tr"), "Veritabanınız korunuyor."; !strings.HasPrefix(got, want) {
		t.Errorf("without an age: %s", got)
	}
}

func TestWhatIsBeingProvenIsNotSaidToBeUnproven(t *testing.T) {
	verify := control.Run{Kind: backup.RunVerify, Server: "pg", Database: "a", Status: backup.Queued, Level: "full"}
	both := control.Run{Kind: backup.RunBackup, Server: "pg", Database: "b", Status: backup.Running, Level: "full"}
	held, later, plain := verify, verify, both
	at := noon
	held.Held, later.RetryAt, plain.Level = true, &at, noProof
	const tail = " | Newest backup 12 min ago."
	for _, c := range []struct {
		facts  facts
		active []control.Run
		want   string
	}{
		{world("a:unproven"), []control.Run{verify}, "a on pg is being proven for the first time." + tail},
		{world("a:unproven", "b:unproven"), []control.Run{verify, both}, "2 databases are being proven for the first time." + tail},
		{world("a", "b:unproven"), []control.Run{both}, "b on pg is being proven for the first time. | Newest backup 12 min ago, last proven 3 h ago."},
		{world("a:unproven"), []control.Run{held}, "a on pg has never been proven." + tail},
		{world("a:unproven"), []control.Run{later}, "a on pg has never been proven." + tail},
		{world("b:unproven"), []control.Run{plain}, "b on pg has never been proven." + tail},
		{world("a:disproven"), []control.Run{verify}, "The last proof of a on pg failed." + tail},
		{world("a:unproven", "b:failed"), []control.Run{verify}, "The last backup of b on pg failed. | The other one is protected. Newest backup 12 min ago."},
	} {
		c.facts.active = c.active
		if got := said(stand(c.facts), "en"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAServerThatCouldNotBeAskedIsOfConcernUntilItCould(t *testing.T) {
	f := world("a", "b")
	f.jobs = []control.Job{{Name: "j", Server: "pg", Databases: []string{everything}}}
	asked := control.Run{Kind: backup.RunBackup, Server: "pg", Database: everything, Status: backup.Failed, Problem: &control.Problem{Code: "engine.unreachable"}}
	f.runs = append(f.runs, asked)
	if got := said(stand(f), "en"); !strings.HasPrefix(got, "The last backup of all databases of pg failed.") {
		t.Errorf("got %s", got)
	}
	f.runs = append(f.runs, control.Run{Kind: backup.RunBackup, Server: "pg", Database: "a", Status: backup.OK})
	if got := said(stand(f), "en"); !strings.HasPrefix(got, "All 2 databases protected.") {
		t.Errorf("got %s", got)
	}
	none := world()
	none.jobs, none.runs = f.jobs, []control.Run{asked}
	if got := judge(none); kinds(got) != "* no_backup" || got.concerns[0].Problem == nil {
		t.Errorf("none yet: %+v", got.concerns)
	}
}
