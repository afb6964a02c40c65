package repository

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// The model plays backups of several machines, crashes and prunes on one
// repository in random order, and asks after every step whether each committed
// backup can still be restored. A blob stands for a chunk; a pack holds one.
// It is where the four rules of FORMAT.md, "Removing", come from: take away any
// one and it loses data.
type modelBlob struct {
	pack  int
	id    int // content
	depth int
	bases []int // contents: any copy with a smaller depth will do
	born  int
}

type modelWriter struct {
	lease int // when it began
	view  map[int]*modelBlob
	base  []int
	out   []int
	todo  []int
	dead  bool
}

// wrong takes away one rule.
type wrong struct {
	newest   bool // readers and prune keep the newest copy, not the shallowest
	atOnce   bool // prune deletes at once and asks for no lease; marks count for nothing
	noRescue bool // a base may go before a delta that leans on it but is not wanted
}

type model struct {
	wrong
	r       *rand.Rand
	now     int
	packs   map[int]*modelBlob
	marks   map[int]int // pack -> when it was marked
	backups map[int][]int
	writers []*modelWriter
	next    int
}

// best is the copy that readers use.
func (w *model) best(id int) (b *modelBlob) {
	for _, x := range w.packs {
		switch {
		case x.id != id:
		case b == nil,
			w.newest && x.pack > b.pack,
			!w.newest && (x.depth < b.depth || x.depth == b.depth && x.pack < b.pack):
			b = x
		}
	}
	return b
}

// live returns the packs the backups need, or false when one cannot be
// restored.
func (w *model) live() (keep map[int]bool, ok bool) {
	keep, ok = make(map[int]bool), true
	const under, done = 1, 2
	seen := make(map[int]int)
	var need func(id int)
	need = func(id int) {
		if seen[id] == done {
			return
		}
		b := w.best(id)
		if b == nil || seen[id] == under {
			ok = false
			return
		}
		seen[id] = under
		keep[b.pack] = true
		for _, x := range b.bases {
			need(x)
		}
		seen[id] = done
	}
	for _, l := range w.backups {
		for _, id := range l {
			need(id)
		}
	}
	return keep, ok
}

func (w *model) begin() {
	f := &modelWriter{lease: w.now, view: make(map[int]*modelBlob)}
	for p, b := range w.packs {
		if _, marked := w.marks[p]; marked && !w.atOnce {
			continue
		}
		if v := f.view[b.id]; v == nil || b.depth < v.depth {
			f.view[b.id] = b
		}
	}
	if ks := slices.Sorted(maps.Keys(w.backups)); len(ks) > 0 {
		f.base = w.backups[ks[w.r.IntN(len(ks))]]
	}
	for range 1 + w.r.IntN(6) {
		f.todo = append(f.todo, w.r.IntN(25)) // few contents: copies and would-be cycles are common
	}
	w.writers = append(w.writers, f)
}

// step lets a writer store one chunk, or commit.
func (w *model) step(f *modelWriter) (done bool) {
	w.next++
	if len(f.todo) == 0 {
		w.backups[w.next] = f.out
		return true
	}
	id := f.todo[0]
	f.todo, f.out = f.todo[1:], append(f.out, id)
	if f.view[id] != nil {
		return false
	}
	b := &modelBlob{pack: w.next, id: id, born: w.now}
	if len(f.base) > 0 && w.r.IntN(4) > 0 {
		x := f.base[w.r.IntN(len(f.base))]
		if v := f.view[x]; v != nil && x != id && v.depth < maxDepth {
			b.bases, b.depth = []int{x}, v.depth+1
		}
	}
	w.packs[b.pack], f.view[id] = b, b
	return false
}

func (w *model) prune() {
	for k := range w.backups {
		if w.r.IntN(3) == 0 && len(w.backups) > 1 {
			delete(w.backups, k)
		}
	}
	keep, _ := w.live()
	oldest := w.now
	for _, f := range w.writers {
		oldest = min(oldest, f.lease)
	}
	gone := make(map[int]*modelBlob)
	for p, b := range w.packs {
		at, marked := w.marks[p]
		switch {
		case keep[p]:
			delete(w.marks, p)
		case w.atOnce:
			delete(w.packs, p)
		case !marked && b.born < oldest: // younger ones may belong to a backup under way
			w.marks[p] = w.now
		case marked && at < oldest: // nobody who may have seen it unmarked is still at work
			gone[p] = b
		}
	}
	for !w.noRescue && w.rescue(gone) {
	}
	for p := range gone {
		delete(w.packs, p)
		delete(w.marks, p)
	}
}

// rescue takes one base that something staying leans on out of gone.
func (w *model) rescue(gone map[int]*modelBlob) bool {
	for p, b := range w.packs {
		if gone[p] != nil {
			continue
		}
		for _, id := range b.bases {
			if w.stays(gone, id, b.depth) {
				continue
			}
			for q, x := range gone {
				if x.id == id && x.depth < b.depth {
					delete(gone, q)
					return true
				}
			}
		}
	}
	return false
}

func (w *model) stays(gone map[int]*modelBlob, id, below int) bool {
	for p, x := range w.packs {
		if gone[p] == nil && x.id == id && x.depth < below {
			return true
		}
	}
	return false
}

// play runs one history. It reports whether a backup was lost and how many
// packs were deleted.
func play(seed uint64, rules wrong) (lost bool, deleted int) {
	w := &model{
		wrong: rules, r: rand.New(rand.NewPCG(seed, 9)), packs: make(map[int]*modelBlob),
		marks: make(map[int]int), backups: make(map[int][]int),
	}
	for range 400 {
		w.now++
		before := len(w.packs)
		switch x := w.r.IntN(10); {
		case x < 2 && len(w.writers) < 4:
			w.begin()
		case x < 8 && len(w.writers) > 0:
			i := w.r.IntN(len(w.writers))
			if f := w.writers[i]; w.over(f) {
				w.writers = slices.Delete(w.writers, i, i+1)
			}
		case x >= 8:
			w.prune()
			deleted += before - len(w.packs)
		}
		if _, ok := w.live(); !ok {
			return true, deleted
		}
	}
	return false, deleted
}

// over lets a writer go on, crash, or, crashed, lose its lease.
func (w *model) over(f *modelWriter) bool {
	if f.dead {
		return w.r.IntN(5) == 0
	}
	if w.r.IntN(25) == 0 {
		f.dead = true
		return false
	}
	return w.step(f)
}

func TestPruneByTheRulesLosesNothing(t *testing.T) {
	const histories = 80
	count := func(rules wrong) (lost, deleted int) {
		for seed := range uint64(histories) {
			l, d := play(seed, rules)
			if l {
				lost++
			}
			deleted += d
		}
		return lost, deleted
	}
	lost, deleted := count(wrong{})
	if lost != 0 || deleted < histories*10 {
		t.Errorf("%d of %d histories lose a backup, %d packs deleted", lost, histories, deleted)
	}
	for name, rules := range map[string]wrong{
		"the newest copy is kept": {newest: true}, "prune asks for no lease": {atOnce: true}, "a base may go first": {noRescue: true},
	} {
		if lost, _ := count(rules); lost == 0 {
			t.Errorf("when %s nothing is lost: the model proves nothing", name)
		} else {
			t.Logf("when %s, %d of %d histories lose a backup", name, lost, histories)
		}
	}
}
