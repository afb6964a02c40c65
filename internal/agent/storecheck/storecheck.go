// Package storecheck tries a destination: whether it does what backups need,
// and what exactly it does not. It is the conformance check of package store
// for a person, at a place that holds backups already.
//
// Everything it writes lies below "check/" and is removed again. What a run
// that died left there, the next one removes.
package storecheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
)

// What a destination can fail at, besides the problems of package store.
var (
	// ErrChanged: {key} was read back other than it was written.
	ErrChanged = problem.New("storecheck.changed")
	// ErrList: the destination does not list what is there.
	ErrList = problem.New("storecheck.list")
	// ErrReplaced: a second file of the same name took the place of the first.
	ErrReplaced = problem.New("storecheck.replaced")
	// ErrHalf: a file whose writing was broken off can be seen.
	ErrHalf = problem.New("storecheck.half")
	// ErrStays: a file that was deleted is still there.
	ErrStays = problem.New("storecheck.stays")
	// ErrClock (warning): the clock of the destination differs from that of this
	// computer by {difference} s.
	ErrClock = problem.New("storecheck.clock")
	// ErrNotLocked: a file was deleted although it was locked.
	ErrNotLocked = problem.New("storecheck.not_locked")
)

// root is what all keys of a check begin with.
const root = "check/"

const (
	// largeFile is the size of the large file, in bytes: that of a pack.
	largeFile = 16 << 20
	// clockSlack is by how much two clocks may differ. Amazon refuses what is
	// signed a quarter of an hour apart; what is told of ages is wrong before.
	clockSlack = 5 * time.Minute
	// lockTime is for how long the file that tries the lock is locked. It is
	// longer than two clocks may differ for a lock to be accepted at all.
	lockTime = 20 * time.Minute
)

// Status says how a step ended.
type Status string

// How a step ends. A warning is something to know that hinders no backup. A step
// is skipped when one that it builds on failed.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// A Step is one thing that was tried.
type Step struct {
	// Name is one of clean, write, read, clock, range, list, replace, broken,
	// large, lock and delete.
	Name   string
	Status Status
	Took   time.Duration
	Bytes  int64 // that were written and read in it, where speed is of interest
	Err    error // why it failed, or what there is to know
}

// Options says what is tried besides what every destination must do.
type Options struct {
	Lock  bool             // that it can forbid deletion
	Large int64            // size of the large file in bytes; 0: 16 MiB, that of a pack
	Now   func() time.Time // nil: time.Now
	// Observe is told of each step when it ended; it may be nil.
	Observe func(Step)
}

// Run tries everything, in the order of the steps. It returns the steps also
// when ctx ends before; the rest is skipped then.
func Run(ctx context.Context, st store.Store, opt Options) []Step {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Large == 0 {
		opt.Large = largeFile
	}
	c := &check{st: st, opt: opt, at: root + strings.ToLower(rand.Text()) + "/"}
	small := []string{"write"}
	c.do(ctx, "clean", nil, c.clean)
	c.do(ctx, "write", nil, c.write)
	c.do(ctx, "read", small, c.read)
	c.do(ctx, "clock", []string{"write", "read"}, c.clock)
	c.do(ctx, "range", small, c.ranges)
	c.do(ctx, "list", small, c.list)
	c.do(ctx, "replace", small, c.replace)
	c.do(ctx, "broken", small, c.broken)
	c.do(ctx, "large", small, c.large)
	if opt.Lock {
		c.do(ctx, "lock", small, c.lock)
	}
	c.do(ctx, "delete", small, c.remove)
	if ctx.Err() != nil {
		c.tidy(ctx)
	}
	return c.steps
}

// First returns the error of the first step that failed, or nil.
func First(steps []Step) error {
	for _, s := range steps {
		if s.Status == Failed {
			return s.Err
		}
	}
	return nil
}

type check struct {
	st    store.Store
	opt   Options
	at    string // prefix of what this check writes
	steps []Step
	bytes int64 // of the step under way
	// The small file was written between these, by this computer's clock.
	before, after time.Time
	dated         time.Time // the same by the store's clock
}

