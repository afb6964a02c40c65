package server

import (
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

func TestTheNextRunOfADatabaseIsThatOfTheJobThatComesFirst(t *testing.T) {
	f := facts{
		now:     time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		servers: []control.Server{{Name: "pg", Engine: "postgres", Address: "db:5432"}},
		jobs: []control.Job{
			{Name: "all", Server: "pg", Databases: []string{everything}, Schedule: "02:00", Zone: "UTC"},
			{Name: "often", Server: "pg", Databases: []string{"orders"}, Schedule: "every 1h", Zone: "UTC"},
			{Name: "off", Server: "pg", Databases: []string{everything}, Schedule: "every 5m", Paused: true},
			{Name: "by-hand", Server: "pg", Databases: []string{everything}},
			{Name: "broken", Server: "pg", Databases: []string{everything}, Schedule: "nonsense"},
			{Name: "elsewhere", Server: "my", Databases: []string{everything}, Schedule: "every 5m"},
		},
		backups: []control.Backup{{Server: "pg", Engine: "postgres", Database: "gone"}},
	}
	k := known{listings: map[string]listing{"pg": there("orders", "billing")}}
	got := map[string]string{}
	for _, d := range newRoll(f, k).list() {
		if d.Next != nil {
			got[d.Database] = d.Next.UTC().Format(time.RFC3339)
		}
	}
	if len(got) != 2 || got["orders"] != "2026-11-21T13:00:00Z" || got["billing"] != "2026-11-22T02:00:00Z" {
		t.Errorf("next runs: %v", got)
	}
}
