package repository

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/rowdelta"

	"github.com/zeebo/blake3"
)

// A Source reads one backup. It is safe for concurrent use and needs no
// closing; the readers it opens do.
type Source struct {
	r *Repository
	m *backup.Manifest

	mu   sync.Mutex
	idle []*loader
}

// Source returns a reader of the backup that m describes.
func (r *Repository) Source(m *backup.Manifest) *Source { return &Source{r: r, m: m} }

// Manifest describes the backup.
func (s *Source) Manifest() *backup.Manifest { return s.m }

// Open reads one part. The reader fails rather than end early, and returns
// io.EOF only when every byte was proven right: each chunk against its id, the
// whole against the part's length, rows and checksum. ErrDamaged and
// ErrMissing name the object.
func (s *Source) Open(ctx context.Context, part backup.StoredPart) (io.ReadCloser, error) {
	if err := s.r.ensure(ctx); err != nil {
		return nil, fmt.Errorf("open part: %w", err)
	}
	r, err := parseRef(&part)
	if err != nil {
		return nil, damaged(manifestName(s.m.ID), err)
	}
	l := s.take(ctx)
	return &partReader{s: s, l: l, part: part, ref: r, next: l.entries(r), tally: newTally(&part)}, nil
}

func (s *Source) take(ctx context.Context) *loader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		l := s.idle[n-1]
		s.idle = s.idle[:n-1]
		l.ctx, l.refreshed = ctx, false
		return l
	}
	return newLoader(ctx, s.r, &view{})
}

func (s *Source) give(l *loader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, l)
}

type partReader struct {
	s     *Source
	l     *loader
	part  backup.StoredPart
	ref   *ref
	next  rowdelta.Next
	tally *tally
	stock
}

func (p *partReader) Read(b []byte) (int, error) { return p.read(b, p.fill) }

// A stock is what a reader of chunks has loaded and not yet handed out.
type stock struct {
	buf  []byte
	rest []byte // of buf
	err  error  // why there is no more
}

// read hands out what is there, and lets fill get more when there is nothing.
func (s *stock) read(b []byte, fill func() error) (int, error) {
	if len(b) == 0 {
		return 0, s.err
	}
	for len(s.rest) == 0 {
		if s.err == nil {
			s.err = fill()
		}
		if s.err != nil {
			return 0, s.err
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// fill loads the next chunk, or proves the whole.
func (p *partReader) fill() error {
	if err := p.l.ctx.Err(); err != nil {
		return fmt.Errorf("read part %q: %w", string(p.part.Name), context.Cause(p.l.ctx))
	}
	e, err := p.next()
	if errors.Is(err, io.EOF) {
		if err := p.tally.prove(); err != nil {
			return damaged(manifestName(p.s.m.ID), fmt.Errorf("part %q: %w", string(p.part.Name), err))
		}
		return io.EOF
	}
	if err == nil && p.ref.Bundle {
		err = p.fillBundle(&e)
	} else if err == nil {
		p.buf, err = p.l.chunk(p.buf[:0], &e)
		p.rest = p.buf
	}
	if err != nil {
		return fmt.Errorf("read part %q: %w", string(p.part.Name), p.s.r.name(p.l.ctx, p.s.m.ID, err))
	}
	p.tally.add(p.rest)
	return nil
}

func (p *partReader) fillBundle(e *rowdelta.Entry) error {
	b, err := p.l.bundled(e, p.ref, p.part.Bytes)
	p.buf = append(p.buf[:0], b...)
	p.rest = p.buf
	return err
}

func (p *partReader) Close() error {
	if p.l != nil {
		p.s.give(p.l)
		p.l, p.rest, p.err = nil, nil, io.ErrClosedPipe
	}
	return nil
}

// name completes an error about a chunk that no pack has with the pack that
// should: the manifest lists those it needs.
func (r *Repository) name(ctx context.Context, id backup.ID, err error) error {
	miss, ok := errors.AsType[*chunkError](err)
	if p := problem.Of(err); !ok || p.Params["object"] != packsPrefix && p.Params["object"] != manifestPrefix {
		return err
	}
	d, derr := r.document(ctx, id)
	if derr != nil {
		return err
	}
	x := r.index
	for p := d.Packs; len(p) > 0; p = p[32:] {
		name := packName(p[:32])
		if why := r.brokenPack(name); why != nil {
			return why
		}
		x.mu.RLock()
		_, there := x.named[[32]byte(p)]
		x.mu.RUnlock()
		if !there {
			return ErrMissing.Because(miss, "object", name)
		}
	}
	return ErrDamaged.Because(miss, "object", manifestName(id))
}

// tally counts a part's bytes as they are read.
type tally struct {
	part  *backup.StoredPart
	bytes int64
	rows  *rowdelta.RowSummer // for rows
	sum   *blake3.Hasher      // for others
}

func newTally(p *backup.StoredPart) *tally {
	if p.Kind == backup.Rows {
		return &tally{part: p, rows: rowdelta.NewRowSummer()}
	}
	return &tally{part: p, sum: blake3.New()}
}

func (t *tally) add(b []byte) {
	t.bytes += int64(len(b))
	if t.rows != nil {
		_, _ = t.rows.Write(b) // a hash does not fail
	} else {
		_, _ = t.sum.Write(b) // a hash does not fail
	}
}

// prove compares with what the manifest says.
func (t *tally) prove() error {
	var rows int64
	var sum string
	if t.rows != nil {
		rows, sum = t.rows.Rows(), t.rows.Sum()
	} else {
		sum = hex.EncodeToString(t.sum.Sum(nil))
	}
	switch {
	case t.bytes != t.part.Bytes:
		return fmt.Errorf("%d bytes instead of %d", t.bytes, t.part.Bytes)
	case rows != t.part.Rows:
		return fmt.Errorf("%d rows instead of %d", rows, t.part.Rows)
	case sum != t.part.Checksum:
		return errors.New("the checksum differs")
	}
	return nil
}
