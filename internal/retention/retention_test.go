package retention

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 21, 13, 18, 0, 0, time.UTC)

// daily makes a backup a day at 02:00, the newest first and named 0.
func daily(n int) []Backup {
	list := make([]Backup, n)
	for i := range list {
		list[i] = Backup{ID: fmt.Sprint(i), At: time.Date(2026, 11, 21-i, 2, 0, 0, 0, time.UTC), Proven: true}
	}
	return list
}

func kept(ds []Decision) (ids []string) {
	for _, d := range ds {
		if d.Keep() {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		n    int
		want string
	}{
		{Rule{}, 3, "[0 1 2]"},
		{Rule{Last: 2}, 5, "[0 1]"},
		{Rule{Daily: 3}, 5, "[0 1 2]"},
		{Rule{Days: 2}, 5, "[0 1]"},
		// 21 November 2026 is a Saturday: weeks end on Sundays 15, 8, ...
		{Rule{Weekly: 3}, 30, "[0 6 13]"},
		{Rule{Monthly: 3}, 100, "[0 21 52]"},
		{Rule{Yearly: 2}, 400, "[0 325]"},
		{Rule{Last: 1, Daily: 2, Weekly: 2, Monthly: 2}, 60, "[0 1 6 21]"},
		{Rule{Last: 100}, 3, "[0 1 2]"},
	} {
		if got := fmt.Sprint(kept(Apply(c.rule, daily(c.n), State{Now: now}))); got != c.want {
			t.Errorf("%+v of %d: %s, want %s", c.rule, c.n, got, c.want)
		}
	}
}

func TestSpansAreThoseOfTheZone(t *testing.T) {
	ist, err := time.LoadLocation("Europe/Istanbul")
	if err != nil {
		t.Fatal(err)
	}
	list := []Backup{
		{ID: "b", At: time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC)}, // the 21st in Istanbul
		{ID: "a", At: time.Date(2026, 11, 20, 20, 30, 0, 0, time.UTC)},
	}
	if got := kept(Apply(Rule{Daily: 5}, list, State{Now: now})); len(got) != 1 {
		t.Errorf("UTC: %v", got)
	}
	if got := kept(Apply(Rule{Daily: 5}, list, State{Now: now, Zone: ist})); len(got) != 2 {
		t.Errorf("Istanbul: %v", got)
	}
}

func TestWhatNeverGoes(t *testing.T) {
	list := daily(6)
	list[0].Doubt = true
	list[1].Proven = false
	list[2].Proven = false
	list[5].Pinned = true
	ds := Apply(Rule{Last: 1}, list, State{Now: now})
	want := map[string][]Why{"1": {LastGood, Last}, "3": {LastProven}, "5": {Pinned}}
	for _, d := range ds {
		if !slices.Equal(d.Why, want[d.ID]) {
			t.Errorf("%s: %v, want %v", d.ID, d.Why, want[d.ID])
		}
	}
	if got := kept(Apply(Rule{Last: 1}, list, State{Now: now, Failing: true})); len(got) != 6 {
		t.Errorf("while runs fail only %v stay", got)
	}
	if got := kept(Apply(Rule{Last: 1}, list, State{Now: now.AddDate(0, 0, -4)})); !slices.Contains(got, "2") {
		t.Errorf("a clock that was set back lets backups go: %v stay", got)
	}
}

// Who writes a number without end means for ever.
func TestMoreDaysThanCanBeCountedKeepEverything(t *testing.T) {
	list := daily(6)
	for _, days := range []int{106_751, 106_752, 200_000, math.MaxInt32, math.MaxInt} {
		if got := kept(Apply(Rule{Days: days}, list, State{Now: now})); len(got) != len(list) {
			t.Errorf("%d days keep only %v", days, got)
		}
	}
}

func TestNegativeNumbersAreRefused(t *testing.T) {
	if err := (Rule{Weekly: -1}).Check(); !errors.Is(err, ErrNegative) {
		t.Errorf("got %v", err)
	}
	if err := (Rule{Last: 3}).Check(); err != nil {
		t.Error(err)
	}
}

// Whatever rule and history: something good and something proven stays if there
// was any, more rules never keep less, and deciding again changes nothing.
func TestNoHistoryLosesItsBest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		rule := Rule{Last: r.IntN(4), Hourly: r.IntN(3), Daily: r.IntN(4), Weekly: r.IntN(3), Monthly: r.IntN(3), Yearly: r.IntN(2), Days: r.IntN(4)}
		list := make([]Backup, r.IntN(30))
		for i := range list {
			list[i] = Backup{ID: fmt.Sprint(i), At: now.Add(-time.Duration(r.IntN(9000)-20) * time.Hour), Proven: r.IntN(3) == 0, Doubt: r.IntN(5) == 0, Pinned: r.IntN(9) == 0}
		}
		s := State{Now: now}
		ids := kept(Apply(rule, list, s))
		has := func(test func(Backup) bool) bool {
			return slices.ContainsFunc(list, func(b Backup) bool { return test(b) && slices.Contains(ids, b.ID) })
		}
		good, proven := func(b Backup) bool { return !b.Doubt }, func(b Backup) bool { return b.Proven && !b.Doubt }
		if slices.ContainsFunc(list, good) && !has(good) || slices.ContainsFunc(list, proven) && !has(proven) {
			t.Fatalf("%+v of %+v keeps only %v", rule, list, ids)
		}
		rest := slices.DeleteFunc(slices.Clone(list), func(b Backup) bool { return !slices.Contains(ids, b.ID) })
		if again := kept(Apply(rule, rest, s)); !slices.Equal(again, ids) {
			t.Fatalf("%+v keeps %v, and of these %v", rule, ids, again)
		}
		more := rule
		more.Last++
		more.Daily++
		if wider := kept(Apply(more, list, s)); !rule.Empty() && slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(wider, id) }) {
			t.Fatalf("%+v keeps %v, %+v only %v", rule, ids, more, wider)
		}
	}
}
