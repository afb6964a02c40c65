package repository

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

var (
	histories   = flag.Int("histories", 24, "random histories to play")
	historySeed = flag.Uint64("history-seed", 0, "seed of the first history; 0: from the clock")
)

// errCut is what a machine gets from the store after its end.
var errCut = errors.New("the machine was cut off")

// wire is a machine's way to a store. It can be cut after some calls, and at
// some calls something else happens in between, on another machine.
type wire struct {
	next store.Store

	mu      sync.Mutex
	left    int // calls until the cut; negative: never
	late    bool
	dead    bool
	between func() // nil: nothing
	in      bool   // between is running
	calls   int
}

// call counts one; with late the last one takes effect and its answer is lost.
func (w *wire) call(ctx context.Context) (late, err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.calls++
	if w.dead {
		w.mu.Unlock()
		return nil, errCut
	}
	if w.left == 0 {
		w.dead = true
		late := w.late
		w.mu.Unlock()
		if late {
			return errCut, nil
		}
		return nil, errCut
	}
	w.left--
	f := w.between
	if w.in {
		f = nil
	}
	w.in = w.in || f != nil
	w.mu.Unlock()
	if f != nil {
		f()
		w.mu.Lock()
		w.in = false
		w.mu.Unlock()
	}
	return nil, nil
}

func (w *wire) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	late, err := w.call(ctx)
	if err != nil {
		return store.Object{}, err
	}
	o, err := w.next.Put(ctx, key, r)
	return o, errors.Join(late, err)
}

func (w *wire) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if late, err := w.call(ctx); err != nil || late != nil {
		return nil, errCut
	}
	return w.next.Get(ctx, key, off, n)
}

func (w *wire) Stat(ctx context.Context, key string) (store.Object, error) {
	if late, err := w.call(ctx); err != nil || late != nil {
		return store.Object{}, errCut
	}
	return w.next.Stat(ctx, key)
}

func (w *wire) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if late, err := w.call(ctx); err != nil || late != nil {
			yield(store.Object{}, errCut)
			return
		}
		w.next.List(ctx, prefix)(yield)
	}
}

func (w *wire) Delete(ctx context.Context, key string) error {
	late, err := w.call(ctx)
	if err != nil {
		return err
	}
	return errors.Join(late, w.next.Delete(ctx, key))
}

// A world is two destinations and two machines that use both. Backups are made
// at the first and copied to the second.
type world struct {
	t        *testing.T
	r        *rand.Rand
	sites    [2]*mem.Store
	machines [2]*machine
	held     [2]map[backup.ID][]stream // what each backup must read back as
	labels   [2]map[backup.ID][]Label  // the last of these that was taken, or, after a crash, the one before
	db       [3]map[string]int         // databases: the version of each table
	count    map[string]int
	deep     int
	nested   sync.Mutex
}

var historyTables = []string{"a", "b", "c", "pages", "tiny"}

type machine struct {
	w     *world
	n     int
	dir   string
	wires [2]*wire
	repos [2]*Repository
	jobs  []*job
}

// job is a backup under way.
type job struct {
	w    *Writer
	id   backup.ID
	todo []stream
	all  []stream
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 4)), count: make(map[string]int)}
	for s := range w.sites {
		w.sites[s] = mem.New()
		w.held[s], w.labels[s] = make(map[backup.ID][]stream), make(map[backup.ID][]Label)
		r, err := Create(t.Context(), w.sites[s], Slots{Secret: testSecret}, Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	for d := range w.db {
		w.db[d] = make(map[string]int)
	}
	for n := range w.machines {
		w.machines[n] = &machine{w: w, n: n, dir: t.TempDir()}
		w.machines[n].start()
	}
	return w
}

// start opens the repositories anew, as after a crash.
func (m *machine) start() {
	for _, j := range m.jobs {
		_ = j.w.Abort(context.Background()) // the wire is dead: only goroutines end
	}
	m.jobs = nil
	for s := range m.wires {
		m.wires[s] = &wire{next: m.w.sites[s], left: -1}
		opt := Options{Now: time.Now, Machine: fmt.Sprint("m", m.n)}
		if m.n == 0 {
			opt.CacheDir = m.dir
		}
		r, err := Open(m.w.t.Context(), m.wires[s], opt, SecretKey(testSecret))
		if err != nil {
			m.w.t.Fatal(err)
		}
		m.repos[s] = r
	}
}

// state makes the streams of a database: chunks that were stored before, small
// changes to them, and rows in common.
func (w *world) state(db int) (parts []stream) {
	for _, name := range historyTables {
		v := w.db[db][name]
		switch name {
		case "pages":
			if w.r.IntN(4) == 0 {
				parts = append(parts, pagesPart(name, historyPages(db, v)))
			}
		case "tiny":
			parts = append(parts, rowsPart(name, fmt.Appendf(nil, "1\t%d\n2\t%d\n", db, v)))
		default:
			parts = append(parts, bytesPart(name, historyBytes(name, v)))
		}
	}
	return parts
}

// historyBytes is a chunk; versions differ a little, and every fifth is new.
func historyBytes(name string, v int) []byte {
	b := randomBytes(66<<10, uint64(name[0])+uint64(v/5)*7)
	for i := range v % 5 {
		copy(b[1000*(i+1):], fmt.Sprintf("version %d of it", v))
	}
	return b
}

// historyPages has more chunks than a manifest lists itself.
func historyPages(db, v int) []byte {
	b := bytes.Repeat([]byte("a page of a database that says little "), 6*(512<<10)/38+38)[:6*(512<<10)]
	for i := range b[:len(b)/4096] {
		copy(b[i*4096:], fmt.Sprint(db, i))
	}
	for i := range v {
		copy(b[(i*7919)%(len(b)/4096)*4096+100:], fmt.Sprint("changed by ", i))
	}
	return b
}

func pick[K comparable, V any](r *rand.Rand, m map[K]V, less func(a, b K) int) (k K, ok bool) {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return k, false
	}
	slices.SortFunc(keys, less)
	return keys[r.IntN(len(keys))], true
}

