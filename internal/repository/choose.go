package repository

// picture is the index as it was at one moment, with what a prune adds to it.
// Its memory is about 20 bytes a copy.
//
// A chunk is named by the number of its oldest copy, which never changes while
// the repository is open.
type picture struct {
	recs  []record
	chunk []int32 // of each record: its chunk
	bases []int32 // chunks, parallel to the index's bases; -1: no pack has it
	shady []bool  // of each record: it was read and was wrong
	order []int32 // records by depth
	packs []pictured
	dark  bool // some record is shady
}

// pictured is a pack in a picture.
type pictured struct {
	sum      [32]byte
	size     int64
	modified int64
	stored   bool
	marked   bool
	shunned  bool    // marked, and it can go
	share    float64 // how much of it is copies of chunks that are needed
}

// chunkOf returns the name of a chunk in pictures, -1 when no pack has it.
func (x *index) chunkOf(id shortID) int32 {
	oldest := int32(-1)
	for n := x.table[x.slot(id)]; n != 0; n = x.recs[n-1].next {
		oldest = n - 1
	}
	return oldest
}

// picture takes one. marked says which packs are.
func (x *index) picture(marked map[[32]byte]bool) *picture {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := len(x.recs)
	p := &picture{recs: x.recs[:n:n], chunk: make([]int32, n), shady: make([]bool, n), bases: make([]int32, len(x.bases))}
	for _, head := range x.table {
		if head == 0 {
			continue
		}
		oldest := x.chunkOf(x.recs[head-1].id)
		for r := head; r != 0; r = x.recs[r-1].next {
			p.chunk[r-1] = oldest
		}
	}
	for i, id := range x.bases {
		p.bases[i] = x.chunkOf(id)
	}
	var count [maxDepth + 2]int32
	for i := range p.recs {
		p.shady[i] = p.recs[i].bad || p.recs[i].doubted
		p.dark = p.dark || p.shady[i]
		count[p.recs[i].depth+1]++
	}
	for d := range maxDepth {
		count[d+1] += count[d]
	}
	p.order = make([]int32, n)
	for i := range p.recs {
		d := p.recs[i].depth
		p.order[count[d]] = int32(i)
		count[d]++
	}
	for i := range x.packs {
		k := &x.packs[i]
		p.packs = append(p.packs, pictured{
			sum: k.sum, size: k.size, modified: k.modified, stored: k.state == packStored, marked: marked[k.sum], shunned: marked[k.sum],
		})
	}
	return p
}

// basesOf returns the chunks a record leans on.
func (p *picture) basesOf(r *record) []int32 { return p.bases[r.base : r.base+uint32(r.bases)] }

// choose returns the best copy of every chunk: the shallowest whose bases can
// be had from the best copies of theirs; of equal depth the one in the better
// pack. -1: there is none. Only packs that use accepts count, and copies that
// were found wrong only if shady.
func (p *picture) choose(shady bool, use func(pack uint32) bool) []int32 {
	best := make([]int32, len(p.recs))
	for i := range best {
		best[i] = -1
	}
	for _, i := range p.order { // so all of lesser depth are decided
		r := &p.recs[i]
		if !p.packs[r.pack].stored || p.shady[i] && !shady || use != nil && !use(r.pack) {
			continue
		}
		b := &best[p.chunk[i]]
		if *b >= 0 && (p.recs[*b].depth < r.depth || !p.better(r.pack, p.recs[*b].pack)) {
			continue
		}
		if p.resolves(best, r) {
			*b = i
		}
	}
	return best
}

// better reports whether a copy in pack a is kept rather than one in b. Marked
// packs are as good as gone for writers; nearly empty ones are to be emptied.
func (p *picture) better(a, b uint32) bool {
	x, y := &p.packs[a], &p.packs[b]
	switch {
	case x.shunned != y.shunned:
		return y.shunned
	case x.share != y.share:
		return x.share > y.share
	}
	return a < b
}

// resolves reports whether all that a record leans on can be had in less depth.
func (p *picture) resolves(best []int32, r *record) bool {
	for _, c := range p.basesOf(r) {
		if c < 0 || best[c] < 0 || p.recs[best[c]].depth >= r.depth {
			return false
		}
	}
	return true
}

// needed is what backups need in a picture.
type needed struct {
	copies []bool  // of each record: it is kept
	chunks []bool  // of each chunk: a copy of it is kept
	good   []int32 // the best copy of each chunk, among those not found wrong
	live   []int64 // of each pack: the bytes of it that are kept
}

