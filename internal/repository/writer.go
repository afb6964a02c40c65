package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// A Writer makes one backup. Parts may be written by several goroutines at
// once, each part by one. Nothing of it is a backup before Commit.
type Writer struct {
	r     *Repository
	ctx   context.Context // of Begin, for io.Writer has none; cancelled by Abort
	stop  context.CancelFunc
	m     backup.Manifest
	depth int // of the deepest copy the backup may use
	view  view
	lease leaseHolder
	base  map[backup.Name]*backup.StoredPart
	added atomic.Int64
	fault atomic.Pointer[error] // the first error of storing, returned by all that follows

	mu     sync.Mutex // the pack in the making; held while a full one waits for its turn
	pack   *packBuilder
	queue  chan *packBuilder
	closed bool
	segs   segments
	done   chan struct{} // closed when the last pack is in the store

	partsMu sync.Mutex
	parts   map[backup.Name]*backup.StoredPart // nil while a part is not whole
	idle    []*worker

	bundle bundle
	needs  needs
}

var errOver = errors.New("the backup is already committed or aborted")

// Begin starts a backup. head names it: ID, Type, Engine, Machine, Server, Job,
// Database, Agent and Started are the caller's; Base, Root and Depth are set
// here. base is what it leans on, nil for a full and a log. ErrBase when that
// cannot be: a differential leans on a full, an incremental may not be the
// ninth link after one, and the base must still be there.
//
// ctx governs the whole backup. Begin takes a lease; Commit or Abort gives it
// back.
func (r *Repository) Begin(ctx context.Context, head backup.Manifest, base *backup.Manifest) (*Writer, error) {
	depth, err := r.lean(ctx, &head, base)
	if err != nil {
		return nil, err
	}
	if _, err := r.retainer(); err != nil {
		return nil, err
	}
	w := &Writer{
		r: r, m: head, depth: depth,
		parts: make(map[backup.Name]*backup.StoredPart),
		base:  make(map[backup.Name]*backup.StoredPart),
		queue: make(chan *packBuilder), done: make(chan struct{}),
	}
	w.ctx, w.stop = context.WithCancel(ctx)
	w.bundle.limit = bundleLimit
	if base != nil {
		for i := range base.Parts {
			w.base[base.Parts[i].Name] = &base.Parts[i]
		}
		w.bundle.base = base.Parts
	}
	if err := w.prepare(ctx); err != nil {
		w.stop()
		return nil, errors.Join(err, w.lease.release(context.WithoutCancel(ctx)))
	}
	go w.uploads()
	return w, nil
}

// lean fills in what a backup leans on and returns how deep its copies may be.
func (r *Repository) lean(ctx context.Context, m *backup.Manifest, base *backup.Manifest) (int, error) {
	if !idPattern.MatchString(string(m.ID)) || !m.Type.Valid() {
		return 0, fmt.Errorf("begin backup: id %q of type %q is not one", m.ID, m.Type)
	}
	m.Base, m.Root, m.Depth = "", m.ID, 0
	if base == nil {
		if m.Type == backup.Differential || m.Type == backup.Incremental {
			return 0, ErrBase.Because(errors.New("it leans on nothing"), "id", "")
		}
		return 0, nil
	}
	m.Base, m.Root, m.Depth = base.ID, base.Root, base.Depth+1
	var why error
	switch {
	case m.Type == backup.Differential && base.Type != backup.Full:
		why = errors.New("it is not a full")
	case m.Type != backup.Differential && m.Type != backup.Incremental:
		why = errors.New("a " + string(m.Type) + " leans on nothing")
	case m.Depth > maxDepth:
		why = errors.New("the chain is long enough")
	default:
		_, why = r.st.Stat(ctx, manifestName(base.ID))
		if why != nil && !errors.Is(why, store.ErrNotFound) {
			return 0, fmt.Errorf("look at the base: %w", why)
		}
	}
	if why != nil {
		return 0, ErrBase.Because(why, "id", string(base.ID))
	}
	if m.Type == backup.Differential {
		return 1, nil
	}
	return maxDepth, nil
}

