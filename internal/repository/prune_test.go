package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/store/storetest"
)

// inTime runs a test whose clock is the bubble's, for the repository and the
// store alike.
func inTime(t *testing.T, f func(t *testing.T, st *mem.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := mem.New()
		r, err := Create(t.Context(), st, Slots{Secret: testSecret}, Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		f(t, st)
	})
}

func openNow(t testing.TB, st store.Store, change ...func(*Options)) *Repository {
	t.Helper()
	opt := Options{Now: time.Now, Machine: "test"}
	for _, f := range change {
		f(&opt)
	}
	r, err := Open(t.Context(), st, opt, SecretKey(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// soon lets the clocks go on, so that what was stored is older than what comes.
func soon() { pass(time.Second) }

// pass lets time go by, in the bubble of synctest.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // nobody waits: the bubble's clock moves at once

func prune(t testing.TB, r *Repository, opt PruneOptions) PruneReport {
	t.Helper()
	soon()
	rep, err := r.Prune(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// packsIn returns how many packs there are and what they take.
func packsIn(t testing.TB, st store.Store) (n int, size int64) {
	t.Helper()
	for o, err := range st.List(t.Context(), packsPrefix) {
		if err != nil {
			t.Fatal(err)
		}
		n, size = n+1, size+o.Size
	}
	return n, size
}

func forget(t testing.TB, r *Repository, ids ...*backup.Manifest) {
	t.Helper()
	for _, m := range ids {
		if err := r.Forget(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPruneMarksFirstAndDeletesTheNextTime(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		gone := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(300000, 1)))
		kept := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(200000, 2)))
		_, all := packsIn(t, st)
		if rep := prune(t, r, PruneOptions{}); rep != (PruneReport{Packs: 2, BeforeBytes: all, AfterBytes: all}) {
			t.Errorf("nothing is to go: %+v", rep)
		}
		forget(t, r, gone)
		size := all - sizeOf(t, st, kept, r)
		keys := storetest.Keys(t, st, "")
		want := PruneReport{Packs: 2, Marked: 1, BeforeBytes: all, AfterBytes: all, WaitingBytes: size}
		if rep := prune(t, r, PruneOptions{DryRun: true}); rep != want {
			t.Errorf("as a trial: %+v, want %+v", rep, want)
		}
		if now := storetest.Keys(t, st, ""); fmt.Sprint(now) != fmt.Sprint(keys) {
			t.Errorf("the trial changed %v to %v", keys, now)
		}
		if rep := prune(t, r, PruneOptions{}); rep != want {
			t.Errorf("the first time: %+v, want %+v", rep, want)
		}
		want = PruneReport{Packs: 2, Deleted: 1, BeforeBytes: all, AfterBytes: all - size, FreedBytes: size}
		for _, dry := range []bool{true, false} {
			if rep := prune(t, r, PruneOptions{DryRun: dry}); rep != want {
				t.Errorf("the second time: %+v, want %+v", rep, want)
			}
		}
		if n, left := packsIn(t, st); n != 1 || left != all-size {
			t.Errorf("%d packs of %d bytes are left", n, left)
		}
		for _, prefix := range []string{marksPrefix, leasePrefix, turnPrefix} {
			if left := storetest.Keys(t, st, prefix); len(left) != 0 {
				t.Errorf("%v is left", left)
			}
		}
		mustHold(t, openNow(t, st), kept.ID, bytesPart("a", randomBytes(200000, 2)))
	})
}

// sizeOf returns the bytes of the packs a backup needs.
func sizeOf(t *testing.T, st store.Store, m *backup.Manifest, r *Repository) (n int64) {
	t.Helper()
	d, err := r.document(t.Context(), m.ID)
	if err != nil {
		t.Fatal(err)
	}
	for p := d.Packs; len(p) > 0; p = p[32:] {
		o, err := st.Stat(t.Context(), packName(p[:32]))
		if err != nil {
			t.Fatal(err)
		}
		n += o.Size
	}
	return n
}

// What a backup under way has stored or relies on stays, however long it takes.
func TestPruneWaitsForBackupsUnderWay(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r, other := openNow(t, st), openNow(t, st)
		data := bytesPart("a", randomBytes(300000, 1))
		gone := makeBackup(t, r, backup.Full, nil, data)
		soon()
		w, err := r.Begin(t.Context(), head(backup.Full), nil)
		if err != nil {
			t.Fatal(err)
		}
		forget(t, other, gone)
		for i := range 30 { // the backup takes 30 hours and leans on what was forgotten
			pass(time.Hour)
			if i == 7 {
				if err := writePart(w, data); err != nil {
					t.Fatal(err)
				}
			}
			if err := writePart(w, bytesPart(fmt.Sprint("b", i), randomBytes(70000, uint64(i)))); err != nil {
				t.Fatal(err)
			}
			if rep := prune(t, other, PruneOptions{}); rep.Deleted != 0 || i == 0 && rep.Marked != 1 || i > 0 && rep.Marked > 0 {
				t.Errorf("hour %d: %+v", i, rep)
			}
		}
		m, err := w.Commit(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if rep := prune(t, other, PruneOptions{}); rep.Deleted != 0 {
				t.Errorf("after it: %+v", rep)
			}
		}
		got, err := readPart(t.Context(), openNow(t, st).Source(m), m.Parts[0])
		if err != nil || !bytes.Equal(got, data.data) {
			t.Errorf("%v", err)
		}
		if left := storetest.Keys(t, st, marksPrefix); len(left) != 0 {
			t.Errorf("%v is left: what is needed again must be usable again", left)
		}
	})
}

