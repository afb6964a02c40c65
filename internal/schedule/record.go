package schedule

import "time"

// A Record is what has to be remembered of something that is done by a
// schedule, for as long as it is: [Schedule.Due] is asked with Begun.
type Record struct {
	Spec  string    // the schedule that the rest is about, told apart by [Schedule.Spec]
	Since time.Time // when it got that schedule
	Begun time.Time // when it last began, by schedule or by hand; Since if it never has
}

// Spec tells schedules apart: the zone belongs to it.
func (s Schedule) Spec() string {
	if s.cron == nil {
		return ""
	}
	return s.spec + " " + s.zone.String()
}