func (w *world) anyBackup(site int) (backup.ID, bool) {
	return pick(w.r, w.held[site], func(a, b backup.ID) int { return strings.Compare(string(a), string(b)) })
}

// ended restarts a machine that was cut off, and complains of any other error.
func (m *machine) ended(what string, err error, fine ...error) bool {
	m.w.count[what]++
	cut := false
	for s := range m.wires {
		m.wires[s].mu.Lock()
		cut = cut || m.wires[s].dead
		m.wires[s].mu.Unlock()
	}
	if cut {
		m.w.count["crash"]++
		m.start()
		return true
	}
	for _, f := range fine {
		if errors.Is(err, f) {
			return true
		}
	}
	if err != nil {
		m.w.t.Fatalf("%s on machine %d: %v", what, m.n, err)
	}
	return false
}

func (m *machine) begin() {
	w, r := m.w, m.repos[0]
	if len(m.jobs) >= 2 {
		return
	}
	db := w.r.IntN(len(w.db))
	for _, name := range historyTables {
		if w.r.IntN(2) == 0 {
			w.db[db][name] = w.r.IntN(10) // what was there before comes back
		}
	}
	h := backup.Manifest{ID: backup.NewID(time.Now()), Type: backup.Full, Machine: "m", Database: backup.Name(fmt.Sprint(db)), Started: time.Now()}
	var base *backup.Manifest
	if id, ok := w.anyBackup(0); ok && w.r.IntN(4) > 0 {
		var err error
		if base, err = r.Manifest(w.t.Context(), id); m.ended("manifest", err, ErrNoBackup) {
			return
		}
		h.Type = backup.Incremental
		if base.Type == backup.Full && w.r.IntN(3) == 0 {
			h.Type = backup.Differential
		}
	}
	wr, err := r.Begin(w.t.Context(), h, base)
	if m.ended("begin", err, ErrBase) {
		if wr != nil {
			_ = wr.Abort(context.Background()) // cut off
		}
		return
	}
	parts := w.state(db)
	m.jobs = append(m.jobs, &job{w: wr, id: h.ID, todo: parts, all: parts})
}

// step lets a backup store one part, or be committed, or given up.
func (m *machine) step() {
	if len(m.jobs) == 0 {
		return
	}
	i := m.w.r.IntN(len(m.jobs))
	j := m.jobs[i]
	if len(j.todo) > 0 && m.w.r.IntN(30) > 0 {
		p := j.todo[0]
		j.todo = j.todo[1:]
		if err := writePart(j.w, p); m.ended("part", err, ErrLease) && err != nil {
			m.drop(j)
		}
		return
	}
	var err error
	if len(j.todo) == 0 {
		if _, err = j.w.Commit(m.w.t.Context(), nil); err == nil {
			m.w.held[0][j.id] = j.all
		} else {
			m.w.landed(0, j.id, j.all) // the answer may have been lost
		}
	}
	_ = j.w.Abort(context.Background()) // its lease may be gone
	m.drop(j)
	m.ended("commit", err, ErrLease)
}

func (m *machine) drop(j *job) {
	m.jobs = slices.DeleteFunc(m.jobs, func(x *job) bool { return x == j })
	_ = j.w.Abort(context.Background()) // its lease may be gone
}

