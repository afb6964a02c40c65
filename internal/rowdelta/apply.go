package rowdelta

import "errors"

// ErrForm means that a delta or columns are not well-formed, or that a delta
// was not made from this base.
var ErrForm = errors.New("delta or columns are not well-formed")

// Apply appends to dst what the delta makes out of base, at most limit bytes.
// The delta may come from anywhere. dst must not overlap the others.
func Apply(dst, delta, base []byte, limit int) ([]byte, error) {
	r := uvarints{b: delta}
	steps, baseLen, want := r.next(), r.next(), r.next()
	if r.bad || steps > uint64(len(r.b))/3 || baseLen != uint64(len(base)) || want > uint64(limit) {
		return nil, ErrForm
	}
	lits := uvarints{b: r.b}
	skips := uvarints{b: r.skip(steps)}
	lens := uvarints{b: r.skip(steps)}
	fresh := r.skip(steps)
	if r.bad {
		return nil, ErrForm
	}
	start, bp := len(dst), int64(0)
	for range steps {
		lit, skip, n := lits.next(), skips.signed(), lens.next()
		room := want - uint64(len(dst)-start)
		if lit > uint64(len(fresh)) || lit > room || n > room-lit {
			return nil, ErrForm
		}
		if skip > int64(len(base))-bp || skip < -bp || n > uint64(int64(len(base))-bp-skip) {
			return nil, ErrForm
		}
		dst = append(dst, fresh[:lit]...)
		fresh = fresh[lit:]
		bp += skip
		dst = append(dst, base[bp:bp+int64(n)]...)
		bp += int64(n)
	}
	if lits.bad || skips.bad || lens.bad || len(fresh) != 0 || uint64(len(dst)-start) != want {
		return nil, ErrForm
	}
	return dst, nil
}

// skip passes n integers and returns what follows them.
func (r *uvarints) skip(n uint64) []byte {
	for range n {
		r.next()
	}
	return r.b
}
