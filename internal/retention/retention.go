// Package retention says which backups of one database may go. It only decides:
// what is deleted and how is the business of prune. Everything here is a pure
// function of the list of backups and the clock.
package retention

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
)

// ErrNegative: {name} is less than nothing.
var ErrNegative = problem.New("retention.negative")

// A Rule says how many backups are kept. A backup is kept when any part of the
// rule asks for it. The zero Rule keeps everything.
type Rule struct {
	Last    int `json:"keep_last,omitempty"`   // the newest
	Hourly  int `json:"keep_hourly,omitempty"` // the newest of each of the latest hours, days, ... that have any
	Daily   int `json:"keep_daily,omitempty"`
	Weekly  int `json:"keep_weekly,omitempty"` // weeks begin on Monday (ISO 8601)
	Monthly int `json:"keep_monthly,omitempty"`
	Yearly  int `json:"keep_yearly,omitempty"`
	// Days keeps everything younger than so many days of 24 hours. A long break
	// just before does not count: the computer was off, or its clock jumped, and
	// what was young then is not to go all at once.
	Days int `json:"keep_days,omitempty"`
}

// Check returns [ErrNegative] when a number is below zero.
func (r Rule) Check() error {
	for name, n := range map[string]int{
		"keep_last": r.Last, "keep_hourly": r.Hourly, "keep_daily": r.Daily, "keep_weekly": r.Weekly,
		"keep_monthly": r.Monthly, "keep_yearly": r.Yearly, "keep_days": r.Days,
	} {
		if n < 0 {
			return ErrNegative.Because(nil, "name", name)
		}
	}
	return nil
}

// Empty reports whether the rule keeps everything.
func (r Rule) Empty() bool { return r == Rule{} }

// young is how long everything is kept. More days than a duration can count are
// as good as for ever, and must not come out as less than none.
func (r Rule) young() time.Duration {
	return time.Duration(min(r.Days, int(math.MaxInt64/day))) * day
}

// A Backup is what is asked of a backup of one database.
type Backup struct {
	ID     string
	At     time.Time // the moment whose state it holds
	Base   string    // ID of the backup it leans on, which was made before it whatever the clock said
	Proven bool      // its last proof was good, at whatever level
	Doubt  bool      // its last proof failed: it counts as kept for no rule
	Pinned bool
}

// Why a backup is kept.
type Why string

// The reasons. Several may hold for one backup.
const (
	Last       Why = "last"
	Hourly     Why = "hourly"
	Daily      Why = "daily"
	Weekly     Why = "weekly"
	Monthly    Why = "monthly"
	Yearly     Why = "yearly"
	Young      Why = "young"       // younger than Rule.Days
	Pinned     Why = "pinned"      // a person said so
	LastGood   Why = "last_good"   // the newest of which nothing bad is known
	LastProven Why = "last_proven" // the newest that was proved
	NoRule     Why = "no_rule"     // the rule is empty
	Failing    Why = "failing"     // the last run failed: what is there may be all there will be
	Ahead      Why = "ahead"       // made later than now: a clock is wrong
)

// A Decision is what becomes of one backup. It goes when Why is empty.
type Decision struct {
	ID  string
	Why []Why
}

// Keep reports whether the backup stays.
func (d Decision) Keep() bool { return len(d.Why) > 0 }

// State is what is known beside the backups.
type State struct {
	Now  time.Time
	Zone *time.Location // in which days, weeks and so on begin; nil is UTC
	// Failing says that the last run of this database failed.
	Failing bool
}

// Apply decides on all backups of one database, newest first in the result.
// Whatever the rule says, these stay: the newest that is not in doubt, the newest
// that is proven, those that are pinned, and all of them while runs fail.
func Apply(r Rule, backups []Backup, s State) []Decision {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	list := inOrder(backups, s.Now)
	out := make([]Decision, len(list))
	k := keeper{rule: r, state: s, younger: s.Now, seen: map[Why]map[string]bool{}}
	for i, b := range list {
		out[i] = Decision{ID: b.ID, Why: k.reasons(b)}
	}
	return out
}

