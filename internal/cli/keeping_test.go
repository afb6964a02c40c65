package cli

import (
	"net/http"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
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
	)
	peopleCommands = append(peopleCommands,
		peopleCommand{"backup_copy", "backup copy latest --to cloud", "copying"},
		peopleCommand{"label", "label latest --pin --tag release", ""},
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
