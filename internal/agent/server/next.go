package server

import (
	"slices"

	"github.com/rahatbackup/rahat/internal/schedule"
)

// ofSchedules says of every database when a job backs it up next. Jobs that
// are paused back nothing up.
func (r *roll) ofSchedules() {
	for _, j := range r.jobs {
		if j.Schedule == "" || j.Paused {
			continue
		}
		s, err := schedule.Parse(j.Schedule, j.Zone)
		if err != nil {
			continue // the plan complains
		}
		next, ok := s.Next(r.now)
		if !ok {
			continue
		}
		for at, row := range r.rows {
			mine := at.server == j.Server && (slices.Contains(j.Databases, everything) || slices.Contains(j.Databases, at.database))
			if mine && row.Present && (row.Next == nil || next.Before(*row.Next)) {
				row.Next = &next
			}
		}
	}
}
