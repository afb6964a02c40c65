package repository

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/fault"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

func TestRereadCoversEverythingPieceByPiece(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	var all []*backup.Manifest
	for i := range 7 {
		all = append(all, makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(100000, uint64(i)))))
	}
	seen, from := int64(0), ""
	for turn := 0; ; turn++ {
		next, rep, err := r.Reread(t.Context(), from, 150000, nil)
		if err != nil || len(rep.Damage) > 0 || rep.Packs > 2 || rep.Packs < 1 {
			t.Fatalf("%+v, %v", rep, err)
		}
		seen += rep.Bytes
		if from = next; from == "" {
			if turn != 3 || seen != st.size(packsPrefix) {
				t.Errorf("%d pieces, %d of %d bytes", turn+1, seen, st.size(packsPrefix))
			}
			break
		}
	}
	if next, rep, err := r.Reread(t.Context(), "", 1<<40, nil); next != "" || err != nil || rep.Packs != 7 {
		t.Errorf("all at once: %q, %+v, %v", next, rep, err)
	}
	if next, rep, err := r.Reread(t.Context(), "packs/ff/g", 1, nil); next != "" || err != nil || rep.Packs != 0 {
		t.Errorf("from behind the last: %q, %+v, %v", next, rep, err)
	}
	// Damage is named, with the backup, and the next backup mends it.
	pack := largestPack(st)
	st.objects[pack][len(st.objects[pack])/2] ^= 1
	_, rep, err := r.Reread(t.Context(), "", 1<<40, nil)
	if err != nil || len(rep.Damage) != 1 || rep.Damage[0].Object != pack || !errors.Is(rep.Damage[0].Err, ErrDamaged) {
		t.Fatalf("%+v, %v", rep, err)
	}
	for i, m := range all {
		if m.ID == rep.Damage[0].Backup {
			makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(100000, uint64(i))))
			mustHold(t, reopen(t, st), m.ID, bytesPart("a", randomBytes(100000, uint64(i))))
			return
		}
	}
	t.Errorf("damage of backup %q", rep.Damage[0].Backup)
}

func TestRereadFindsEveryChangedByteAndStopsAtNoOther(t *testing.T) {
	st, _, _ := smallRepository(t)
	r := reopen(t, st)
	for name, good := range st.objects {
		for at := 0; at < len(good); at += max(1, len(good)/8) {
			bad := append([]byte(nil), good...)
			bad[at] ^= 1 << (at % 8)
			st.objects[name] = bad
			_, rep, err := r.Reread(t.Context(), "", 1<<40, nil)
			found := false
			for _, d := range rep.Damage {
				found = found || d.Object == name
			}
			if err != nil || !found {
				t.Fatalf("%s, byte %d: %v, %v", name, at, rep.Damage, err)
			}
		}
		st.objects[name] = good
	}
}

func TestAnyFailedCallEndsARereadWithItsError(t *testing.T) {
	start := mem.New()
	r := create(t, start)
	makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(100000, 1)))
	makeBackup(t, r, backup.Full, nil, bytesPart("a", randomBytes(100000, 2)))
	for _, like := range []fault.Rule{{}, {Late: true}, {After: 50}, {Forever: true}} {
		turns, err := fault.Walk(like, func() store.Store { return start.Clone() }, func(s store.Store) error {
			r, err := Open(t.Context(), s, testOptions(), SecretKey(testSecret))
			if err != nil {
				return err
			}
			next, rep, err := r.Reread(t.Context(), "", 1<<40, nil)
			if err == nil && (next != "" || rep.Packs != 2) || len(rep.Damage) > 0 {
				return fmt.Errorf("%q, %+v", next, rep)
			}
			return err
		}, func(step fault.Step) {
			if !errors.Is(step.Err, fault.ErrInjected) {
				t.Errorf("%+v: %v", step.Call, step.Err)
			}
		})
		if err != nil || turns < 5 {
			t.Errorf("%d turns, %v", turns, err)
		}
		t.Logf("%d calls failed in turn", turns)
	}
}