// prepare takes the lease first and looks at marks and packs after it, which
// is what the safety of prune rests on.
func (w *Writer) prepare(ctx context.Context) error {
	w.lease = leaseHolder{r: w.r, id: string(backup.NewID(w.r.opt.Now())), backup: w.m.ID}
	n, err := w.lease.take(ctx)
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	w.added.Add(n)
	absent, err := w.r.marked(ctx)
	if err != nil {
		return err
	}
	w.view = view{writer: w, absent: absent}
	return w.r.refresh(ctx)
}

// Added returns how many bytes have been put into the store so far.
func (w *Writer) Added() int64 { return w.added.Load() }

func (w *Writer) failed() error {
	if p := w.fault.Load(); p != nil {
		return *p
	}
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	return nil
}

func (w *Writer) fail(err error) {
	w.fault.CompareAndSwap(nil, &err)
}

// add puts a blob into the pack in the making, which is handed to the uploader
// when it is full. It blocks while the pack before is still on its way: memory
// holds two packs, not more.
func (w *Writer) add(m *blobMeta, payload []byte) (int32, error) {
	if err := w.failed(); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, errOver
	}
	if w.pack == nil {
		w.pack = newPackBuilder(w.r.keys.data, w.r.index.newPack(w), &w.segs)
	}
	off, ordinal := w.pack.add(m, payload)
	num := w.r.index.add(m, w.pack.num, off, ordinal)
	if w.pack.size >= packTarget {
		w.queue <- w.pack
		w.pack = nil
	}
	return num, nil
}

// uploads puts packs into the store until the queue is closed. After an error
// it only takes them off the queue.
func (w *Writer) uploads() {
	defer close(w.done)
	for p := range w.queue {
		if w.failed() == nil {
			if err := w.upload(p); err != nil {
				w.fail(err)
			}
		}
		w.segs.give(p.segs)
	}
}

func (w *Writer) upload(p *packBuilder) error {
	sum, err := w.r.putPack(w.ctx, p)
	if err != nil {
		return err
	}
	w.added.Add(int64(p.size))
	w.r.index.stored(p.num, sum, p.segs[0][magicSize:packHead], int64(p.size))
	w.r.cache.save([]*foundPack{p.found(sum)})
	return nil
}

// close stops taking blobs and waits for the packs. last says whether the pack
// in the making is stored too.
func (w *Writer) close(last bool) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errOver
	}
	w.closed = true
	if last && w.pack != nil {
		w.queue <- w.pack
	}
	w.pack = nil
	close(w.queue)
	w.mu.Unlock()
	<-w.done
	return w.failed()
}

// Commit makes the backup be: it stores what is left, then the manifest, in
// which fill completes what is known only now (Detail, Point, ServerVersion,
// Tool, Warnings, Finished). Every part that was begun must be whole. After an
// error there is no backup, and Abort must be called.
func (w *Writer) Commit(ctx context.Context, fill func(*backup.Manifest)) (*backup.Manifest, error) {
	if err := w.failed(); err != nil {
		return nil, err
	}
	if err := w.complete(); err != nil {
		return nil, err
	}
	if err := w.storeBundle(); err != nil {
		return nil, err
	}
	if err := w.close(true); err != nil {
		return nil, err
	}
	if err := w.lease.held(ctx); err != nil {
		return nil, err
	}
	m, err := w.putManifest(ctx, fill)
	if err != nil {
		return nil, err
	}
	w.stop()
	_ = w.lease.release(ctx) // the backup is there; a lease left behind runs out
	return m, nil
}

// complete makes sure that every part that was begun is whole.
func (w *Writer) complete() error {
	w.partsMu.Lock()
	defer w.partsMu.Unlock()
	for name, p := range w.parts {
		if p == nil {
			return fmt.Errorf("commit backup: part %q is not whole", string(name))
		}
	}
	return nil
}

