// Package throttle is a store that reads and writes no faster than allowed, so
// that a backup leaves room on a slow line.
package throttle

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// Limit is a number of bytes per second that several stores and transfers may
// share: a bucket that fills steadily and holds a tenth of a second's bytes,
// so that after a pause nobody may rush. Its methods may be called from
// several goroutines. A nil Limit limits nothing.
type Limit struct {
	mu   sync.Mutex
	rate float64   // bytes per second; 0 means no limit
	owed float64   // bytes taken that have not been waited for; negative: saved up
	last time.Time // when owed was right
}

// NewLimit returns a limit of bytes per second; 0 or less means none.
func NewLimit(bytesPerSecond int64) *Limit {
	l := &Limit{}
	l.Set(bytesPerSecond)
	return l
}

// Set changes the limit, also for transfers that are under way.
func (l *Limit) Set(bytesPerSecond int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	l.rate = float64(max(bytesPerSecond, 0))
}

// settle brings owed up to now.
func (l *Limit) settle() {
	now := time.Now()
	if !l.last.IsZero() {
		l.owed -= now.Sub(l.last).Seconds() * l.rate
	}
	l.owed = max(l.owed, -l.rate*burst.Seconds())
	l.last = now
}

// burst is how much of the rate may be saved up.
const burst = 100 * time.Millisecond

// maxWait bounds a single sleep, so that a raised limit is felt soon.
const maxWait = 250 * time.Millisecond

// Wait takes n bytes and returns when they may pass, or with the cause of ctx's
// end.
func (l *Limit) Wait(ctx context.Context, n int) error {
	if l == nil || n <= 0 {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	l.settle()
	l.owed += float64(n)
	l.mu.Unlock()
	for {
		wait := l.left()
		if wait <= 0 {
			return context.Cause(ctx)
		}
		timer := time.NewTimer(min(wait, maxWait))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// left is how long everything taken so far has still to wait.
func (l *Limit) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	if l.rate == 0 {
		l.owed = 0
		return 0
	}
	return time.Duration(l.owed / l.rate * float64(time.Second))
}

// Store is a store behind limits. Its methods may be called from several
// goroutines.
type Store struct {
	next     store.Store
	up, down *Limit
}

var _ store.Store = (*Store)(nil)

// New wraps next: Put runs under up, Get under down. Either may be nil, and
// both may be the same.
func New(next store.Store, up, down *Limit) *Store {
	return &Store{next: next, up: up, down: down}
}

// Unwrap returns the store below, for [store.As].
func (s *Store) Unwrap() store.Store { return s.next }

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	return s.next.Put(ctx, key, &reader{ctx: ctx, r: r, limit: s.up})
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.next.Get(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, r: r, Closer: r, limit: s.down}, nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, key string) (store.Object, error) {
	return s.next.Stat(ctx, key)
}

// List implements [store.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return s.next.List(ctx, prefix)
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error { return s.next.Delete(ctx, key) }

// maxRead bounds what passes at once, so that a line of 100 kB/s moves several
// times a second and not once in ten.
const maxRead = 32 << 10

// reader gives bytes once the limit lets them pass.
type reader struct {
	io.Closer
	ctx   context.Context
	r     io.Reader
	limit *Limit
}

func (r *reader) Read(p []byte) (int, error) {
	if r.limit != nil && len(p) > maxRead {
		p = p[:maxRead]
	}
	n, err := r.r.Read(p)
	if werr := r.limit.Wait(r.ctx, n); werr != nil {
		return n, fmt.Errorf("wait for the speed limit: %w", werr)
	}
	return n, err
}
