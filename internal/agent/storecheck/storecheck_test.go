package storecheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/store/storetest"
	"github.com/rahatbackup/rahat/internal/vault"
)

// said shows steps as "write ok, read failed".
func said(steps []Step) string {
	var all []string
	for _, s := range steps {
		all = append(all, s.Name+" "+string(s.Status))
	}
	return strings.Join(all, ", ")
}

const allGood = "clean ok, write ok, read ok, clock ok, range ok, list ok, replace ok, broken ok, large ok, delete ok"

func TestAFolderPassesAndIsLeftAsItWas(t *testing.T) {
	st, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, st, "config", []byte("x"))
	storetest.Put(t, st, "check/left-by-another", []byte("x"))
	var seen []Step
	steps := Run(t.Context(), st, Options{Observe: func(s Step) { seen = append(seen, s) }})
	if said(steps) != allGood || First(steps) != nil || said(seen) != allGood {
		t.Errorf("%s, %v", said(steps), First(steps))
	}
	if keys := storetest.Keys(t, st, ""); len(keys) != 1 || keys[0] != "config" {
		t.Errorf("left: %q", keys)
	}
	for _, s := range steps {
		if (s.Bytes != 0) != (s.Name == "large") {
			t.Errorf("%s moved %d bytes", s.Name, s.Bytes)
		}
	}
	if steps := Run(t.Context(), st, Options{Lock: true}); !errors.Is(First(steps), repository.ErrNoLock) || !strings.HasSuffix(said(steps), "lock failed, delete ok") {
		t.Errorf("a folder that should lock: %s", said(steps))
	}
}

func TestClocksThatDifferAreTold(t *testing.T) {
	st, err := local.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for apart, want := range map[time.Duration]string{0: "", 4 * time.Minute: "", -4 * time.Minute: "", time.Hour: "3600", -2 * time.Hour: "7200"} {
		steps := Run(t.Context(), st, Options{Now: func() time.Time { return time.Now().Add(apart) }})
		p := problem.Of(steps[3].Err)
		if (want == "") != (steps[3].Status == OK) || (want != "") != (p != nil) || First(steps) != nil {
			t.Errorf("%v apart: %s, %v", apart, said(steps), steps[3].Err)
			continue
		}
		if p == nil {
			continue
		}
		// Writing took its time, and a folder dates its files to no less than two seconds.
		got, err := strconv.Atoi(p.Params["difference"])
		far, err2 := strconv.Atoi(want)
		if errors.Join(err, err2) != nil || p.Code != ErrClock.Code || steps[3].Status != Warning || got < far-60 || got > far+60 {
			t.Errorf("%v apart: %s %+v", apart, steps[3].Status, p)
		}
	}
}

func TestABucketPassesWithItsLock(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t, gateway.BucketOptions{Locked: true})
	cfg, err := s3.Parse(server.URL(bucket, "p"), vault.NewSecret(gateway.Secret))
	if err != nil {
		t.Fatal(err)
	}
	st, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second meets the locked file of the first
		steps := Run(t.Context(), st, Options{Lock: true})
		if want := strings.Replace(allGood, "delete", "lock ok, delete", 1); said(steps) != want {
			t.Errorf("%s: %v", said(steps), First(steps))
		}
	}
	if keys := storetest.Keys(t, st, ""); len(keys) != 2 {
		t.Errorf("left: %q, want the two locked files", keys)
	}
	plain, err := s3.Parse(server.URL(server.Bucket(t, gateway.BucketOptions{}), ""), vault.NewSecret(gateway.Secret))
	if err != nil {
		t.Fatal(err)
	}
	if st, err = s3.Open(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	if steps := Run(t.Context(), st, Options{Lock: true}); problem.Of(First(steps)).Code != "s3.no_object_lock" {
		t.Errorf("%s: %v", said(steps), First(steps))
	}
}

// bad is a store with one bad habit.
type bad struct {
	*mem.Store
	habit string
	locks map[string]bool
}

