package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/store"
)

func testBadKeys(t *testing.T, s store.Store) {
	bad := []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "../a", "a b", "a\\b", "a:b",
		"ı", "a\x00b", "a\nb", "~a", strings.Repeat("a", store.MaxKey+1)}
	for _, key := range bad {
		_, put := s.Put(t.Context(), key, strings.NewReader("x"))
		_, get := s.Get(t.Context(), key, 0, -1)
		_, stat := s.Stat(t.Context(), key)
		for verb, err := range map[string]error{"put": put, "get": get, "stat": stat, "delete": s.Delete(t.Context(), key)} {
			if !errors.Is(err, store.ErrBadKey) {
				t.Errorf("%s %.30q: %v, want ErrBadKey", verb, key, err)
			}
		}
	}
	if keys := Keys(t, s, ""); len(keys) != 0 {
		t.Errorf("left behind: %q", keys)
	}
}

func testGoodKeys(t *testing.T, s store.Store) {
	long := strings.Repeat(strings.Repeat("k", 127)+"/", 4)[:store.MaxKey-1] + "z"
	good := []string{"a", "0", "-", "_", "...", "a.b", ".a", "a.", "con", "nul.txt", "a-b/c_d/e.f", "RESTORE-ME.txt", "B/Cd", long}
	for _, key := range good {
		Put(t, s, key, []byte(key))
	}
	for _, key := range good {
		if got := Get(t, s, key); string(got) != key {
			t.Errorf("%.30s holds %.30q", key, got)
		}
	}
	slices.Sort(good)
	if keys := Keys(t, s, ""); !slices.Equal(keys, good) {
		t.Errorf("list shows %q, want %q", keys, good)
	}
}

// A folder of files cannot hold "a" and "a/b" at once. It may say so, but not
// lose the one that was there.
func testKeyAndFolder(t *testing.T, s store.Store) {
	for _, keys := range [][2]string{{"one", "one/b"}, {"two/b", "two"}, {"three/b/c", "three/b"}} {
		Put(t, s, keys[0], []byte("first"))
		_, err := s.Put(t.Context(), keys[1], strings.NewReader("second"))
		if err != nil && !errors.Is(err, store.ErrBadKey) {
			t.Errorf("put %s beside %s: %v, want nil or ErrBadKey", keys[1], keys[0], err)
		}
		if got := Get(t, s, keys[0]); string(got) != "first" {
			t.Errorf("%s is now %q", keys[0], got)
		}
		_, serr := s.Stat(t.Context(), keys[1])
		if (err == nil) != (serr == nil) {
			t.Errorf("put %s said %v, stat says %v", keys[1], err, serr)
		}
	}
}

func testList(t *testing.T, s store.Store) {
	// '-' and '.' sort before '/', so a walk by folders is not in key order.
	all := []string{"a-b", "a-b.c/x", "a.b", "a/b", "a/b-c", "a/c/d", "a/c/e", "a0", "ab", "b", "packs/00/1", "packs/01/2"}
	slices.Sort(all)
	for i := range all {
		Put(t, s, all[(i*5)%len(all)], []byte("x"))
	}
	for _, prefix := range []string{"", "a", "a/", "a/c", "a/c/", "a/c/d", "a-", "ab", "b", "b/", "packs/0", "packs/01", "c", "zzz/", "A", "a//", "../"} {
		want := []string{}
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		if got := Keys(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: %q, want %q", prefix, got, want)
		}
	}
	for o, err := range s.List(t.Context(), "packs/01") {
		st, serr := s.Stat(t.Context(), o.Key)
		if err != nil || serr != nil || o.Size != st.Size || !o.Modified.Equal(st.Modified) {
			t.Errorf("list says %+v, %v; stat says %+v, %v", o, err, st, serr)
		}
	}
}

func testListBreak(t *testing.T, s store.Store) {
	for i := range 5 {
		Put(t, s, fmt.Sprintf("k/%d", i), []byte("x"))
	}
	var seen []string
	for o, err := range s.List(t.Context(), "k/") {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, o.Key); len(seen) == 2 {
			break
		}
	}
	if !slices.Equal(seen, []string{"k/0", "k/1"}) {
		t.Errorf("saw %q", seen)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed error
	count := 0
	for _, err := range s.List(ctx, "") {
		if failed != nil {
			t.Fatal("list went on after an error")
		}
		count++
		failed = err
		cancel()
	}
	if !errors.Is(failed, context.Canceled) || count > 5 {
		t.Errorf("a cancelled list ended with %v after %d", failed, count)
	}
}

func testListWhileDeleting(t *testing.T, s store.Store) {
	const n = 20
	for i := range n {
		Put(t, s, fmt.Sprintf("d%02d/x", i), []byte("x"))
	}
	seen := 0
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if err := s.Delete(t.Context(), o.Key); err != nil {
			t.Fatal(err)
		}
	}
	if seen != n {
		t.Errorf("saw %d of %d", seen, n)
	}
	if keys := Keys(t, s, ""); len(keys) != 0 {
		t.Errorf("left: %q", keys)
	}
}

func testCancelled(t *testing.T, s store.Store) {
	Put(t, s, "a", []byte("x"))
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, put := s.Put(ctx, "b", strings.NewReader("x"))
	_, get := s.Get(ctx, "a", 0, -1)
	_, stat := s.Stat(ctx, "a")
	var list error
	for _, err := range s.List(ctx, "") {
		list = err
	}
	for verb, err := range map[string]error{"put": put, "get": get, "stat": stat, "list": list, "delete": s.Delete(ctx, "a")} {
		if !errors.Is(err, why) {
			t.Errorf("%s: %v, want the cause of the cancel", verb, err)
		}
	}
	if keys := Keys(t, s, ""); !slices.Equal(keys, []string{"a"}) {
		t.Errorf("list shows %q, want a", keys)
	}
}

func testCancelledRead(t *testing.T, s store.Store) {
	Put(t, s, "a", bytes.Repeat([]byte("x"), 1<<20))
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	r, err := s.Get(ctx, "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, why) {
		t.Errorf("read after cancel: %v, want its cause", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func testConcurrent(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				key := fmt.Sprintf("w%d/%d", i, w)
				want := fmt.Sprintf("%d-%d", w, i)
				if _, err := s.Put(t.Context(), key, strings.NewReader(want)); err != nil {
					t.Errorf("put %s: %v", key, err)
					return
				}
				got, err := read(t.Context(), s, key, 0, -1)
				if err != nil || string(got) != want {
					t.Errorf("get %s: %q, %v", key, got, err)
				}
				for _, err := range s.List(t.Context(), "w") {
					if err != nil {
						t.Errorf("list: %v", err)
					}
				}
				if i%2 == 0 {
					if err := s.Delete(t.Context(), key); err != nil {
						t.Errorf("delete %s: %v", key, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(Keys(t, s, "")); n != 8*5 {
		t.Errorf("%d objects are left, want 40", n)
	}
}
