package repository

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
)

// A worker stores one stream at a time and is then used for another: it holds
// the buffers and tables, about 30 MB for chunks of the usual size.
type worker struct {
	w     *Writer
	cut   *rowdelta.Cutter
	hash  *blake3.Hasher // keyed: names chunks
	zstd  *zstd.Encoder
	delta rowdelta.Encoder
	cols  rowdelta.Columns
	load  *loader // of bases
	sum   *rowdelta.RowSummer
	plain *blake3.Hasher // of streams that are not rows

	part  backup.Part
	plan  rowdelta.Plan
	bases *rowdelta.Bases // nil: the stream leans on nothing
	list  listWriter
	size  int64
	probe int  // chunks compressed plain
	byCol bool // columns won when both ways were last tried

	base, steps, z, z2, again []byte
}

func newWorker(w *Writer) *worker {
	k := &worker{
		w: w, hash: keyedHash(w.r.keys.id), zstd: newEncoder(),
		load: newLoader(w.ctx, w.r, &view{absent: w.view.absent}),
		sum:  rowdelta.NewRowSummer(), plain: blake3.New(),
	}
	k.cut = rowdelta.NewCutter(w.r.keys.seed, k.chunk)
	k.list.k = k
	return k
}

// begin prepares for a stream: its plan is that of the base.
func (k *worker) begin(p backup.Part) error {
	k.part, k.size, k.probe, k.byCol, k.bases = p, 0, 0, false, nil
	k.plan = rowdelta.PlanFor(p, rowdelta.DefaultAvg)
	k.sum.Reset()
	k.plain.Reset()
	k.list.reset(nil)
	if old := k.w.base[p.Name]; old != nil {
		r, err := parseRef(old)
		if err != nil {
			return damaged(manifestName(k.w.m.Base), err)
		}
		if !r.Bundle && len(r.Chunks) > 0 {
			k.lean(r)
		}
	}
	k.cut.Reset(k.plan)
	return nil
}

// lean makes the chunks of an older stream the bases of this one.
func (k *worker) lean(r *ref) {
	if r.Plan != nil && r.Plan.Valid() && r.Plan.Kind == k.part.Kind {
		k.plan = *r.Plan
	}
	k.bases = rowdelta.NewBases(func() rowdelta.Next { return healing(k.load.entries(r)) })
	if r.Level == 1 {
		k.list.reset(r.entries())
	}
}

// healing ends a base's list where it is damaged: the chunks behind are then
// stored anew.
func healing(next rowdelta.Next) rowdelta.Next {
	return func() (rowdelta.Entry, error) {
		e, err := next()
		if err != nil && isDamage(err) {
			err = io.EOF
		}
		return e, err
	}
}

// chunk stores a piece of the stream.
func (k *worker) chunk(c rowdelta.Chunk) error {
	put, err := k.w.lease.keep(k.w.ctx)
	k.w.added.Add(put)
	if err != nil {
		return err
	}
	rows := 0
	if k.plan.Kind == backup.Rows {
		_, _ = k.sum.Write(c.Data) // a hash does not fail
		rows = bytes.Count(c.Data, []byte{'\n'})
	} else {
		_, _ = k.plain.Write(c.Data) // a hash does not fail
	}
	k.size += int64(len(c.Data))
	e, err := k.store(k.plan.Kind, c, k.bases)
	if err != nil {
		return err
	}
	e.Rows = uint32(rows)
	return k.list.add(e)
}

// finish stores what is left and describes the part.
func (k *worker) finish() (*backup.StoredPart, error) {
	if err := k.cut.Close(); err != nil {
		return nil, err
	}
	r, err := k.list.finish()
	if err != nil {
		return nil, err
	}
	r.Plan = &k.plan
	s := &backup.StoredPart{Part: k.part, Bytes: k.size}
	if k.plan.Kind == backup.Rows {
		s.Rows, s.Checksum = k.sum.Rows(), k.sum.Sum()
	} else {
		s.Checksum = hex.EncodeToString(k.plain.Sum(nil))
	}
	s.Ref, err = encodeRef(r)
	return s, err
}

