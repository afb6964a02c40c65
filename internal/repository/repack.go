package repository

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// proven takes out of gone every pack that holds a copy of a needed chunk
// unless the copy that is kept was read and found right: of two copies one may
// be the damaged one that the other mends.
func (p *pruner) proven(ctx context.Context, gone map[uint32]bool) (map[uint32]bool, error) {
	right := make(map[int32]bool)
	for range maxCopies {
		if len(gone) == 0 {
			return gone, nil
		}
		twins := p.twins(gone)
		p.pic.rescue(gone) // for what twins took out
		wrong, err := p.prove(ctx, twins, right)
		if err != nil || !wrong {
			return gone, err
		}
		p.look() // the copies found wrong are kept no more, others are
		gone = p.mayGo()
	}
	return nil, nil // the disk gives something else each time
}

// twins returns the kept copies of chunks that packs have, too. Packs with a
// copy of a chunk of which no good one is left stay.
func (p *pruner) twins(gone map[uint32]bool) (twins []int32) {
	seen := make(map[int32]bool)
	for i := range p.pic.recs {
		pack, c := p.pic.recs[i].pack, p.pic.chunk[i]
		if !gone[pack] || !p.need.chunks[c] {
			continue
		}
		k := p.need.good[c]
		switch {
		case k < 0:
			delete(gone, pack)
		case !seen[k]:
			seen[k] = true
			twins = append(twins, k)
		}
	}
	return twins
}

// prove reads copies that are not known to be right yet.
func (p *pruner) prove(ctx context.Context, copies []int32, right map[int32]bool) (wrong bool, err error) {
	queue := make(chan int32, len(copies))
	for _, i := range copies {
		if !right[i] {
			queue <- i
		}
	}
	close(queue)
	var mu sync.Mutex // of right and wrong
	g, ctx := errgroup.WithContext(ctx)
	for range min(pruneReaders, len(queue)) {
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			l := newLoader(ctx, p.r, &view{})
			var buf []byte
			for i := range queue {
				if err := p.held(ctx); err != nil {
					return err
				}
				var ok bool
				if buf, ok, err = p.proveOne(l, buf, i); err != nil {
					return err
				}
				mu.Lock()
				right[i], wrong = ok, wrong || !ok
				mu.Unlock()
			}
			return nil
		})
	}
	return wrong, g.Wait()
}

// proveOne reads one copy; one that is wrong is remembered as such.
func (p *pruner) proveOne(l *loader, buf []byte, i int32) ([]byte, bool, error) {
	at := p.r.index.at(i)
	out, err := l.decode(buf[:0], &at)
	switch {
	case err == nil:
		return out, true, nil
	case !isDamage(err):
		return buf, false, err
	}
	p.r.spoil(&at)
	return buf, false, nil
}

// at returns a copy by its number.
func (x *index) at(num int32) (c located) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c.num, c.record = num, x.recs[num]
	k := &x.packs[c.pack]
	c.sum, c.salt, c.size = k.sum, k.salt, k.size
	copy(c.leans[:], x.basesOf(&c.record))
	return c
}

// repack writes what is needed of packs that are mostly not into new ones, and of
// those that keep more from being deleted than that is. The old ones are then
// needed no more, and are marked and deleted as all others.
func (p *pruner) repack(ctx context.Context) error {
	if p.rep.Busy || p.opt.Repack < 0 {
		return nil
	}
	var victims []uint32
	held := p.pic.held(p.need)
	for i := range p.pic.packs {
		k, live := &p.pic.packs[i], p.need.live[i]
		worth := float64(live) < p.opt.Repack*float64(k.size) || held[i] > live
		if k.stored && !k.marked && live > 0 && worth && p.old(k) {
			victims = append(victims, uint32(i))
		}
	}
	if len(victims) == 0 {
		return nil
	}
	if p.opt.DryRun {
		for _, v := range victims {
			p.rep.Repacked++
			p.rep.AfterBytes += p.need.live[v]
			p.need.live[v] = 0 // so it would be marked
		}
		return nil
	}
	w := &repacker{p: p, l: newLoader(ctx, p.r, &view{})}
	if err := w.all(ctx, victims); err != nil {
		return err
	}
	p.look()
	return nil
}

