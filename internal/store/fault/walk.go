package fault

import (
	"fmt"

	"github.com/rahatbackup/rahat/internal/store"
)

// Step is one turn of a [Walk].
type Step struct {
	Rule  Rule        // what was injected; Call says at which call
	Call  Call        // the call it hit
	Inner store.Store // the store below, free of faults
	Err   error       // what the work returned
}

// Walk does a piece of work again and again on fresh stores: with its first
// call failing, then its second, and so on, until it runs through without
// meeting the fault. After each failing turn check is called; the last turn,
// which met no fault, must return nil, and its error is Walk's. Walk returns
// how many turns met the fault.
//
// like says how calls fail; its Call is ignored. Walks of several kinds are
// worth it: plain, Late, After, Forever, SlowOnly. Slow calls must not make the
// work fail: such an error ends the walk. The work must make the same calls in
// each turn, or at least end.
func Walk(like Rule, open func() store.Store, work func(s store.Store) error, check func(Step)) (turns int, err error) {
	for n := 1; ; n++ {
		like.Call = n
		inner := open()
		s := New(inner, like)
		err := work(s)
		if s.matched(like) < n {
			return turns, err
		}
		if like.SlowOnly && err != nil {
			return turns, fmt.Errorf("slow %v: %w", s.hit(like), err)
		}
		if !like.SlowOnly && s.Fired() == 0 {
			continue // the call had fewer bytes than After
		}
		turns++
		check(Step{Rule: like, Call: s.hit(like), Inner: inner, Err: err})
	}
}

// matched counts the calls that a rule looks at.
func (s *Store) matched(r Rule) (n int) {
	for _, c := range s.Calls() {
		if r.matches(c) {
			n++
		}
	}
	return n
}

// hit returns the r.Call-th of them.
func (s *Store) hit(r Rule) Call {
	n := 0
	for _, c := range s.Calls() {
		if r.matches(c) {
			if n++; n == r.Call {
				return c
			}
		}
	}
	return Call{}
}
