// Package schedule says when something is due. Everything here is a pure
// function of the wall clock: a heartbeat asks [Schedule.Due] every now and then
// with the time of the last run, and time that a computer slept, was off, or had
// its clock set makes no difference but for when the question is asked.
package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // for computers that have no list of zones: Windows, small containers

	"github.com/robfig/cron/v3"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What can be wrong with a schedule.
var (
	// ErrSpec: {spec} is not a schedule; {part}, which may be all of it, is
	// what cannot be understood.
	ErrSpec = problem.New("schedule.not_understood")
	// ErrZone: this system knows no time zone called {zone}.
	ErrZone = problem.New("schedule.unknown_zone")
	// ErrNever: {spec} names a day that no calendar has.
	ErrNever = problem.New("schedule.never")
)

// A Schedule is a set of moments. The zero value has none. It is immutable.
type Schedule struct {
	spec  string
	zone  *time.Location
	cron  cron.Schedule
	clock bool // names some hours of the day, which are met once a day each, whatever the clocks do
}

// horizon is how far ahead moments are looked for: 29 February comes within
// eight years.
const horizon = 9 * 366 * 24 * time.Hour

// Parse reads a schedule. zone is an IANA name such as "Europe/Istanbul"; empty
// is the time zone of this computer. The forms of spec:
//
//	02:00                     every day at that time
//	mon,thu 02:00             on days of the week
//	1,15 02:00                on days of the month
//	every 4h                  at 00:00, 04:00, ...; minutes that divide an hour or hours that divide a day
//	30 2 * * *                cron: minute hour day month weekday
//	@hourly @daily @weekly @monthly
//
// The error is [ErrSpec], [ErrZone] or [ErrNever].
func Parse(spec, zone string) (Schedule, error) {
	loc := time.Local
	if zone != "" {
		var err error
		if loc, err = time.LoadLocation(zone); err != nil {
			return Schedule{}, ErrZone.Because(err, "zone", zone)
		}
	}
	line, ok := cronLine(strings.ToLower(strings.Join(strings.Fields(spec), " ")))
	if !ok {
		return Schedule{}, ErrSpec.Because(nil, "spec", spec, "part", line)
	}
	parsed, err := cronParser.Parse(line)
	if err != nil {
		return Schedule{}, ErrSpec.Because(err, "spec", spec, "part", fault(line))
	}
	s := Schedule{spec: spec, zone: loc, cron: parsed, clock: !everyHour(parsed)}
	if _, ok = s.Next(time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC)); !ok {
		return Schedule{}, ErrNever.Because(nil, "spec", spec)
	}
	return s, nil
}

// String returns what was parsed.
func (s Schedule) String() string { return s.spec }

// Zone returns the time zone its times are meant in.
func (s Schedule) Zone() *time.Location { return s.zone }

var (
	daily   = regexp.MustCompile(`^(?:(\S+) )?([0-9]{1,2}):([0-9]{2})$`)
	every   = regexp.MustCompile(`^every ([0-9]{1,4}) ?(m|min|h)$`)
	weekday = regexp.MustCompile(`^[a-z]{3}([,-][a-z]{3})*$`)
	named   = map[string]string{"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
)

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// fault returns the first field that makes a cron line none.
func fault(line string) string {
	fields := strings.Fields(line)
	for i, f := range fields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = f
		if _, err := cronParser.Parse(strings.Join(alone, " ")); err != nil {
			return f
		}
	}
	return line
}

// everyHour reports whether a cron line leaves out no hour of the day. One of
// every two hours or more does: a day that skips midnight would go without what
// is due every 24.
func everyHour(line cron.Schedule) bool {
	const all = 1<<24 - 1
	spec, ok := line.(*cron.SpecSchedule)
	return ok && spec.Hour&all == all
}

