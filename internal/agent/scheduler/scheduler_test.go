package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// a start is one thing that was begun.
type start struct {
	at time.Time // by the computer's clock
	Occasion
}

// world is work that takes no time, a ledger that survives, and a computer whose
// clock can be set and which can be off.
type world struct {
	t     *testing.T
	tasks []Task

	mu     sync.Mutex
	shift  time.Duration // of the computer's clock from the true time
	starts map[string][]start
	ledger map[string]schedule.Record
	busy   bool
	fail   error
	off    func() // ends the agent; nil: it is off
}

func newWorld(t *testing.T, tasks ...Task) *world {
	w := &world{t: t, tasks: tasks, starts: map[string][]start{}, ledger: map[string]schedule.Record{}}
	t.Cleanup(func() {
		if w.off != nil {
			w.off()
		}
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.shift)
}

// set moves the computer's clock; a sleep is seen as a jump, too.
func (w *world) set(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += d
}

func (w *world) Tasks(context.Context) ([]Task, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tasks), nil
}

func (w *world) Begin(_ context.Context, t Task, o Occasion) (bool, error) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil || w.busy {
		return false, w.fail
	}
	w.starts[t.ID] = append(w.starts[t.ID], start{now, o})
	return true, nil
}

func (w *world) Schedules(context.Context) (map[string]schedule.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.ledger), nil
}

func (w *world) SetSchedule(_ context.Context, task string, r schedule.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledger[task] = r
	return nil
}

func (w *world) DropSchedule(_ context.Context, task string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ledger, task)
	return nil
}

// on starts an agent.
func (w *world) on(every time.Duration) *Scheduler {
	s := New(Options{Work: w, Ledger: w, Log: slog.New(slog.DiscardHandler), Now: w.now, Every: every})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.off = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("ended with %v", err)
		}
		w.off = nil
	}
	synctest.Wait()
	return s
}

// took returns what was begun since it was asked last, and forgets it.
func (w *world) took(task string) []start {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.starts[task]
	delete(w.starts, task)
	return all
}

// pass lets time go by in a bubble of synctest, where it takes none.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
	synctest.Wait()
}

func task(t *testing.T, id, spec, zone string) Task {
	t.Helper()
	s, err := schedule.Parse(spec, zone)
	if err != nil {
		t.Fatal(err)
	}
	return Task{ID: id, Schedule: s}
}

// expect checks that exactly so many were begun, and how many of them late.
func (w *world) expect(what, id string, n, late int) []start {
	w.t.Helper()
	all := w.took(id)
	missed := 0
	for _, s := range all {
		if s.Late {
			missed++
		}
	}
	if len(all) != n || missed != late {
		w.t.Errorf("%s: %s began %d times, %d of them late; want %d and %d: %v", what, id, len(all), missed, n, late, all)
	}
	return all
}

const day = 24 * time.Hour

func TestADueTaskBeginsWithinABeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "02:00", "UTC"), task(t, "b", "every 1h", "UTC"))
		w.on(0)
		pass(3 * day) // the bubble begins at midnight
		for i, s := range w.expect("three days", "a", 3, 0) {
			if want := time.Date(2000, 1, 1+i, 2, 0, 0, 0, time.UTC); !s.At.Equal(want) || s.at.Sub(want) > Every {
				t.Errorf("moment %v begun at %v, want %v", s.At, s.at, want)
			}
		}
		w.expect("three days", "b", 72, 0)
	})
}

func TestWhatWasMissedIsMadeUpForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "02:00", "UTC"))
		w.on(0)
		pass(day + 12*time.Hour)
		w.expect("on", "a", 2, 0)
		w.off()
		pass(21 * day)
		w.on(0)
		pass(time.Hour)
		w.expect("off for three weeks", "a", 1, 1)
		w.set(2 * day) // it slept
		pass(time.Minute)
		w.expect("asleep for two days", "a", 1, 1)
		pass(day)
		w.expect("then as ever", "a", 1, 0)
	})
}

func TestTheClockMayBeSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "02:00", "UTC"))
		w.on(0)
		pass(12 * time.Hour)
		w.expect("at first", "a", 1, 0)
		w.set(day)
		pass(time.Hour)
		w.expect("a day forward", "a", 1, 1)
		w.set(-day)
		pass(time.Hour)
		w.expect("and back", "a", 0, 0)
		pass(day)
		w.expect("then as ever", "a", 1, 0)
		pass(11*time.Hour + 59*time.Minute + 30*time.Second) // 01:59:30
		pass(40 * time.Second)
		w.expect("on time", "a", 1, 0)
		w.set(-30 * time.Second)
		pass(time.Hour)
		w.expect("a little back, over the moment", "a", 0, 0)
		w.set(-400 * day)
		pass(2 * day)
		w.expect("a year back", "a", 2, 0)
		w.set(400 * day)
		pass(time.Hour)
		w.expect("and forward again", "a", 1, 1)
	})
}

func TestAnEditedScheduleOwesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		edit := func(w *world, f func(t *Task)) {
			w.mu.Lock()
			defer w.mu.Unlock()
			f(&w.tasks[0])
		}
		w := newWorld(t, task(t, "a", "02:00", "UTC"))
		s := w.on(0)
		pass(12 * time.Hour)
		w.expect("at first", "a", 1, 0)
		for _, change := range []func(t *Task){
			func(a *Task) { *a = task(t, "a", "11:00", "UTC") },
			func(a *Task) { *a = task(t, "a", "11:00", "Asia/Tokyo") },
			func(a *Task) { a.With = "sun 11:00" },
			func(a *Task) { a.ID = "renamed" },
			func(a *Task) { *a = task(t, "a", "11:00", "UTC") },
		} {
			edit(w, change)
			pass(30 * time.Minute)
			w.expect("edited", "a", 0, 0)
			w.expect("edited", "renamed", 0, 0)
		}
		if len(w.ledger) != 1 {
			t.Errorf("remembered: %v", w.ledger)
		}
		// A moment that is nearer than the next beat.
		now := w.now()
		edit(w, func(a *Task) { *a = task(t, "a", now.Add(time.Minute).Truncate(time.Minute).Format("15:04"), "UTC") })
		if err := s.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if since := s.Since("a"); !since.Equal(now) {
			t.Errorf("since %v, want %v", since, now)
		}
		pass(2 * time.Minute)
		w.expect("a minute after the edit", "a", 1, 0)
	})
}

func TestAPausedTaskIsMadeUpForLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "02:00", "UTC"))
		pause := func(on bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tasks[0].Paused = on
		}
		w.on(0)
		pause(true)
		pass(3*day + 12*time.Hour)
		w.expect("paused", "a", 0, 0)
		pause(false)
		pass(time.Minute)
		w.expect("resumed", "a", 1, 1)
	})
}

func TestATaskThatIsStillOnIsAskedAgainAndBegunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "every 1h", "UTC"))
		w.on(0)
		set := func(busy bool, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.busy, w.fail = busy, err
		}
		set(true, nil)
		pass(5*time.Hour + 30*time.Minute)
		w.expect("busy", "a", 0, 0)
		set(false, nil)
		pass(10 * time.Minute)
		w.expect("free", "a", 1, 1)
		set(false, errors.New("no"))
		pass(21 * time.Minute)
		set(false, nil)
		pass(time.Minute)
		w.expect("failed at first", "a", 1, 0)
	})
}

func TestWhatIsBegunByHandMakesUpForWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, task(t, "a", "02:00", "UTC"))
		w.tasks[0].Paused = true
		s := w.on(0)
		pass(12 * time.Hour)
		for _, id := range []string{"a", "unknown"} {
			if err := s.Began(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		w.mu.Lock()
		w.tasks[0].Paused = false
		w.mu.Unlock()
		pass(time.Hour)
		w.expect("begun by hand", "a", 0, 0)
		pass(day)
		w.expect("then as ever", "a", 1, 0)
	})
}