func (w *Writer) putManifest(ctx context.Context, fill func(*backup.Manifest)) (*backup.Manifest, error) {
	m := w.m
	if fill != nil {
		fill(&m)
	}
	m.ID, m.Type, m.Base, m.Root, m.Depth = w.m.ID, w.m.Type, w.m.Base, w.m.Root, w.m.Depth
	m.Parts = make([]backup.StoredPart, 0, len(w.parts))
	m.PlainBytes = 0
	for _, p := range w.parts {
		if len(p.Ref) == 0 {
			return nil, fmt.Errorf("commit backup: part %q has no place", string(p.Name))
		}
		m.Parts = append(m.Parts, *p)
		m.PlainBytes += p.Bytes
	}
	d := &document{Format: formatVersion, Manifest: &m}
	m.StoredBytes, d.Packs = w.needs.sum(w.r.index)
	b, err := w.r.sealManifest(d, w.added.Load())
	if err != nil {
		return nil, err
	}
	if err := w.r.lockNeeds(ctx, d.Packs); err != nil {
		return nil, err
	}
	if err := w.r.putOnce(ctx, manifestName(m.ID), b); err != nil {
		return nil, err
	}
	if err := w.r.lockManifest(ctx, manifestName(m.ID)); err != nil {
		return nil, err
	}
	w.added.Add(int64(len(b)))
	return &m, nil
}

// putOnce writes an object; finding the very same there is as good: an earlier
// attempt, perhaps of a store that tries again by itself, succeeded unnoticed.
func (r *Repository) putOnce(ctx context.Context, name string, b []byte) error {
	err := put(ctx, r.st, name, b)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	there, rerr := readObject(ctx, r.st, name, int64(len(b)))
	if rerr != nil || !bytes.Equal(there, b) {
		return err
	}
	return nil
}

// Abort throws the backup away and gives the lease back. Packs already stored
// stay; the next backup uses what is in them. It does nothing after Commit has
// succeeded, and may be called twice.
func (w *Writer) Abort(ctx context.Context) error {
	w.stop()
	if err := w.close(false); errors.Is(err, errOver) {
		<-w.done
	}
	w.r.index.forget(w)
	return w.lease.release(ctx)
}

// segments are pieces of pack memory to use again.
type segments struct {
	mu   sync.Mutex
	free [][]byte
}

func (s *segments) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b[:0]
	}
	return make([]byte, 0, segment)
}

func (s *segments) give(segs [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, segs...)
}

// needs counts what the backup leans on: every copy once.
type needs struct {
	mu    sync.Mutex
	seen  []uint64 // bit set of records
	bytes int64
	packs map[uint32]bool
}

// add counts a copy and all it leans on.
func (n *needs) add(x *index, v *view, num int32) {
	x.closure(v, num, func(num int32, r *record) bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		word, bit := int(num>>6), uint64(1)<<(num&63)
		if word >= len(n.seen) {
			n.seen = append(n.seen, make([]uint64, word+1-len(n.seen))...)
		}
		if n.seen[word]&bit != 0 {
			return false
		}
		n.seen[word] |= bit
		n.bytes += int64(r.n)
		if n.packs == nil {
			n.packs = make(map[uint32]bool)
		}
		n.packs[r.pack] = true
		return true
	})
}

// sum returns the bytes and the sorted hashes of the packs.
func (n *needs) sum(x *index) (size int64, packs []byte) {
	n.mu.Lock()
	size = n.bytes
	nums := slices.Collect(maps.Keys(n.packs))
	n.mu.Unlock()
	hashes := x.hashes(nums)
	slices.SortFunc(hashes, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
	for _, h := range slices.Compact(hashes) {
		packs = append(packs, h[:]...)
	}
	return size, packs
}
