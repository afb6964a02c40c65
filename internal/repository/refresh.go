package repository

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rahatbackup/rahat/internal/store"

	"golang.org/x/sync/errgroup"
)

// footers fetched from the store at once.
const footerFetches = 8

// tailGuess is how much of a pack's end is read in the hope that the footer is
// within.
const tailGuess = 16 << 10

// foundPack is a pack's footer on its way into the index.
type foundPack struct {
	sum  [32]byte
	size int64
	at   int64  // when it was stored, see packInfo; 0 from the cache
	head []byte // magic and salt
	tail []byte // sealed footer and what follows
}

// refresh brings the index in line with the packs in the store.
func (r *Repository) refresh(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if !r.loaded {
		r.cache.load(r)
	}
	fresh, err := r.compare(ctx)
	if err != nil {
		return err
	}
	if !r.loaded && r.index.mostlyGone() {
		r.cache.outdated()
	}
	found := make([]*foundPack, len(fresh))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(footerFetches)
	for i, o := range fresh {
		g.Go(func() (err error) {
			found[i], err = fetchFooter(gctx, r.st, o)
			switch {
			case errors.Is(err, store.ErrNotFound): // pruned since it was listed
				return nil
			case isDamage(err):
				r.setBroken(o.Key, err)
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var kept []*foundPack
	for _, f := range found {
		if f == nil {
			continue
		}
		if err := r.admit(f); err != nil {
			r.setBroken(packName(f.sum[:]), err)
			continue
		}
		kept = append(kept, f)
	}
	r.cache.save(kept)
	r.index.doubt(r.cache.doubts())
	r.loaded = true
	return nil
}

// compare lists the packs, notes which of the known are gone, and returns the
// unknown.
func (r *Repository) compare(ctx context.Context) ([]store.Object, error) {
	r.clearBroken()
	var fresh []store.Object
	there := make(map[uint32]bool)
	x := r.index
	x.mu.RLock()
	before := len(x.packs) // those a writer stores meanwhile may miss the list
	pending := make(map[uint32]bool)
	for i := range x.packs {
		if x.packs[i].state == packPending {
			pending[uint32(i)] = true
		}
	}
	x.mu.RUnlock()
	for o, err := range r.st.List(ctx, packsPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list packs: %w", err)
		}
		sum, ok := packSum(o.Key)
		if !ok {
			continue // not ours
		}
		if num, known := x.seen(sum, &o); known {
			there[num] = true
		} else {
			fresh = append(fresh, o)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range before {
		if p := &x.packs[i]; p.state == packStored && !there[uint32(i)] && !pending[uint32(i)] {
			p.state = packGone
			delete(x.named, p.sum)
		}
	}
	return fresh, nil
}

// seen looks for a listed pack and notes when it was stored.
func (x *index) seen(sum [32]byte, o *store.Object) (num uint32, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	num, known = x.named[sum]
	if !known || x.packs[num].size != o.Size || x.packs[num].state != packStored {
		return 0, false
	}
	x.packs[num].modified = nanos(o.Modified)
	return num, true
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// fetchFooter reads the ends of a pack.
func fetchFooter(ctx context.Context, st store.Store, o store.Object) (*foundPack, error) {
	sum, _ := packSum(o.Key)
	f := &foundPack{sum: sum, size: o.Size, at: nanos(o.Modified)}
	if o.Size < packHead+packTail {
		return nil, damaged(o.Key, errors.New("cut off"))
	}
	from := max(0, o.Size-tailGuess)
	end, err := readRange(ctx, st, o.Key, from, o.Size-from)
	if err != nil {
		return nil, err
	}
	n, err := footerSize(end, o.Size, o.Key)
	if err != nil {
		return nil, err
	}
	switch {
	case n <= int64(len(end)):
		f.tail = end[int64(len(end))-n:]
	default:
		if f.tail, err = readRange(ctx, st, o.Key, o.Size-n, n); err != nil {
			return nil, err
		}
	}
	if from == 0 && len(end) >= packHead {
		f.head = end[:packHead]
	} else if f.head, err = readRange(ctx, st, o.Key, 0, packHead); err != nil {
		return nil, err
	}
	return f, nil
}

// admit opens a footer and puts its blobs into the index.
func (r *Repository) admit(f *foundPack) error {
	if f.size >= maxPack {
		return damaged(packName(f.sum[:]), errors.New("too long"))
	}
	all, err := footerOf(r.keys.data, f.head, f.tail, f.size, packName(f.sum[:]))
	if err != nil {
		return err
	}
	x := r.index
	x.mu.Lock()
	defer x.mu.Unlock()
	p := packInfo{sum: f.sum, size: f.size, state: packStored, modified: f.at}
	copy(p.salt[:], f.head[magicSize:])
	x.packs = append(x.packs, p)
	num := uint32(len(x.packs) - 1)
	x.named[f.sum] = num
	off := uint32(packHead)
	for i := range all {
		x.addLocked(&all[i], num, off, uint32(i))
		off += all[i].n
	}
	return nil
}
