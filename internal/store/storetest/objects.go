package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

func testRoundTrip(t *testing.T, s store.Store) {
	for _, size := range []int64{1, 100, 4095, 4096, 4097, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1 << 20} {
		key := fmt.Sprintf("sizes/%d", size)
		want, err := io.ReadAll(noise(1, size))
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Put(t.Context(), key, iotest.HalfReader(bytes.NewReader(want)))
		if err != nil {
			t.Fatal(err)
		}
		if o.Key != key || o.Size != size {
			t.Errorf("put returned %+v, want key %s and size %d", o, key, size)
		}
		if !bytes.Equal(Get(t, s, key), want) {
			t.Errorf("%d bytes came back changed", size)
		}
	}
}

func testRanges(t *testing.T, s store.Store) {
	const text = "0123456789"
	Put(t, s, "a", []byte(text))
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, -1, text}, {0, 10, text}, {0, 11, text}, {0, 1 << 40, text}, {3, 4, "3456"},
		{9, -1, "9"}, {9, 5, "9"}, {5, 0, ""}, {10, -1, ""}, {10, 3, ""}, {11, -1, ""}, {1 << 40, 7, ""},
	} {
		got, err := read(t.Context(), s, "a", c.offset, c.length)
		if err != nil || string(got) != c.want {
			t.Errorf("get %d+%d: %q, %v, want %q", c.offset, c.length, got, err, c.want)
		}
	}
	if _, err := read(t.Context(), s, "a", -1, 2); err == nil {
		t.Error("a negative offset was accepted")
	}
}

func testEmpty(t *testing.T, s store.Store) {
	if o := Put(t, s, "empty", nil); o.Size != 0 {
		t.Errorf("size %d, want 0", o.Size)
	}
	if got := Get(t, s, "empty"); len(got) != 0 {
		t.Errorf("got %d bytes", len(got))
	}
	if keys := Keys(t, s, ""); !slices.Equal(keys, []string{"empty"}) {
		t.Errorf("list shows %q", keys)
	}
}

func testNeverReplaces(t *testing.T, s store.Store) {
	first := Put(t, s, "a/b", []byte("first"))
	_, err := s.Put(t.Context(), "a/b", strings.NewReader("second, longer"))
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("second put: %v, want ErrExists", err)
	}
	if got := Get(t, s, "a/b"); string(got) != "first" {
		t.Errorf("the object is now %q", got)
	}
	if o, err := s.Stat(t.Context(), "a/b"); err != nil || !o.Modified.Equal(first.Modified) {
		t.Errorf("the object was touched: %+v, %v, put said %+v", o, err, first)
	}
}

