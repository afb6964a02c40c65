package repository

import (
	"encoding/binary"
	"sync"
)

// The index knows every copy of every chunk: 48 bytes a blob and about 6 of
// hash table, 32 more for each base of a delta. It may be used by several
// goroutines.
type index struct {
	mu    sync.RWMutex
	packs []packInfo
	named map[[32]byte]uint32 // pack hash -> number
	recs  []record
	bases []shortID
	table []int32 // open addressing: record number+1 of the newest copy
	used  int     // slots of table in use
}

// shortID is enough of an id to tell chunks apart in memory; what is read is
// checked against the whole.
type shortID [16]byte

func (id *blobID) short() shortID { return shortID(id[:16]) }

type packState uint8

const (
	packPending packState = iota // in the hands of its writer
	packStored                   // in the store
	packGone                     // thrown away, or no longer in the store
)

type packInfo struct {
	sum   [32]byte
	size  int64
	owner *Writer // while pending
	state packState
	salt  [saltSize]byte // once stored
	// modified is when it was stored, by the store's clock, in nanoseconds
	// since 1970; 0 until a listing has shown it.
	modified int64
}

// record is one copy of a chunk.
type record struct {
	id      shortID
	pack    uint32
	off     uint32
	n       uint32
	raw     uint32
	ordinal uint32
	next    int32 // an older copy's number+1, 0: none
	base    uint32
	form    uint8
	depth   uint8
	bases   uint8
	bad     bool // its bytes were read and were wrong
	doubted bool // so it was when this machine read them earlier: no new backup relies on it
}

func newIndex() *index {
	return &index{named: make(map[[32]byte]uint32), table: make([]int32, 1024)}
}

// view says which packs a user of the index may rely on.
type view struct {
	writer *Writer // nil for readers; its own pending packs count
	absent map[[32]byte]bool
}

func (x *index) usable(v *view, r *record) bool {
	p := &x.packs[r.pack]
	switch {
	case r.bad || r.doubted && v.writer != nil || p.state == packGone:
		return false
	case p.state == packPending:
		return v.writer != nil && p.owner == v.writer
	}
	return !v.absent[p.sum]
}

// newPack makes room for a pack of a writer and returns its number.
func (x *index) newPack(w *Writer) uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.packs = append(x.packs, packInfo{owner: w})
	return uint32(len(x.packs) - 1)
}

// stored notes that a pending pack is in the store.
func (x *index) stored(num uint32, sum [32]byte, salt []byte, size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := &x.packs[num]
	p.state, p.owner, p.sum, p.size = packStored, nil, sum, size
	copy(p.salt[:], salt)
	x.named[sum] = num
}

// forget drops the packs of a writer that never reached the store.
func (x *index) forget(w *Writer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.packs {
		if x.packs[i].state == packPending && x.packs[i].owner == w {
			x.packs[i].state, x.packs[i].owner = packGone, nil
		}
	}
}

// add notes a copy and returns its number.
func (x *index) add(m *blobMeta, pack, off, ordinal uint32) int32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.addLocked(m, pack, off, ordinal)
}

func (x *index) addLocked(m *blobMeta, pack, off, ordinal uint32) int32 {
	if 3*len(x.table) < 4*(x.used+1) {
		x.grow()
	}
	r := record{
		id: m.id.short(), pack: pack, off: off, n: m.n, raw: m.raw, ordinal: ordinal,
		form: m.form, depth: m.depth, bases: uint8(len(m.bases)), base: uint32(len(x.bases)),
	}
	for i := range m.bases {
		x.bases = append(x.bases, m.bases[i].short())
	}
	slot := x.slot(r.id)
	r.next = x.table[slot]
	if r.next == 0 {
		x.used++
	}
	x.recs = append(x.recs, r)
	x.table[slot] = int32(len(x.recs))
	return int32(len(x.recs) - 1)
}

// slot finds the place of an id in the table: its own or an empty one.
func (x *index) slot(id shortID) int {
	mask := len(x.table) - 1
	i := int(binary.LittleEndian.Uint64(id[:])) & mask
	for x.table[i] != 0 && x.recs[x.table[i]-1].id != id {
		i = (i + 1) & mask
	}
	return i
}

