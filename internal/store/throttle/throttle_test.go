package throttle_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/store/storetest"
	"github.com/rahatbackup/rahat/internal/store/throttle"
)

func TestConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return throttle.New(mem.New(), throttle.NewLimit(1<<40), nil) })
}

func TestAsFindsTheStoreBelow(t *testing.T) {
	inner := mem.New()
	if got, ok := store.As[*mem.Store](throttle.New(inner, nil, nil)); !ok || got != inner {
		t.Error("As does not see through the decorator")
	}
}

// took measures f in the bubble's time.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func near(got, want time.Duration) bool {
	return got > want-want/20-150*time.Millisecond && got < want+want/20+150*time.Millisecond
}

func TestBytesTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := throttle.New(mem.New(), throttle.NewLimit(1<<20), throttle.NewLimit(4<<20))
		data := make([]byte, 8<<20)
		if d := took(func() { storetest.Put(t, s, "a", data) }); !near(d, 8*time.Second) {
			t.Errorf("8 MiB at 1 MiB/s took %v", d)
		}
		<-time.After(time.Hour) // nobody saves up an hour's bytes
		if d := took(func() { storetest.Get(t, s, "a") }); !near(d, 2*time.Second) {
			t.Errorf("8 MiB at 4 MiB/s took %v", d)
		}
	})
}

func TestTransfersShareALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := throttle.NewLimit(1 << 20)
		one, two := throttle.New(mem.New(), limit, limit), throttle.New(mem.New(), limit, limit)
		d := took(func() {
			var wg sync.WaitGroup
			for _, s := range []store.Store{one, two} {
				wg.Go(func() { storetest.Put(t, s, "a", make([]byte, 4<<20)) })
			}
			wg.Wait()
		})
		if !near(d, 8*time.Second) {
			t.Errorf("twice 4 MiB at 1 MiB/s took %v", d)
		}
	})
}

func TestALimitCanBeChangedOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := throttle.NewLimit(1 << 10) // 8 MiB would take over two hours
		s := throttle.New(mem.New(), limit, nil)
		go func() {
			<-time.After(10 * time.Second)
			limit.Set(1 << 20)
			<-time.After(4 * time.Second)
			limit.Set(0)
		}()
		if d := took(func() { storetest.Put(t, s, "a", make([]byte, 8<<20)) }); !near(d, 14*time.Second) {
			t.Errorf("took %v", d)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := throttle.NewLimit(1)
		inner := mem.New()
		s := throttle.New(inner, limit, limit)
		why := errors.New("closing")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		d := took(func() {
			if _, err := s.Put(ctx, "a", bytes.NewReader(make([]byte, 1000))); !errors.Is(err, why) {
				t.Errorf("put: %v, want the cause of the cancel", err)
			}
		})
		if d != time.Second || len(storetest.Keys(t, inner, "")) != 0 {
			t.Errorf("took %v, left %q", d, storetest.Keys(t, inner, ""))
		}
		storetest.Put(t, inner, "b", make([]byte, 1000))
		if r, err := s.Get(t.Context(), "b", 0, -1); err != nil {
			t.Error(err)
		} else if _, err := io.ReadFull(r, make([]byte, 1)); err != nil || r.Close() != nil {
			t.Error("a slow line gives nothing at all")
		}
	})
}
