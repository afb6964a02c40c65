package repository

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// PruneOptions adjust a prune. The zero value will do.
type PruneOptions struct {
	DryRun bool // only say what would be done; nothing is written
	// Repack: packs of which less than this share is needed are written
	// anew without the rest, as are those that keep more from being deleted
	// than is needed of them. 0: a half; negative: none.
	Repack  float64
	Observe backup.Observe // may be nil
}

// PruneReport is what a prune did, or would do.
type PruneReport struct {
	Packs    int // that were there
	Marked   int // now marked: they go with a later prune
	Deleted  int
	Repacked int // packs whose needed part was written anew; they are among Marked
	Locked   int // that are to go and that the store forbids to delete for now
	// BeforeBytes and AfterBytes are what all packs take.
	BeforeBytes, AfterBytes int64
	FreedBytes              int64
	WaitingBytes            int64 // of packs that are marked and still there
	// Busy: another prune is at work, so that this one only marked.
	Busy bool
}

const defaultRepack = 0.5

// Prune gives back the room of what no backup needs, by the rules of FORMAT.md,
// "Removing". What is needed no more is marked; a later Prune deletes it when
// nobody who may have begun to use it is at work any more. It may run beside
// backups, copies, restores and other prunes, on this machine and others, and
// may die at any moment: the next one finishes the work.
//
// ErrPrune when it cannot know what is needed, because the manifest or a list
// of a backup cannot be read; nothing is deleted then. ErrTurn when it was held
// up in the midst. What it reports with an error was done.
func (r *Repository) Prune(ctx context.Context, opt PruneOptions) (rep PruneReport, err error) {
	r.pruning.Lock()
	defer r.pruning.Unlock()
	if opt.Observe == nil {
		opt.Observe = func(backup.Progress) {}
	}
	if opt.Repack == 0 {
		opt.Repack = defaultRepack
	}
	p := &pruner{r: r, opt: opt, now: r.opt.Now(), visited: make(map[shortID]bool)}
	if !opt.DryRun {
		if p.turn, p.now, err = r.takeTurn(ctx); err != nil {
			return PruneReport{}, err
		}
		p.rep.Busy = p.turn == nil
		if p.turn != nil {
			// One that stays keeps others from deleting until it is old.
			defer func() { err = errors.Join(err, p.turn.release(context.WithoutCancel(ctx))) }()
		}
	}
	err = p.run(ctx)
	return p.rep, err
}

// pruner is one run of Prune.
type pruner struct {
	r    *Repository
	opt  PruneOptions
	now  time.Time    // by the store's clock
	turn *leaseHolder // nil: nothing may be deleted
	rep  PruneReport

	marks   []knownMark
	orphans []string // what marks that are gone have waited for
	writers *writers
	labels  []numbered
	backups map[backup.ID]bool

	visited map[shortID]bool // list chunks that were read
	wanted  bits             // chunks that backups name
	marked  map[[32]byte]bool
	pic     *picture
	need    *needed
}

// run does it in an order on which its safety rests: a mark that was read, then
// the leases it waits for, then the manifests of the writers who held them.
func (p *pruner) run(ctx context.Context) (err error) {
	if p.marks, p.orphans, err = p.r.marks(ctx); err != nil {
		return err
	}
	if p.writers, err = p.r.writersAt(ctx, p.now); err != nil {
		return err
	}
	if p.labels, err = p.r.numbered(ctx, labelPrefix); err != nil {
		return err
	}
	if err := p.r.refresh(ctx); err != nil {
		return err
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	p.look()
	p.before()
	defer p.after()
	if err := p.remove(ctx); err != nil {
		return err
	}
	if err := p.repack(ctx); err != nil {
		return err
	}
	if err := p.mark(ctx); err != nil {
		return err
	}
	return p.tidy(ctx)
}

// look takes a new picture and finds what is needed in it.
func (p *pruner) look() {
	p.marked = make(map[[32]byte]bool)
	for _, m := range p.marks {
		for _, sum := range m.packs {
			p.marked[sum] = true
		}
	}
	p.pic = p.r.index.picture(p.marked)
	p.need = p.pic.settle(p.wanted)
}

func (p *pruner) before() {
	for i := range p.pic.packs {
		if p.pic.packs[i].stored {
			p.rep.Packs++
			p.rep.BeforeBytes += p.pic.packs[i].size
		}
	}
	p.rep.AfterBytes = p.rep.BeforeBytes
}

func (p *pruner) after() {
	for i := range p.pic.packs {
		k := &p.pic.packs[i]
		if k.stored && p.marked[k.sum] && p.need.live[i] == 0 {
			p.rep.WaitingBytes += k.size
		}
	}
}

// held returns an error when the prune must not go on: it was cancelled, or its
// turn is over.
func (p *pruner) held(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("prune: %w", context.Cause(ctx))
	}
	if p.turn == nil {
		return nil
	}
	_, err := p.turn.keep(ctx)
	return err
}

// ready reports whether nobody who may rely on a mark's packs is left.
func (p *pruner) ready(m *knownMark) bool {
	if m.waits == nil {
		return false
	}
	for _, id := range m.waits.Leases {
		if p.writers.live[id] {
			return false
		}
	}
	return true
}