// warning marks an error that is only something to know.
type warning struct{ error }

func (w warning) Unwrap() error { return w.error }

// do does a step unless one it needs did not succeed.
func (c *check) do(ctx context.Context, name string, needs []string, try func(context.Context) error) {
	step := Step{Name: name, Status: Skipped}
	if ctx.Err() == nil && !slices.ContainsFunc(c.steps, func(s Step) bool { return s.Status == Failed && slices.Contains(needs, s.Name) }) {
		c.bytes = 0
		began := time.Now()
		err := try(ctx)
		step.Took, step.Bytes, step.Status = time.Since(began), c.bytes, OK
		if w, ok := errors.AsType[warning](err); ok {
			step.Status, step.Err = Warning, w.error
		} else if err != nil {
			step.Status, step.Err = Failed, err
		}
	}
	c.steps = append(c.steps, step)
	if c.opt.Observe != nil {
		c.opt.Observe(step)
	}
}

// clean removes what earlier checks left. What is locked stays.
func (c *check) clean(ctx context.Context) error {
	err := c.removeAll(ctx, root)
	if errors.Is(err, store.ErrLocked) {
		return nil // that is what a lock is for
	}
	return err
}

// removeAll removes what can be removed, and says what could not be.
func (c *check) removeAll(ctx context.Context, prefix string) error {
	keys, err := c.keys(ctx, prefix)
	if err != nil {
		return err
	}
	var locked error
	for _, key := range keys {
		err := c.st.Delete(ctx, key)
		switch {
		case errors.Is(err, store.ErrLocked):
			locked = err
		case err != nil:
			return err
		}
	}
	return locked
}