// repacker writes needed copies into new packs: the same bytes, sealed anew,
// with the same bases and depth.
type repacker struct {
	p    *pruner
	l    *loader
	pack *packBuilder
	segs segments
	buf  []byte
}

func (w *repacker) all(ctx context.Context, victims []uint32) error {
	kept := make(map[uint32][]int32, len(victims)) // records in the order of the pack
	for _, v := range victims {
		kept[v] = nil
	}
	for i := range w.p.pic.recs {
		v := w.p.pic.recs[i].pack
		if _, ok := kept[v]; ok && w.p.need.copies[i] {
			kept[v] = append(kept[v], int32(i))
		}
	}
	for n, v := range victims {
		w.p.opt.Observe(backup.Progress{Phase: backup.PhaseRead, Done: int64(n), Total: int64(len(victims))})
		ok, err := w.one(ctx, v, kept[v])
		if err != nil {
			return err
		}
		if ok {
			w.p.rep.Repacked++
		}
	}
	return w.flush(ctx)
}

// one moves what is needed of a pack. What is damaged stays where it is.
func (w *repacker) one(ctx context.Context, v uint32, kept []int32) (ok bool, err error) {
	k := &w.p.pic.packs[v]
	lines, err := w.footer(ctx, k)
	if isDamage(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ok = true
	for _, i := range kept {
		if err := w.p.held(ctx); err != nil {
			return false, err
		}
		at := w.p.r.index.at(i)
		w.buf, err = w.l.decode(w.buf[:0], &at)
		switch {
		case isDamage(err):
			w.p.r.spoil(&at)
			w.buf, ok = nil, false
			continue
		case err != nil:
			return false, err
		case int(at.ordinal) >= len(lines) || lines[at.ordinal].id != w.l.sum:
			return false, nil // not what the index says: leave it
		}
		if err := w.add(ctx, &lines[at.ordinal]); err != nil {
			return false, err
		}
	}
	return ok, nil
}

// footer reads the pack's own, which has the whole ids.
func (w *repacker) footer(ctx context.Context, k *pictured) ([]blobMeta, error) {
	name := packName(k.sum[:])
	f, err := fetchFooter(ctx, w.p.r.st, store.Object{Key: name, Size: k.size})
	if err != nil {
		return nil, err
	}
	return footerOf(w.p.r.keys.data, f.head, f.tail, f.size, name)
}

// add puts the payload that was decoded last into the pack in the making.
func (w *repacker) add(ctx context.Context, m *blobMeta) error {
	if w.pack == nil {
		w.pack = newPackBuilder(w.p.r.keys.data, 0, &w.segs)
	}
	w.pack.add(m, w.l.open)
	if w.pack.size < packTarget {
		return nil
	}
	return w.flush(ctx)
}

// flush stores the pack in the making and takes it into the index.
func (w *repacker) flush(ctx context.Context) error {
	if w.pack == nil {
		return nil
	}
	if err := w.p.held(ctx); err != nil {
		return err
	}
	sum, err := w.p.r.putPack(ctx, w.pack)
	if err != nil {
		return err
	}
	if err := w.p.r.lock(ctx, packName(sum[:])); err != nil { // as long as any backup in it may be
		return err
	}
	f := w.pack.found(sum)
	w.p.rep.AfterBytes += f.size
	w.segs.give(w.pack.segs)
	w.pack = nil
	w.p.r.loading.Lock() // no listing may take it in at the same time
	defer w.p.r.loading.Unlock()
	if err := w.p.r.admit(f); err != nil {
		return err
	}
	w.p.r.cache.save([]*foundPack{f})
	return nil
}

// putPack stores a pack and returns its hash.
func (r *Repository) putPack(ctx context.Context, p *packBuilder) (sum [32]byte, err error) {
	p.finish()
	h := blake3.New()
	for _, s := range p.segs {
		_, _ = h.Write(s) // a hash does not fail
	}
	h.Sum(sum[:0])
	// The salt makes the name new; if it is there, an earlier attempt of
	// this very Put succeeded unnoticed.
	if _, err := r.st.Put(ctx, packName(sum[:]), p.reader()); err != nil && !errors.Is(err, store.ErrExists) {
		return sum, fmt.Errorf("write pack: %w", err)
	}
	return sum, nil
}
