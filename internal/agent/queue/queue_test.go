package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store that keeps every state of every run.
type memory struct {
	mu     sync.Mutex
	states map[string][]backup.Status
	last   map[string]control.Run
	fail   error
}

func (m *memory) SaveRuns(_ context.Context, runs ...control.Run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, r := range runs {
		m.states[r.ID] = append(m.states[r.ID], r.Status)
		m.last[r.ID] = r
	}
	return nil
}

func (m *memory) get(id string) control.Run {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[id]
}

type bench struct {
	*Queue
	store  *memory
	broker *Broker
	log    *bytes.Buffer
	idle   atomic.Int32
}

func newBench(workers int) *bench {
	b := &bench{store: &memory{states: map[string][]backup.Status{}, last: map[string]control.Run{}}, broker: NewBroker(time.Now), log: &bytes.Buffer{}}
	b.Queue = New(Options{Store: b.store, Broker: b.broker, Log: slog.New(slog.NewTextHandler(b.log, nil)), Now: time.Now, Workers: workers, Idle: func() { b.idle.Add(1) }})
	return b
}

func (b *bench) add(t *testing.T, work ...Work) []string {
	t.Helper()
	ids, err := b.Add(t.Context(), work...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (b *bench) stop(t *testing.T) {
	t.Helper()
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go by in a bubble of synctest, where it takes none.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
}

// takes returns work that lasts for d of fake time, unless it is cancelled.
func takes(d time.Duration, excludes ...string) Work {
	return Work{Excludes: excludes, Do: func(ctx context.Context, _ control.Run, _ backup.Observe) (Outcome, error) {
		select {
		case <-time.After(d):
			return Outcome{}, nil
		case <-ctx.Done():
			return Outcome{}, context.Cause(ctx)
		}
	}}
}

func running(b *bench, ids []string) (out []int) {
	for _, r := range b.Active() {
		if r.Status == backup.Running {
			out = append(out, slices.Index(ids, r.ID))
		}
	}
	return out
}

func TestRunsGoInOrderAndNeverTwoOnOneDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(2)
		x, y := Database("s", "x"), Database("s", "y")
		ids := b.add(t, takes(10*time.Second, x), takes(10*time.Second, x), takes(5*time.Second, y), takes(20*time.Second, x, y), takes(time.Second, y))
		for i, want := range [][]int{{0, 2}, {0}, {1}, {3}, {4}, nil} {
			synctest.Wait()
			if got := running(b, ids); !slices.Equal(got, want) {
				t.Errorf("step %d: running %v, want %v", i, got, want)
			}
			pass([]time.Duration{5, 5, 10, 20, 1, 0}[i]*time.Second + time.Millisecond)
		}
		for _, id := range ids {
			if got := b.store.states[id]; !slices.Equal(got, []backup.Status{backup.Queued, backup.Running, backup.OK}) {
				t.Errorf("states %v", got)
			}
		}
		if b.idle.Load() != 1 {
			t.Errorf("idle %d times", b.idle.Load())
		}
		b.stop(t)
	})
}

func TestAPausedQueueBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(2)
		x := Database("s", "x")
		ids := b.add(t, takes(10*time.Second, x), takes(10*time.Second, x))
		synctest.Wait()
		b.Pause()
		ids = append(ids, b.add(t, takes(10*time.Second))...)
		synctest.Wait()
		if got := running(b, ids); !slices.Equal(got, []int{0}) || b.idle.Load() != 0 {
			t.Errorf("paused: running %v, idle %d times; what runs must go on", got, b.idle.Load())
		}
		pass(11 * time.Second)
		synctest.Wait()
		if got := running(b, ids); got != nil || len(b.Active()) != 2 || b.idle.Load() != 1 {
			t.Errorf("later: running %v of %d, idle %d times", got, len(b.Active()), b.idle.Load())
		}
		if _, err := b.Cancel(t.Context(), ids[2]); err != nil || running(b, ids) != nil {
			t.Errorf("cancelled: %v, running %v", err, running(b, ids))
		}
		b.Resume()
		b.Resume()
		synctest.Wait()
		if got := running(b, ids); !slices.Equal(got, []int{1}) {
			t.Errorf("resumed: running %v", got)
		}
		pass(11 * time.Second)
		b.stop(t)
		if got := b.store.get(ids[1]).Status; got != backup.OK || b.idle.Load() != 2 {
			t.Errorf("in the end %s, idle %d times", got, b.idle.Load())
		}
	})
}

func TestAQueueMayBeginPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		b.Queue = New(Options{Store: b.store, Broker: b.broker, Log: b.Log, Now: time.Now, Workers: 1, StartPaused: true})
		ids := b.add(t, takes(time.Second))
		synctest.Wait()
		if got := running(b, ids); got != nil {
			t.Errorf("running %v", got)
		}
		b.stop(t)
		if got := b.store.get(ids[0]).Status; got != backup.Interrupted {
			t.Errorf("stopped while it waited: %s", got)
		}
	})
}

func TestOutcomesAreKept(t *testing.T) {
	errBroken := problem.New("store.no_space")
	warning := control.Problem{Code: "archiver.full_instead"}
	cases := map[string]struct {
		do     func(ctx context.Context) (Outcome, error)
		status backup.Status
		code   string
		result string
	}{
		"ok":              {func(context.Context) (Outcome, error) { return Outcome{Result: map[string]int{"rows": 3}}, nil }, backup.OK, "", `{"rows":3}`},
		"failed":          {func(context.Context) (Outcome, error) { return Outcome{}, errBroken.Because(nil) }, backup.Failed, "store.no_space", ""},
		"failed, result":  {func(context.Context) (Outcome, error) { return Outcome{Result: 1}, errBroken.Because(nil) }, backup.Failed, "store.no_space", "1"},
		"panic":           {func(context.Context) (Outcome, error) { panic("planted") }, backup.Failed, "agent.internal", ""},
		"no code":         {func(context.Context) (Outcome, error) { return Outcome{}, errors.New("x") }, backup.Failed, "agent.internal", ""},
		"unencodable":     {func(context.Context) (Outcome, error) { return Outcome{Result: func() {}}, nil }, backup.Failed, "agent.internal", ""},
		"context of ours": {func(context.Context) (Outcome, error) { return Outcome{}, context.DeadlineExceeded }, backup.Failed, "agent.internal", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(1)
				ids := b.add(t, Work{Run: control.Run{Kind: backup.RunBackup, Job: "j"}, Do: func(ctx context.Context, run control.Run, _ backup.Observe) (Outcome, error) {
					if run.ID == "" || run.Job != "j" {
						t.Errorf("the work does not know its run: %+v", run)
					}
					out, err := c.do(ctx)
					out.Warnings, out.Backup = []control.Problem{warning}, "b1"
					return out, err
				}})
				synctest.Wait()
				r := b.store.get(ids[0])
				code := ""
				if r.Problem != nil {
					code = r.Problem.Code
				}
				if r.Status != c.status || code != c.code || string(r.Result) != c.result || r.Finished == nil || r.Started == nil {
					t.Errorf("got %+v, problem %+v, result %s", r, r.Problem, r.Result)
				}
				if name != "panic" && (len(r.Warnings) != 1 || r.Backup != "b1") {
					t.Errorf("warnings %v, backup %q", r.Warnings, r.Backup)
				}
				if name == "panic" && !strings.Contains(b.log.String(), "planted") {
					t.Errorf("panic is not in the log: %s", b.log)
				}
				again := b.add(t, takes(0))
				pass(time.Millisecond)
				synctest.Wait()
				if r := b.store.get(again[0]); r.Status != backup.OK {
					t.Errorf("the next run ended %s", r.Status)
				}
				b.stop(t)
			})
		})
	}
}

func TestCancelEndsQueuedAndRunningRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		ids := b.add(t, takes(time.Hour, "x"), takes(time.Hour, "x"), takes(time.Second, "x"))
		for _, i := range []int{1, 0} {
			if _, err := b.Cancel(t.Context(), ids[i]); err != nil {
				t.Fatal(err)
			}
		}
		pass(2 * time.Second)
		synctest.Wait()
		for i, want := range []backup.Status{backup.Cancelled, backup.Cancelled, backup.OK} {
			if r := b.store.get(ids[i]); r.Status != want || want == backup.Cancelled && r.Problem.Code != "agent.cancelled" {
				t.Errorf("run %d: %+v", i, r)
			}
		}
		if _, err := b.Cancel(t.Context(), ids[0]); !errors.Is(err, ErrOver) {
			t.Errorf("cancel of an ended run: %v", err)
		}
		b.stop(t)
	})
}

func TestWorkDoneBeforeTheCancelWasNoticedIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		ids := b.add(t, Work{Do: func(ctx context.Context, _ control.Run, _ backup.Observe) (Outcome, error) {
			<-ctx.Done()
			return Outcome{}, nil
		}})
		synctest.Wait()
		if _, err := b.Cancel(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r := b.store.get(ids[0]); r.Status != backup.OK {
			t.Errorf("got %s", r.Status)
		}
		b.stop(t)
	})
}

func TestStopInterruptsEverythingAndTakesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		ids := b.add(t, takes(time.Hour, "x"), takes(time.Hour, "x"))
		synctest.Wait()
		b.stop(t)
		for _, id := range ids {
			if r := b.store.get(id); r.Status != backup.Interrupted || r.Problem.Code != "agent.interrupted" || r.Finished == nil {
				t.Errorf("got %+v", r)
			}
		}
		if _, err := b.Add(t.Context(), takes(0)); !errors.Is(err, ErrStopping) {
			t.Errorf("add after stop: %v", err)
		}
		b.stop(t)
	})
}

func TestStopDoesNotWaitForeverForAStubbornRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		b.add(t, Work{Do: func(context.Context, control.Run, backup.Observe) (Outcome, error) {
			pass(time.Hour)
			return Outcome{}, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		start := time.Now()
		if err := b.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 8*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		pass(2 * time.Hour)
	})
}

func TestNothingRunsThatCouldNotBeSaved(t *testing.T) {
	b := newBench(1)
	b.store.fail = errors.New("disk full")
	if _, err := b.Add(t.Context(), takes(0)); err == nil || len(b.Active()) != 0 {
		t.Errorf("got %v, active %v", err, b.Active())
	}
	b.stop(t)
}

func TestRunsOutliveTheRequestThatAskedForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		ctx, cancel := context.WithCancel(t.Context())
		ids, err := b.Add(ctx, takes(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		pass(2 * time.Minute)
		synctest.Wait()
		if r := b.store.get(ids[0]); r.Status != backup.OK {
			t.Errorf("got %s", r.Status)
		}
		b.stop(t)
	})
}

func TestProgressIsThinnedOutButItsLastIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		b.add(t, Work{Do: func(_ context.Context, _ control.Run, report backup.Observe) (Outcome, error) {
			for i := range 1000 { // a second of hectic progress ...
				report(backup.Progress{Phase: backup.PhaseDump, Done: int64(i + 1), Total: 1000})
				pass(time.Millisecond)
			}
			pass(time.Hour) // ... then an hour of silence
			return Outcome{}, nil
		}})
		pass(30 * time.Minute)
		synctest.Wait()
		if p := b.Active()[0].Progress; p == nil || p.Done != 1000 {
			t.Errorf("shown during the silence: %+v", p)
		}
		n := 0
		for _, e := range collect(b.broker, int(b.broker.Seq())) {
			if e.Run != nil && e.Run.Progress != nil {
				n++
			}
		}
		if n < 4 || n > 6 {
			t.Errorf("%d progress events in a second, want about 4", n)
		}
		pass(time.Hour)
		b.stop(t)
	})
}

