package cli

import (
	"net/http"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/retention"
)

type jsonCommand = struct {
	file string
	line string
	runs string
	code int
}

type peopleCommand = struct{ file, line, runs string }

func init() {
	jsonCommands = append(jsonCommands,
		jsonCommand{"backup_copy", "backup copy latest --to cloud", "copying", 0},
		jsonCommand{"label", "label latest --pin --tag release", "", 0},
		jsonCommand{"config_export", "config export", "", 0},
		jsonCommand{"config_import", "config import testdata/config.json --dry-run", "", 0},
		jsonCommand{"config_import_newer", "config import testdata/config-newer.json", "", 2},
		jsonCommand{"server_edit", "server edit local --user ali --password-stdin", "", 0},
		jsonCommand{"destination_unlock", "destination unlock disk --passphrase-stdin", "", 0},
		jsonCommand{"prune", "prune --to cloud", "pruning", 0},
		jsonCommand{"prune_dry", "prune --dry-run", "", 0},
		jsonCommand{"job_preview", "job preview nightly", "", 0},
		jsonCommand{"job_templates", "job templates", "", 0},
		jsonCommand{"job_rule_unsure", "job edit nightly --keep-last 2", "", 5},
	)
	peopleCommands = append(peopleCommands,
		peopleCommand{"backup_copy", "backup copy latest --to cloud", "copying"},
		peopleCommand{"label", "label latest --pin --tag release", ""},
		peopleCommand{"config_import", "config import testdata/config.json --dry-run", ""},
		peopleCommand{"prune", "prune --to cloud", "pruning"},
		peopleCommand{"prune_dry", "prune --dry-run", ""},
		peopleCommand{"job_preview", "job preview nightly", ""},
		peopleCommand{"job_templates", "job templates", ""},
		peopleCommand{"backups_labelled", "backups --tag release", ""},
	)
}

// routeKeeping answers what keeps backups: copies, rules, labels, and the
// configuration as a file.
func (f *fakeAgent) routeKeeping() {
	done := func(id string, kind backup.RunKind, result any) {
		r := f.runs["proving"]
		r.ID, r.Kind, r.Result, r.Destination = id, kind, raw(result), "cloud"
		f.runs[id] = r
	}
	done("copying", backup.RunCopy, control.CopyResult{Run: "copying", Status: backup.OK, Backup: shopBackup, Destination: "cloud",
		AddedBytes: 412_000_000, StoredBytes: 6_000_000_000, Seconds: 21})
	done("pruning", backup.RunPrune, control.PruneResult{Run: "pruning", Status: backup.OK, Destination: "cloud", Removed: []string{crmBackup}, Kept: 11,
		BeforeBytes: 6_500_000_000, AfterBytes: 6_000_000_000, FreedBytes: 500_000_000, WaitingBytes: 39_000_000, Seconds: 2})
	f.answer("POST /api/prune", func(*http.Request) any { return control.Runs{Runs: f.queue} })
	entry := func(b control.Backup, why ...retention.Why) control.RetentionEntry {
		return control.RetentionEntry{Backup: b.ID, Server: b.Server, Database: b.Database, Destination: b.Destination, At: b.Started,
			StoredBytes: b.StoredBytes, Keep: len(why) > 0, Why: why}
	}
	f.answer("POST /api/prune/preview", func(*http.Request) any {
		return control.PrunePreview{Backups: []control.RetentionEntry{entry(backups[0], retention.Last, retention.LastGood), entry(backups[1])}}
	})
	f.answer("POST /api/jobs/preview", func(*http.Request) any {
		next := []time.Time{now.Add(13 * time.Hour), now.Add(37 * time.Hour)}
		clocks := []control.ClockChange{{At: next[0], Kind: "repeated", Time: "02:18"}, {At: next[1], Kind: "skipped", Time: "02:00"}}
		return control.JobPreview{Next: next, NextFull: next[1:], Prove: next[:1], Clocks: clocks, Removed: []control.RetentionEntry{entry(backups[1]), entry(backups[1])}, Kept: 1}
	})
	f.answer("GET /api/job-templates", func(*http.Request) any {
		return []control.JobTemplate{{Name: "daily", Text: control.Text{Code: "template.daily"}, Job: control.Job{
			Databases: []string{}, Destinations: []string{}, Type: backup.Incremental, Schedule: "02:00", FullSchedule: "sun 02:00", Verify: "basic",
			Rule: retention.Rule{Daily: 7, Weekly: 4, Monthly: 12},
		}}}
	})
	f.answer("PUT /api/servers/{name}", func(*http.Request) any { return servers[0] })
	f.answer("GET /api/config", func(*http.Request) any {
		return control.ConfigFile{Kind: control.ConfigKind, Version: 1, Program: "1.0", Written: now, Machine: "till-3",
			Servers: servers, Destinations: destinations, Jobs: jobs, Channels: []control.Channel{}}
	})
	f.answer("POST /api/config", func(*http.Request) any {
		return control.ConfigImported{Added: []string{"server/local"}, Changed: []string{}, Same: []string{}, Left: []string{"job/nightly"}, NeedSecrets: []string{"server/local"}}
	})
	f.answer("POST /api/destinations/{name}/unlock", func(*http.Request) any { return destinations[0] })
	labelled := backups[0]
	labelled.Copies = []string{"cloud"}
	labelled.Label = control.Label{Pinned: true, Tags: []string{"release"}, Note: "before the move"}
	f.answer("PUT /api/backups/{id}/label", func(*http.Request) any { return labelled })
	f.answer("GET /api/backups", func(r *http.Request) any {
		if f.empty {
			return []any{}
		}
		if r.URL.Query().Get("tag") == "release" {
			return []control.Backup{labelled, backups[1]}
		}
		return backups
	})
	f.answer("POST /api/backups/{id}/copy", func(*http.Request) any { return control.Runs{Runs: f.queue} })
}
