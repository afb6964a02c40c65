package queue

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

var errAway = problem.New("store.unavailable")

// newPatient is a bench whose queue knows that errAway passes, and which ticks
// as the agent's heartbeat does.
func newPatient(t *testing.T, workers int) *bench {
	b := newBench(workers)
	b.Passes = func(p control.Problem) bool { return p.Code == string(errAway.Code) }
	ctx, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	go func() {
		for tick := time.NewTicker(20 * time.Second); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				b.Tick()
			}
		}
	}()
	return b
}

// fails returns work of so many attempts that fails so often, and notes when it
// was tried.
func fails(times, attempts int, tried *[]time.Time, err *problem.Problem) Work {
	return Work{Run: control.Run{Kind: backup.RunBackup, Attempts: attempts}, Do: func(context.Context, control.Run, backup.Observe) (Outcome, error) {
		*tried = append(*tried, time.Now())
		pass(time.Second)
		if len(*tried) <= times {
			return Outcome{}, err.Because(nil)
		}
		return Outcome{}, nil
	}}
}

func TestWhatMayPassIsTriedAgainAndThenItIsDead(t *testing.T) {
	for name, c := range map[string]struct {
		times, attempts int
		err             *problem.Problem
		tried           int
		status          backup.Status
		dead            bool
	}{
		"passes at last":      {2, 3, errAway, 3, backup.OK, false},
		"never passes":        {9, 3, errAway, 3, backup.Failed, true},
		"no more than asked":  {9, 1, errAway, 1, backup.Failed, true},
		"cannot pass":         {9, 3, problem.New("engine.auth_failed"), 1, backup.Failed, true},
		"somebody waits":      {9, 0, errAway, 1, backup.Failed, false},
		"twenty times a dead": {99, 20, errAway, 20, backup.Failed, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newPatient(t, 1)
				var tried []time.Time
				ids := b.add(t, fails(c.times, c.attempts, &tried, c.err))
				pass(24 * time.Hour)
				synctest.Wait()
				r := b.store.get(ids[0])
				if len(tried) != c.tried || r.Status != c.status || r.Dead != c.dead || r.RetryAt != nil || r.Finished == nil {
					t.Errorf("tried %d times, then %+v", len(tried), r)
				}
				if c.attempts > 0 && r.Attempt != c.tried {
					t.Errorf("attempt %d of %d", r.Attempt, c.tried)
				}
				for i := 1; i < len(tried); i++ {
					most := min(firstWait<<(i-1), mostWait) + time.Minute // it takes a second, and the next beat begins it
					if d := tried[i].Sub(tried[i-1]); d < time.Second || d > most {
						t.Errorf("attempt %d came after %v, want at most %v", i+1, d, most)
					}
				}
				b.stop(t)
			})
		})
	}
}

func TestWaitsGrowAndAreSpread(t *testing.T) {
	for n, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 4: 8 * time.Minute, 6: 30 * time.Minute, 500: 30 * time.Minute} {
		var sum, most time.Duration
		const tries = 20_000
		for range tries {
			d := wait(n)
			sum, most = sum+d, max(most, d)
		}
		if mean := sum / tries; mean < want*9/10 || mean > want*11/10 || most > mostWait || most < want*3/2 {
			t.Errorf("after %d attempts: %v on average, at most %v; want %v", n, mean, most, want)
		}
	}
}

func TestARunThatWaitsIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPatient(t, 1)
		x := Database("s", "x")
		var tried []time.Time
		w := fails(1, 2, &tried, errAway)
		w.Excludes = []string{x}
		ids := b.add(t, w)
		pass(2 * time.Second)
		r, _ := b.Get(ids[0])
		if r.Status != backup.Queued || r.Attempt != 1 || r.RetryAt == nil || r.Problem == nil || r.Started != nil || r.Finished != nil {
			t.Fatalf("waiting: %+v", r)
		}
		if saved := b.store.get(ids[0]); saved.Status != backup.Queued || saved.RetryAt == nil {
			t.Errorf("saved: %+v", saved)
		}
		byHand := b.add(t, takes(10*time.Second, x))
		synctest.Wait()
		if got := running(b, byHand); !slices.Equal(got, []int{0}) {
			t.Errorf("running %v", got)
		}
		if r, err := b.Hurry(t.Context(), ids[0]); err != nil || r.RetryAt != nil || r.Status != backup.Queued {
			t.Errorf("hurried while its database is taken: %+v, %v", r, err)
		}
		pass(12 * time.Second)
		synctest.Wait()
		if r := b.store.get(ids[0]); r.Status != backup.OK || r.Attempt != 2 || len(tried) != 2 || tried[1].Sub(tried[0]) > 12*time.Second {
			t.Errorf("hurried: %+v, tried %v", r, tried)
		}
		b.stop(t)
	})
}

func TestAClockSetBackDoesNotMakeItWaitForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		b.Passes = func(control.Problem) bool { return true }
		var shift time.Duration
		b.Now = func() time.Time { return time.Now().Add(shift) }
		var tried []time.Time
		b.add(t, fails(1, 2, &tried, errAway))
		pass(2 * time.Second)
		synctest.Wait()
		shift = -48 * time.Hour
		b.Tick()
		synctest.Wait()
		if len(tried) != 2 {
			t.Errorf("tried %v", tried)
		}
		b.stop(t)
	})
}

func TestTheUrgentComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		x := Database("s", "x")
		urgent := func(p int, w Work) Work { w.Run.Priority = p; return w }
		ids := b.add(t, takes(time.Second, x), takes(time.Second), urgent(-3, takes(time.Second)), urgent(5, takes(time.Second, x)), urgent(5, takes(time.Second)), takes(time.Second))
		var order []int
		for range ids {
			synctest.Wait()
			order = append(order, running(b, ids)...)
			pass(time.Second)
		}
		if want := []int{3, 4, 0, 1, 5, 2}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		b.stop(t)
	})
}

func TestTheUrgentDoNotShareADatabaseWithWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(2)
		x := Database("s", "x")
		ids := b.add(t, takes(time.Minute, x))
		w := takes(time.Minute, x)
		w.Run.Priority = 10
		ids = append(ids, b.add(t, w)...)
		synctest.Wait()
		if got := running(b, ids); !slices.Equal(got, []int{0}) {
			t.Errorf("running %v", got)
		}
		pass(3 * time.Minute)
		b.stop(t)
	})
}

func TestAnAgentThatStopsLeavesWhatNobodyWaitsForToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPatient(t, 2)
		var tried []time.Time
		patient := func(w Work) Work { w.Run.Attempts = 3; return w }
		ids := b.add(t, patient(takes(time.Hour)), fails(9, 3, &tried, errAway), takes(time.Hour), patient(takes(time.Hour)))
		pass(2 * time.Second)
		if _, err := b.Hold(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		b.stop(t)
		for i, want := range []control.Run{
			{Status: backup.Queued, Held: true},
			{Status: backup.Queued, Attempt: 1},
			{Status: backup.Interrupted},
			{Status: backup.Queued},
		} {
			r := b.store.get(ids[i])
			if r.Status != want.Status || r.Attempt != want.Attempt || r.Held != want.Held || r.Dead {
				t.Errorf("run %d: %+v", i, r)
			}
			if i == 1 && (r.RetryAt == nil || r.Problem == nil) {
				t.Errorf("the one that waits: %+v", r)
			}
		}
		if len(b.Active()) != 0 {
			t.Errorf("still there: %+v", b.Active())
		}
	})
}

func TestTheNextAgentGoesOnWithThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newPatient(t, 2)
		at := time.Now().Add(-time.Hour)
		left := func(id string, r control.Run) Work {
			w := takes(time.Second)
			r.ID, r.Queued, r.Attempts = id, at, max(r.Attempts, 2)
			again, ok := Resume(r, time.Now(), control.Problem{Code: "agent.interrupted"})
			if !ok {
				t.Errorf("%s is given up", id)
			}
			w.Run = again
			return w
		}
		b.add(t,
			left("queued", control.Run{Status: backup.Queued}),
			left("ran", control.Run{Status: backup.Running, Attempt: 1, Started: &at}),
			left("ran for the last time", control.Run{Status: backup.Running, Attempt: 2}),
			left("held", control.Run{Status: backup.Running, Attempt: 1, Held: true}))
		synctest.Wait()
		if r := b.store.get("ran"); r.Status != backup.Queued || r.Problem == nil || r.RetryAt == nil || r.Started != nil || !r.Queued.Equal(at) {
			t.Errorf("at first: %+v", r)
		}
		pass(time.Hour)
		for id, want := range map[string]control.Run{
			"queued": {Status: backup.OK, Attempt: 1, Attempts: 2}, "ran": {Status: backup.OK, Attempt: 2, Attempts: 2},
			"ran for the last time": {Status: backup.OK, Attempt: 3, Attempts: 3}, "held": {Status: backup.Queued, Attempt: 1, Attempts: 2},
		} {
			r := b.store.get(id)
			if r.Status != want.Status || r.Attempt != want.Attempt || r.Attempts != want.Attempts || !r.Queued.Equal(at) {
				t.Errorf("%s: %+v", id, r)
			}
		}
		for name, r := range map[string]control.Run{
			"killed the agent three times": {Status: backup.Running, Attempts: 2, Attempt: 3},
			"somebody waited for it":       {Status: backup.Running},
		} {
			if _, ok := Resume(r, time.Now(), control.Problem{}); ok {
				t.Errorf("%s: queued again", name)
			}
		}
		b.stop(t)
	})
}

func TestAWarningIsAddedOnceAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		ids := b.add(t, Work{Do: func(context.Context, control.Run, backup.Observe) (Outcome, error) {
			pass(time.Minute)
			return Outcome{Warnings: []control.Problem{{Code: "own"}}}, nil
		}})
		synctest.Wait()
		for i := range 3 {
			added, err := b.Warn(t.Context(), ids[0], control.Problem{Code: "agent.overrun"})
			if err != nil || added != (i == 0) {
				t.Errorf("%d: %v %v", i, added, err)
			}
		}
		if r := b.store.get(ids[0]); len(r.Warnings) != 1 || r.Status != backup.Running {
			t.Errorf("while it runs: %+v", r)
		}
		pass(2 * time.Minute)
		if r := b.store.get(ids[0]); len(r.Warnings) != 2 || r.Warnings[0].Code != "agent.overrun" || r.Warnings[1].Code != "own" {
			t.Errorf("in the end: %+v", r)
		}
		b.stop(t)
	})
}
