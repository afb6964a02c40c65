package repository

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/rowdelta"
	"github.com/rahatbackup/rahat/internal/store"

	"golang.org/x/sync/errgroup"
)

// Report is what a check found. It proves a backup when Damage is empty.
type Report struct {
	Packs  int64 // pack objects read
	Blobs  int64 // sealed blobs opened, those that others lean on included
	Bytes  int64 // plain bytes proven
	Rows   int64
	Damage []Damage
}

// Damage is one piece of a backup that cannot be restored. Everything else
// can.
type Damage struct {
	Backup backup.ID
	Part   backup.Name // empty: damage of an object no part needs, or of the manifest
	Object string      // the object that is damaged or missing
	// FromRow and Rows say which rows are lost, counted from 0 in the order
	// they were stored; Rows is 0 when the part has none or nobody can tell.
	FromRow, Rows int64
	Err           error
}

// checkWorkers is how many parts are checked at once.
const checkWorkers = 2

// checker is one run of Check or CheckAll.
type checker struct {
	r     *Repository
	src   *Source
	id    backup.ID
	obs   backup.Observe
	total int64
	done  atomic.Int64

	mu     sync.Mutex
	rep    Report
	packs  map[[32]byte]bool
	proven map[shortID]bool // chunks read before; nil: every chunk is read
}

// Check is the BASIC proof of one backup: every byte of it is read, opened and
// compared with its id, every part with its length, rows and checksum. What is
// damaged is reported, not returned; the error is for a check that could not
// be made: the store is out of reach, ctx is over, the manifest cannot be
// read. A copy of a chunk that is found damaged is stored anew by the next
// backup that has the same rows.
func (r *Repository) Check(ctx context.Context, id backup.ID, obs backup.Observe) (Report, error) {
	m, err := r.Manifest(ctx, id)
	if err != nil {
		return Report{}, err
	}
	if err := r.refresh(ctx); err != nil {
		return Report{}, err
	}
	r.index.pardon(false)
	c := newChecker(r, obs, m.PlainBytes)
	err = c.backup(ctx, m)
	return c.report(), err
}

func newChecker(r *Repository, obs backup.Observe, total int64) *checker {
	if obs == nil {
		obs = func(backup.Progress) {}
	}
	return &checker{r: r, obs: obs, total: total, packs: make(map[[32]byte]bool)}
}

func (c *checker) report() Report {
	c.rep.Packs = int64(len(c.packs))
	return c.rep
}

// backup checks all parts of a backup.
func (c *checker) backup(ctx context.Context, m *backup.Manifest) error {
	c.src, c.id = c.r.Source(m), m.ID
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checkWorkers)
	for i := range m.Parts {
		p := &m.Parts[i]
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			return c.part(ctx, p)
		})
	}
	return g.Wait()
}

