// Package mem is a store in memory: for tests, and the second implementation
// that keeps the conformance suite honest.
package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// Store keeps objects in memory. Durability ends with the process; otherwise
// it obeys [store.Store]. Its methods may be called from several goroutines.
type Store struct {
	mu      sync.RWMutex
	objects map[string]object
}

type object struct {
	data     []byte // never changed once stored
	modified time.Time
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{objects: map[string]object{}}
}

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	if err := s.check(ctx, "put", key); err != nil {
		return store.Object{}, err
	}
	if _, ok := s.get(key); ok {
		return store.Object{}, fmt.Errorf("put object: %w", store.ErrExists.Because(nil, "key", key))
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(&ctxReader{ctx: ctx, r: r}); err != nil {
		return store.Object{}, fmt.Errorf("put object %s: %w", key, err)
	}
	if err := context.Cause(ctx); err != nil {
		return store.Object{}, fmt.Errorf("put object %s: %w", key, err)
	}
	o := object{data: buf.Bytes(), modified: time.Now().UTC()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[key]; ok {
		return store.Object{}, fmt.Errorf("put object: %w", store.ErrExists.Because(nil, "key", key))
	}
	s.objects[key] = o
	return o.describe(key), nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(ctx, "get", key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("get object %s: %w", key, errOffset)
	}
	o, ok := s.get(key)
	if !ok {
		return nil, fmt.Errorf("get object: %w", store.ErrNotFound.Because(nil, "key", key))
	}
	data := o.data[min(offset, int64(len(o.data))):]
	if length >= 0 && length < int64(len(data)) {
		data = data[:length]
	}
	return io.NopCloser(&ctxReader{ctx: ctx, r: bytes.NewReader(data)}), nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, key string) (store.Object, error) {
	if err := s.check(ctx, "stat", key); err != nil {
		return store.Object{}, err
	}
	o, ok := s.get(key)
	if !ok {
		return store.Object{}, fmt.Errorf("stat object: %w", store.ErrNotFound.Because(nil, "key", key))
	}
	return o.describe(key), nil
}

// List implements [store.Store]. It shows the keys of the moment it starts,
// less those deleted since.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		s.mu.RLock()
		keys := slices.Sorted(maps.Keys(s.objects))
		s.mu.RUnlock()
		for _, key := range keys {
			if err := context.Cause(ctx); err != nil {
				yield(store.Object{}, fmt.Errorf("list objects: %w", err))
				return
			}
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			if o, ok := s.get(key); ok && !yield(o.describe(key), nil) {
				return
			}
		}
		if err := context.Cause(ctx); err != nil {
			yield(store.Object{}, fmt.Errorf("list objects: %w", err))
		}
	}
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.check(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// Corrupt replaces the bytes of an object by what change returns, as a failing
// disk would. It reports whether there was such an object. For tests.
func (s *Store) Corrupt(key string, change func([]byte) []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if ok {
		o.data = change(bytes.Clone(o.data))
		s.objects[key] = o
	}
	return ok
}

// Clone returns a store with the same objects that shares nothing with s, for
// tests that try several futures from one state.
func (s *Store) Clone() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Store{objects: maps.Clone(s.objects)}
}

// Size returns the bytes of all objects.
func (s *Store) Size() (bytes int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, o := range s.objects {
		bytes += int64(len(o.data))
	}
	return bytes
}

var errOffset = errors.New("negative offset")

func (s *Store) get(key string) (object, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.objects[key]
	return o, ok
}

func (s *Store) check(ctx context.Context, verb, key string) error {
	err := context.Cause(ctx)
	if err == nil {
		err = store.CheckKey(key)
	}
	if err != nil {
		return fmt.Errorf("%s object: %w", verb, err)
	}
	return nil
}

func (o object) describe(key string) store.Object {
	return store.Object{Key: key, Size: int64(len(o.data)), Modified: o.modified}
}

// ctxReader ends with the context's cause once the context is over.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
