package tray

import (
	"slices"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// A link says whether the agent answers.
type link int

const (
	starting  link = iota
	up             // the rest of the state holds
	lost           // it answered and does so no more
	stopped        // somebody asked it to stop
	failed         // it does not start
	otherness      // it is of another version
)

// state is all that the tray knows. A view is made from it alone.
type state struct {
	link      link
	status    control.StatusReport
	databases []control.DatabaseStatus
	lang      string
	// trouble is why the agent does not start, or why the last click came to
	// nothing.
	trouble *problem.Problem
	// leaving: the tray quits as soon as nothing runs.
	leaving bool
}

// busy reports whether quitting would cut something off. What waits while
// backups are paused does not keep anybody, nor what the next agent goes on with.
func (s *state) busy() bool {
	return s.link == up && slices.ContainsFunc(s.status.Active, func(r control.Run) bool {
		return r.Status == backup.Running || r.Status == backup.Queued && r.Attempts == 0 && !s.status.Paused
	})
}

// running returns the runs that are at work.
func (s *state) running() []control.Run {
	if s.link != up {
		return nil
	}
	var out []control.Run
	for _, r := range s.status.Active {
		if r.Status == backup.Running {
			out = append(out, r)
		}
	}
	return out
}

// take changes the state by an event and reports whether more changed than the
// event tells, so that the state has to be read anew.
func (s *state) take(e control.Event) (stale bool) {
	s.status.Seq = e.Seq
	if e.Kind != "run" || e.Run == nil {
		return true
	}
	run := *e.Run
	i := slices.IndexFunc(s.status.Active, func(r control.Run) bool { return r.ID == run.ID })
	switch {
	case run.Status.Over():
		s.status.Active = slices.DeleteFunc(s.status.Active, func(r control.Run) bool { return r.ID == run.ID })
		return true
	case i < 0:
		s.status.Active = append(s.status.Active, run)
	default:
		s.status.Active[i] = run
	}
	return false
}