func (c *check) keys(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	for o, err := range c.st.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

const text = "Rahat Backup tries this destination and removes this file again.\n"

func (c *check) write(ctx context.Context) error {
	c.before = c.opt.Now()
	o, err := c.st.Put(ctx, c.at+"a", strings.NewReader(text))
	c.after = c.opt.Now()
	if err == nil && o.Size != int64(len(text)) {
		return ErrChanged.Because(fmt.Errorf("%d bytes of %d", o.Size, len(text)), "key", o.Key)
	}
	return err
}

func (c *check) read(ctx context.Context) error {
	o, err := c.st.Stat(ctx, c.at+"a")
	c.dated = o.Modified
	if err == nil && o.Size != int64(len(text)) {
		err = ErrChanged.Because(fmt.Errorf("%d bytes of %d", o.Size, len(text)), "key", o.Key)
	}
	if err != nil {
		return err
	}
	return c.holds(ctx, 0, -1, text)
}

// clock compares the clock of the store, which dates the files, with ours.
func (c *check) clock(context.Context) error {
	apart := max(c.before.Sub(c.dated), c.dated.Sub(c.after))
	if c.dated.IsZero() || apart < clockSlack { // a store that does not say cannot be wrong
		return nil
	}
	return warning{ErrClock.Because(nil, "difference", strconv.Itoa(int(apart.Seconds())))}
}

func (c *check) ranges(ctx context.Context) error {
	for _, r := range []struct{ offset, length int64 }{{6, 6}, {0, 1}, {60, 1000}, {int64(len(text)), 5}} {
		end := min(r.offset+r.length, int64(len(text)))
		if err := c.holds(ctx, r.offset, r.length, text[r.offset:end]); err != nil {
			return err
		}
	}
	return nil
}

// holds makes sure that a range of the small file is what it should be.
func (c *check) holds(ctx context.Context, offset, length int64, want string) error {
	r, err := c.st.Get(ctx, c.at+"a", offset, length)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(r, int64(len(text))+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if string(got) != want {
		return ErrChanged.Because(fmt.Errorf("bytes %d+%d are %q", offset, length, got), "key", c.at+"a")
	}
	return nil
}

func (c *check) list(ctx context.Context) error {
	// A dash sorts before a slash, so a server that walks folders lists these
	// in the wrong order.
	for _, name := range []string{"b/c", "b-d"} {
		if _, err := c.st.Put(ctx, c.at+name, strings.NewReader(text)); err != nil {
			return err
		}
	}
	got, err := c.keys(ctx, c.at)
	if err != nil {
		return err
	}
	if want := []string{c.at + "a", c.at + "b-d", c.at + "b/c"}; !slices.Equal(got, want) {
		return ErrList.Because(fmt.Errorf("listed %q, want %q", got, want))
	}
	return nil
}

func (c *check) replace(ctx context.Context) error {
	_, err := c.st.Put(ctx, c.at+"a", strings.NewReader("another"))
	switch {
	case err == nil:
		return ErrReplaced.Because(nil, "key", c.at+"a")
	case !errors.Is(err, store.ErrExists):
		return err
	}
	return c.holds(ctx, 0, -1, text)
}

var errBroken = errors.New("broken off on purpose")

func (c *check) broken(ctx context.Context) error {
	_, err := c.st.Put(ctx, c.at+"half", io.MultiReader(strings.NewReader(text), failing{}))
	if err != nil && !errors.Is(err, errBroken) {
		return err
	}
	if err == nil {
		return ErrHalf.Because(nil, "key", c.at+"half")
	}
	_, err = c.st.Stat(ctx, c.at+"half")
	switch {
	case err == nil:
		return ErrHalf.Because(nil, "key", c.at+"half")
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func (c *check) large(ctx context.Context) error {
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return fmt.Errorf("make random bytes: %w", err)
	}
	want, got := sha256.New(), sha256.New()
	if _, err := c.st.Put(ctx, c.at+"large", io.TeeReader(io.LimitReader(mrand.NewChaCha8(seed), c.opt.Large), want)); err != nil {
		return err
	}
	r, err := c.st.Get(ctx, c.at+"large", 0, -1)
	if err != nil {
		return err
	}
	n, err := io.Copy(got, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if c.bytes = 2 * n; n != c.opt.Large || !bytes.Equal(want.Sum(nil), got.Sum(nil)) {
		return ErrChanged.Because(fmt.Errorf("%d bytes of %d", n, c.opt.Large), "key", c.at+"large")
	}
	return nil
}

// lock locks a file for a while and makes sure that it cannot be deleted. The
// file stays; the next check removes it.
func (c *check) lock(ctx context.Context) error {
	retainer, ok := store.As[store.Retainer](c.st)
	if !ok {
		return repository.ErrNoLock
	}
	key := c.at + "locked"
	if _, err := c.st.Put(ctx, key, strings.NewReader(text)); err != nil {
		return err
	}
	if err := retainer.Retain(ctx, key, c.opt.Now().Add(lockTime)); err != nil {
		return err
	}
	err := c.st.Delete(ctx, key)
	switch {
	case err == nil:
		return ErrNotLocked.Because(nil, "key", key)
	case !errors.Is(err, store.ErrLocked):
		return err
	}
	_, err = c.st.Stat(ctx, key)
	return err
}

// remove deletes what this check wrote, and makes sure that it is gone. The file
// that tried the lock is expected to stay; if others are locked too, the bucket
// locks everything by itself, which is worth knowing.
func (c *check) remove(ctx context.Context) error {
	var locked error
	for _, name := range []string{"a", "b-d", "b/c", "large", "half"} {
		err := c.st.Delete(ctx, c.at+name)
		switch {
		case errors.Is(err, store.ErrLocked):
			locked = err
			continue
		case err != nil:
			return err
		}
		if _, err := c.st.Stat(ctx, c.at+name); err == nil {
			return ErrStays.Because(nil, "key", c.at+name)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if locked != nil {
		return warning{locked}
	}
	left, err := c.keys(ctx, c.at)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(left, func(key string) bool { return key != c.at+"locked" }); i >= 0 {
		return ErrStays.Because(nil, "key", left[i])
	}
	return nil
}

// tidyTime bounds how long a check that was stopped stays to tidy up.
const tidyTime = 10 * time.Second

// tidy removes what a stopped check wrote. What stays is removed by the next.
func (c *check) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	_ = c.removeAll(ctx, c.at)
}
