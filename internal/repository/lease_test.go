package repository

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func beginAt(t *testing.T, st *memStore, c *clock) *Writer {
	t.Helper()
	r, err := Open(t.Context(), st, Options{Now: c.now}, SecretKey(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.Begin(t.Context(), head(backup.Full), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Abort(context.Background()); err != nil {
			t.Logf("abort: %v", err) // tests take the store or the lease away
		}
	})
	return w
}

func TestALeaseIsRenewedWhileTheWriterWorks(t *testing.T) {
	st := newMemStore()
	create(t, st)
	c := &clock{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	w := beginAt(t, st, c)
	for i := range 5 {
		was := st.keys(leasePrefix)
		c.t = c.t.Add(20 * time.Hour)
		if err := writePart(w, rowsPart(string(rune('a'+i)), table(3000, i, 1))); err != nil {
			t.Fatal(err)
		}
		is := st.keys(leasePrefix)
		if len(was) != 1 || len(is) != 1 || was[0] == is[0] {
			t.Fatalf("leases %v, then %v", was, is)
		}
	}
	if _, err := w.Commit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(st.keys(leasePrefix)); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

func TestAWriterPastItsLeaseMustNotCommit(t *testing.T) {
	st := newMemStore()
	create(t, st)
	c := &clock{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	w := beginAt(t, st, c)
	if err := writePart(w, rowsPart("a", table(10, 0, 0))); err != nil {
		t.Fatal(err)
	}
	c.t = c.t.Add(LeaseLife + time.Minute) // the laptop slept
	if _, err := w.Commit(t.Context(), nil); !errors.Is(err, ErrLease) {
		t.Errorf("got %v", err)
	}
	if len(st.keys(manifestPrefix)) != 0 {
		t.Error("there is a manifest")
	}
}

func TestAWriterWhoseLeaseWasRemovedMustNotCommit(t *testing.T) {
	st := newMemStore()
	create(t, st)
	w := beginAt(t, st, &clock{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	delete(st.objects, st.keys(leasePrefix)[0])
	if _, err := w.Commit(t.Context(), nil); !errors.Is(err, ErrLease) {
		t.Errorf("got %v", err)
	}
}

// putMark marks packs as a prune would.
func putMark(t *testing.T, r *Repository, st *memStore, packs ...string) string {
	t.Helper()
	m := mark{Created: time.Now().UTC()}
	for _, p := range packs {
		sum, ok := packSum(p)
		if !ok {
			t.Fatal(p)
		}
		m.Packs = append(m.Packs, sum[:]...)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	name := marksPrefix + string(backup.NewID(time.Now()))
	st.objects[name] = seal(r.keys.meta, magicMark, name, b)
	return name
}

func TestMarkedPacksCountAsAbsentForABackupThatBegins(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	data := rowsPart("a", table(20000, 0, 0))
	full := makeBackup(t, r, backup.Full, nil, data)
	packs := st.keys(packsPrefix)
	putMark(t, r, st, packs...)
	again := makeBackup(t, r, backup.Incremental, full, data)
	mustHold(t, r, full.ID, data) // readers do not care
	for _, p := range packs {
		delete(st.objects, p)
	}
	mustHold(t, reopen(t, st), again.ID, data) // all of it was stored anew
}

func TestADamagedMarkIsNamed(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	name := putMark(t, r, st)
	st.objects[name][50] ^= 1
	_, err := r.Begin(t.Context(), head(backup.Full), nil)
	if !errors.Is(err, ErrDamaged) || objectOf(err) != name {
		t.Errorf("got %v", err)
	}
	if n := len(st.keys(leasePrefix)); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

func TestWhatABackupMayLeanOn(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	full := makeBackup(t, r, backup.Full, nil)
	chain := []*backup.Manifest{full}
	for range maxDepth {
		chain = append(chain, makeBackup(t, r, backup.Incremental, chain[len(chain)-1]))
	}
	last := chain[maxDepth]
	if last.Depth != maxDepth || last.Root != full.ID {
		t.Fatalf("depth %d, root %s", last.Depth, last.Root)
	}
	gone := *full
	gone.ID = backup.NewID(time.Now())
	for _, c := range []struct {
		typ  backup.Type
		base *backup.Manifest
		ok   bool
	}{
		{backup.Full, nil, true}, {backup.Log, nil, true}, {backup.Differential, full, true}, {backup.Incremental, chain[7], true},
		{backup.Full, full, false}, {backup.Differential, nil, false}, {backup.Incremental, nil, false},
		{backup.Differential, chain[1], false}, {backup.Incremental, last, false}, {backup.Incremental, &gone, false},
	} {
		m, err := tryBackup(t.Context(), r, c.typ, c.base)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, ErrBase) {
			t.Errorf("%s on %v: %v", c.typ, c.base, err)
		}
		if c.ok && c.base == nil && (m.Root != m.ID || m.Depth != 0) {
			t.Errorf("%s: root %s, depth %d", c.typ, m.Root, m.Depth)
		}
	}
}