// cronLine turns every form into five cron fields. When spec has none of the
// forms, it returns what of it cannot be understood instead.
func cronLine(spec string) (line string, ok bool) {
	if line, ok := named[spec]; ok {
		return line, true
	}
	if m := every.FindStringSubmatch(spec); m != nil {
		n, err := strconv.Atoi(m[1])
		switch {
		case err != nil || n == 0:
		case m[2] == "h" && 24%n == 0:
			return fmt.Sprintf("0 */%d * * *", n), true
		case m[2] != "h" && 60%n == 0:
			return fmt.Sprintf("*/%d * * * *", n), true
		}
		return m[1] + m[2], false // none, or it does not divide a day or an hour evenly
	}
	if m := daily.FindStringSubmatch(spec); m != nil {
		at := strings.TrimLeft(m[3], "0") + " " + m[2]
		if m[3] == "00" {
			at = "0 " + m[2]
		}
		switch {
		case m[1] == "":
			return at + " * * *", true
		case weekday.MatchString(m[1]):
			return at + " * * " + m[1], true
		}
		return at + " " + m[1] + " * *", true
	}
	return spec, len(strings.Fields(spec)) == 5
}

// Next returns the first moment after t. ok is false when there is none.
//
// A time that the clocks skip in spring is met at the moment they are put
// forward, so that no day goes without; one that they pass twice in autumn is
// met the first time only. A schedule of every hour, or of several times an
// hour, goes by time that really passes.
func (s Schedule) Next(t time.Time) (next time.Time, ok bool) {
	if s.cron == nil {
		return time.Time{}, false
	}
	if !s.clock {
		next = s.after(t.In(s.zone))
		return next, !next.IsZero()
	}
	// The clock's own time, counted as if no clock were ever changed. A day back,
	// because a skipped time is met after the hour that it names.
	face := faceOf(t.In(s.zone)).Add(-24 * time.Hour)
	for end := face.Add(horizon); face.Before(end); {
		face = s.after(face)
		if face.IsZero() {
			break
		}
		if next = s.instant(face); next.After(t) {
			return next, true
		}
	}
	return time.Time{}, false
}

// after asks the cron line, which looks no farther than five years.
func (s Schedule) after(t time.Time) time.Time {
	next := s.cron.Next(t)
	for years := 4; next.IsZero() && years < 9; years += 4 {
		next = s.cron.Next(t.AddDate(years, 0, 0))
	}
	return next
}

// faceOf returns what a clock on the wall shows at t, as a time in UTC.
func faceOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// overlaps are by how much clocks are put back.
var overlaps = []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour}

// instant returns when the clock on the wall first shows face, or the moment at
// which it jumps over it.
func (s Schedule) instant(face time.Time) time.Time {
	t := time.Date(face.Year(), face.Month(), face.Day(), face.Hour(), face.Minute(), 0, 0, s.zone)
	if faceOf(t).Equal(face) {
		// Package time does not say which of two it takes: look for an earlier one.
		for _, d := range overlaps {
			if e := t.Add(-d); faceOf(e.In(s.zone)).Equal(face) {
				return e
			}
		}
		return t
	}
	// Skipped: t is off by the size of the jump, to one side or the other.
	start, end := t.ZoneBounds()
	if faceOf(t).After(face) {
		return start
	}
	return end
}

// Due returns the latest moment after last at which the schedule was met, if
// that is not in the future: however many were missed, one run makes up for
// them. last is when the job last began, by schedule or by hand, or when its
// schedule was made. A last in the future, left by a clock that was set back,
// counts as now.
func (s Schedule) Due(last, now time.Time) (at time.Time, due bool) {
	if last.After(now) {
		last = now
	}
	next, ok := s.Next(last)
	if !ok || next.After(now) {
		return time.Time{}, false
	}
	// The latest is looked for from shortly before now, farther back each time.
	for back := time.Hour; ; back *= 4 {
		from := now.Add(-back)
		if from.Before(last) {
			from = last
		}
		for t, ok := s.Next(from); ok && !t.After(now); t, ok = s.Next(t) {
			at = t
		}
		if !at.IsZero() {
			return at, true
		}
	}
}

// Preview returns the next n moments after t.
func (s Schedule) Preview(t time.Time, n int) []time.Time {
	var list []time.Time
	for len(list) < n {
		next, ok := s.Next(t)
		if !ok {
			break
		}
		list = append(list, next)
		t = next
	}
	return list
}

// Shortest returns the least time between two of the next moments after t: a
// run that takes longer overlaps the one after it. It is 0 when there are fewer
// than two.
func (s Schedule) Shortest(t time.Time) time.Duration {
	const looked = 64
	var least time.Duration
	list := s.Preview(t, looked)
	for i := 1; i < len(list); i++ {
		if d := list[i].Sub(list[i-1]); least == 0 || d < least {
			least = d
		}
	}
	return least
}
