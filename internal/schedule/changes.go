package schedule

import "time"

// A ChangeKind is what a change of the clocks does to a time of day.
type ChangeKind string

// The kinds of changes.
const (
	Skipped  ChangeKind = "skipped"  // it is met when the clocks are put forward
	Repeated ChangeKind = "repeated" // it is met the first time only
)

// A Change is a moment of a schedule that a change of the clocks makes special.
type Change struct {
	At   time.Time
	Kind ChangeKind
	Face string // the time of day that is meant, such as 02:30
}

// Changes returns those of the moments of the schedule that meet a change of the
// clocks. A schedule that goes by time that really passes has none.
func (s Schedule) Changes(moments []time.Time) (list []Change) {
	if s.cron == nil || !s.clock {
		return nil
	}
	for _, at := range moments {
		if face, ok := s.skipped(at); ok {
			list = append(list, Change{at, Skipped, face.Format("15:04")})
		} else if face := faceOf(at.In(s.zone)); s.repeated(at, face) {
			list = append(list, Change{at, Repeated, face.Format("15:04")})
		}
	}
	return list
}

// skipped returns the first time of the schedule that the clocks jump over at a
// moment.
func (s Schedule) skipped(at time.Time) (face time.Time, ok bool) {
	local := at.In(s.zone)
	start, _ := local.ZoneBounds()
	if !start.Equal(at) {
		return face, false
	}
	_, before := at.Add(-1).In(s.zone).Zone()
	_, after := local.Zone()
	to := faceOf(local)
	from := to.Add(time.Duration(before-after) * time.Second)
	face = s.after(from.Add(-time.Second))
	return face, !face.IsZero() && face.Before(to)
}

// repeated reports whether the clocks show a face again after a moment.
func (s Schedule) repeated(at, face time.Time) bool {
	for _, d := range overlaps {
		if faceOf(at.Add(d).In(s.zone)).Equal(face) {
			return true
		}
	}
	return false
}
