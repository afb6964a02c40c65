package fault_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/store/storetest"
)

func TestConformsWithoutRules(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return fault.New(mem.New()) })
}

func TestAsFindsTheStoreBelow(t *testing.T) {
	inner := mem.New()
	got, ok := store.As[*mem.Store](fault.New(fault.New(inner)))
	if !ok || got != inner {
		t.Error("As does not see through the decorator")
	}
	if _, ok := store.As[store.Sized](fault.New(inner)); ok {
		t.Error("As found a power that nobody has")
	}
}

// do makes one call of each method and returns the errors in order.
func do(t *testing.T, s store.Store) []bool {
	_, put := s.Put(t.Context(), "k/new", strings.NewReader("0123456789"))
	_, stat := s.Stat(t.Context(), "k/old")
	var list error
	for _, err := range s.List(t.Context(), "k/") {
		list = err
	}
	r, get := s.Get(t.Context(), "k/old", 0, -1)
	if get == nil {
		_, get = io.ReadAll(r)
	}
	del := s.Delete(t.Context(), "k/old")
	failed := []bool{}
	for _, err := range []error{put, stat, list, get, del} {
		if err != nil && !errors.Is(err, fault.ErrInjected) {
			t.Errorf("unexpected error: %v", err)
		}
		failed = append(failed, err != nil)
	}
	return failed
}

func TestRulesHitTheCallTheyName(t *testing.T) {
	for name, c := range map[string]struct {
		rule fault.Rule
		want string // put stat list get delete, x for failed
	}{
		"zero rule":       {fault.Rule{}, "x...."},
		"third call":      {fault.Rule{Call: 3}, "..x.."},
		"forever":         {fault.Rule{Call: 3, Forever: true}, "..xxx"},
		"a method":        {fault.Rule{Method: fault.Get}, "...x."},
		"second get":      {fault.Rule{Method: fault.Get, Call: 2}, "....."},
		"a key":           {fault.Rule{Key: "k/o"}, ".x..."},
		"after bytes":     {fault.Rule{Method: fault.Put, After: 4}, "x...."},
		"too few bytes":   {fault.Rule{Method: fault.Get, After: 40}, "....."},
		"after an object": {fault.Rule{Method: fault.List, After: 1}, "..x.."},
		"late get":        {fault.Rule{Method: fault.Get, Late: true}, "...x."},
		"late list":       {fault.Rule{Method: fault.List, Late: true}, "..x.."},
		"slow only":       {fault.Rule{SlowOnly: true, Delay: time.Nanosecond}, "....."},
	} {
		t.Run(name, func(t *testing.T) {
			inner := mem.New()
			storetest.Put(t, inner, "k/old", []byte("0123456789"))
			s := fault.New(inner, c.rule)
			got := ""
			for _, failed := range do(t, s) {
				got += map[bool]string{true: "x", false: "."}[failed]
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if s.Fired() != strings.Count(c.want, "x") || s.Count(fault.Any) != 5 || s.Count(fault.Get) != 1 {
				t.Errorf("fired %d, counted %v", s.Fired(), s.Calls())
			}
		})
	}
}

func TestOnlyALateFaultTakesEffect(t *testing.T) {
	for _, late := range []bool{false, true} {
		inner := mem.New()
		storetest.Put(t, inner, "k/old", []byte("0123456789"))
		do(t, fault.New(inner, fault.Rule{Method: fault.Put, Late: late}, fault.Rule{Method: fault.Delete, Late: late}))
		want := []string{"k/old"}
		if late {
			want = []string{"k/new"}
		}
		if got := storetest.Keys(t, inner, ""); !slices.Equal(got, want) {
			t.Errorf("late %v: %q, want %q", late, got, want)
		}
	}
}

func TestDelayEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fault.New(mem.New(), fault.Rule{Delay: time.Hour, SlowOnly: true, Forever: true})
		start := time.Now()
		storetest.Put(t, s, "a", nil)
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("waited %v, want an hour", waited)
		}
	})
}

// Two puts, the second only by a person who read the first: the walk must try
// each call and find the one sloppy spot.
func TestWalkTriesEveryCall(t *testing.T) {
	open := func() store.Store { return mem.New() }
	work := func(s store.Store) error {
		for i := range 3 {
			if _, err := s.Put(t.Context(), fmt.Sprint(i), strings.NewReader("data")); err != nil {
				return err
			}
			if _, err := s.Stat(t.Context(), fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, like := range []fault.Rule{{}, {Forever: true}, {Late: true}} {
		var keys []string
		turns, err := fault.Walk(like, open, work, func(st fault.Step) {
			if !errors.Is(st.Err, fault.ErrInjected) {
				t.Errorf("%+v was swallowed: %v", st.Call, st.Err)
			}
			keys = append(keys, string(st.Call.Method)+st.Call.Key)
		})
		if want := []string{"put0", "stat0", "put1", "stat1", "put2", "stat2"}; err != nil || turns != 6 || !slices.Equal(keys, want) {
			t.Errorf("walked %q in %d turns, %v; want %q", keys, turns, err, want)
		}
	}
	turns, err := fault.Walk(fault.Rule{Method: fault.Put, After: 2}, open, work, func(st fault.Step) {
		if len(storetest.Keys(t, st.Inner, "")) != st.Rule.Call-1 {
			t.Errorf("a half object is visible at put %d", st.Rule.Call)
		}
	})
	if err != nil || turns != 3 {
		t.Errorf("%d turns, %v; want 3", turns, err)
	}
	if turns, err := fault.Walk(fault.Rule{Method: fault.Put, After: 200}, open, work, func(fault.Step) {}); turns != 0 || err != nil {
		t.Errorf("%d turns, %v; want none", turns, err)
	}
}
