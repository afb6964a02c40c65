package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

func there(names ...string) listing {
	var l listing
	for _, n := range names {
		l.databases = append(l.databases, engine.Database{Name: n, SizeBytes: 100, Readable: true})
	}
	return l
}

// outline writes a list shortly: one line for a database.
func outline(all []control.DatabaseStatus) string {
	var lines []string
	for _, d := range all {
		line := fmt.Sprintf("%s %s/%s/%s", d.State, d.Engine, d.Server, d.Database)
		for _, w := range []struct {
			is   bool
			word string
		}{{!d.Present, " absent"}, {!d.Readable, " closed"}, {d.Found != nil, " found"}} {
			if w.is {
				line += w.word
			}
		}
		if d.Concern != "" {
			line += " " + d.Concern
		}
		if d.Problem != nil {
			line += " " + d.Problem.Code
		}
		if d.Trend == nil {
			line += " no trend"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestDatabasesAreListedOnceAndTheUrgentFirst(t *testing.T) {
	f := world("fine", "dropped", "unproven:unproven", "failed:failed", "never:never", "tried:tried")
	f.servers = []control.Server{
		{Name: "pg", Engine: "postgres", Address: "db:5432"}, {Name: "down", Engine: "postgres", Address: "x"},
		{Name: "empty", Engine: "postgres", Address: "y"}, {Name: "new", Engine: "sqlite", Address: "/srv/a.db"},
	}
	f.jobs = append(f.jobs, control.Job{Server: "down", Databases: []string{everything}}, control.Job{Server: "pg", Databases: []string{"fine", "unproven"}})
	f.backups = append(f.backups, control.Backup{Server: "old", Engine: "sqlite", Database: "archive"})
	k := known{listings: map[string]listing{
		"pg":    there("fine", "unproven", "failed", "never", "tried", "bare"),
		"down":  {problem: &control.Problem{Code: "engine.unreachable"}},
		"empty": {},
	}}
	k.found = []control.Found{
		{Engine: "postgres", Address: "db:5432", Databases: []control.Database{{Name: "fine"}}},         // by address
		{Engine: "postgres", Address: "z", Addresses: []string{"y"}, Databases: []control.Database{{}}}, // by another one
		{Engine: "postgres", Address: "w", Server: "down", Databases: []control.Database{{}}},           // by name
		{Engine: "postgres", Address: "b:1", Server: "gone", Databases: []control.Database{{Name: "y", Readable: true}, {Name: "x"}}},
		{Engine: "mysql", Address: "a:1", Problem: &control.Problem{Code: "discovery.not_supported"}},
	}
	want := strings.TrimSpace(`
not_protected postgres/down/ no_backup engine.unreachable
not_protected sqlite/new/ no_backup
not_protected postgres/pg/bare no_backup
not_protected postgres/pg/never no_backup
not_protected postgres/pg/tried no_backup store.no_space
not_protected mysql// closed found no_backup discovery.not_supported
not_protected postgres//x closed found no_backup
not_protected postgres//y found no_backup
attention postgres/pg/failed failed
attention postgres/pg/unproven unproven
protected sqlite/old/archive absent
protected postgres/pg/dropped absent
protected postgres/pg/fine`)
	for range 20 { // maps have an order of their own each time
		got := newRoll(f, k).list()
		if o := outline(got); o != want {
			t.Fatalf("got\n%s\nwant\n%s", o, want)
		}
		for _, d := range got {
			if d.Found != nil && (d.Found.Databases == nil || len(d.Found.Databases) > 0) {
				t.Fatalf("found %+v", d.Found)
			}
		}
	}
	if len(k.found[3].Databases) != 2 {
		t.Error("what is known was changed")
	}
}

func TestADatabaseHasItsHistory(t *testing.T) {
	f := world("shop:disproven")
	newest, older := f.backups[0], f.backups[0]
	newest.ID, older.ID = "2", "1"
	f.backups, f.whole = []control.Backup{newest}, []control.Backup{older}
	f.histories = []catalog.History{{Server: "pg", Database: "shop", Backups: 2, Trend: []int64{5, 7}}}
	l := there("shop")
	l.databases[0].Readable = false
	got := newRoll(f, known{listings: map[string]listing{"pg": l}}).list()
	if len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	d := got[0]
	if d.Last.ID != "2" || d.Proven.ID != "1" || d.Backups != 2 || !slices.Equal(d.Trend, []int64{5, 7}) || d.SizeBytes != 100 || d.Readable || d.Concern != disproven {
		t.Errorf("got %+v", d)
	}
}

// The list and the sentence must never contradict each other.
func TestTheListAgreesWithTheState(t *testing.T) {
	wrongs := []string{"", ":unproven", ":failed", ":disproven", ":never", ":tried"}
	for i := range len(wrongs) * len(wrongs) {
		f := world("a"+wrongs[i/len(wrongs)], "b"+wrongs[i%len(wrongs)])
		r := newRoll(f, known{listings: map[string]listing{"pg": there("a", "b")}})
		all := r.list()
		if len(all) != 2 || all[0].State != r.state && r.state != control.NotProtected {
			t.Errorf("%s: state %s, list\n%s", outline(all), r.state, outline(all))
		}
		concerns := 0
		for _, d := range all {
			if d.Concern != "" {
				concerns++
			}
		}
		if concerns != len(r.concerns) {
			t.Errorf("%d concerns in the list, %d in the state:\n%s", concerns, len(r.concerns), outline(all))
		}
	}
}

// Two hundred databases are put together far faster than anybody can see.
func TestALongListIsQuick(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprint("db", i))
	}
	f, k := world(names...), known{listings: map[string]listing{"pg": there(names...)}}
	best := time.Hour
	for range 10 {
		begun := time.Now()
		if n := len(newRoll(f, k).list()); n != 200 {
			t.Fatalf("%d databases", n)
		}
		best = min(best, time.Since(begun))
	}
	if best > 40*time.Millisecond { // it takes about one
		t.Errorf("the best of ten took %v", best)
	}
}
