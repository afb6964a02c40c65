// Package fault is a store that fails on demand: the n-th call of a method,
// once or for ever, after some bytes, late or slowly. Tests walk a piece of
// work through every failure with [Walk].
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// Method names what a rule applies to.
type Method string

// The methods of a store. Any matches them all.
const (
	Any    Method = ""
	Put    Method = "put"
	Get    Method = "get"
	Stat   Method = "stat"
	List   Method = "list"
	Delete Method = "delete"
)

// ErrInjected is the error of rules that name none.
var ErrInjected = errors.New("injected fault")

// A Rule says which call fails and how. The zero rule fails the first call of
// any method.
type Rule struct {
	Method Method // Any: every method
	Key    string // only keys (for List: prefixes) that start with it; "": all
	// Call is which of the calls that match Method and Key fails, from 1; 0
	// means 1.
	Call int
	// Forever fails all later calls too.
	Forever bool
	// After lets that many bytes (Put, Get) or objects (List) through before
	// it fails; a Put or Get that has fewer succeeds.
	After int64
	// Late lets the call take effect and then reports the error, as when an
	// answer is lost. A Get or List fails after its last byte or object.
	Late bool
	// Delay waits before the call, or until its context is over.
	Delay time.Duration
	// SlowOnly makes the rule delay and not fail.
	SlowOnly bool
	Err      error // nil: ErrInjected
}

// A Call is one call the store has seen.
type Call struct {
	Method Method
	Key    string
}

// Store hands every call on to another store unless a rule says otherwise. Its
// methods may be called from several goroutines.
type Store struct {
	next store.Store

	mu    sync.Mutex
	rules []*state
	calls []Call
	fired int
}

type state struct {
	Rule
	seen int
}

var _ store.Store = (*Store)(nil)

// New wraps next.
func New(next store.Store, rules ...Rule) *Store {
	s := &Store{next: next}
	s.Set(rules...)
	return s
}

// Set replaces the rules; their counts of calls start anew.
func (s *Store) Set(rules ...Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
	for _, r := range rules {
		s.rules = append(s.rules, &state{Rule: r})
	}
}

// Calls returns the calls so far, in the order they began.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Count returns how many calls of a method there were; Any counts all.
func (s *Store) Count(m Method) (n int) {
	for _, c := range s.Calls() {
		if m == Any || c.Method == m {
			n++
		}
	}
	return n
}

// Fired returns how many errors were injected.
func (s *Store) Fired() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

// Unwrap returns the store below, for [store.As].
func (s *Store) Unwrap() store.Store { return s.next }

// begin counts a call and returns the rule that hits it, if any, after the
// rule's delay.
func (s *Store) begin(ctx context.Context, m Method, key string) (*Rule, error) {
	s.mu.Lock()
	s.calls = append(s.calls, Call{m, key})
	var hit *Rule
	for _, r := range s.rules {
		if !r.matches(Call{m, key}) {
			continue
		}
		r.seen++
		at := max(r.Call, 1)
		if hit == nil && (r.seen == at || r.Forever && r.seen > at) {
			hit = &r.Rule
		}
	}
	s.mu.Unlock()
	if hit == nil {
		return nil, nil
	}
	if hit.Delay > 0 {
		select {
		case <-time.After(hit.Delay):
		case <-ctx.Done():
			return nil, fmt.Errorf("%s object: %w", m, context.Cause(ctx))
		}
	}
	if hit.SlowOnly {
		return nil, nil
	}
	return hit, nil
}

// fail counts an injected error and returns it.
func (s *Store) fail(r *Rule, m Method, key string) error {
	s.mu.Lock()
	s.fired++
	s.mu.Unlock()
	err := r.Err
	if err == nil {
		err = ErrInjected
	}
	return fmt.Errorf("%s object %s: %w", m, key, err)
}

// matches reports whether the rule counts a call.
func (r *Rule) matches(c Call) bool {
	return (r.Method == Any || r.Method == c.Method) && strings.HasPrefix(c.Key, r.Key)
}

// now reports whether a rule strikes before the call.
func (r *Rule) now() bool { return r != nil && !r.Late && r.After == 0 }

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	rule, err := s.begin(ctx, Put, key)
	if err != nil {
		return store.Object{}, err
	}
	if rule.now() {
		return store.Object{}, s.fail(rule, Put, key)
	}
	if rule != nil && !rule.Late {
		r = &breaking{r: r, left: rule.After, fail: func() error { return s.fail(rule, Put, key) }}
	}
	o, err := s.next.Put(ctx, key, r)
	if err == nil && rule != nil && rule.Late {
		return store.Object{}, s.fail(rule, Put, key)
	}
	return o, err
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	rule, err := s.begin(ctx, Get, key)
	if err != nil {
		return nil, err
	}
	if rule.now() {
		return nil, s.fail(rule, Get, key)
	}
	r, err := s.next.Get(ctx, key, offset, length)
	if err != nil || rule == nil {
		return r, err
	}
	return &breaking{r: r, Closer: r, left: rule.After, late: rule.Late,
		fail: func() error { return s.fail(rule, Get, key) }}, nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, key string) (store.Object, error) {
	rule, err := s.begin(ctx, Stat, key)
	if err != nil {
		return store.Object{}, err
	}
	if rule != nil {
		return store.Object{}, s.fail(rule, Stat, key)
	}
	return s.next.Stat(ctx, key)
}

// List implements [store.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		rule, err := s.begin(ctx, List, prefix)
		if err == nil && rule.now() {
			err = s.fail(rule, List, prefix)
		}
		if err != nil {
			yield(store.Object{}, err)
			return
		}
		var n int64
		for o, err := range s.next.List(ctx, prefix) {
			if err == nil && rule != nil && !rule.Late && n == rule.After {
				o, err = store.Object{}, s.fail(rule, List, prefix)
			}
			if !yield(o, err) || err != nil {
				return
			}
			n++
		}
		if rule != nil && rule.Late {
			yield(store.Object{}, s.fail(rule, List, prefix))
		}
	}
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	rule, err := s.begin(ctx, Delete, key)
	if err != nil {
		return err
	}
	if rule != nil && !rule.Late {
		return s.fail(rule, Delete, key)
	}
	if err := s.next.Delete(ctx, key); err != nil {
		return err
	}
	if rule != nil {
		return s.fail(rule, Delete, key)
	}
	return nil
}

// breaking is a reader that fails after some bytes, or, when late, instead of
// its end.
type breaking struct {
	io.Closer
	r    io.Reader
	left int64
	late bool
	fail func() error
}

func (b *breaking) Read(p []byte) (int, error) {
	if !b.late && int64(len(p)) > b.left {
		p = p[:b.left]
	}
	if !b.late && len(p) == 0 {
		return 0, b.fail()
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if b.late && errors.Is(err, io.EOF) {
		err = b.fail()
	}
	return n, err
}
