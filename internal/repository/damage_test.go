package repository

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
)

// smallRepository has a full and an incremental with parts of every kind.
func smallRepository(t testing.TB) (*memStore, []*backup.Manifest, [][]stream) {
	st := newMemStore()
	r := create(t, st)
	var made []*backup.Manifest
	var held [][]stream
	var base *backup.Manifest
	for v, typ := range []backup.Type{backup.Full, backup.Incremental} {
		parts := []stream{
			rowsPart("a", table(1200, v, 50)),
			pagesPart("b", pages(24, uint64(v))),
			bytesPart("c", randomBytes(70000, uint64(v))),
			rowsPart("d", table(3, v, 1)),
			rowsPart("e", table(4, 0, 0)),
		}
		base = makeBackup(t, r, typ, base, parts...)
		made, held = append(made, base), append(held, parts)
	}
	// All that can lie beside them: a label, a writer that died, a mark.
	if err := r.SetLabel(t.Context(), base.ID, Label{Pinned: true, Note: "n"}); err != nil {
		t.Fatal(err)
	}
	for _, turn := range []bool{false, true} {
		h := leaseHolder{r: r, id: string(backup.NewID(tick)), backup: base.ID, turn: turn}
		if _, err := h.take(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.putMark(t.Context(), [][32]byte{{1}}); err != nil {
		t.Fatal(err)
	}
	return st, made, held
}

// findings opens a repository and reads everything in it. It returns the
// objects that were complained of and how many parts could be read.
func findings(t *testing.T, st *memStore, held [][]stream, ids []*backup.Manifest) (objects map[string]bool, intact int) {
	t.Helper()
	objects = make(map[string]bool)
	note := func(err error) {
		if !isDamage(err) && !errors.Is(err, ErrNoBackup) && !errors.Is(err, ErrNotFound) {
			t.Fatalf("not a clear error: %v", err)
		}
		p := problem.Of(err)
		objects[p.Params["object"]] = true
		if id := p.Params["id"]; id != "" {
			objects[manifestPrefix+id] = true
		}
	}
	r, err := Open(t.Context(), st, testOptions(), SecretKey(testSecret))
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			objects[configName] = true
		} else {
			note(err)
		}
		return objects, 0
	}
	rep, err := r.CheckAll(t.Context(), nil)
	if err != nil {
		note(err)
	}
	for _, d := range rep.Damage {
		note(d.Err)
	}
	for i, m := range ids {
		src, parts := r.Source(m), held[i]
		for j, p := range m.Parts {
			got, err := readPart(t.Context(), src, p)
			if err != nil {
				note(err)
			} else if !bytes.Equal(got, parts[j].data) {
				t.Fatalf("part %q differs and nobody noticed", p.Name)
			} else {
				intact++
			}
		}
	}
	return objects, intact
}

func TestEveryChangedByteIsNoticedAndNamed(t *testing.T) {
	st, ids, held := smallRepository(t)
	if objects, intact := findings(t, st, held, ids); len(objects) != 0 || intact != 10 {
		t.Fatalf("an intact repository complains of %v; %d parts intact", objects, intact)
	}
	for name, good := range st.objects {
		step := max(1, len(good)/40)
		if testing.Short() {
			step = max(1, len(good)/8)
		}
		for at := 0; at < len(good); at += step {
			bad := bytes.Clone(good)
			bad[at] ^= 1 << (at % 8)
			st.objects[name] = bad
			objects, intact := findings(t, st, held, ids)
			if !objects[name] {
				t.Fatalf("%s, byte %d of %d changed: complaints are about %v", name, at, len(good), objects)
			}
			if strings.HasPrefix(name, packsPrefix) && at > packHead && at < len(good)/4 && intact == 0 {
				t.Fatalf("%s, byte %d of %d changed: no part can be restored", name, at, len(good))
			}
		}
		st.objects[name] = good
	}
}

func TestEveryObjectCutOffGoneOrSwappedIsNoticedAndNamed(t *testing.T) {
	st, ids, held := smallRepository(t)
	names := st.keys("")
	for i, name := range names {
		good := st.objects[name]
		for _, n := range []int{0, 1, 7, 30, 45, len(good) / 2, len(good) - 1} {
			st.objects[name] = good[:min(n, len(good)-1)]
			if objects, _ := findings(t, st, held, ids); !objects[name] {
				t.Errorf("%s cut off at %d: complaints are about %v", name, n, objects)
			}
		}
		st.objects[name] = append(bytes.Clone(good), 0)
		if objects, _ := findings(t, st, held, ids); !objects[name] {
			t.Errorf("%s with a byte more: complaints are about %v", name, objects)
		}
		delete(st.objects, name)
		objects, _ := findings(t, st, held, ids)
		gone := objects[name] || strings.HasPrefix(name, keysPrefix) && objects[keysPrefix]
		prefix, _, _ := strings.Cut(name, "/")
		if !gone && !strings.Contains("manifests labels leases prunes marks", prefix) { // a backup that was removed leaves nothing to complain of
			t.Errorf("%s gone: complaints are about %v", name, objects)
		}
		st.objects[name] = good
		other := names[(i+1)%len(names)]
		st.objects[name], st.objects[other] = st.objects[other], good
		if objects, _ := findings(t, st, held, ids); !objects[name] && !objects[other] {
			t.Errorf("%s and %s swapped: complaints are about %v", name, other, objects)
		}
		st.objects[other], st.objects[name] = st.objects[name], good
	}
}