// A machine died in the midst of a backup: what it stored goes when its lease
// has run out.
func TestPruneTakesWhatACrashLeft(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		w, err := openNow(t, st).Begin(t.Context(), head(backup.Full), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := writePart(w, bytesPart("a", randomBytes(300000, 1))); err != nil {
			t.Fatal(err)
		}
		if err := w.close(true); err != nil { // the pack is there, the manifest is not, the lease stays
			t.Fatal(err)
		}
		r := openNow(t, st)
		for range 3 {
			if rep := prune(t, r, PruneOptions{}); rep.Marked+rep.Deleted != 0 || rep.Packs != 1 {
				t.Errorf("while it may be at work: %+v", rep)
			}
		}
		pass(LeaseLife + leaseGrace)
		if rep := prune(t, r, PruneOptions{}); rep.Marked != 1 {
			t.Errorf("when the lease has run out: %+v", rep)
		}
		if rep := prune(t, r, PruneOptions{}); rep.Deleted != 1 {
			t.Errorf("the next time: %+v", rep)
		}
		if left := storetest.Keys(t, st, leasePrefix); len(left) != 0 {
			t.Errorf("%v is left", left)
		}
	})
}

// Most of a pack is needed no more: the rest is written anew, with its deltas
// and their bases, and reads the same.
func TestPruneRepacksWhatIsMostlyGone(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		small := []stream{rowsPart("s", table(9000, 0, 0)), bytesPart("t", randomBytes(70000, 9))}
		big := append([]stream{bytesPart("u", randomBytes(3000000, 1))}, small...)
		full := makeBackup(t, r, backup.Full, nil, big...)
		inc := makeBackup(t, r, backup.Incremental, full, append([]stream{bytesPart("v", randomBytes(3000000, 2))}, rowsPart("s", table(9000, 1, 9)))...)
		keep := makeBackup(t, r, backup.Incremental, inc, rowsPart("s", table(9000, 1, 9)), small[1])
		alone := makeBackup(t, r, backup.Full, nil, small...)
		forget(t, r, full, inc)
		_, before := packsIn(t, st)
		dry := prune(t, r, PruneOptions{DryRun: true})
		rep := prune(t, r, PruneOptions{})
		if rep.Repacked != 2 || rep.Marked != 2 || dry.Repacked != 2 || dry.Marked != 2 {
			t.Errorf("trial %+v, then %+v", dry, rep)
		}
		if rep.AfterBytes-before > 700000 || dry.AfterBytes > rep.AfterBytes {
			t.Errorf("%d bytes became %d", before, rep.AfterBytes)
		}
		rep = prune(t, r, PruneOptions{})
		if rep.Deleted != 2 || rep.Marked != 0 || rep.Repacked != 0 || rep.AfterBytes > 700000 {
			t.Errorf("the second time: %+v", rep)
		}
		for _, r := range []*Repository{r, openNow(t, st)} {
			mustHold(t, r, keep.ID, rowsPart("s", table(9000, 1, 9)), small[1])
			mustHold(t, r, alone.ID, small...)
			if rep, err := r.CheckAll(t.Context(), nil); err != nil || len(rep.Damage) > 0 {
				t.Error(rep.Damage, err)
			}
		}
		if rep := prune(t, r, PruneOptions{}); rep.Marked+rep.Deleted+rep.Repacked != 0 {
			t.Errorf("the third time: %+v", rep)
		}
	})
}

