package schedule

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		spec, zone, from string
		want             []string
	}{
		{"02:30", "Europe/Berlin", "2027-03-27T12:00:00Z", []string{"2027-03-28T01:00:00Z skipped 02:30"}},
		{"02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z repeated 02:30"}},
		{"03:00", "Europe/Berlin", "2027-03-27T12:00:00Z", nil}, // just when they are put forward
		{"03:00", "Europe/Berlin", "2026-10-24T12:00:00Z", nil},
		{"02:30", "Europe/Istanbul", "2026-10-20T12:00:00Z", nil},
		{"every 24h", "Africa/Cairo", "2026-04-23T12:00:00Z", []string{"2026-04-23T22:00:00Z skipped 00:00"}},
		{"02:15", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:30:00Z skipped 02:15"}},
		{"01:45", "Australia/Lord_Howe", "2027-04-03T00:00:00Z", []string{"2027-04-03T14:45:00Z repeated 01:45"}},
		{"*/20 2,3 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", []string{"2027-03-28T01:00:00Z skipped 02:00"}},
		{"@hourly", "Europe/Berlin", "2027-03-28T00:00:00Z", nil},
		{"@hourly", "Europe/Berlin", "2026-10-25T00:00:00Z", nil},
	} {
		s := parse(t, c.spec, c.zone)
		var got []string
		for _, x := range s.Changes(s.Preview(at(t, c.from), 6)) {
			got = append(got, fmt.Sprint(x.At.UTC().Format(time.RFC3339), " ", x.Kind, " ", x.Face))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s in %s: %q, want %q", c.spec, c.zone, got, c.want)
		}
	}
	if (Schedule{}).Changes([]time.Time{{}}) != nil {
		t.Error("no schedule has no changes")
	}
}
