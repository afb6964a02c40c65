// Package storetest checks that a store keeps the promises of package store.
// Every driver and every decorator runs it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/rahatbackup/rahat/internal/store"
)

// Run checks every promise of [store.Store]. open returns an empty store; it
// is called once for each subtest and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"put then get returns the same bytes", testRoundTrip},
		{"get reads ranges, also beyond the end", testRanges},
		{"an empty object is an object", testEmpty},
		{"put never replaces", testNeverReplaces},
		{"of racing puts exactly one wins", testRace},
		{"a failing reader leaves nothing", testFailingReader},
		{"a cancelled put leaves nothing", testCancelledPut},
		{"an object is invisible until it is whole", testInvisible},
		{"an absent object is not found", testNotFound},
		{"bad keys are refused everywhere", testBadKeys},
		{"every good key works", testGoodKeys},
		{"a key beside its own folder is kept or refused", testKeyAndFolder},
		{"stat tells size, key and time", testStat},
		{"list is in key order and obeys the prefix", testList},
		{"list can be left early", testListBreak},
		{"list survives deletions while it runs", testListWhileDeleting},
		{"deleting twice is no error", testDelete},
		{"a deleted key can be put again", testPutAgain},
		{"a cancelled context stops every method", testCancelled},
		{"a reader stops when its context does", testCancelledRead},
		{"64 MiB go in and out", testLarge},
		{"many goroutines may use it", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Put stores data under key or fails the test.
func Put(t testing.TB, s store.Store, key string, data []byte) store.Object {
	t.Helper()
	o, err := s.Put(t.Context(), key, bytes.NewReader(data))
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return o
}

// Get returns the bytes of an object or fails the test.
func Get(t testing.TB, s store.Store, key string) []byte {
	t.Helper()
	data, err := read(t.Context(), s, key, 0, -1)
	if err != nil {
		t.Fatalf("get %s: %v", key, err)
	}
	return data
}

// Keys lists the keys that start with prefix, in the order of List, or fails
// the test.
func Keys(t testing.TB, s store.Store, prefix string) []string {
	t.Helper()
	keys := []string{}
	for o, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func read(ctx context.Context, s store.Store, key string, offset, length int64) ([]byte, error) {
	r, err := s.Get(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

// gone fails the test unless key is nowhere to be seen.
func gone(t *testing.T, s store.Store, key string) {
	t.Helper()
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat %s: %v, want ErrNotFound", key, err)
	}
	if _, err := read(t.Context(), s, key, 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get %s: %v, want ErrNotFound", key, err)
	}
	if keys := Keys(t, s, ""); len(keys) != 0 {
		t.Errorf("list shows %q, want nothing", keys)
	}
}

// noise yields size bytes that do not compress and are the same for one seed.
func noise(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

// gate yields data, then calls at, then ends with err.
type gate struct {
	data io.Reader
	at   func()
	err  error
}

func (g *gate) Read(p []byte) (int, error) {
	n, err := g.data.Read(p)
	if err == io.EOF && n == 0 {
		if g.at != nil {
			g.at()
			g.at = nil
		}
		return 0, g.err
	}
	return n, nil
}