func (b *bad) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	data, err := io.ReadAll(r)
	if err != nil && b.habit != "keeps halves" {
		return store.Object{}, fmt.Errorf("read source: %w", err)
	}
	switch b.habit {
	case "replaces":
		if err := b.Store.Delete(ctx, key); err != nil {
			return store.Object{}, err
		}
	case "changes bytes":
		if len(data) > 1<<20 {
			data[1<<20] ^= 1
		}
	case "cuts":
		data = data[:len(data)-1]
	}
	o, perr := b.Store.Put(ctx, key, bytes.NewReader(data))
	return o, errors.Join(err, perr)
}

func (b *bad) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if b.habit == "knows no ranges" {
		offset, length = 0, -1
	}
	return b.Store.Get(ctx, key, offset, length)
}

func (b *bad) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range b.Store.List(ctx, prefix) {
			if b.habit == "forgets" && strings.Contains(o.Key, "b/") {
				continue
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (b *bad) Delete(ctx context.Context, key string) error {
	switch {
	case b.habit == "keeps all":
		return nil
	case b.habit == "locks all", b.habit == "locks" && b.locks[key]:
		return store.Locked(key, time.Time{}, nil)
	}
	return b.Store.Delete(ctx, key)
}

func (b *bad) Retain(_ context.Context, key string, _ time.Time) error {
	b.locks[key] = true
	return nil
}

func TestEveryBadHabitIsNamed(t *testing.T) {
	for habit, want := range map[string]struct {
		err  *problem.Problem
		said string
	}{
		"none":            {ErrNotLocked, "lock failed"},
		"locks":           {nil, "lock ok, delete ok"},
		"locks all":       {nil, "lock ok, delete warning"},
		"replaces":        {ErrReplaced, "replace failed"},
		"changes bytes":   {ErrChanged, "large failed"},
		"cuts":            {ErrChanged, "write failed, read skipped"},
		"knows no ranges": {ErrChanged, "range failed"},
		"forgets":         {ErrList, "list failed"},
		"keeps halves":    {ErrHalf, "broken failed"},
		"keeps all":       {ErrStays, "delete failed"},
	} {
		steps := Run(t.Context(), &bad{Store: mem.New(), habit: habit, locks: map[string]bool{}}, Options{Lock: habit != "keeps all", Large: 2 << 20})
		err := First(steps)
		if (want.err == nil) != (err == nil) || want.err != nil && !errors.Is(err, want.err) || !strings.Contains(said(steps), want.said) {
			t.Errorf("%s: %s: %v", habit, said(steps), err)
		}
	}
}

// Whichever call fails, the step says so, the others go on, and the next check
// passes and cleans up.
func TestAnyFailedCallFailsItsStep(t *testing.T) {
	for _, like := range []fault.Rule{{}, {Forever: true}, {Method: fault.Put, After: 3}, {Method: fault.Get, After: 3}, {Late: true}} {
		var steps []Step
		turns, err := fault.Walk(like, func() store.Store { return mem.New() },
			func(s store.Store) error { steps = Run(t.Context(), s, Options{Large: 1000}); return First(steps) },
			func(st fault.Step) {
				if st.Err == nil || len(steps) != 10 {
					t.Errorf("%+v: %s", st.Call, said(steps))
				}
				if again := Run(t.Context(), st.Inner, Options{Large: 1000}); said(again) != allGood {
					t.Errorf("after %+v: %s", st.Call, said(again))
				}
				if keys := storetest.Keys(t, st.Inner, ""); len(keys) != 0 {
					t.Errorf("after %+v: %q is left", st.Call, keys)
				}
			})
		if err != nil || turns == 0 {
			t.Errorf("%+v: %d turns, %v", like, turns, err)
		}
	}
}

func TestAStoppedCheckTidiesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := mem.New()
		st := fault.New(inner, fault.Rule{Method: fault.Get, Delay: time.Hour, SlowOnly: true, Forever: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		steps := Run(ctx, st, Options{})
		if !strings.HasPrefix(said(steps), "clean ok, write ok, read failed, clock skipped, range skipped") {
			t.Error(said(steps))
		}
		if keys := storetest.Keys(t, inner, ""); len(keys) != 0 {
			t.Errorf("left: %q", keys)
		}
	})
}