// need follows what is wanted down to what it leans on. A chunk that was found
// wrong in its shallowest copy keeps that beside the best good one: what the
// disk gave wrong once it may give right the next time.
func (p *picture) need(wanted bits) *needed {
	n := &needed{
		copies: make([]bool, len(p.recs)), chunks: make([]bool, len(p.recs)), live: make([]int64, len(p.packs)),
		good: p.choose(false, nil),
	}
	last := n.good
	if p.dark {
		last = p.choose(true, nil)
	}
	for c := range p.recs {
		if !wanted.has(c) {
			continue
		}
		if i := n.good[c]; i >= 0 {
			p.keep(n, n.good, i)
		}
		if i := last[c]; i >= 0 && (n.good[c] < 0 || p.recs[i].depth < p.recs[n.good[c]].depth) {
			p.keep(n, last, i)
		}
	}
	return n
}

func (p *picture) keep(n *needed, best []int32, i int32) {
	if n.copies[i] {
		return
	}
	r := &p.recs[i]
	n.copies[i], n.chunks[p.chunk[i]] = true, true
	n.live[r.pack] += int64(r.n)
	for _, c := range p.basesOf(r) {
		p.keep(n, best, best[c])
	}
}

// settle chooses until the choice stands: what is needed of each pack decides
// between equal copies, and the other way round. Otherwise the next prune, which
// meets other marks, might choose anew and keep what this one has marked.
func (p *picture) settle(wanted bits) *needed {
	n := p.need(wanted)
	for range maxSettle {
		if !p.weigh(n) {
			break
		}
		n = p.need(wanted)
	}
	return n
}

const maxSettle = 8

// weigh notes what a choice means for each pack and reports whether anything
// changed.
func (p *picture) weigh(n *needed) (changed bool) {
	sum := make([]int64, len(p.packs))
	for i := range p.recs {
		if n.chunks[p.chunk[i]] {
			sum[p.recs[i].pack] += int64(p.recs[i].n)
		}
	}
	for i := range p.packs {
		k := &p.packs[i]
		share, shunned := float64(sum[i])/float64(max(k.size, 1)), k.marked && n.live[i] == 0
		changed = changed || share != k.share || shunned != k.shunned
		k.share, k.shunned = share, shunned
	}
	return changed
}

// lacks returns the packs that must stay because a record of one that stays leans
// on them, wanted or not, and on nothing that stays: rule 4. all and stays are the
// best copies of all and of those that stay.
func (p *picture) lacks(all, stays []int32, r *record) (packs []uint32) {
	if r.bases == 0 || !p.packs[r.pack].stored || p.resolves(stays, r) {
		return nil
	}
	for _, c := range p.basesOf(r) {
		if c < 0 || stays[c] >= 0 && p.recs[stays[c]].depth < r.depth {
			continue
		}
		if b := all[c]; b >= 0 && p.recs[b].depth < r.depth {
			packs = append(packs, p.recs[b].pack)
		}
	}
	return packs
}

// rescue takes out of gone the packs that something staying leans on.
func (p *picture) rescue(gone map[uint32]bool) {
	all := p.choose(true, nil)
	for again := len(gone) > 0; again; {
		again = false
		stays := p.choose(true, func(pack uint32) bool { return !gone[pack] })
		for i := range p.recs {
			if gone[p.recs[i].pack] {
				continue
			}
			for _, pack := range p.lacks(all, stays, &p.recs[i]) {
				again = again || gone[pack]
				delete(gone, pack)
			}
		}
	}
}

// held returns how many bytes of packs that nothing needs each needed pack keeps
// from being deleted: by what its deltas lean on, also those that nobody wants any
// more, and by what that leans on in turn.
func (p *picture) held(n *needed) []int64 {
	all, stays := p.choose(true, nil), p.choose(true, func(pack uint32) bool { return n.live[pack] > 0 })
	leans := make(map[uint32]map[uint32]bool) // packs on packs that nothing needs
	for i := range p.recs {
		r := &p.recs[i]
		for _, pack := range p.lacks(all, stays, r) {
			if pack == r.pack || n.live[pack] > 0 {
				continue
			}
			if leans[r.pack] == nil {
				leans[r.pack] = make(map[uint32]bool)
			}
			leans[r.pack][pack] = true
		}
	}
	held := make([]int64, len(p.packs))
	for pack := range leans {
		if n.live[pack] > 0 {
			held[pack] = p.sizeUnder(leans, pack)
		}
	}
	return held
}

// sizeUnder adds up the packs that one leans on, and those that they lean on.
func (p *picture) sizeUnder(leans map[uint32]map[uint32]bool, pack uint32) (bytes int64) {
	met := map[uint32]bool{pack: true}
	for next := []uint32{pack}; len(next) > 0; next = next[1:] {
		for on := range leans[next[0]] {
			if !met[on] {
				met[on] = true
				bytes += p.packs[on].size
				next = append(next, on)
			}
		}
	}
	return bytes
}

// bits is a set of small numbers.
type bits []uint64

func (b *bits) set(n int32) {
	for int(n>>6) >= len(*b) {
		*b = append(*b, make([]uint64, max(16, len(*b)))...)
	}
	(*b)[n>>6] |= 1 << (n & 63)
}

func (b bits) has(n int) bool { return n>>6 < len(b) && b[n>>6]&(1<<(n&63)) != 0 }
