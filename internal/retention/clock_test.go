package retention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestALongBreakDoesNotCountForAges(t *testing.T) {
	days := func(ages ...int) (list []Backup) {
		for _, age := range ages {
			list = append(list, Backup{ID: fmt.Sprint(age), At: now.Add(-time.Duration(age) * 24 * time.Hour)})
		}
		return list
	}
	for _, c := range []struct {
		name string
		days int
		ages []int
		want string
	}{
		{"daily", 3, []int{0, 1, 2, 3, 4}, "[0 1 2]"},
		{"back after three weeks", 4, []int{0, 21, 22, 23, 24, 25}, "[0 21 22 23 24]"},
		{"before the first backup after them", 4, []int{21, 22, 23, 24, 25}, "[21 22 23 24]"},
		{"when there are backups of half the time again", 4, []int{0, 1, 2, 23, 24}, "[0 1 2]"},
		{"weekends", 14, []int{0, 1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15}, "[0 1 4 5 6 7 8 11 12 13]"},
		{"seldom", 3, []int{0, 7, 14, 21}, "[0 7]"},
		{"what was thinned out does not come to life", 14, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 44}, "[0 1 2 3 4 5 6 7 8 9 10 11 12 13]"},
	} {
		if got := fmt.Sprint(kept(Apply(Rule{Days: c.days}, days(c.ages...), State{Now: now}))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatIsAheadTakesNobodysPlace(t *testing.T) {
	list := append(daily(5), Backup{ID: "x", At: now.AddDate(0, 0, 21), Proven: true}, Backup{ID: "y", At: now.AddDate(9, 0, 0)})
	if got := fmt.Sprint(kept(Apply(Rule{Last: 2}, list, State{Now: now}))); got != "[y x 0 1]" {
		t.Errorf("kept %s", got)
	}
}

func TestABackupComesAfterTheOneItLeansOn(t *testing.T) {
	list := daily(4)
	for i, id := range []string{"a", "b", "c"} { // made after 0, while the clock was three weeks behind
		base := "0"
		if i > 0 {
			base = list[len(list)-1].ID
		}
		list = append(list, Backup{ID: id, At: now.AddDate(0, 0, i-21), Base: base})
	}
	if got := fmt.Sprint(kept(Apply(Rule{Last: 3}, list, State{Now: now}))); got != "[c b a 0]" { // and the last that is proven
		t.Errorf("kept %s", got)
	}
	list[0].Base = "c" // no such thing
	Apply(Rule{Last: 3}, list, State{Now: now})
}

// A clock that jumps and comes back makes nothing go that would be kept if it had
// been right all the time.
func TestAClockThatJumpsCostsNoBackup(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 400 {
		rules := []Rule{{Last: 1 + r.IntN(9)}, {Daily: 1 + r.IntN(9)}, {Days: 8 + r.IntN(20)}}
		jump := time.Duration(1+r.IntN(900)) * 24 * time.Hour
		rule := rules[r.IntN(len(rules))]
		// Backups of two times that fall on one day share its place.
		if rule.Last == 0 {
			jump += 70 * 24 * time.Hour
		} else if r.IntN(2) == 0 {
			jump = -jump
		}
		from := 5 + r.IntN(30)
		until := from + 1 + r.IntN(3)
		var right, wrong []Backup
		for at := range 70 {
			real := now.AddDate(0, 0, at)
			clock := real
			if from <= at && at < until {
				clock = real.Add(jump)
			}
			b := Backup{ID: fmt.Sprintf("%03d", at), At: clock}
			if len(wrong) > 0 {
				b.Base = slices.MaxFunc(wrong, func(a, b Backup) int { return a.At.Compare(b.At) }).ID
			}
			wrong = prune(rule, append(wrong, b), clock.Add(time.Minute))
			right = prune(rule, append(right, Backup{ID: b.ID, At: real}), real.Add(time.Minute))
			for _, b := range right {
				if !slices.ContainsFunc(wrong, func(w Backup) bool { return w.ID == b.ID }) {
					t.Fatalf("%+v, %v from day %d to %d: on day %d backup %s is gone, left are %+v", rule, jump, from, until, at, b.ID, wrong)
				}
			}
		}
	}
}

func prune(rule Rule, list []Backup, at time.Time) []Backup {
	stay := kept(Apply(rule, list, State{Now: at}))
	return slices.DeleteFunc(list, func(b Backup) bool { return !slices.Contains(stay, b.ID) })
}