// part reads one part, going on behind every chunk that is lost.
func (c *checker) part(ctx context.Context, p *backup.StoredPart) error {
	ref, err := parseRef(p)
	if err != nil {
		return damaged(manifestName(c.id), err)
	}
	l := c.src.take(ctx)
	l.seen = c.saw
	defer func() {
		l.seen = nil
		c.src.give(l)
	}()
	w := partCheck{c: c, p: p, l: l, tally: newTally(p), whole: true, ref: ref}
	if ref.Level == 0 {
		err = w.chunks(ref.Chunks)
	} else {
		err = w.lists(ref.Chunks)
	}
	if err != nil {
		return err
	}
	if w.whole {
		if err := w.tally.prove(); err != nil {
			c.note(p.Name, manifestName(c.id), 0, p.Rows, damaged(manifestName(c.id), err))
			return nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Rows += w.rows
	return nil
}

func (c *checker) saw(at *located) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Blobs++
	c.packs[at.sum] = true
}

func (c *checker) note(part backup.Name, object string, from, rows int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rep.Damage = append(c.rep.Damage, Damage{Backup: c.id, Part: part, Object: object, FromRow: from, Rows: rows, Err: err})
}

// partCheck walks one part.
type partCheck struct {
	c     *checker
	p     *backup.StoredPart
	ref   *ref
	l     *loader
	tally *tally
	row   int64 // of the next chunk
	rows  int64 // proven
	whole bool
	buf   []byte
}

func (w *partCheck) lists(lists []byte) error {
	var list []byte
	for b := lists; len(b) > 0; b = b[rowdelta.EntrySize:] {
		e := rowdelta.DecodeEntry(b)
		var err error
		if list, err = w.l.chunk(list[:0], &e); err == nil {
			err = w.chunks(list)
		} else {
			err = w.lost(&e, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *partCheck) chunks(list []byte) error {
	for b := list; len(b) >= rowdelta.EntrySize; b = b[rowdelta.EntrySize:] {
		e := rowdelta.DecodeEntry(b)
		if err := w.chunk(&e); err != nil {
			return err
		}
	}
	return nil
}

func (w *partCheck) chunk(e *rowdelta.Entry) error {
	if err := w.l.ctx.Err(); err != nil {
		return fmt.Errorf("check backup: %w", context.Cause(w.l.ctx))
	}
	n := int64(e.Raw)
	var err error
	if w.ref.Bundle {
		err = w.record(e)
		n = w.p.Bytes
	} else if err = w.read(e); err == nil {
		w.rows += int64(e.Rows)
	}
	if err != nil {
		err = w.lost(e, err)
	} else {
		w.row += int64(e.Rows)
		w.c.mu.Lock()
		w.c.rep.Bytes += n
		w.c.mu.Unlock()
	}
	done := w.c.done.Add(n)
	w.c.obs(backup.Progress{Phase: backup.PhaseRead, Item: string(w.p.Name), Done: done, Total: w.c.total})
	return err
}

// read proves one chunk, unless another backup has done so.
func (w *partCheck) read(e *rowdelta.Entry) (err error) {
	id := blobID(e.ID)
	if w.c.provenBefore(id.short()) {
		w.whole = false // nothing to sum
		return nil
	}
	if w.buf, err = w.l.chunk(w.buf[:0], e); err != nil {
		return err
	}
	w.tally.add(w.buf)
	w.c.prove(id.short())
	return nil
}

// record proves a part that shares its chunk.
func (w *partCheck) record(e *rowdelta.Entry) error {
	id := blobID(e.ID)
	b, _, err := w.l.shared(id.short(), maxDepth)
	if err != nil {
		return err
	}
	if err := checkLength(len(b), e); err != nil {
		return err
	}
	w.tally.add(b[w.ref.At : int64(w.ref.At)+w.p.Bytes])
	w.rows += w.p.Rows
	return nil
}

// lost notes a chunk that is damaged and lets the check go on; it returns what
// is not damage.
func (w *partCheck) lost(e *rowdelta.Entry, err error) error {
	if !isDamage(err) {
		return err
	}
	w.whole = false
	err = w.c.r.name(w.l.ctx, w.c.id, err)
	rows := int64(e.Rows)
	if w.ref.Bundle {
		rows = w.p.Rows
	}
	w.c.note(w.p.Name, objectOf(err), w.row, rows, err)
	if e.Rows < math.MaxUint32 {
		w.row += rows
	}
	return nil
}

// objectOf returns the object an error is about.
func objectOf(err error) string {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p.Params["object"]
	}
	return ""
}

func (c *checker) provenBefore(id shortID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proven[id]
}

func (c *checker) prove(id shortID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proven != nil {
		c.proven[id] = true
	}
}

// CheckAll checks every backup, reading each chunk once, every small object, and every pack: its
// name must be the hash of its bytes, its footer must open and account for all
// of it, whether a backup needs the pack or not. Manifests that cannot be read
// are reported as damage.
func (r *Repository) CheckAll(ctx context.Context, obs backup.Observe) (Report, error) {
	if err := r.refresh(ctx); err != nil {
		return Report{}, err
	}
	ids, err := r.Backups(ctx)
	if err != nil {
		return Report{}, err
	}
	r.index.pardon(true)
	r.cache.pardon()
	c := newChecker(r, obs, 0)
	c.proven = make(map[shortID]bool)
	var all []*backup.Manifest
	for _, id := range ids {
		m, err := r.Manifest(ctx, id)
		switch {
		case err == nil:
			all = append(all, m)
			c.total += m.PlainBytes
		case isDamage(err):
			c.id = id
			c.note("", manifestName(id), 0, 0, err)
		case !errors.Is(err, ErrNoBackup):
			return c.report(), err
		}
	}
	for _, m := range all {
		if err := c.backup(ctx, m); err != nil {
			return c.report(), err
		}
	}
	if err := c.small(ctx); err != nil {
		return c.report(), err
	}
	err = c.allPacks(ctx)
	return c.report(), err
}

// allPacks reads every pack whole.
func (c *checker) allPacks(ctx context.Context) error {
	c.id = ""
	for o, err := range c.r.st.List(ctx, packsPrefix) {
		if err != nil {
			return fmt.Errorf("list packs: %w", err)
		}
		sum, ok := packSum(o.Key)
		if !ok {
			continue
		}
		err := c.wholePack(ctx, o, sum)
		switch {
		case errors.Is(err, store.ErrNotFound): // pruned meanwhile
		case isDamage(err):
			c.note("", o.Key, 0, 0, err)
		case err != nil:
			return err
		}
		c.packs[sum] = true
	}
	return nil
}