// A delta that nobody wants keeps what it leans on (rule 4), however much that is:
// the pack that it is in is written anew without it.
func TestPruneFreesWhatOnlyUnwantedDeltasLeanOn(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		kept := bytesPart("v", randomBytes(1000000, 2))
		full := makeBackup(t, r, backup.Full, nil, rowsPart("s", table(9000, 0, 0)), bytesPart("u", randomBytes(3000000, 1)))
		inc := makeBackup(t, r, backup.Incremental, full, rowsPart("s", table(9000, 1, 9)), kept)
		last := makeBackup(t, r, backup.Incremental, inc, kept)
		forget(t, r, full, inc)
		if rep := prune(t, r, PruneOptions{Repack: -1}); rep.Marked != 1 || rep.Repacked != 0 {
			t.Errorf("without writing anew: %+v", rep)
		}
		if rep := prune(t, r, PruneOptions{Repack: -1}); rep.Deleted != 0 {
			t.Errorf("what a delta leans on is deleted: %+v", rep)
		}
		if rep := prune(t, r, PruneOptions{}); rep.Repacked != 1 || rep.Marked != 1 {
			t.Errorf("the pack with the delta: %+v", rep)
		}
		if rep := prune(t, r, PruneOptions{}); rep.Deleted != 2 || rep.AfterBytes > 1100000 {
			t.Errorf("in the end: %+v", rep)
		}
		for _, r := range []*Repository{r, openNow(t, st)} {
			mustHold(t, r, last.ID, kept)
		}
		if rep := prune(t, r, PruneOptions{}); rep.Marked+rep.Deleted+rep.Repacked != 0 {
			t.Errorf("once more: %+v", rep)
		}
	})
}

// A restore that is under way finds what was written anew.
func TestARestoreGoesOnWhileItsPacksAreReplaced(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		data := rowsPart("s", table(40000, 0, 0))
		gone := makeBackup(t, r, backup.Full, nil, bytesPart("u", randomBytes(6000000, 1)), data)
		m := makeBackup(t, r, backup.Full, nil, data)
		forget(t, r, gone)
		reader := openNow(t, st)
		rc, err := reader.Source(m).Open(t.Context(), m.Parts[0])
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(rc, got); err != nil {
			t.Fatal(err)
		}
		prune(t, r, PruneOptions{})
		if rep := prune(t, r, PruneOptions{}); rep.Deleted != 1 {
			t.Fatalf("%+v", rep)
		}
		rest, err := io.ReadAll(rc)
		if err != nil || !bytes.Equal(append(got, rest...), data.data) {
			t.Errorf("%v", err)
		}
		rc.Close()
	})
}

// locking is a store that forbids deletion, as object lock does.
type locking struct {
	*mem.Store
	mu    sync.Mutex
	until map[string]time.Time
	deny  error
}

func (l *locking) Retain(_ context.Context, key string, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deny != nil {
		return l.deny
	}
	if l.until == nil {
		l.until = make(map[string]time.Time)
	}
	if until.After(l.until[key]) {
		l.until[key] = until
	}
	return nil
}

