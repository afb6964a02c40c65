package rowdelta

import (
	"encoding/binary"
	"math/bits"
)

// A delta is a list of steps: put lit new bytes, move on by skip in the base,
// copy n bytes from there. It is stored as four columns, so that a compressor
// sees like beside like:
//
//	uvarint steps, uvarint base length, uvarint result length,
//	steps x uvarint lit, steps x zigzag skip, steps x uvarint n, the new bytes
type copyStep struct{ lit, skip, n int }

const (
	reach   = 192                   // how far a local search looks, in both
	window  = 32                    // bytes that must agree for a copy from anywhere
	stride  = 16                    // every stride-th window of the base is in the index
	maxBase = 1<<20*stride - stride // more of a base than this is not indexed
	minCopy = 6                     // shortest copy near the expected place
	sureLen = 16                    // a copy this long after a small shift needs no further search
	refund  = 8                     // search steps earned by a copied byte; when all are spent, the rest is new
	credit  = 32 << 10              // search steps given at the start, besides one a byte
)

// An Encoder makes deltas. It holds about 1 MB of tables for a base of 4 MB
// and is not for concurrent use.
type Encoder struct {
	// End is where in the base the last copy of the delta just made ended.
	End int

	cur, base []byte
	steps     []copyStep
	lits      []byte
	work      int      // search steps left: bounds the time on hard data
	far       []uint32 // hash of a window -> 12 more bits of it, and its number+1 in the base
	indexed   bool
	close     [1024]int32
	mark      [4]int
}

// Encode appends to dst the delta that makes cur out of base, and reports how
// many new bytes it carries. Its time is linear, whatever the data.
func (e *Encoder) Encode(dst, cur, base []byte) (delta []byte, fresh int) {
	e.cur, e.base = cur, base
	e.indexed = false
	e.work = len(cur) + credit
	e.steps, e.lits = e.steps[:0], e.lits[:0]
	i, bp := 0, 0         // places in cur and base
	from, lastEnd := 0, 0 // cur[from:i] is not covered yet; the last copy ended at lastEnd
	for i < len(cur) {
		n := common(cur[i:], base[bp:])
		if n < minCopy && (n == 0 || i+n < len(cur)) {
			ci, bi, ok := e.resync(i, bp, from)
			if !ok {
				break
			}
			i, bp = ci, bi
			n = common(cur[i:], base[bp:])
		}
		e.steps = append(e.steps, copyStep{i - from, bp - lastEnd, n})
		e.lits = append(e.lits, cur[from:i]...)
		i += n
		bp += n
		e.work += refund * n
		from, lastEnd = i, bp
	}
	if from < len(cur) {
		e.steps = append(e.steps, copyStep{len(cur) - from, 0, 0})
		e.lits = append(e.lits, cur[from:]...)
	}
	e.End = lastEnd
	e.cur, e.base = nil, nil
	return e.write(dst, len(base), len(cur)), len(e.lits)
}

func (e *Encoder) write(dst []byte, base, cur int) []byte {
	start := len(dst)
	dst = binary.AppendUvarint(dst, uint64(len(e.steps)))
	dst = binary.AppendUvarint(dst, uint64(base))
	dst = binary.AppendUvarint(dst, uint64(cur))
	for _, s := range e.steps {
		dst = binary.AppendUvarint(dst, uint64(s.lit))
	}
	e.mark[0] = len(dst) - start
	for _, s := range e.steps {
		dst = binary.AppendVarint(dst, int64(s.skip))
	}
	e.mark[1] = len(dst) - start
	for _, s := range e.steps {
		dst = binary.AppendUvarint(dst, uint64(s.n))
	}
	e.mark[2] = len(dst) - start
	dst = append(dst, e.lits...)
	e.mark[3] = len(dst) - start
	return dst
}

// Parts returns the columns of the delta just made, d, which joined are d: a
// compressor does best on each of them alone.
func (e *Encoder) Parts(d []byte) [4][]byte {
	m := e.mark
	return [4][]byte{d[:m[0]], d[m[0]:m[1]], d[m[1]:m[2]], d[m[2]:m[3]]}
}

// resync finds the next place, from cur[i] on, that is found in the base. A
// long agreement near the expected place bp is taken at once; a short one only
// when nothing long, from anywhere in the base, begins before its end.
func (e *Encoder) resync(i, bp, from int) (ci, bi int, ok bool) {
	if e.work < 0 {
		return 0, 0, false
	}
	if ci, bi, ok = shifted(e.cur[i:], e.base[bp:]); ok {
		return i + ci, bp + bi, true
	}
	ci, bi, n := e.resyncNear(i, bp)
	if n >= window {
		return ci, bi, true
	}
	end := len(e.cur)
	if n > 0 {
		end = min(end, ci+n+window)
	}
	if k, p, ok := e.resyncFar(i, bp, from, end); ok {
		return k, p, true
	}
	return ci, bi, n > 0
}

