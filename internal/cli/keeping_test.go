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
	)
	peopleCommands = append(peopleCommands,
		peopleCommand{"backup_copy", "backup copy latest --to cloud", "copying"},
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
	f.answer("POST /api/backups/{id}/copy", func(*http.Request) any { return control.Runs{Runs: f.queue} })
}
