package repository

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
)

// said reads one label through a repository that has just been opened.
func said(t *testing.T, st *memStore, id backup.ID) Label {
	t.Helper()
	all, err := reopen(t, st).Labels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all[id]
}

func TestLabelsAreKeptBesideTheBackup(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	a := makeBackup(t, r, backup.Full, nil, rowsPart("a", table(10, 0, 0)))
	b := makeBackup(t, r, backup.Full, nil, rowsPart("a", table(10, 1, 1)))
	if all, err := r.Labels(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("before anything was said: %v, %v", all, err)
	}
	first := Label{Pinned: true, Tags: []string{"önce", "sürüm 4"}, Note: "before the <move>"}
	for _, l := range []Label{first, {Note: "second"}, {}, first} {
		if err := r.SetLabel(t.Context(), a.ID, l); err != nil {
			t.Fatal(err)
		}
		l.Written = testOptions().Now()
		if got := said(t, st, a.ID); !reflect.DeepEqual(got, l) {
			t.Errorf("got %+v, want %+v", got, l)
		}
	}
	if n := len(st.keys(labelPrefix)); n != 1 {
		t.Errorf("%d labels are kept, want the newest only", n)
	}
	if got := said(t, st, b.ID); !reflect.DeepEqual(got, Label{}) {
		t.Errorf("the other backup has %+v", got)
	}
	if err := r.SetLabel(t.Context(), "0198c0de-0000-7000-8000-000000000000", first); !errors.Is(err, ErrNoBackup) {
		t.Errorf("a backup that is not there: %v", err)
	}
	for _, l := range []Label{{Note: strings.Repeat("x", MaxLabel)}, {Tags: make([]string, MaxTags+1)}} {
		if err := r.SetLabel(t.Context(), a.ID, l); !errors.Is(err, ErrLabel) {
			t.Errorf("too much: %v", err)
		}
	}
}

// Two machines say something at once: the store decides, and everybody sees
// the same.
func TestOfLabelsWrittenAtOnceOneCounts(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	m := makeBackup(t, r, backup.Full, nil)
	var wg sync.WaitGroup
	for i := range 4 {
		other := reopen(t, st)
		wg.Go(func() {
			for j := range 10 {
				if err := other.SetLabel(t.Context(), m.ID, Label{Note: fmt.Sprint(i, " ", j)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want := said(t, st, m.ID)
	if want.Note == "" {
		t.Fatal("nothing is said")
	}
	for range 3 {
		if got := said(t, st, m.ID); got.Note != want.Note {
			t.Errorf("got %q, then %q", want.Note, got.Note)
		}
	}
}

func TestALabelThatCannotBeReadIsNamedAndTheOthersAreThere(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	a := makeBackup(t, r, backup.Full, nil)
	b := makeBackup(t, r, backup.Full, nil)
	for _, id := range []backup.ID{a.ID, b.ID} {
		if err := r.SetLabel(t.Context(), id, Label{Pinned: true}); err != nil {
			t.Fatal(err)
		}
	}
	name := numberedName(labelPrefix, string(a.ID), 1)
	good := st.objects[name]
	for at := range good {
		bad := append([]byte(nil), good...)
		bad[at] ^= 4
		st.objects[name] = bad
		all, err := r.Labels(t.Context())
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) || objectOf(err) != name || !all[b.ID].Pinned || all[a.ID].Pinned {
			t.Fatalf("byte %d: %v, %v", at, all, err)
		}
	}
	st.objects[name] = st.objects[numberedName(labelPrefix, string(b.ID), 1)]
	if _, err := r.Labels(t.Context()); !errors.Is(err, ErrDamaged) {
		t.Errorf("the label of another backup was taken: %v", err)
	}
	if err := r.SetLabel(t.Context(), a.ID, Label{Note: "again"}); err != nil { // which mends it
		t.Fatal(err)
	}
	if got := said(t, st, a.ID); got.Note != "again" {
		t.Errorf("got %+v", got)
	}
}

func TestForgetTakesTheBackupAndItsLabels(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	old, cur := rowsPart("a", table(20000, 0, 0)), rowsPart("a", table(20000, 1, 9))
	full := makeBackup(t, r, backup.Full, nil, old)
	inc := makeBackup(t, r, backup.Incremental, full, cur)
	for _, id := range []backup.ID{full.ID, inc.ID} {
		if err := r.SetLabel(t.Context(), id, Label{Pinned: true}); err != nil {
			t.Fatal(err)
		}
	}
	before, err := r.Usage(t.Context())
	if err != nil || before.Backups != 2 || before.Packs != 2 || before.Bytes != st.size("") {
		t.Fatalf("%+v, %v", before, err)
	}
	if err := r.Forget(t.Context(), full.ID, "0198c0de-0000-7000-8000-000000000000", "../config"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Manifest(t.Context(), full.ID); !errors.Is(err, ErrNoBackup) {
		t.Errorf("it is still there: %v", err)
	}
	all, err := r.Labels(t.Context())
	if err != nil || len(all) != 1 || !all[inc.ID].Pinned {
		t.Errorf("labels %v, %v", all, err)
	}
	mustHold(t, reopen(t, st), inc.ID, cur)
	after, err := r.Usage(t.Context())
	if err != nil || after.Backups != 1 || after.Packs != 2 {
		t.Errorf("%+v, %v", after, err)
	}
}