func (l *locking) Delete(ctx context.Context, key string) error {
	l.mu.Lock()
	until := l.until[key]
	l.mu.Unlock()
	if time.Now().Before(until) {
		return store.Locked(key, until, nil)
	}
	return l.Store.Delete(ctx, key)
}

func TestLockedBackupsStayUntilTheirTimeIsOver(t *testing.T) {
	inTime(t, func(t *testing.T, inner *mem.Store) {
		st := &locking{Store: inner}
		r := openNow(t, st, func(o *Options) { o.Lock = 30 * 24 * time.Hour })
		data := rowsPart("s", table(30000, 0, 0))
		first := makeBackup(t, r, backup.Full, nil, data)
		for _, key := range storetest.Keys(t, inner, "") {
			if until := st.until[key]; until.Before(time.Now().Add(30*24*time.Hour - time.Minute)) {
				t.Errorf("%s is locked until %v", key, until)
			}
		}
		pass(20 * 24 * time.Hour)
		second := makeBackup(t, r, backup.Incremental, first, rowsPart("s", table(30000, 1, 50)))
		if err := r.Forget(t.Context(), first.ID, second.ID); !errors.Is(err, store.ErrLocked) {
			t.Fatalf("got %v", err)
		}
		pass(11 * 24 * time.Hour)
		forget(t, r, first)
		for range 2 {
			if rep := prune(t, r, PruneOptions{}); rep.Marked+rep.Deleted+rep.Locked != 0 {
				t.Errorf("the second needs all: %+v", rep)
			}
		}
		if err := inner.Delete(t.Context(), manifestName(second.ID)); err != nil { // by force
			t.Fatal(err)
		}
		prune(t, r, PruneOptions{})
		rep := prune(t, r, PruneOptions{})
		// One is locked; the other is its base and waits with it.
		if rep.Locked != 1 || rep.Deleted != 0 || rep.WaitingBytes != rep.BeforeBytes {
			t.Errorf("locked: %+v", rep)
		}
		pass(20 * 24 * time.Hour)
		if rep := prune(t, r, PruneOptions{}); rep.Deleted != 2 || rep.AfterBytes != 0 {
			t.Errorf("when the lock has ended: %+v", rep)
		}
	})
}

func TestABackupThatCannotBeLockedIsNone(t *testing.T) {
	inTime(t, func(t *testing.T, inner *mem.Store) {
		month := func(o *Options) { o.Lock = 30 * 24 * time.Hour }
		if _, err := openNow(t, inner, month).Begin(t.Context(), head(backup.Full), nil); !errors.Is(err, ErrNoLock) {
			t.Errorf("a store that cannot: %v", err)
		}
		st := &locking{Store: inner, deny: store.ErrAccess.Because(nil, "place", "there")}
		if _, err := tryBackup(t.Context(), openNow(t, st, month), backup.Full, nil, rowsPart("a", table(10, 0, 0))); !errors.Is(err, store.ErrAccess) {
			t.Errorf("a store that will not: %v", err)
		}
		if left := storetest.Keys(t, inner, manifestPrefix); len(left) != 0 {
			t.Errorf("there is %v", left)
		}
	})
}