// inOrder sorts backups, the newest first. Every backup comes after the one it
// leans on, also if the clock was set back between them, and is younger than it:
// unless that one is ahead of now, when nobody knows how old it is.
func inOrder(backups []Backup, now time.Time) []Backup {
	list := slices.Clone(backups)
	place := make(map[string]int, len(list))
	rank := make([]time.Time, len(list))
	for i, b := range list {
		place[b.ID], rank[i] = i, b.At
	}
	for range list { // as often as a chain may have links
		moved := false
		for i, b := range list {
			j, ok := place[b.Base]
			if !ok || rank[i].After(rank[j]) {
				continue
			}
			rank[i], moved = rank[j].Add(1), true
			if rank[i].Before(now) {
				list[i].At = rank[i]
			}
		}
		if !moved {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Backup) int {
		return cmp.Or(rank[place[b.ID]].Compare(rank[place[a.ID]]), cmp.Compare(b.ID, a.ID))
	})
	return list
}

// A keeper goes through the backups from the newest to the oldest.
type keeper struct {
	rule         Rule
	state        State
	last         int
	good, proven bool          // the newest was met
	younger      time.Time     // the backup before, which is younger, or now
	pause        time.Duration // that does not count for the age of older ones
	seen         map[Why]map[string]bool
}

// spans are the parts of the rule that keep one backup of each span of time,
// named so that two moments of one span have one name.
var spans = []struct {
	why   Why
	count func(Rule) int
	name  func(time.Time) string
}{
	{Hourly, func(r Rule) int { return r.Hourly }, func(t time.Time) string { return t.Format("2006-01-02T15Z07:00") }},
	{Daily, func(r Rule) int { return r.Daily }, func(t time.Time) string { return t.Format(time.DateOnly) }},
	{Weekly, func(r Rule) int { return r.Weekly }, func(t time.Time) string {
		year, week := t.ISOWeek()
		return fmt.Sprint(year, "-", week)
	}},
	{Monthly, func(r Rule) int { return r.Monthly }, func(t time.Time) string { return t.Format("2006-01") }},
	{Yearly, func(r Rule) int { return r.Yearly }, func(t time.Time) string { return t.Format("2006") }},
}

func (k *keeper) reasons(b Backup) (why []Why) {
	note := func(holds bool, w Why) {
		if holds {
			why = append(why, w)
		}
	}
	note(k.rule.Empty(), NoRule)
	note(k.state.Failing, Failing)
	note(b.Pinned, Pinned)
	if b.At.After(k.state.Now) {
		note(true, Ahead)
		return why // it must not take the place of those made since the clock was set right
	}
	note(b.Proven && !b.Doubt && !k.proven, LastProven)
	note(!b.Doubt && !k.good, LastGood)
	k.proven = k.proven || b.Proven && !b.Doubt
	k.good = k.good || !b.Doubt
	if b.Doubt {
		return why // it must not take the place of a better one
	}
	k.last++
	note(k.last <= k.rule.Last, Last)
	note(k.age(b) < k.rule.young(), Young)
	for _, span := range spans {
		note(k.first(span.why, span.count(k.rule), span.name(b.At.In(k.state.Zone))), span.why)
	}
	return why
}

const day = 24 * time.Hour

// age is how old a backup is, without the break, if there was one in the younger
// half of the time for which the rule keeps all.
func (k *keeper) age(b Backup) time.Duration {
	half := k.rule.young() / 2
	if gap := k.younger.Sub(b.At); k.pause == 0 && gap > max(half, 2*day) && k.state.Now.Sub(k.younger) < half {
		k.pause = gap
	}
	k.younger = b.At
	return k.state.Now.Sub(b.At) - k.pause
}

// first reports whether this is the first backup of one of the first n spans.
func (k *keeper) first(why Why, n int, name string) bool {
	seen := k.seen[why]
	if seen == nil {
		seen = map[string]bool{}
		k.seen[why] = seen
	}
	if seen[name] || len(seen) >= n {
		return false
	}
	seen[name] = true
	return true
}