// testRace lets writers meet: each has handed over all its bytes but the end
// when the last one arrives.
func testRace(t *testing.T, s store.Store) {
	const writers = 4
	var meet, done sync.WaitGroup
	meet.Add(writers)
	errs := make([]error, writers)
	for i := range writers {
		done.Go(func() {
			at := sync.OnceFunc(meet.Done)
			defer at() // a writer refused early must not keep the others waiting
			r := &gate{data: strings.NewReader(strings.Repeat(fmt.Sprint(i), 1000)), err: io.EOF}
			r.at = func() { at(); meet.Wait() }
			_, errs[i] = s.Put(t.Context(), "race/a", r)
		})
	}
	done.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("writers %d and %d both won", winner, i)
		case !errors.Is(err, store.ErrExists):
			t.Errorf("loser %d: %v, want ErrExists", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	if got := Get(t, s, "race/a"); string(got) != strings.Repeat(fmt.Sprint(winner), 1000) {
		t.Errorf("the object is not the winner's but %.20q, %d bytes", got, len(got))
	}
}

func testFailingReader(t *testing.T, s store.Store) {
	boom := errors.New("boom")
	for _, size := range []int64{0, 1, 1 << 20} {
		_, err := s.Put(t.Context(), "a/half", &gate{data: noise(2, size), err: boom})
		if !errors.Is(err, boom) {
			t.Errorf("after %d bytes: %v, want the reader's error", size, err)
		}
		gone(t, s, "a/half")
	}
	Put(t, s, "a/half", []byte("whole")) // the key is not burnt
}

func testCancelledPut(t *testing.T, s store.Store) {
	why := errors.New("the user said stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	r := &gate{data: noise(3, 1<<20), at: func() { cancel(why) }, err: io.EOF}
	if _, err := s.Put(ctx, "a/cancelled", r); !errors.Is(err, why) {
		t.Errorf("put: %v, want the cause of the cancel", err)
	}
	gone(t, s, "a/cancelled")
}

func testInvisible(t *testing.T, s store.Store) {
	r := &gate{data: noise(4, 1<<20), err: io.EOF}
	r.at = func() { gone(t, s, "a/growing") }
	if _, err := s.Put(t.Context(), "a/growing", r); err != nil {
		t.Fatal(err)
	}
	if keys := Keys(t, s, ""); !slices.Equal(keys, []string{"a/growing"}) {
		t.Errorf("list shows %q", keys)
	}
}

func testNotFound(t *testing.T, s store.Store) {
	gone(t, s, "absent")
	gone(t, s, "absent/deeper/still")
	Put(t, s, "there", []byte("x"))
	for _, key := range []string{"there/below", "ther", "theree"} {
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("stat %s: %v, want ErrNotFound", key, err)
		}
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get %s: %v, want ErrNotFound", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	Put(t, s, "folder/object", []byte("x"))
	if _, err := s.Get(t.Context(), "folder", 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of a folder: %v, want ErrNotFound", err)
	}
	if _, err := s.Stat(t.Context(), "folder"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat of a folder: %v, want ErrNotFound", err)
	}
	if err := s.Delete(t.Context(), "folder"); err != nil {
		t.Errorf("delete of a folder: %v", err)
	}
	Get(t, s, "folder/object")
}

func testStat(t *testing.T, s store.Store) {
	before := time.Now().Add(-time.Hour) // the store's clock may differ a little
	put := Put(t, s, "x/y/z", []byte("12345"))
	o, err := s.Stat(t.Context(), "x/y/z")
	if err != nil {
		t.Fatal(err)
	}
	if o.Key != "x/y/z" || o.Size != 5 || put.Size != 5 || put.Key != o.Key {
		t.Errorf("stat %+v, put %+v", o, put)
	}
	if !o.Modified.Equal(put.Modified) || o.Modified.Before(before) || o.Modified.After(before.Add(2*time.Hour)) {
		t.Errorf("modified %v, put said %v", o.Modified, put.Modified)
	}
	if o.Modified.Location() != time.UTC {
		t.Errorf("modified is in %v, want UTC", o.Modified.Location())
	}
}

func testDelete(t *testing.T, s store.Store) {
	Put(t, s, "a/b", []byte("x"))
	Put(t, s, "a/bc", []byte("y"))
	for range 2 {
		if err := s.Delete(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	if keys := Keys(t, s, ""); !slices.Equal(keys, []string{"a/bc"}) {
		t.Errorf("left: %q, want a/bc", keys)
	}
	if _, err := s.Stat(t.Context(), "a/b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("stat: %v, want ErrNotFound", err)
	}
}

func testPutAgain(t *testing.T, s store.Store) {
	Put(t, s, "a/b", []byte("one"))
	if err := s.Delete(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	Put(t, s, "a/b", []byte("two"))
	if got := Get(t, s, "a/b"); string(got) != "two" {
		t.Errorf("got %q", got)
	}
}

func testLarge(t *testing.T, s store.Store) {
	const size = 64 << 20
	sum := sha256.New()
	if _, err := s.Put(t.Context(), "large", io.TeeReader(noise(5, size), sum)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), "large", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	back := sha256.New()
	n, err := io.Copy(back, r)
	if err := errors.Join(err, r.Close()); err != nil || n != size {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	if !bytes.Equal(sum.Sum(nil), back.Sum(nil)) {
		t.Error("64 MiB came back changed")
	}
}