// When something cannot be read that says what is needed, nothing is deleted.
func TestPruneRefusesWhenItCannotKnowWhatIsNeeded(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		gone := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(300000, 1)))
		kept := makeBackup(t, r, backup.Full, nil, pagesPart("p", pages(1024, 3)))
		forget(t, r, gone)
		prune(t, r, PruneOptions{}) // what is gone is marked
		state := st.Clone()
		refused := func(what, object string, st *mem.Store) {
			t.Helper()
			before := storetest.Keys(t, st, "")
			_, err := openNow(t, st).Prune(t.Context(), PruneOptions{})
			if !errors.Is(err, ErrPrune) || objectOf(err) != object {
				t.Errorf("%s: %v", what, err)
			}
			if after := storetest.Keys(t, st, ""); fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("%s: %v became %v", what, before, after)
			}
		}
		name := manifestName(kept.ID)
		bad := state.Clone()
		bad.Corrupt(name, func(b []byte) []byte { b[60] ^= 1; return b })
		refused("a damaged manifest", name, bad)
		bad = state.Clone()
		bad.Corrupt(name, func(b []byte) []byte { b[7] = 2; return b })
		refused("a newer manifest", name, bad)
		for _, pack := range storetest.Keys(t, state, packsPrefix) { // one of them has the list
			bad = state.Clone()
			if err := bad.Delete(t.Context(), pack); err != nil {
				t.Fatal(err)
			}
			if d, _ := r.document(t.Context(), kept.ID); strings.Contains(string(d.Packs), string(sumOf(t, pack))) {
				refused("a list that is gone", pack, bad)
			}
		}
		for _, prefix := range []string{leasePrefix, marksPrefix, manifestPrefix, labelPrefix, packsPrefix, turnPrefix} {
			bad := state.Clone()
			before, _ := packsIn(t, bad)
			for call := 1; call <= 2; call++ {
				_, err := openNow(t, fault.New(bad, fault.Rule{Method: fault.List, Key: prefix, Call: call})).Prune(t.Context(), PruneOptions{})
				once := prefix == marksPrefix || prefix == manifestPrefix || prefix == packsPrefix
				if (err == nil) != (once && call == 2) {
					t.Errorf("%s cannot be listed the time %d: %v", prefix, call, err)
				}
				if after, _ := packsIn(t, bad); after != before && err != nil {
					t.Errorf("%s cannot be listed: %d packs became %d", prefix, before, after)
				}
			}
		}
	})
}

func sumOf(t *testing.T, pack string) []byte {
	sum, ok := packSum(pack)
	if !ok {
		t.Fatal(pack)
	}
	return sum[:]
}

// Of two copies of a chunk the one that is kept was read and found right, even
// if this machine has not been told that the other is damaged.
func TestPruneKeepsTheCopyThatMends(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		data := bytesPart("a", randomBytes(300000, 1))
		first := makeBackup(t, r, backup.Full, nil, data)
		old := storetest.Keys(t, st, packsPrefix)[0]
		st.Corrupt(old, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		if rep, err := r.Check(t.Context(), first.ID, nil); err != nil || len(rep.Damage) == 0 {
			t.Fatal(rep, err)
		}
		soon()
		second := makeBackup(t, r, backup.Full, nil, data) // mends it
		for i := range 4 {                                 // by machines that know nothing of the damage
			opt := PruneOptions{}
			if i == 0 {
				opt.Repack = -1 // so that it is known what is there after it
			}
			prune(t, openNow(t, st), opt)
			for _, m := range []*backup.Manifest{first, second} {
				if _, err := openNow(t, st).Manifest(t.Context(), m.ID); err != nil {
					t.Fatal(err)
				}
				mustHold(t, openNow(t, st), m.ID, data)
			}
			if n, _ := packsIn(t, st); n < 1 || i == 0 && n != 2 {
				t.Fatalf("%d packs", n)
			}
		}
	})
}

// A mark that cannot be read forbids every backup until a prune takes it away.
func TestPruneTakesADamagedMarkAway(t *testing.T) {
	for _, suffix := range []string{"", waitsSuffix} {
		inTime(t, func(t *testing.T, st *mem.Store) {
			r := openNow(t, st)
			gone := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(300000, 1)))
			forget(t, r, gone)
			prune(t, r, PruneOptions{})
			name := strings.TrimSuffix(storetest.Keys(t, st, marksPrefix)[0], waitsSuffix) + suffix
			st.Corrupt(name, func(b []byte) []byte { b[50] ^= 1; return b })
			if rep, err := r.CheckAll(t.Context(), nil); err != nil || len(rep.Damage) != 1 || rep.Damage[0].Object != name {
				t.Errorf("%v, %v", rep.Damage, err)
			}
			prune(t, r, PruneOptions{})
			makeBackup(t, r, backup.Full, nil)
			prune(t, r, PruneOptions{})
			prune(t, r, PruneOptions{})
			if n, _ := packsIn(t, st); n != 0 {
				t.Errorf("%d packs are left", n)
			}
		})
	}
}