// shifted tries the commonest changes, without a table: up to 16 bytes put in,
// taken out, or replaced.
func shifted(a, b []byte) (int, int, bool) {
	if len(a) < sureLen+16 || len(b) < sureLen+16 {
		return 0, 0, false
	}
	a0, b0 := le64(a), le64(b)
	for k := range 17 {
		ak, bk := le64(a[k:]), le64(b[k:])
		switch {
		case ak == bk && common(a[k:], b[k:]) >= sureLen:
			return k, k, true
		case ak == b0 && common(a[k:], b) >= sureLen:
			return k, 0, true
		case a0 == bk && common(a, b[k:]) >= sureLen:
			return 0, k, true
		}
	}
	return 0, 0, false
}

// resyncNear puts the next bytes of the base into a small table and looks up
// the next bytes of cur.
func (e *Encoder) resyncNear(i, bp int) (ci, bi, n int) {
	cur, base := e.cur, e.base
	nb, nc := min(reach, len(base)-bp-8), min(reach, len(cur)-i-8)
	if nb <= 0 || nc <= 0 {
		return 0, 0, 0
	}
	e.work -= reach
	for k := nb - 1; k >= 0; k-- { // the nearest stays
		e.close[closeHash(base[bp+k:])] = int32(bp + k + 1)
	}
	for k := range nc {
		if n >= window || n > 0 && k > ci-i+n {
			break
		}
		if d := bp + k; d < len(base) {
			if m := common(cur[i+k:], base[d:]); m >= minCopy && m > n {
				ci, bi, n = i+k, d, m
			}
		}
		p := int(e.close[closeHash(cur[i+k:])]) - 1
		if p >= bp && p < bp+nb {
			if m := common(cur[i+k:], base[p:]); m >= minCopy && m > n {
				ci, bi, n = i+k, p, m
			}
		}
	}
	return ci, bi, n
}

// resyncFar looks each window of cur[i:end] up in the index of the base.
func (e *Encoder) resyncFar(i, bp, from, end int) (ci, bi int, ok bool) {
	cur, base := e.cur, e.base
	e.index()
	mask := uint64(len(e.far) - 1)
	for k := i; k+window <= end && e.work >= 0; k++ {
		e.work--
		// The same distance on both sides: a long value changed within.
		if d := bp + k - i; d+8 <= len(base) && le64(cur[k:]) == le64(base[d:]) && common(cur[k:], base[d:]) >= window {
			return k, d, true
		}
		h := windowHash(cur[k:])
		x := e.far[h&mask]
		if x == 0 || x>>20 != uint32(h>>52) {
			continue
		}
		p := int(x&(1<<20-1)-1) * stride
		if common(cur[k:k+window], base[p:]) < window {
			continue
		}
		for k > from && p > 0 && cur[k-1] == base[p-1] {
			k, p = k-1, p-1
		}
		return k, p, true
	}
	return 0, 0, false
}

func closeHash(b []byte) uint64 { return (le64(b) << 16) * mixLen >> 54 }

func windowHash(b []byte) uint64 {
	_ = b[31]
	x := le64(b)*0x9e3779b97f4a7c15 ^ le64(b[8:])*0xc2b2ae3d27d4eb4f ^ le64(b[16:])*0x165667b19e3779f9 ^ le64(b[24:])*0xd6e8feb86659fd93
	return x ^ x>>29 ^ x>>47
}

func (e *Encoder) index() {
	if e.indexed {
		return
	}
	e.indexed = true
	n := 256
	for n < len(e.base)/stride*2 {
		n *= 2
	}
	if cap(e.far) < n {
		e.far = make([]uint32, n)
	}
	e.far = e.far[:n]
	clear(e.far)
	mask := uint64(n - 1)
	for p := 0; p+window <= min(len(e.base), maxBase); p += stride {
		h := windowHash(e.base[p:])
		if x := &e.far[h&mask]; *x == 0 { // the first stays: runs of equal bytes
			*x = uint32(h>>52)<<20 | uint32(p/stride+1)
		}
	}
}

// common returns how many leading bytes a and b share.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := le64(a[i:]) ^ le64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
