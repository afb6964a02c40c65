package server

import (
	"context"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/pruner"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// previewed is how many moments a preview tells of each schedule.
const previewed = 10

// previewJob says what a job would do from now on, whether it is there already
// or not.
func (s *Server) previewJob(ctx context.Context, in *body[control.Job]) (control.JobPreview, error) {
	j := in.Body
	p := control.JobPreview{Next: []time.Time{}, NextFull: []time.Time{}, Prove: []time.Time{}, Removed: []control.RetentionEntry{}}
	if err := j.Rule.Check(); err != nil {
		return p, err
	}
	if err := moments(j, s.Now(), &p); err != nil {
		return p, err
	}
	return p, s.previewRule(ctx, j, &p)
}

// moments fills in when the job is due.
func moments(j control.Job, now time.Time, p *control.JobPreview) error {
	for _, x := range []struct {
		spec string
		into *[]time.Time
	}{{j.Schedule, &p.Next}, {j.Prove, &p.Prove}} {
		if x.spec == "" {
			continue
		}
		sched, err := schedule.Parse(x.spec, j.Zone)
		if err != nil {
			return err
		}
		*x.into = append(*x.into, sched.Preview(now, previewed)...)
	}
	if err := clocks(j, p); err != nil {
		return err
	}
	if j.Type == backup.Full {
		p.NextFull = append(p.NextFull, p.Next...)
		return nil
	}
	if j.FullSchedule == "" {
		return nil
	}
	full, err := schedule.Parse(j.FullSchedule, j.Zone)
	if err != nil {
		return err
	}
	last := now
	for _, at := range p.Next {
		if _, due := full.Due(last, at); due {
			p.NextFull, last = append(p.NextFull, at), at
		}
	}
	return nil
}

// clocks fills in what changes of the clocks do to the next runs.
func clocks(j control.Job, p *control.JobPreview) error {
	if j.Schedule == "" {
		return nil
	}
	sched, err := schedule.Parse(j.Schedule, j.Zone)
	if err != nil {
		return err
	}
	for _, c := range sched.Changes(p.Next) {
		p.Clocks = append(p.Clocks, control.ClockChange{At: c.At, Kind: string(c.Kind), Time: c.Face})
	}
	return nil
}

// previewRule fills in what the job's rule would remove of the backups that a
// job of its name, or of the name it had, has made.
func (s *Server) previewRule(ctx context.Context, j control.Job, p *control.JobPreview) error {
	for _, d := range slices.Compact(append(slices.Clone(j.Destinations), j.Emergency)) {
		if d == "" {
			continue
		}
		held, err := s.heldBy(ctx, d, "", "")
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(b pruner.Backup) bool { return !goesBy(j, b.Job) })
		decided := pruner.Decide(held, func(string, string, string) pruner.Policy { return pruner.Policy{Rule: j.Rule, Zone: zoneOf(j)} }, s.Now())
		for _, e := range entries(d, decided) {
			if e.Keep {
				p.Kept++
			} else {
				p.Removed = append(p.Removed, e)
			}
		}
	}
	return nil
}
