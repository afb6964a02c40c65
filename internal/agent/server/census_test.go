package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// counted asks are a census whose looks a test counts and directs.
type looks struct {
	*census
	asked, told atomic.Int32
	answer      func(ctx context.Context, answered func(string, listing)) ([]control.Found, error)
}

func newLooks(answer func(ctx context.Context, answered func(string, listing)) ([]control.Found, error)) *looks {
	l := &looks{answer: answer}
	l.census = newCensus(time.Now, func(ctx context.Context, answered func(string, listing)) ([]control.Found, error) {
		l.asked.Add(1)
		return l.answer(ctx, answered)
	}, func() { l.told.Add(1) })
	return l
}

func (l *looks) want(t *testing.T, asked, told int32) {
	t.Helper()
	synctest.Wait()
	if l.asked.Load() != asked || l.told.Load() != told {
		t.Errorf("asked %d times and told %d times, want %d and %d", l.asked.Load(), l.told.Load(), asked, told)
	}
}

func TestServersAreAskedOnlyWhenSomebodyWantsToKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(func(_ context.Context, answered func(string, listing)) ([]control.Found, error) {
			time.Sleep(3 * time.Second) //nolint:forbidigo // fake time
			answered("pg", there("a"))
			return []control.Found{{Address: "x"}}, nil
		})
		begun := time.Now()
		if k := l.take(false); !k.looking || !k.asOf.IsZero() || k.listings != nil {
			t.Errorf("at first %+v", k)
		}
		if k := l.take(false); !k.looking {
			t.Errorf("while it looks %+v", k)
		}
		l.want(t, 1, 0)
		time.Sleep(4 * time.Second) //nolint:forbidigo // fake time
		l.want(t, 1, 2)             // a listing is news, and so is the end
		k := l.take(false)
		if k.looking || !k.asOf.Equal(begun) || len(k.listings["pg"].databases) != 1 || len(k.found) != 1 {
			t.Errorf("then %+v", k)
		}
		time.Sleep(24 * time.Hour) //nolint:forbidigo // fake time
		l.want(t, 1, 2)            // nobody asked
		if k := l.take(false); !k.looking || len(k.listings) != 1 {
			t.Errorf("a day later %+v", k)
		}
		time.Sleep(4 * time.Second) //nolint:forbidigo // fake time
		l.want(t, 2, 3)             // the listing is no news
		l.take(true)
		l.take(true)                // the look under way may have begun before what is looked for happened
		time.Sleep(4 * time.Second) //nolint:forbidigo // fake time
		l.want(t, 3, 4)
		l.take(false)
		time.Sleep(4 * time.Second) //nolint:forbidigo // fake time
		l.want(t, 4, 5)
		l.take(false)
		l.want(t, 4, 5)
		l.close()
	})
}

func TestAServerThatChangedIsForgottenAndAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(func(_ context.Context, answered func(string, listing)) ([]control.Found, error) {
			answered("pg", there("a"))
			answered("other", there("b"))
			return nil, errors.New("planted")
		})
		l.take(false)
		synctest.Wait()
		before := l.take(false)
		l.forget("pg")
		if k := l.peek(); len(k.listings) != 1 || len(before.listings) != 2 {
			t.Errorf("now %+v, before %+v", k, before)
		}
		l.want(t, 1, 3)
		l.take(false)
		l.want(t, 2, 5) // pg is news
		l.expire()
		l.take(false)
		l.want(t, 3, 6)
		l.close()
	})
}

func TestClosingEndsALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(func(ctx context.Context, _ func(string, listing)) ([]control.Found, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		l.take(false)
		synctest.Wait()
		l.close()
		if k := l.take(true); k.looking {
			t.Error("a look began after the end")
		}
		l.want(t, 1, 0)
	})
}