// A prune that was killed leaves its turn behind: others mark meanwhile, and
// delete when it has grown old.
func TestATurnLeftBehindGrowsOld(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		gone := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(300000, 1)))
		forget(t, r, gone)
		turn, _, err := openNow(t, st).takeTurn(t.Context())
		if err != nil || turn == nil {
			t.Fatal(err)
		}
		if rep := prune(t, r, PruneOptions{}); !rep.Busy || rep.Marked != 1 {
			t.Errorf("beside another: %+v", rep)
		}
		if rep := prune(t, r, PruneOptions{}); !rep.Busy || rep.Deleted != 0 || rep.WaitingBytes != rep.BeforeBytes {
			t.Errorf("beside another: %+v", rep)
		}
		pass(turnDead)
		if rep := prune(t, r, PruneOptions{}); rep.Busy || rep.Deleted != 1 {
			t.Errorf("when it is old: %+v", rep)
		}
		if _, err := turn.keep(t.Context()); !errors.Is(err, ErrTurn) {
			t.Errorf("the one whose turn it was goes on: %v", err)
		}
	})
}

// Footers in the cache of this machine do not bring back packs that another
// machine has deleted.
func TestTheCacheBringsNothingBack(t *testing.T) {
	dir := t.TempDir()
	inTime(t, func(t *testing.T, st *mem.Store) {
		cached := func(o *Options) { o.CacheDir = dir }
		data := []stream{bytesPart("a", randomBytes(300000, 1)), rowsPart("b", table(20000, 0, 0))}
		gone := makeBackup(t, openNow(t, st, cached), backup.Full, nil, data...)
		other := openNow(t, st)
		makeBackup(t, other, backup.Full, nil, bytesPart("c", randomBytes(80000, 2)))
		running := openNow(t, st, cached)
		if err := running.ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		forget(t, other, gone)
		prune(t, other, PruneOptions{})
		prune(t, other, PruneOptions{})
		for _, r := range []*Repository{running, openNow(t, st, cached)} {
			m := makeBackup(t, r, backup.Full, nil, data...)
			mustHold(t, openNow(t, st), m.ID, data...)
			mustHold(t, openNow(t, st, cached), m.ID, data...)
		}
	})
}

// Each call of the store fails in turn, in each way: backups are whole, the
// next prunes finish the work.
func TestAnyFailedCallOfPruneAndForgetLosesNothing(t *testing.T) {
	kinds := map[string]fault.Rule{
		"fails": {}, "fails late": {Late: true}, "fails after 50 bytes": {After: 50}, "fails for ever": {Forever: true},
		"slow": {Delay: time.Minute, SlowOnly: true, Forever: true},
	}
	for name, like := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walkPrune(t, like) })
		})
	}
}

