package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"

	"golang.org/x/sync/errgroup"
)

// copyStreams is how many parts are copied at once; each takes about 40 MB.
const copyStreams = 2

// Copy writes the backup that src reads into r under the same ID. base is what
// the copy leans on in r, chosen as for [Repository.Begin]; with nil it is a
// full there, whatever it was. Every part is compared with what the source's
// manifest says of it before the copy becomes a backup. ErrBackupExists when r
// has the ID already. obs, which may be nil, is told how much was read.
//
// Memory is bounded by the streams, not by the backup.
func (r *Repository) Copy(ctx context.Context, src *Source, base *backup.Manifest, obs backup.Observe) (*backup.Manifest, error) {
	from := src.Manifest()
	_, err := r.st.Stat(ctx, manifestName(from.ID))
	if err == nil {
		return nil, ErrBackupExists.Because(nil, "id", string(from.ID))
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("look for backup %s: %w", from.ID, err)
	}
	w, err := r.Begin(ctx, copyHead(from, base), baseOfCopy(from, base))
	if err != nil {
		return nil, err
	}
	m, err := copyInto(ctx, w, src, obs)
	if errors.Is(err, store.ErrExists) {
		err = ErrBackupExists.Because(err, "id", string(from.ID))
	}
	if err != nil { // the lease must go though ctx may be over
		return nil, errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
	}
	return m, nil
}

// baseOfCopy: what leaned on nothing leans on nothing.
func baseOfCopy(from, base *backup.Manifest) *backup.Manifest {
	if from.Type == backup.Full || from.Type == backup.Log {
		return nil
	}
	return base
}

// copyHead is the beginning of the copy's manifest; what it leans on is the
// target's affair.
func copyHead(from, base *backup.Manifest) backup.Manifest {
	h := backup.Manifest{
		ID: from.ID, Type: from.Type, Engine: from.Engine, Machine: from.Machine, Server: from.Server, Job: from.Job,
		Origin: from.Origin, Database: from.Database, Agent: from.Agent, Started: from.Started,
	}
	switch {
	case from.Type == backup.Full || from.Type == backup.Log:
	case base == nil:
		h.Type = backup.Full
	case base.Type != backup.Full:
		h.Type = backup.Incremental // a differential leans on a full only
	}
	return h
}

func copyInto(ctx context.Context, w *Writer, src *Source, obs backup.Observe) (*backup.Manifest, error) {
	from := src.Manifest()
	if obs == nil {
		obs = func(backup.Progress) {}
	}
	c := copier{w: w, src: src, obs: obs, total: from.PlainBytes}
	if err := c.parts(ctx, from.Parts); err != nil {
		return nil, err
	}
	obs(backup.Progress{Phase: backup.PhaseCommit, Done: from.PlainBytes, Total: from.PlainBytes})
	return w.Commit(ctx, func(m *backup.Manifest) {
		m.Point, m.Detail, m.Warnings = from.Point, from.Detail, from.Warnings
		m.ServerVersion, m.Tool, m.Finished = from.ServerVersion, from.Tool, from.Finished
	})
}

// copier is one copy at work.
type copier struct {
	w     *Writer
	src   *Source
	obs   backup.Observe
	total int64
	done  atomic.Int64
}

// parts copies all parts, the biggest first so that the streams end together;
// those of one size keep the order of their names.
func (c *copier) parts(ctx context.Context, parts []backup.StoredPart) error {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b backup.StoredPart) int {
		switch {
		case a.Bytes > b.Bytes:
			return -1
		case a.Bytes < b.Bytes:
			return 1
		}
		return 0
	})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(copyStreams)
	for i := range parts {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			return c.part(ctx, &parts[i])
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return c.same(parts)
}

func (c *copier) part(ctx context.Context, p *backup.StoredPart) error {
	in, err := c.src.Open(ctx, *p)
	if err != nil {
		return err
	}
	defer in.Close() // it only gives its buffers back
	out, err := c.w.Part(p.Part)
	if err != nil {
		return err
	}
	defer out.Abort() // nothing after Close
	if _, err := io.Copy(out, &countedReader{in, c, string(p.Name)}); err != nil {
		return fmt.Errorf("copy part %q: %w", string(p.Name), err)
	}
	return out.Close()
}

// same compares what was written with what the source's manifest says.
func (c *copier) same(parts []backup.StoredPart) error {
	c.w.partsMu.Lock()
	defer c.w.partsMu.Unlock()
	for i := range parts {
		was, is := &parts[i], c.w.parts[parts[i].Name]
		if is == nil || is.Bytes != was.Bytes || is.Rows != was.Rows || is.Checksum != was.Checksum {
			return damaged(manifestName(c.w.m.ID), fmt.Errorf("the copy of part %q is not what it should be", string(was.Name)))
		}
	}
	return nil
}

// countedReader reports what is read.
type countedReader struct {
	r    io.Reader
	c    *copier
	item string
}

func (r *countedReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if n > 0 {
		r.c.obs(backup.Progress{Phase: backup.PhaseRead, Item: r.item, Done: r.c.done.Add(int64(n)), Total: r.c.total})
	}
	return n, err
}
