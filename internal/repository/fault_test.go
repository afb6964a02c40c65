package repository

import (
	"context"
	"errors"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
)

var errInjected = errors.New("the store failed on purpose")

// failNth makes the n-th call (from 1) and, if all is true, every later one
// fail. It returns how many calls there were.
func failNth(st *memStore, n int, all bool) *int {
	calls := new(int)
	st.before = func(string, string) error {
		*calls++
		if *calls == n || all && *calls > n {
			return errInjected
		}
		return nil
	}
	return calls
}

func faultParts(v int) []stream {
	return []stream{
		rowsPart("a", table(3000, v, 20)), rowsPart("b", table(10, v, 2)), bytesPart("c", randomBytes(80000, uint64(v))),
	}
}

// complete checks that a backup is whole, or not there at all.
func completeOrAbsent(t *testing.T, st *memStore, m *backup.Manifest, id backup.ID, parts []stream) {
	t.Helper()
	if m != nil {
		mustHold(t, reopen(t, st), m.ID, parts...)
		return
	}
	if _, ok := st.objects[manifestName(id)]; ok {
		mustHold(t, reopen(t, st), id, parts...)
	}
}

// Whichever call to the store fails, there is a complete backup or none, older
// ones are intact, and the next run works. In half of the walk the agent dies
// there: nothing after the failure gets through, and nothing is cleaned up.
func TestAnyFailedCallLeavesACompleteBackupOrNone(t *testing.T) {
	for _, die := range []bool{false, true} {
		for n := 1; ; n++ {
			st := newMemStore()
			r := create(t, st)
			full := makeBackup(t, r, backup.Full, nil, faultParts(0)...)
			calls := failNth(st, n, die)
			h := head(backup.Incremental)
			m, err := incremental(t.Context(), reopenOr(st), h, full, die, faultParts(1))
			st.before = nil
			if *calls < n {
				break // all calls have had their turn
			}
			if err == nil && m == nil {
				t.Fatalf("call %d: neither a backup nor an error", n)
			}
			mustHold(t, reopen(t, st), full.ID, faultParts(0)...)
			completeOrAbsent(t, st, m, h.ID, faultParts(1))
			next := makeBackup(t, reopen(t, st), backup.Incremental, full, faultParts(2)...)
			mustHold(t, reopen(t, st), next.ID, faultParts(2)...)
			rep, err := reopen(t, st).CheckAll(t.Context(), nil)
			if err != nil || len(rep.Damage) != 0 {
				t.Fatalf("call %d: %v, %v", n, err, rep.Damage)
			}
		}
	}
}

func reopenOr(st *memStore) func() (*Repository, error) {
	return func() (*Repository, error) {
		return Open(context.Background(), st, testOptions(), SecretKey(testSecret))
	}
}

// incremental makes a backup; when the process dies in it, Abort cannot reach
// the store any more.
func incremental(ctx context.Context, open func() (*Repository, error), h backup.Manifest, base *backup.Manifest, die bool, parts []stream) (*backup.Manifest, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	w, err := r.Begin(ctx, h, base)
	if err != nil {
		return nil, err
	}
	var m *backup.Manifest
	err = writeParts(w, 2, parts)
	if err == nil {
		m, err = w.Commit(ctx, nil)
	}
	if aerr := w.Abort(ctx); aerr != nil && err == nil && !die {
		err = aerr
	}
	return m, err
}

func TestCreateThatFailsCanBeRepeated(t *testing.T) {
	for n := 1; ; n++ {
		st := newMemStore()
		calls := failNth(st, n, true)
		_, err := Create(t.Context(), st, Slots{Secret: testSecret}, testOptions())
		st.before = nil
		if *calls < n {
			break
		}
		if !errors.Is(err, errInjected) {
			t.Fatalf("call %d: %v", n, err)
		}
		r := create(t, st)
		if again := reopen(t, st); again.ID() != r.ID() {
			t.Errorf("call %d: another repository was opened", n)
		}
	}
}

func TestAStoreErrorReachesTheWriterAtOnce(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	w, err := r.Begin(t.Context(), head(backup.Full), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort(context.Background())
	st.mu.Lock()
	failNth(st, 1, true)
	st.mu.Unlock()
	p, err := w.Part(backup.Part{Name: "x", Kind: backup.Bytes})
	if err != nil {
		t.Fatal(err)
	}
	noise := randomBytes(1<<20, 3)
	for i := range 100 {
		noise[0] = byte(i)
		for j := 0; j < len(noise); j += 4096 {
			noise[j] ^= byte(i)
		}
		if _, err = p.Write(noise); err != nil {
			break
		}
	}
	if !errors.Is(err, errInjected) {
		t.Errorf("100 MB were taken without a word: %v", err)
	}
	if err := p.Close(); !errors.Is(err, errInjected) {
		t.Errorf("Close: %v", err)
	}
	if _, err := w.Commit(t.Context(), nil); !errors.Is(err, errInjected) {
		t.Errorf("Commit: %v", err)
	}
}

func TestCancellingEndsABackup(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := r.Begin(ctx, head(backup.Full), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.Part(backup.Part{Name: "x", Kind: backup.Bytes})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := p.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	p.Abort()
	if _, err := w.Commit(t.Context(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error("the second time:", err)
	}
	if n := len(st.keys(leasePrefix)); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

func TestAnIncompletePartForbidsTheCommit(t *testing.T) {
	st := newMemStore()
	w, err := create(t, st).Begin(t.Context(), head(backup.Full), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort(context.Background())
	p, err := w.Part(backup.Part{Name: "x", Kind: backup.Rows})
	if err != nil {
		t.Fatal(err)
	}
	p.Abort()
	if _, err := w.Commit(t.Context(), nil); err == nil {
		t.Fatal("a backup without the aborted part was committed")
	}
	if len(st.keys(manifestPrefix)) != 0 {
		t.Fatal("there is a manifest")
	}
	if err := writePart(w, rowsPart("x", []byte("1\n"))); err != nil { // tried again
		t.Fatal(err)
	}
	if err := writePart(w, rowsPart("x", []byte("1\n"))); err == nil {
		t.Fatal("the same part was taken twice")
	}
	m, err := w.Commit(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustHold(t, reopen(t, st), m.ID, rowsPart("x", []byte("1\n")))
}

// What an interrupted run stored is used by the next.
func TestTheNextRunUsesWhatACrashLeft(t *testing.T) {
	st := newMemStore()
	data := rowsPart("x", table(150000, 0, 0))
	h := head(backup.Full)
	w, err := create(t, st).Begin(t.Context(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := writePart(w, data); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.queue <- w.pack // the pack reaches the store, the manifest does not
	w.pack = nil
	w.mu.Unlock()
	if err := w.close(false); err != nil { // waits for it
		t.Fatal(err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := makeBackup(t, reopen(t, st), backup.Full, nil, data)
	if m.AddedBytes > m.StoredBytes/20 {
		t.Errorf("added %d of %d bytes", m.AddedBytes, m.StoredBytes)
	}
	mustHold(t, reopen(t, st), m.ID, data)
}