func walkPrune(t *testing.T, like fault.Rule) {
	start := mem.New()
	r, err := Create(t.Context(), start, Slots{Secret: testSecret}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	small := rowsPart("s", table(1000, 0, 0))
	old := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(80000, 1)))
	half := makeBackup(t, r, backup.Full, nil, small, bytesPart("b", randomBytes(300000, 2)))
	kept := makeBackup(t, r, backup.Incremental, half, small, bytesPart("c", randomBytes(80000, 3)))
	forget(t, r, old)
	prune(t, r, PruneOptions{Repack: -1}) // what is old is marked
	if err := r.SetLabel(t.Context(), half.ID, Label{Pinned: true}); err != nil {
		t.Fatal(err)
	}
	soon()
	work := func(s store.Store) error {
		r, err := Open(t.Context(), s, Options{Now: time.Now}, SecretKey(testSecret))
		if err != nil {
			return err
		}
		if err := r.Forget(t.Context(), half.ID); err != nil {
			return err
		}
		soon()
		_, err = r.Prune(t.Context(), PruneOptions{}) // deletes, repacks, marks
		return err
	}
	check := func(step fault.Step) {
		st, ok := step.Inner.(*mem.Store)
		if !ok {
			t.Fatal("another store")
		}
		mustHold(t, openNow(t, st), kept.ID, small, bytesPart("c", randomBytes(80000, 3)))
		pass(turnDead + time.Minute) // the turn of the one that failed
		r := openNow(t, st)
		forget(t, r, half)
		for range 3 {
			prune(t, r, PruneOptions{})
		}
		for _, key := range storetest.Keys(t, st, "") {
			prefix, _, _ := strings.Cut(key, "/")
			if prefix != "config" && prefix != "keys" && prefix != "packs" && key != manifestName(kept.ID) {
				t.Errorf("%+v: %s is left", step.Call, key)
			}
		}
		if n, size := packsIn(t, st); n > 3 || size > 300000 {
			t.Errorf("%+v: %d packs of %d bytes are left", step.Call, n, size)
		}
		mustHold(t, openNow(t, st), kept.ID, small, bytesPart("c", randomBytes(80000, 3)))
		if rep, err := openNow(t, st).CheckAll(t.Context(), nil); err != nil || len(rep.Damage) > 0 {
			t.Errorf("%+v: %v, %v", step.Call, rep.Damage, err)
		}
	}
	turns, err := fault.Walk(like, func() store.Store { return start.Clone() }, work, check)
	if err != nil || turns < 10 {
		t.Errorf("%d turns, %v", turns, err)
	}
	t.Logf("%d calls failed in turn", turns)
}

// A copy that is cut off anywhere is whole or not there, and can be made again.
func TestAnyFailedCallOfCopyLeavesACopyOrNone(t *testing.T) {
	parts := []stream{rowsPart("s", table(9000, 0, 0)), bytesPart("t", randomBytes(70000, 9)), rowsPart("u", table(4, 0, 0))}
	for name, like := range map[string]fault.Rule{
		"fails": {}, "fails late": {Late: true}, "fails after 50 bytes": {After: 50}, "fails for ever": {Forever: true},
		"slow": {Delay: time.Minute, SlowOnly: true, Forever: true},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, start *mem.Store) {
				from := create(t, newMemStore())
				m := makeBackup(t, from, backup.Full, nil, parts...)
				turns, err := fault.Walk(like, func() store.Store { return start.Clone() }, func(s store.Store) error {
					r, err := Open(t.Context(), s, Options{Now: time.Now}, SecretKey(testSecret))
					if err == nil {
						_, err = r.Copy(t.Context(), from.Source(m), nil, nil)
					}
					return err
				}, func(step fault.Step) {
					r := openNow(t, step.Inner)
					if _, err := r.Copy(t.Context(), from.Source(m), nil, nil); err != nil && !errors.Is(err, ErrBackupExists) {
						t.Errorf("%+v: again: %v", step.Call, err)
					}
					mustHold(t, openNow(t, step.Inner), m.ID, parts...)
				})
				if err != nil || turns < 8 {
					t.Errorf("%d turns, %v", turns, err)
				}
				t.Logf("%d calls failed in turn", turns)
			})
		})
	}
}

// listOnly forbids all but reading.
type listOnly struct{ store.Store }

func (listOnly) Put(context.Context, string, io.Reader) (store.Object, error) {
	return store.Object{}, errInjected
}
func (listOnly) Delete(context.Context, string) error { return errInjected }
func (s listOnly) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return s.Store.List(ctx, prefix)
}

func TestATrialAndARereadWriteNothing(t *testing.T) {
	inTime(t, func(t *testing.T, st *mem.Store) {
		r := openNow(t, st)
		gone := makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(300000, 1)))
		makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(200000, 2)))
		forget(t, r, gone)
		reader := openNow(t, listOnly{st})
		if rep := prune(t, reader, PruneOptions{DryRun: true}); rep.Marked != 1 {
			t.Errorf("%+v", rep)
		}
		if _, rep, err := reader.Reread(t.Context(), "", 1<<30, nil); err != nil || rep.Packs != 2 {
			t.Errorf("%+v, %v", rep, err)
		}
	})
}
