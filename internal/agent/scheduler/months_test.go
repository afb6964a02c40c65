package scheduler

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A stretch is a time in which nothing happens to the computer's clock. What
// comes before it: the clock jumps (it was set, or the computer slept), or the
// agent is off for a while, or is started anew.
type stretch struct {
	jump, off time.Duration
	restart   bool
	lasts     time.Duration
}

// twoYears is a life: from 1 January 2000 on, with a leap day and every change
// of the clocks of two zones in both directions.
var twoYears = []stretch{
	{lasts: 40 * day},
	{off: 21 * day, lasts: 30 * day},                // over the leap day
	{restart: true, lasts: 3*day + 2*time.Hour},     // an update
	{jump: 60 * time.Hour, lasts: 12 * time.Hour},   // a weekend asleep
	{jump: 9 * time.Hour, lasts: 15 * time.Hour},    // a night asleep
	{jump: 9 * time.Hour, lasts: 60 * day},          // and another
	{jump: day, lasts: 5 * day},                     // the clock is set wrong
	{jump: -day, lasts: 90 * day},                   // and right
	{jump: -25 * time.Hour, lasts: 2 * day},         // wrong the other way
	{jump: 25 * time.Hour, lasts: 40 * day},         // and right
	{off: 3 * time.Hour, lasts: 100 * day},          // over the autumn of 2000
	{jump: -40 * time.Second, lasts: 80 * day},      // corrected by the network
	{jump: 40 * time.Second, lasts: 60 * day},       //
	{off: 14 * day, lasts: 20 * day},                // a holiday
	{jump: 30 * time.Minute, lasts: 200*day + 1234}, // the rest of 2001
}

// A clockwork finds the moments of a daily time by looking at the clock on the
// wall every minute; it is the oracle.
type clockwork struct {
	zone         string
	hour, minute int
	fits         func(time.Time) bool // the day; nil: every day
}

// moments returns all moments between two times.
func (c clockwork) moments(t *testing.T, from, until time.Time) (list []time.Time) {
	t.Helper()
	zone, err := time.LoadLocation(c.zone)
	if err != nil {
		t.Fatal(err)
	}
	want := c.hour*60 + c.minute
	met := ""
	for at := from.Truncate(time.Minute); at.Before(until); at = at.Add(time.Minute) {
		local, before := at.In(zone), at.Add(-time.Minute).In(zone)
		day, shows, showed := local.Format(time.DateOnly), local.Hour()*60+local.Minute(), before.Hour()*60+before.Minute()
		jumped := before.Day() == local.Day() && showed < want && shows > want
		if (shows == want || jumped) && day != met && (c.fits == nil || c.fits(local)) {
			met = day
			list = append(list, at)
		}
	}
	return list
}

func TestTwoYearsOfSchedules(t *testing.T) {
	stretches := twoYears
	if testing.Short() { // two years take minutes with the race detector
		stretches = twoYears[:5]
	}
	whole := len(stretches) == len(twoYears)
	const beat = 5 * time.Minute
	monday := func(d time.Time) bool { return d.Weekday() == time.Monday }
	leap := func(d time.Time) bool { return d.Month() == time.February && d.Day() == 29 }
	cases := map[string]struct {
		spec  string
		clock clockwork
	}{
		"every day in Istanbul":            {"03:30", clockwork{"Europe/Istanbul", 3, 30, nil}},
		"every day in Istanbul, cron":      {"0 1 * * *", clockwork{"Europe/Istanbul", 1, 0, nil}},
		"the hour New York lacks":          {"02:30", clockwork{"America/New_York", 2, 30, nil}},
		"the hour that New York has twice": {"01:30", clockwork{"America/New_York", 1, 30, nil}},
		"on Mondays":                       {"mon 02:00", clockwork{"UTC", 2, 0, monday}},
		"on leap days":                     {"0 12 29 2 *", clockwork{"UTC", 12, 0, leap}},
	}
	moments, late := map[string][]time.Time{}, map[string]int{}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	var tasks []Task
	for name, c := range cases {
		tasks = append(tasks, task(t, name, c.spec, c.clock.zone))
		moments[name] = c.clock.moments(t, start.Add(-3*day), start.Add(3*366*day))
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, tasks...)
		w.on(beat)
		begun := map[string]time.Time{}
		for name := range cases {
			begun[name] = w.now()
		}
		total := 0
		for i, s := range stretches {
			if s.off > 0 || s.restart {
				w.off()
				pass(s.off)
			}
			w.set(s.jump)
			from := w.now()
			if s.off > 0 || s.restart {
				w.on(beat)
			}
			pass(s.lasts)
			for name := range cases {
				want := expected(moments[name], begun, name, from, from.Add(s.lasts), beat)
				got := w.took(name)
				total += len(got)
				if what := compare(got, want); what != "" {
					t.Errorf("stretch %d, %s: %s", i, name, what)
				}
				for _, g := range got {
					if g.Late {
						late[name]++
					}
				}
			}
		}
		if years := time.Since(start).Hours() / 24 / 365; whole && (years < 1.95 || total < 2500) || total < 200 {
			t.Errorf("%.2f years, %d begun", years, total)
		}
	})
	for name := range cases {
		if whole && name != "on leap days" && late[name] < 2 {
			t.Errorf("%s: only %d made up for", name, late[name])
		}
	}
}

// expected says what is to begin in a stretch, and notes when each last began.
func expected(moments []time.Time, begun map[string]time.Time, name string, from, until time.Time, beat time.Duration) (want []Occasion) {
	last := begun[name]
	if last.After(from.Add(jump)) {
		last = from
	}
	var missed time.Time
	for _, m := range moments {
		switch {
		case !m.After(last):
		case m.After(from.Add(beat)): // nothing begins before the first beat
			if m.After(until.Add(-beat)) {
				continue // perhaps in the next stretch; none of ours ends so
			}
			want = append(want, Occasion{At: m})
			last = m
		default:
			missed = m
		}
	}
	if !missed.IsZero() {
		want = append([]Occasion{{At: missed, Late: from.Sub(missed) > late}}, want...)
		if missed.After(last) {
			last = from
		}
	}
	begun[name] = last
	return want
}

// compare says what differs; nothing if nothing does.
func compare(got []start, want []Occasion) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("%v did not begin", want[i])
		case i >= len(want):
			return fmt.Sprintf("%v began", got[i])
		case !got[i].At.Equal(want[i].At) || got[i].Late != want[i].Late:
			return fmt.Sprintf("%v began, want %v", got[i], want[i])
		case !want[i].Late && got[i].at.Sub(want[i].At) > 2*late:
			return fmt.Sprintf("%v began at %v", want[i], got[i].at)
		}
	}
	return ""
}