// remove deletes what was marked before and may go now.
func (p *pruner) remove(ctx context.Context) error {
	if p.rep.Busy {
		return nil
	}
	gone := p.mayGo()
	if !p.opt.DryRun {
		var err error
		if gone, err = p.proven(ctx, gone); err != nil {
			return err
		}
	}
	all := sortedPacks(gone)
	for i, num := range slices.Backward(all) { // deltas before what they lean on
		if !gone[num] {
			continue
		}
		p.opt.Observe(backup.Progress{Phase: backup.PhaseDelete, Done: int64(len(all) - 1 - i), Total: int64(len(all))})
		err := p.delete(ctx, num)
		if errors.Is(err, store.ErrLocked) {
			p.rep.Locked++
			delete(gone, num)
			p.pic.rescue(gone) // it stays, and so does what it leans on
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mayGo returns the packs of marks that are ready, unneeded still, and that
// nothing staying leans on.
func (p *pruner) mayGo() map[uint32]bool {
	ready := make(map[[32]byte]bool)
	for i := range p.marks {
		if p.ready(&p.marks[i]) {
			for _, sum := range p.marks[i].packs {
				ready[sum] = true
			}
		}
	}
	gone := make(map[uint32]bool)
	for i := range p.pic.packs {
		if k := &p.pic.packs[i]; k.stored && ready[k.sum] && p.need.live[i] == 0 {
			gone[uint32(i)] = true
		}
	}
	p.pic.rescue(gone)
	return gone
}

func sortedPacks(set map[uint32]bool) []uint32 {
	all := make([]uint32, 0, len(set))
	for n := range set {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func (p *pruner) delete(ctx context.Context, num uint32) error {
	k := &p.pic.packs[num]
	if !p.opt.DryRun {
		if err := p.erase(ctx, packName(k.sum[:])); err != nil {
			return err
		}
		p.r.index.gone(num)
	}
	k.stored = false
	p.rep.Deleted++
	p.rep.FreedBytes += k.size
	p.rep.AfterBytes -= k.size
	return nil
}

// erase deletes an object of which it matters that it happens in this turn.
func (p *pruner) erase(ctx context.Context, name string) error {
	if err := p.held(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, deleteTime)
	defer stop()
	if err := p.r.st.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// mark marks what is needed no more, but nothing that was stored after the
// first writer at work began: it may be that writer's.
func (p *pruner) mark(ctx context.Context) error {
	var packs [][32]byte
	for i := range p.pic.packs {
		if k := &p.pic.packs[i]; k.stored && !k.marked && p.need.live[i] == 0 && p.old(k) {
			packs = append(packs, k.sum)
		}
	}
	p.rep.Marked = len(packs)
	if len(packs) == 0 {
		return nil
	}
	if !p.opt.DryRun {
		if err := p.held(ctx); err != nil {
			return err
		}
		if err := p.r.putMark(ctx, packs); err != nil {
			return err
		}
	}
	for _, sum := range packs {
		p.marked[sum] = true
	}
	return nil
}

func (p *pruner) old(k *pictured) bool {
	return k.modified != 0 && !p.writers.oldest.IsZero() && k.modified < p.writers.oldest.UnixNano()
}

// tidy removes marks that have done their work, writes what others wait for,
// and takes away leases that have run out and labels of backups that are gone.
func (p *pruner) tidy(ctx context.Context) error {
	if p.turn == nil {
		return nil
	}
	for i := range p.marks {
		if err := p.held(ctx); err != nil { // most marks need no erase, which asks again
			return err
		}
		if err := p.tidyMark(ctx, &p.marks[i]); err != nil {
			return err
		}
	}
	names := append(p.orphans, p.writers.dead...)
	for _, l := range p.labels {
		if !p.backups[backup.ID(l.id)] {
			names = append(names, l.name)
		}
	}
	for _, name := range names {
		if err := p.r.sweep(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (p *pruner) tidyMark(ctx context.Context, m *knownMark) error {
	switch {
	case m.bad: // it forbids every backup, and nobody but the holder of the turn acts on it
		return p.unmark(ctx, m)
	case m.stale != "":
		if err := p.r.sweep(ctx, m.stale); err != nil {
			return err
		}
		return p.r.putWaits(ctx, m.name)
	case m.waits == nil:
		return p.r.putWaits(ctx, m.name)
	case !p.ready(m):
		return nil
	}
	left, useful := p.left(m)
	if len(left) > 0 && !useful {
		return nil
	}
	if len(left) > 0 { // what is needed again becomes usable, the rest stays marked
		if err := p.r.putMark(ctx, left); err != nil {
			return err
		}
	}
	return p.unmark(ctx, m)
}

// left returns the packs of a mark that are still there and needed by nobody,
// and whether there are others that are needed.
func (p *pruner) left(m *knownMark) (left [][32]byte, useful bool) {
	of := make(map[[32]byte]bool, len(m.packs))
	for _, sum := range m.packs {
		of[sum] = true
	}
	for i := range p.pic.packs {
		switch k := &p.pic.packs[i]; {
		case !k.stored || !of[k.sum]:
		case p.need.live[i] > 0:
			useful = true
		default:
			left = append(left, k.sum)
		}
	}
	return left, useful
}

// unmark removes a mark before what it waits for, so that none is left that
// seems to wait for nobody.
func (p *pruner) unmark(ctx context.Context, m *knownMark) error {
	if err := p.erase(ctx, m.name); err != nil {
		if errors.Is(err, store.ErrLocked) {
			return nil // it goes on forbidding what it names
		}
		return err
	}
	return p.r.sweep(ctx, m.name+waitsSuffix)
}