// store makes sure a chunk is in the repository, as a copy that is there, a
// delta, or plain, and returns its line for the list.
func (k *worker) store(kind backup.Kind, c rowdelta.Chunk, bases *rowdelta.Bases) (rowdelta.Entry, error) {
	e := rowdelta.Entry{Anchor: c.Start, Raw: uint32(len(c.Data))}
	k.hash.Reset()
	_, _ = k.hash.Write(c.Data) // a hash does not fail
	k.hash.Sum(e.ID[:0])
	m := blobMeta{id: e.ID, raw: e.Raw}
	var near []rowdelta.Entry
	if bases != nil {
		var err error
		if near, err = bases.For(c.Start, c.End); err != nil {
			return e, err
		}
	}
	x := k.w.r.index
	num := x.best(&k.w.view, m.id.short(), k.w.depth)
	if num >= 0 {
		if bases != nil {
			bases.Used(len(near) - 1)
		}
	} else {
		payload, err := k.encode(&m, kind, c.Data, bases, near)
		if err != nil {
			return e, err
		}
		if num, err = k.w.add(&m, payload); err != nil {
			return e, err
		}
	}
	k.w.needs.add(x, &k.w.view, num)
	return e, nil
}

// encode chooses the form of a chunk, notes it in m, and returns the payload,
// valid until the next call.
func (k *worker) encode(m *blobMeta, kind backup.Kind, data []byte, bases *rowdelta.Bases, near []rowdelta.Entry) ([]byte, error) {
	for len(near) > 0 {
		depth, ok, err := k.join(near)
		if err != nil {
			return nil, err
		}
		used := len(near) - 1
		like := false
		if ok {
			var fresh int
			k.steps, fresh = k.delta.Encode(k.steps[:0], data, k.base)
			used = rowdelta.Within(near, k.delta.End)
			like = fresh <= len(data)/2
		}
		if like {
			bases.Used(used)
			return k.encodeDelta(m, kind, data, near, depth), nil
		}
		other := bases.Instead()
		if len(other) == 0 {
			bases.Used(used)
		}
		near = other
	}
	var payload []byte
	m.form, payload = k.compress(kind, data)
	return payload, nil
}

// encodeDelta compresses the delta in k.steps, unless it turns out to be wrong
// or not worth it.
func (k *worker) encodeDelta(m *blobMeta, kind backup.Kind, data []byte, near []rowdelta.Entry, depth int) (payload []byte) {
	if len(k.steps) >= len(data) || !k.undone(data) {
		m.form, payload = k.compress(kind, data)
		return payload
	}
	k.z2 = k.z2[:0]
	for _, p := range k.delta.Parts(k.steps) {
		k.z2 = k.zstd.EncodeAll(p, k.z2)
	}
	if len(k.z2) > len(data)/surelySmall {
		m.form, payload = k.compress(kind, data)
		if len(k.z2)*2 > len(payload) {
			return payload
		}
	}
	m.form, m.depth = formDelta, uint8(depth)
	for i := range near {
		m.bases = append(m.bases, near[i].ID)
	}
	return k.z2
}

// surelySmall: a delta below this part of the chunk is kept without asking how
// small the plain form would be.
const surelySmall = 24

// join loads the base chunks into k.base and returns the depth a delta on them
// has. ok is false when one is gone or damaged: then the chunk is stored plain,
// which heals the repository.
func (k *worker) join(near []rowdelta.Entry) (depth int, ok bool, err error) {
	k.base = k.base[:0]
	for i := range near {
		id := blobID(near[i].ID)
		b, d, err := k.load.shared(id.short(), k.w.depth-1)
		if err != nil && isDamage(err) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		if len(b) != int(near[i].Raw) {
			return 0, false, nil
		}
		k.base = append(k.base, b...)
		depth = max(depth, d+1)
	}
	return depth, true, nil
}

