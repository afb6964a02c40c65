package cli

import (
	"net/http"

	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

func init() {
	jsonCommands = append(jsonCommands,
		jsonCommand{"runs_dead", "runs --dead", "", 0},
		jsonCommand{"run_pause", "run pause dumping", "", 0},
		jsonCommand{"run_retry", "run retry failing", "shop", 0},
		jsonCommand{"pause", "pause", "", 0},
		jsonCommand{"destination_reread", "destination reread disk", "reading", 0},
		jsonCommand{"destination_reread_damaged", "destination reread disk", "damaged", 1},
		jsonCommand{"resume", "resume", "", 0},
		jsonCommand{"job_show_planned", "job show planned", "", 0},
	)
	peopleCommands = append(peopleCommands,
		peopleCommand{"runs_dead", "runs --dead", ""},
		peopleCommand{"run_pause", "run pause dumping", ""},
		peopleCommand{"run_resume", "run resume dumping", ""},
		peopleCommand{"run_retry", "run retry failing", "shop"},
		peopleCommand{"run_dismiss", "run dismiss failing", ""},
		peopleCommand{"run_show_waiting", "run show waiting", ""},
		peopleCommand{"pause", "pause", ""},
		peopleCommand{"destination_reread", "destination reread disk", "reading"},
		peopleCommand{"destination_edit", "destination edit disk --reread-days 30", ""},
		peopleCommand{"resume", "resume", ""},
		peopleCommand{"job_show_planned", "job show planned", ""},
	)
}

// plannedJob has all that a plan can have.
var plannedJob = control.Job{
	Name: "planned", Server: "local", Databases: []string{"shop"}, Destinations: []string{"disk"}, Type: backup.Incremental,
	Schedule: "1,15 02:00", Zone: "Europe/Istanbul", FullSchedule: "1 02:00", Prove: "sat 05:00", ProofDays: 30, Priority: 3, Attempts: 5,
}

// routePlan answers what is about runs that nobody waits for.
func (f *fakeAgent) routePlan() {
	dumping := f.runs["shop"]
	dumping.ID, dumping.Status, dumping.Finished, dumping.Result, dumping.Backup = "dumping", backup.Running, nil, nil, ""
	f.runs["dumping"] = dumping
	waiting := f.runs["failing"]
	waiting.ID, waiting.Status, waiting.Started, waiting.Finished, waiting.Result = "waiting", backup.Queued, nil, nil, nil
	waiting.Attempt, waiting.Attempts, waiting.RetryAt, waiting.Trigger = 1, 3, moment(-90*time.Second), "schedule"
	f.runs["waiting"] = waiting
	reading := f.runs["proving"]
	reading.ID, reading.Kind, reading.Destination, reading.Backup = "reading", backup.RunReread, "disk", ""
	reading.Result = raw(control.RereadResult{Run: "reading", Status: backup.OK, Destination: "disk", Bytes: 6_000_000_000, Packs: 400, Covered: 0.4, Seconds: 61})
	f.runs["reading"] = reading
	reading.ID, reading.Status, reading.Problem = "damaged", backup.Failed, &control.Problem{Code: "agent.reread_damaged", Params: map[string]string{"destination": "disk", "objects": "1", "backups": "2", "databases": "local/shop", "tables": "shop: public.orders"}}
	reading.Result = raw(control.RereadResult{Run: "damaged", Status: backup.Failed, Destination: "disk", Bytes: 6_000_000_000, Packs: 400, Covered: 0.4, Damaged: 1, Seconds: 61})
	f.runs["damaged"] = reading
	f.answer("POST /api/destinations/{name}/reread", func(*http.Request) any { return control.Runs{Runs: f.queue} })
	f.answer("PUT /api/destinations/{name}", func(*http.Request) any { return destinations[0] })
	for _, what := range []string{"pause", "resume", "dismiss"} {
		f.answer("POST /api/runs/{id}/"+what, func(r *http.Request) any {
			run := f.runs[r.PathValue("id")]
			run.Held = what == "pause"
			return run
		})
	}
	f.answer("POST /api/runs/{id}/retry", func(*http.Request) any { return control.Runs{Runs: f.queue} })
	f.answer("POST /api/pause", func(*http.Request) any { return nil })
	f.answer("POST /api/resume", func(*http.Request) any { return nil })
}
