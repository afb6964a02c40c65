package queue

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// writes returns work that writes so many pieces, one a second.
func writes(pieces int, written *atomic.Int32, excludes ...string) Work {
	return Work{Excludes: excludes, Do: func(ctx context.Context, _ control.Run, report backup.Observe) (Outcome, error) {
		for i := range pieces {
			pass(time.Second)
			report(backup.Progress{Phase: backup.PhaseDump, Done: int64(i + 1), Total: int64(pieces)})
			if ctx.Err() != nil {
				return Outcome{}, context.Cause(ctx)
			}
			written.Store(int32(i + 1))
		}
		return Outcome{}, nil
	}}
}

func TestAHeldRunStandsStillAndItsWorkerIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		x := Database("s", "x")
		var written atomic.Int32
		ids := b.add(t, writes(100, &written, x), takes(10*time.Second), takes(time.Second, x))
		pass(10*time.Second + time.Millisecond)
		r, err := b.Hold(t.Context(), ids[0])
		if err != nil || !r.Held || r.Status != backup.Running {
			t.Fatalf("held: %+v, %v", r, err)
		}
		if _, err := b.Hold(t.Context(), ids[0]); err != nil { // again changes nothing
			t.Fatal(err)
		}
		pass(30 * time.Second)
		if written.Load() != 10 {
			t.Errorf("%d pieces written, want the 10 from before", written.Load())
		}
		if s := b.store.get(ids[1]).Status; s != backup.OK {
			t.Errorf("the other run is %s", s)
		}
		if s := b.store.get(ids[2]).Status; s != backup.Queued {
			t.Errorf("the other run of the same database is %s", s)
		}
		if s := b.store.get(ids[0]); !s.Held {
			t.Errorf("saved: %+v", s)
		}
		for range 2 {
			if r, err = b.Release(t.Context(), ids[0]); err != nil || r.Held {
				t.Fatalf("released: %+v, %v", r, err)
			}
		}
		ids = append(ids, b.add(t, takes(time.Second))...)
		synctest.Wait()
		if got := running(b, ids); !slices.Equal(got, []int{0}) {
			t.Errorf("running %v, one worker", got)
		}
		pass(95 * time.Second)
		if written.Load() != 100 || b.store.get(ids[0]).Status != backup.OK || b.store.get(ids[0]).Held || len(b.Active()) != 0 {
			t.Errorf("%d pieces, %+v, %d left", written.Load(), b.store.get(ids[0]), len(b.Active()))
		}
		b.stop(t)
	})
}

func TestAHeldRunCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		var written atomic.Int32
		ids := b.add(t, writes(100, &written), takes(time.Second), takes(time.Second))
		pass(5 * time.Second)
		for _, i := range []int{1, 0} {
			if _, err := b.Hold(t.Context(), ids[i]); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		if s := b.store.get(ids[1]); s.Status != backup.Queued || !s.Held {
			t.Errorf("held before it began: %+v", s)
		}
		for _, id := range ids[:2] {
			if _, err := b.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for i, want := range []backup.Status{backup.Cancelled, backup.Cancelled, backup.OK} {
			if s := b.store.get(ids[i]); s.Status != want || s.Held {
				t.Errorf("run %d: %+v", i, s)
			}
		}
		if _, err := b.Hold(t.Context(), ids[0]); !errors.Is(err, ErrOver) {
			t.Errorf("hold of an ended run: %v", err)
		}
		next := b.add(t, takes(time.Second), takes(time.Second))
		synctest.Wait()
		if got := running(b, next); !slices.Equal(got, []int{0}) {
			t.Errorf("running %v, one worker", got)
		}
		pass(3 * time.Second)
		b.stop(t)
	})
}

func TestAHeldRunDoesNotKeepTheAgentFromStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(1)
		var written atomic.Int32
		ids := b.add(t, writes(100, &written))
		pass(5 * time.Second)
		if _, err := b.Hold(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		b.stop(t)
		if s := b.store.get(ids[0]); s.Status != backup.Interrupted || s.Held {
			t.Errorf("got %+v", s)
		}
	})
}