// undone makes the chunk from the delta again. A delta that fails this test is
// not kept.
func (k *worker) undone(data []byte) bool {
	var err error
	again, err := rowdelta.Apply(k.again[:0], k.steps, k.base, len(data))
	if err != nil {
		return false
	}
	k.again = again
	return bytes.Equal(again, data)
}

// Rows are compressed by columns or as they are, whatever won when both were
// last tried.
const probeEvery = 32

// compress makes the plain form of a chunk, valid until the next call.
func (k *worker) compress(kind backup.Kind, data []byte) (form uint8, z []byte) {
	k.probe++
	probe := k.probe%probeEvery == 1
	form = formZstd
	if kind == backup.Rows && (k.byCol || probe) {
		if parts, ok := k.cols.Split(data); ok {
			form = formColumns
			k.z = k.z[:0]
			for _, p := range parts {
				k.z = k.zstd.EncodeAll(p, k.z)
			}
		}
	}
	if form == formZstd || probe {
		k.again = k.zstd.EncodeAll(data, k.again[:0])
		k.byCol = form == formColumns && len(k.z) < len(k.again)
		if !k.byCol {
			form = formZstd
			k.z, k.again = k.again, k.z
		}
	}
	if len(k.z) >= len(data) {
		return formRaw, data
	}
	return form, k.z
}

// listWriter makes a stream's chunk list: in the part's own description while
// it is short, else cut into chunks and stored like any other bytes.
type listWriter struct {
	k     *worker
	bases *rowdelta.Bases // chunks of the base's list
	buf   []byte          // entries not yet stored
	start uint64          // anchor of buf
	rows  uint64          // of the entries in buf
	out   []byte          // entries of the list's chunks
}

// The list is cut at entries chosen by their anchor, so that it, too, stays
// as it is where the table did.
var listPlan = rowdelta.Plan{Kind: backup.Bytes, Min: 16 << 10, Avg: 64 << 10, Max: 256 << 10}

// inlineEntries is the longest list that is kept in the manifest itself.
const inlineEntries = 4

func (l *listWriter) reset(base []rowdelta.Entry) {
	*l = listWriter{k: l.k, buf: l.buf[:0]}
	if len(base) == 0 {
		return
	}
	l.bases = rowdelta.NewBases(func() rowdelta.Next {
		i := 0
		return func() (rowdelta.Entry, error) {
			if i == len(base) {
				return rowdelta.Entry{}, io.EOF
			}
			i++
			return base[i-1], nil
		}
	})
}

func (l *listWriter) add(e rowdelta.Entry) error {
	l.buf = e.Append(l.buf)
	l.rows += uint64(e.Rows)
	h := l.k.w.r.keys.seed.Hash(l.buf[len(l.buf)-16 : len(l.buf)-8]) // the anchor
	if listPlan.Ends(h, len(l.buf), rowdelta.EntrySize) || len(l.buf)+rowdelta.EntrySize > listPlan.Max {
		return l.cut(h | 1)
	}
	return nil
}

func (l *listWriter) cut(end uint64) error {
	e, err := l.k.store(backup.Bytes, rowdelta.Chunk{Data: l.buf, Start: l.start, End: end}, l.bases)
	if err != nil {
		return err
	}
	e.Rows = uint32(min(l.rows, math.MaxUint32))
	l.out = e.Append(l.out)
	l.buf, l.start, l.rows = l.buf[:0], end, 0
	return nil
}

func (l *listWriter) finish() (*ref, error) {
	if len(l.out) == 0 && len(l.buf) <= inlineEntries*rowdelta.EntrySize {
		return &ref{Chunks: bytes.Clone(l.buf)}, nil
	}
	if len(l.buf) > 0 {
		if err := l.cut(0); err != nil {
			return nil, err
		}
	}
	if len(l.out) == 0 {
		return nil, errors.New("a chunk list is empty")
	}
	return &ref{Level: 1, Chunks: l.out}, nil
}