// collect reads n events from the beginning.
func collect(b *Broker, n int) (out []control.Event) {
	for e := range b.Events(context.Background(), 0, b.Epoch()) {
		if out = append(out, e); len(out) == n {
			break
		}
	}
	return out
}

func TestEventsTellTheStoryOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		b.add(t, takes(time.Second))
		pass(2 * time.Second)
		synctest.Wait()
		var story []string
		for i, e := range collect(b.broker, 3) {
			if e.Seq != uint64(i+1) {
				t.Errorf("event %d has number %d", i, e.Seq)
			}
			story = append(story, string(e.Run.Status))
		}
		if got := strings.Join(story, " "); got != "queued running ok" {
			t.Errorf("got %s", got)
		}
		b.stop(t)
	})
}

func TestSubscribersSeeEveryEventOnceUnderLoad(t *testing.T) {
	const writers, each, readers = 4, 500, 8
	b := newBroker(time.Now, writers*each) // nobody can fall behind the ring
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			last := uint64(0)
			for e := range b.Events(t.Context(), 0, b.Epoch()) {
				if e.Seq != last+1 || e.Kind != kindCatalog {
					t.Errorf("event %d %s after %d", e.Seq, e.Kind, last)
					return
				}
				if last = e.Seq; last == writers*each {
					return
				}
			}
		})
	}
	for range writers {
		wg.Go(func() {
			for range each {
				b.Changed()
			}
		})
	}
	wg.Wait()
}

func TestResumingLeavesNoGapAndRepeatsNothing(t *testing.T) {
	b := NewBroker(time.Now)
	for range 100 {
		b.Changed()
	}
	for e := range b.Events(t.Context(), 41, b.Epoch()) {
		if e.Seq != 42 {
			t.Errorf("got %d", e.Seq)
		}
		break
	}
}

func TestLostEventsAreAResetAndThenItGoesOn(t *testing.T) {
	const ours = "ours"
	cases := map[string]struct {
		after uint64
		epoch string
		reset bool
	}{
		"other epoch":       {20, "other", true},
		"no epoch":          {0, "", true},
		"overwritten":       {11, ours, true},
		"from the future":   {21, ours, true},
		"oldest remembered": {12, ours, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBroker(time.Now, 8)
			b.epoch = ours
			for range 20 {
				b.Changed()
			}
			var got []control.Event
			for e := range b.Events(t.Context(), c.after, c.epoch) {
				if got = append(got, e); len(got) == 2 {
					break
				}
				b.Changed()
			}
			first := c.after + 1
			if c.reset {
				first = 20
			}
			if (got[0].Kind == kindReset) != c.reset || got[0].Seq != first || got[1].Kind != kindCatalog || got[1].Seq != first+1 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSlowSubscriberDelaysNobody(t *testing.T) {
	b := newBroker(time.Now, 8)
	b.Changed()
	for e := range b.Events(t.Context(), 0, b.Epoch()) {
		if e.Kind == kindReset {
			if e.Seq != 1001 {
				t.Errorf("reset to %d", e.Seq)
			}
			break
		}
		for range 1000 { // while it looks at its first event
			b.Changed()
		}
		if e.Seq > 1 {
			t.Fatalf("event %d, want a reset", e.Seq)
		}
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBroker(time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for e := range b.Events(ctx, 0, b.Epoch()) {
			t.Errorf("event out of nothing: %+v", e)
		}
	})
}

func TestEventsAreJSONAsTheContractSays(t *testing.T) {
	b := NewBroker(func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) })
	b.Changed()
	j, err := json.Marshal(collect(b, 1)[0])
	if err != nil || string(j) != `{"seq":1,"time":"2026-01-02T03:04:05Z","kind":"catalog"}` {
		t.Errorf("got %s, %v", j, err)
	}
}