// largestPack returns the name of the pack with the most bytes.
func largestPack(st *memStore) (name string) {
	for _, k := range st.keys(packsPrefix) {
		if name == "" || len(st.objects[k]) > len(st.objects[name]) {
			name = k
		}
	}
	return name
}

func TestCheckNamesTheLostRowsAndTheRestIsRestored(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	data := table(40000, 0, 0)
	m := makeBackup(t, r, backup.Full, nil, rowsPart("orders", data), rowsPart("other", table(2000, 1, 1)))
	pack := largestPack(st)
	st.objects[pack][len(st.objects[pack])/2] ^= 4
	rep, err := reopen(t, st).Check(t.Context(), m.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Damage) != 1 {
		t.Fatalf("%d pieces of damage: %v", len(rep.Damage), rep.Damage)
	}
	d := rep.Damage[0]
	if d.Part != "orders" || d.Object != pack || d.Rows == 0 || d.FromRow == 0 || d.FromRow+d.Rows > 40000 || !errors.Is(d.Err, ErrDamaged) {
		t.Errorf("damage is %+v", d)
	}
	if rep.Rows != 42000-d.Rows {
		t.Errorf("%d rows are proven, %d lost", rep.Rows, d.Rows)
	}
}

func TestTheNextBackupHealsWhatAReadFoundDamaged(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	old := rowsPart("orders", table(40000, 0, 0))
	full := makeBackup(t, r, backup.Full, nil, old)
	pack := largestPack(st)
	st.objects[pack][len(st.objects[pack])/2] ^= 4
	r = reopen(t, st)
	if rep, err := r.Check(t.Context(), full.ID, nil); err != nil || len(rep.Damage) != 1 {
		t.Fatal(rep, err)
	}
	healed := makeBackup(t, r, backup.Incremental, full, old)
	mustHold(t, reopen(t, st), healed.ID, old)
	mustHold(t, reopen(t, st), full.ID, old) // the new copy serves the old backup, too
}

// One process finds the damage, another makes the next backup.
func TestDamageIsRememberedUntilTheNextBackup(t *testing.T) {
	st, opt := newMemStore(), testOptions()
	opt.CacheDir = t.TempDir()
	again := func() *Repository {
		r, err := Open(t.Context(), st, opt, SecretKey(testSecret))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	create(t, st)
	old := rowsPart("orders", table(40000, 0, 0))
	full := makeBackup(t, again(), backup.Full, nil, old)
	pack := largestPack(st)
	st.objects[pack][len(st.objects[pack])/2] ^= 4
	if rep, err := again().Check(t.Context(), full.ID, nil); err != nil || len(rep.Damage) != 1 {
		t.Fatal(rep, err)
	}
	healed := makeBackup(t, again(), backup.Incremental, full, old)
	mustHold(t, reopen(t, st), healed.ID, old)
	st.objects[pack][len(st.objects[pack])/2] ^= 4 // the disk was mended
	mustHold(t, again(), full.ID, old)
	if rep, err := again().CheckAll(t.Context(), nil); err != nil || len(rep.Damage) != 0 {
		t.Fatal(rep, err)
	}
	if again().cache.doubts() != nil {
		t.Error("the damage is remembered after everything was found right")
	}
}

// The base is damaged, and nobody has noticed before the delta is to be made.
func TestADamagedBaseIsReplacedByAPlainChunk(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	full := makeBackup(t, r, backup.Full, nil, rowsPart("orders", table(20000, 0, 0)))
	for _, k := range st.keys(packsPrefix) {
		b := st.objects[k]
		for i := packHead + 100; i < len(b)-4000; i += 5000 {
			b[i] ^= 1
		}
	}
	cur := rowsPart("orders", table(20000, 1, 3))
	inc := makeBackup(t, reopen(t, st), backup.Incremental, full, cur)
	mustHold(t, reopen(t, st), inc.ID, cur)
}

func TestAMissingPackIsNamed(t *testing.T) {
	st := newMemStore()
	r := create(t, st)
	m := makeBackup(t, r, backup.Full, nil, rowsPart("orders", table(20000, 0, 0)))
	pack := largestPack(st)
	delete(st.objects, pack)
	r = reopen(t, st)
	_, err := readPart(t.Context(), r.Source(m), m.Parts[0])
	if !errors.Is(err, ErrMissing) || problem.Of(err).Params["object"] != pack {
		t.Errorf("got %v", err)
	}
	next := makeBackup(t, r, backup.Full, nil, rowsPart("orders", table(20000, 0, 0)))
	mustHold(t, r, next.ID, rowsPart("orders", table(20000, 0, 0)))
	mustHold(t, r, m.ID, rowsPart("orders", table(20000, 0, 0)))
}
