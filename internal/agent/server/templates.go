package server

import (
	"context"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/retention"
)

// templates are ready-made jobs, the most usual first. Their times are at night
// and apart from each other, their proofs after the backups.
var templates = []control.Job{
	{
		Name: "daily", Type: backup.Incremental, Schedule: "02:00", FullSchedule: "sun 02:00", Verify: "basic", Prove: "sun 05:00", ProofDays: 14,
		Rule: retention.Rule{Daily: 7, Weekly: 4, Monthly: 12},
	},
	{
		Name: "hourly", Type: backup.Incremental, Schedule: "every 1h", FullSchedule: "sat 03:00", Prove: "sun 05:00", ProofDays: 14,
		Rule: retention.Rule{Hourly: 48, Daily: 14, Weekly: 8, Monthly: 6},
	},
	{
		Name: "archive", Type: backup.Full, Schedule: "1 03:30", Verify: "full", ProofDays: 45,
		Rule: retention.Rule{Monthly: 84},
	},
	{
		Name: "laptop", Type: backup.Incremental, Schedule: "12:30", FullSchedule: "1 12:30", Prove: "fri 13:00", ProofDays: 21,
		Rule: retention.Rule{Daily: 7, Weekly: 4},
	},
}

// listTemplates returns the ready-made jobs. What they are for is said by the
// text template.<name>.
func (s *Server) listTemplates(context.Context, *struct{}) ([]control.JobTemplate, error) {
	all := make([]control.JobTemplate, 0, len(templates))
	for _, j := range templates {
		t := control.JobTemplate{Name: j.Name, Text: control.Text{Code: "template." + j.Name}, Job: j}
		t.Job.Name, t.Job.Databases, t.Job.Destinations = "", []string{}, []string{}
		all = append(all, t)
	}
	return all, nil
}