// landed notes a backup whose manifest is there though its maker got an error.
func (w *world) landed(site int, id backup.ID, parts []stream) {
	if _, err := w.sites[site].Stat(w.t.Context(), manifestName(id)); err == nil {
		w.held[site][id] = parts
	}
}

func (m *machine) forget(site int) {
	if len(m.w.held[site]) < 2 {
		return
	}
	id, _ := m.w.anyBackup(site)
	parts := m.w.held[site][id]
	delete(m.w.held[site], id) // before, for the other machine may copy it again in the midst
	err := m.repos[site].Forget(m.w.t.Context(), id)
	delete(m.w.labels[site], id)
	if err != nil {
		m.w.landed(site, id, parts)
		delete(m.w.labels[site], id) // they may be gone or not
	}
	m.ended("forget", err)
}

func (m *machine) prune(site int) {
	opt := PruneOptions{DryRun: m.w.r.IntN(8) == 0, Repack: []float64{0, 0, 0.9, -1}[m.w.r.IntN(4)]}
	rep, err := m.repos[site].Prune(m.w.t.Context(), opt)
	if !opt.DryRun {
		m.w.count["packs deleted"] += rep.Deleted
		m.w.count["packs marked"] += rep.Marked
		m.w.count["packs repacked"] += rep.Repacked
		if rep.Busy {
			m.w.count["prunes that met another"]++
		}
	}
	m.ended("prune", err, ErrTurn, context.DeadlineExceeded) // the machine slept in the midst
}

func (m *machine) label(site int) {
	id, ok := m.w.anyBackup(site)
	if !ok {
		return
	}
	l := Label{Pinned: m.w.r.IntN(2) == 0, Note: fmt.Sprint("note ", m.w.r.IntN(1000))}
	err := m.repos[site].SetLabel(m.w.t.Context(), id, l)
	was := m.w.labels[site][id]
	if err == nil {
		was = nil
	} else if len(was) == 0 {
		was = []Label{{}}
	}
	m.w.labels[site][id] = append(was, l)
	m.ended("label", err, ErrNoBackup)
}

func (m *machine) copy() {
	id, ok := m.w.anyBackup(0)
	if !ok {
		return
	}
	ctx := m.w.t.Context()
	from, err := m.repos[0].Manifest(ctx, id)
	if m.ended("manifest", err, ErrNoBackup) {
		return
	}
	var base *backup.Manifest
	if at, ok := m.w.anyBackup(1); ok && m.w.r.IntN(3) > 0 {
		if base, err = m.repos[1].Manifest(ctx, at); m.ended("manifest", err, ErrNoBackup) {
			return
		}
		if base.Depth == maxDepth {
			base = nil
		}
	}
	parts := m.w.held[0][id]
	_, err = m.repos[1].Copy(ctx, m.repos[0].Source(from), base, nil)
	if err == nil || !errors.Is(err, ErrBackupExists) {
		m.w.landed(1, id, parts)
	}
	m.ended("copy", err, ErrBackupExists, ErrBase, ErrLease)
}

func (m *machine) reread(site int) {
	_, rep, err := m.repos[site].Reread(m.w.t.Context(), "", 1<<20, nil)
	if err == nil && len(rep.Damage) > 0 {
		m.w.t.Fatalf("damage out of nothing: %v", rep.Damage)
	}
	m.ended("reread", err)
}

// act lets a machine do something. Once in a while it is cut off in the midst,
// or the other machine acts in the midst.
func (w *world) act(m *machine) {
	for s := range m.wires {
		if w.deep == 0 && w.r.IntN(12) == 0 {
			m.wires[s].left, m.wires[s].late = w.r.IntN(40), w.r.IntN(2) == 0
		}
		if other := w.machines[1-m.n]; w.deep == 0 && w.r.IntN(3) == 0 {
			at := w.r.IntN(25)
			m.wires[s].between = func() {
				if !w.nested.TryLock() {
					return
				}
				defer w.nested.Unlock()
				if at--; at < 0 && at >= -2 {
					w.deep++
					w.act(other)
					w.deep--
				}
			}
		}
	}
	site := w.r.IntN(2)
	switch x := w.r.IntN(100); {
	case x < 12:
		m.begin()
	case x < 46:
		for range 1 + w.r.IntN(3) {
			m.step()
		}
	case x < 60:
		m.forget(site)
	case x < 82:
		m.prune(site)
	case x < 85:
		m.label(site)
	case x < 90:
		m.copy()
	case x < 91:
		m.reread(site)
	default:
		pass([]time.Duration{time.Minute, 40 * time.Minute, 3 * time.Hour, 13 * time.Hour, 40 * time.Hour, 40 * time.Hour}[w.r.IntN(6)])
		w.count["sleep"]++
	}
	for s := range m.wires {
		m.wires[s].mu.Lock()
		m.wires[s].between = nil
		if m.wires[s].dead {
			m.wires[s].mu.Unlock()
			m.start()
			break
		}
		m.wires[s].left = -1
		m.wires[s].mu.Unlock()
	}
}