func (x *index) grow() {
	old := x.table
	x.table = make([]int32, 2*len(old))
	for _, n := range old {
		if n != 0 {
			x.table[x.slot(x.recs[n-1].id)] = n
		}
	}
}

// best returns the shallowest usable copy of a chunk with at most the given
// depth whose bases are all there, or -1.
func (x *index) best(v *view, id shortID, depth int) int32 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.bestLocked(v, id, depth)
}

func (x *index) bestLocked(v *view, id shortID, depth int) int32 {
	best := int32(-1)
	for n := x.table[x.slot(id)]; n != 0; n = x.recs[n-1].next {
		r := &x.recs[n-1]
		if int(r.depth) > depth || best >= 0 && r.depth >= x.recs[best].depth {
			continue
		}
		if x.usable(v, r) && x.resolves(v, r) {
			best = n - 1
		}
	}
	return best
}

func (x *index) resolves(v *view, r *record) bool {
	for _, b := range x.basesOf(r) {
		if x.bestLocked(v, b, int(r.depth)-1) < 0 {
			return false
		}
	}
	return true
}

func (x *index) basesOf(r *record) []shortID { return x.bases[r.base : r.base+uint32(r.bases)] }

// copyOf returns the shallowest copy of a chunk in the store with at most the
// given depth, the ids it leans on, and where it lies.
func (x *index) copyOf(v *view, id shortID, depth int) (c located, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.bestLocked(v, id, depth)
	if n < 0 {
		return c, false
	}
	c.num, c.record = n, x.recs[n]
	p := &x.packs[c.pack]
	c.sum, c.salt, c.size = p.sum, p.salt, p.size
	copy(c.leans[:], x.basesOf(&c.record))
	return c, true
}

// located is a copy and where it lies.
type located struct {
	record
	num   int32
	sum   [32]byte
	salt  [saltSize]byte
	size  int64 // of the pack
	leans [3]shortID
}

func (c *located) name() string { return packName(c.sum[:]) }

// spoil notes that a copy was found to be wrong.
func (x *index) spoil(num int32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.recs[num].bad = true
}

// closure calls f for a copy and every copy it leans on.
func (x *index) closure(v *view, num int32, f func(num int32, r *record) (again bool)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.walk(v, num, f)
}

func (x *index) walk(v *view, num int32, f func(int32, *record) bool) {
	r := &x.recs[num]
	if !f(num, r) {
		return
	}
	for _, b := range x.basesOf(r) {
		if n := x.bestLocked(v, b, int(r.depth)-1); n >= 0 {
			x.walk(v, n, f)
		}
	}
}

// spoiled returns the pack of a copy that was found wrong, if there is one.
func (x *index) spoiled(id shortID) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for n := x.table[x.slot(id)]; n != 0; n = x.recs[n-1].next {
		if p := &x.packs[x.recs[n-1].pack]; x.recs[n-1].bad && p.state == packStored {
			return packName(p.sum[:])
		}
	}
	return ""
}

// doubt notes copies, by pack and ordinal, that were found wrong earlier.
func (x *index) doubt(all map[doubtful]bool) {
	if len(all) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.recs {
		r := &x.recs[i]
		r.doubted = r.doubted || all[doubtful{x.packs[r.pack].sum, r.ordinal}]
	}
}

// doubtful names a copy for good.
type doubtful struct {
	pack    [32]byte
	ordinal uint32
}

// pardon forgets what was found wrong, because it is about to be read again;
// all includes what was found earlier.
func (x *index) pardon(all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.recs {
		x.recs[i].bad = false
		x.recs[i].doubted = x.recs[i].doubted && !all
	}
}

// gone notes that a pack was deleted.
func (x *index) gone(num uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := &x.packs[num]
	p.state = packGone
	if x.named[p.sum] == num {
		delete(x.named, p.sum)
	}
}

// hashes returns the names of packs by their numbers.
func (x *index) hashes(nums []uint32) [][32]byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([][32]byte, len(nums))
	for i, n := range nums {
		out[i] = x.packs[n].sum
	}
	return out
}

// mostlyGone reports whether more of the packs are gone than there.
func (x *index) mostlyGone() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	gone := 0
	for i := range x.packs {
		if x.packs[i].state == packGone {
			gone++
		}
	}
	return 2*gone > len(x.packs)
}
