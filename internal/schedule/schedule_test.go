package schedule

import (
	"errors"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
)

func parse(t testing.TB, spec, zone string) Schedule {
	t.Helper()
	s, err := Parse(spec, zone)
	if err != nil {
		t.Fatalf("%s in %s: %v", spec, zone, err)
	}
	return s
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ spec, zone, after, want string }{
		{"02:00", "UTC", "2026-11-21T01:59:59Z", "2026-11-21T02:00:00Z"},
		{"02:00", "UTC", "2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z"},
		{"9:05", "Europe/Istanbul", "2026-11-21T00:00:00Z", "2026-11-21T06:05:00Z"},
		{"mon,thu 02:00", "UTC", "2026-11-21T12:00:00Z", "2026-11-23T02:00:00Z"},
		{"MON-FRI  18:30", "UTC", "2026-11-20T18:30:00Z", "2026-11-23T18:30:00Z"},
		{"1,15 02:00", "UTC", "2026-11-21T12:00:00Z", "2026-12-01T02:00:00Z"},
		{"every 4h", "UTC", "2026-11-21T12:00:00Z", "2026-11-21T16:00:00Z"},
		{"every 15 min", "UTC", "2026-11-21T12:01:00Z", "2026-11-21T12:15:00Z"},
		{"30 2 * * 0", "UTC", "2026-11-21T12:00:00Z", "2026-11-22T02:30:00Z"},
		{"@monthly", "UTC", "2026-11-21T12:00:00Z", "2026-12-01T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"}, // 2100 has none
		// Spring: from 02:00 to 03:00 there is no time in Berlin, from 02:00 to
		// 02:30 none on Lord Howe.
		{"02:30", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"},
		{"02:30", "Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"},
		{"02:15", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
		{"02:30", "America/New_York", "2027-03-14T00:00:00-05:00", "2027-03-14T07:00:00Z"},
		// Midnight itself is skipped.
		{"00:00", "America/Asuncion", "2023-09-30T12:00:00Z", "2023-10-01T04:00:00Z"},
		{"every 24h", "America/Asuncion", "2023-09-30T12:00:00Z", "2023-10-01T04:00:00Z"},
		{"every 24h", "Africa/Cairo", "2026-04-23T12:00:00+02:00", "2026-04-24T01:00:00+03:00"},
		{"every 12h", "Asia/Beirut", "2026-03-28T12:00:00+02:00", "2026-03-29T01:00:00+03:00"},
		{"every 2h", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"},
		{"every 2h", "Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z"},
		// Autumn: 02:30 comes twice in Berlin.
		{"02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"02:30", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		// What runs every hour runs in both of them.
		{"30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"every 1h", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"30 0-23 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
	} {
		got, ok := parse(t, c.spec, c.zone).Next(at(t, c.after))
		if want := at(t, c.want); !ok || !got.Equal(want) {
			t.Errorf("%s in %s after %s: %s, want %s", c.spec, c.zone, c.after, got.UTC().Format(time.RFC3339), c.want)
		}
	}
}

func TestBadSchedulesSayWhatIsWrong(t *testing.T) {
	for spec, want := range map[string]error{
		"": ErrSpec, "nonsense": ErrSpec, "25:00": ErrSpec, "02:60": ErrSpec, "every 0h": ErrSpec, "every 7h": ErrSpec, "every 13m": ErrSpec,
		"* * * *": ErrSpec, "* * * * * *": ErrSpec, "61 * * * *": ErrSpec, "foo 02:00": ErrSpec, "0 0 32 1 *": ErrSpec, "TZ=UTC 0 0 * *": ErrSpec,
		"@yearlyish": ErrSpec, "-1 * * * *": ErrSpec, "0 0 30 2 *": ErrNever, "0 0 31 4,6,9,11 *": ErrNever,
	} {
		if _, err := Parse(spec, "UTC"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", spec, err, want)
		}
	}
	for spec, part := range map[string]string{
		"61 2 * * *": "61", "0 2 * * someday": "someday", "25:00": "25", "foo 02:00": "foo", "every 7h": "7h", "every 0 min": "0min", "at noon": "at noon",
	} {
		if _, err := Parse(spec, "UTC"); problem.Of(err).Params["part"] != part {
			t.Errorf("%q: %v, want the part %q", spec, err, part)
		}
	}
	if _, err := Parse("02:00", "Europe/Atlantis"); !errors.Is(err, ErrZone) {
		t.Errorf("unknown zone: %v", err)
	}
}

func TestMissedRunsAreMadeUpForByExactlyOne(t *testing.T) {
	s := parse(t, "02:00", "UTC")
	last := at(t, "2026-11-01T02:00:00Z")
	for _, c := range []struct{ now, want string }{
		{"2026-11-01T20:00:00Z", ""},
		{"2026-11-02T01:59:59Z", ""},
		{"2026-11-02T02:00:00Z", "2026-11-02T02:00:00Z"},
		{"2026-11-21T12:00:00Z", "2026-11-21T02:00:00Z"}, // off for three weeks
		{"2026-10-01T00:00:00Z", ""},                     // the clock was set back
	} {
		got, due := s.Due(last, at(t, c.now))
		if due != (c.want != "") || due && !got.Equal(at(t, c.want)) {
			t.Errorf("at %s: %v %v, want %q", c.now, got, due, c.want)
		}
		if due {
			if again, due := s.Due(at(t, c.now), at(t, c.now)); due {
				t.Errorf("at %s: due again for %v", c.now, again)
			}
		}
	}
}

// Two years in zones with every kind of change, asked every hour: a daily schedule is met on each day exactly once.
func TestADailyScheduleIsMetOnceEachDay(t *testing.T) {
	for _, zone := range []string{"Europe/Istanbul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Asuncion", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia"} {
		for _, spec := range []string{"00:00", "02:30", "23:59", "every 24h"} {
			s := parse(t, spec, zone)
			now := at(t, "2022-01-01T12:00:00Z").In(s.Zone())
			last := now
			days := map[string]int{}
			for now.Year() < 2024 {
				if at, due := s.Due(last, now); due {
					days[at.In(s.Zone()).Format(time.DateOnly)]++
					last = now
				}
				now = now.Add(time.Hour)
			}
			if n := len(days); n < 728 || n > 731 {
				t.Errorf("%s in %s: met on %d days", spec, zone, n)
			}
			for day, n := range days {
				if n != 1 {
					t.Errorf("%s in %s: %d times on %s", spec, zone, n, day)
				}
			}
		}
	}
}

func TestPreviewGrowsAndShortestIsTheLeastGap(t *testing.T) {
	s := parse(t, "0 2,8 * * *", "Europe/Berlin")
	from := at(t, "2026-10-24T12:00:00Z")
	list := s.Preview(from, 10)
	if len(list) != 10 {
		t.Fatalf("%d moments", len(list))
	}
	for i, m := range list {
		if prev := append([]time.Time{from}, list...)[i]; !m.After(prev) {
			t.Errorf("%v is not after %v", m, prev)
		}
	}
	if d := s.Shortest(from); d != 6*time.Hour {
		t.Errorf("shortest is %v", d)
	}
	if (Schedule{}).Preview(from, 3) != nil || (Schedule{}).Shortest(from) != 0 {
		t.Error("no schedule has moments")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"02:00", "mon,thu 02:00", "every 4h", "30 2 * * *", "@daily", "*/5 1-3 * jan,dec sun"} {
		f.Add(s, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, spec string, unix int64) {
		s, err := Parse(spec, "Europe/Berlin")
		if err != nil {
			return
		}
		from := time.Unix(unix%4_000_000_000, 0)
		next, ok := s.Next(from)
		if !ok || !next.After(from) || next.Sub(from) > horizon {
			t.Fatalf("%q after %v: %v %v", spec, from, next, ok)
		}
		if at, due := s.Due(from, next); !due || !at.Equal(next) {
			t.Fatalf("%q: due %v %v, next is %v", spec, at, due, next)
		}
	})
}