// quiet ends all work, waits for leases to run out, and prunes twice.
func (w *world) quiet() {
	for _, m := range w.machines {
		for s := range m.wires {
			m.wires[s].dead = w.r.IntN(2) == 0 // half of them die with their leases
		}
		m.start()
	}
	pass(LeaseLife + leaseGrace + time.Hour)
	for s := range w.sites {
		for range 2 {
			pass(time.Second)
			if _, err := w.machines[0].repos[s].Prune(w.t.Context(), PruneOptions{Repack: -1}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// check compares everything with the plain copies.
func (w *world) check() {
	t := w.t
	for s, st := range w.sites {
		r, err := Open(t.Context(), st, Options{Now: time.Now}, SecretKey(testSecret))
		if err != nil {
			t.Fatal(err)
		}
		ids, err := r.Backups(t.Context())
		if err != nil || len(ids) != len(w.held[s]) {
			t.Fatalf("site %d: %d backups, want %d, %v", s, len(ids), len(w.held[s]), err)
		}
		for id, parts := range w.held[s] {
			mustHold(t, r, id, parts...)
			// The machines that have been there all the time, too.
			mustHold(t, w.machines[0].repos[s], id, parts...)
		}
		w.checkLabels(s, r)
		rep, err := r.CheckAll(t.Context(), nil)
		if err != nil || len(rep.Damage) > 0 {
			t.Fatalf("site %d: %v, %v", s, rep.Damage, err)
		}
	}
}

func (w *world) checkLabels(s int, r *Repository) {
	all, err := r.Labels(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for id, want := range w.labels[s] {
		got, ok := all[id]
		got.Written = time.Time{}
		same := func(l Label) bool { return reflect.DeepEqual(l, got) }
		if len(want) > 0 && !slices.ContainsFunc(want, same) && (ok || w.held[s][id] != nil) {
			w.t.Fatalf("label of %s: %+v, want one of %+v", id, got, want)
		}
	}
}

// nothingLeft makes sure that all that is left is needed.
func (w *world) nothingLeft() {
	for s, st := range w.sites {
		r, err := Open(w.t.Context(), st, Options{Now: time.Now}, SecretKey(testSecret))
		if err != nil {
			w.t.Fatal(err)
		}
		p := &pruner{r: r, opt: PruneOptions{Observe: func(backup.Progress) {}}, visited: make(map[shortID]bool)}
		if err := r.refresh(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if err := p.read(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		p.look()
		unneeded := make(map[uint32]bool)
		for i, k := range p.pic.packs {
			if k.stored && p.need.live[i] == 0 {
				unneeded[uint32(i)] = true
			}
		}
		held := len(unneeded) > 0
		if p.pic.rescue(unneeded); len(unneeded) > 0 { // what is left is held by rule 4
			w.t.Errorf("site %d: %d packs are left that nobody needs", s, len(unneeded))
		}
		w.count["packs held by rule 4"] += btoi(held)
		for o, err := range st.List(w.t.Context(), "") {
			prefix, _, _ := strings.Cut(o.Key, "/")
			label, _, _ := parseNumbered(strings.TrimPrefix(o.Key, labelPrefix))
			if err != nil || prefix == "leases" || prefix == "prunes" || prefix == "marks" && !held || prefix == "labels" && w.held[s][backup.ID(label)] == nil {
				w.t.Errorf("site %d: %s is left, %v", s, o.Key, err)
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Two machines back up, copy, forget, prune, label, sleep and crash in random
// order and in the midst of each other: every backup reads back as the plain
// copy of its database, and in the end nothing is left that nobody needs.
func TestRandomHistoriesLoseNothingAndLeaveNothing(t *testing.T) {
	first, n := *historySeed, *histories
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	if testing.Short() {
		n = min(n, 4)
	}
	total := make(map[string]int)
	for i := range n {
		seed := first + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				for range 120 {
					w.act(w.machines[w.r.IntN(2)])
					total["steps"]++
				}
				w.quiet()
				w.check()
				w.nothingLeft()
				for k, v := range w.count {
					total[k] += v
				}
			})
		})
		if t.Failed() {
			t.Fatalf("play it again with -history-seed %d -histories 1", seed)
		}
	}
	t.Logf("%d histories: %v", n, total)
}
