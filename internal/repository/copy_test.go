package repository

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
)

func copyParts(v int) []stream {
	return []stream{
		rowsPart("a", table(30000, v, 50)), rowsPart("b", table(5, v, 1)), rowsPart("empty", nil), rowsPart("unended", []byte("1\ta\n2\tb")),
		pagesPart("c", pages(300, uint64(v))), bytesPart("d", randomBytes(90000, uint64(v))), bytesPart("e", []byte("x")),
	}
}

// chainOf makes a full, a differential and an incremental on it.
func chainOf(t *testing.T, r *Repository) []*backup.Manifest {
	full := makeBackup(t, r, backup.Full, nil, copyParts(0)...)
	diff := makeBackup(t, r, backup.Differential, full, copyParts(1)...)
	inc := makeBackup(t, r, backup.Incremental, diff, copyParts(2)...)
	return []*backup.Manifest{full, diff, inc}
}

func TestACopyIsTheSameBackupElsewhere(t *testing.T) {
	r := create(t, newMemStore())
	chain := chainOf(t, r)
	chain[0].Warnings = nil
	for name, c := range map[string]struct {
		bases  func(copied []*backup.Manifest) *backup.Manifest
		types  []backup.Type
		depths []int
	}{
		"each on the one before": {
			func(copied []*backup.Manifest) *backup.Manifest { return last(copied) },
			[]backup.Type{backup.Full, backup.Differential, backup.Incremental}, []int{0, 1, 2},
		},
		"each alone": {
			func([]*backup.Manifest) *backup.Manifest { return nil },
			[]backup.Type{backup.Full, backup.Full, backup.Full}, []int{0, 0, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemStore()
			target := create(t, st)
			var copied []*backup.Manifest
			for i, m := range chain {
				var seen backup.Progress
				var mu sync.Mutex
				got, err := target.Copy(t.Context(), r.Source(m), c.bases(copied), func(p backup.Progress) {
					mu.Lock()
					defer mu.Unlock()
					if p.Done > seen.Done {
						seen = p
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				copied = append(copied, got)
				if got.Type != c.types[i] || got.Depth != c.depths[i] || seen.Done != m.PlainBytes || seen.Total != m.PlainBytes {
					t.Errorf("%s became %s of depth %d; progress %+v", m.Type, got.Type, got.Depth, seen)
				}
				sameButPlace(t, m, got)
				mustHold(t, reopen(t, st), m.ID, copyParts(i)...)
			}
			if name == "each on the one before" && copied[1].AddedBytes > copied[0].AddedBytes/2 {
				t.Errorf("the second copy added %d bytes, the first %d", copied[1].AddedBytes, copied[0].AddedBytes)
			}
			before := len(st.objects)
			if _, err := target.Copy(t.Context(), r.Source(chain[1]), nil, nil); !errors.Is(err, ErrBackupExists) {
				t.Errorf("the second time: %v", err)
			}
			if len(st.objects) != before {
				t.Error("the second time left something")
			}
		})
	}
}

func last(all []*backup.Manifest) *backup.Manifest {
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// sameButPlace compares two manifests but for what is the repository's affair.
func sameButPlace(t *testing.T, a, b *backup.Manifest) {
	t.Helper()
	strip := func(m *backup.Manifest) any {
		c := *m
		c.Type, c.Base, c.Root, c.Depth, c.StoredBytes, c.AddedBytes = "", "", "", 0, 0, 0
		c.Parts = append([]backup.StoredPart(nil), c.Parts...)
		for i := range c.Parts {
			c.Parts[i].Ref = nil
		}
		j, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(j)
	}
	if x, y := strip(a), strip(b); !reflect.DeepEqual(x, y) {
		t.Errorf("copied from\n%s\nto\n%s", x, y)
	}
}

// A source whose manifest says something else than its chunks do must not
// become a copy; neither must one that is damaged.
func TestACopyOfADamagedBackupIsNone(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	m := makeBackup(t, r, backup.Full, nil, copyParts(0)...)
	for name, spoil := range map[string]func() *backup.Manifest{
		"rows": func() *backup.Manifest {
			bad := *m
			bad.Parts = append([]backup.StoredPart(nil), m.Parts...)
			bad.Parts[0].Rows++
			return &bad
		},
		"a pack": func() *backup.Manifest {
			pack := largestPack(st)
			st.objects[pack] = bytes.Clone(st.objects[pack])
			st.objects[pack][len(st.objects[pack])/2] ^= 1
			return m
		},
	} {
		bad := spoil()
		to := newMemStore()
		target := create(t, to)
		if _, err := target.Copy(t.Context(), reopen(t, st).Source(bad), nil, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if len(to.keys(manifestPrefix)) != 0 || len(to.keys(leasePrefix)) != 0 {
			t.Errorf("%s: there is %v", name, to.keys(""))
		}
	}
}
