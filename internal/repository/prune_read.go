package repository

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/rowdelta"

	"golang.org/x/sync/errgroup"
)

// pruneReaders is how many objects a prune reads at once.
const pruneReaders = 8

// pruneKept is how many list chunks, of about 64 KiB, each reader keeps: the
// lists of one table in many backups lean on each other.
const pruneKept = 48

// read finds out which chunks the backups name. Whatever cannot be read ends
// the prune.
func (p *pruner) read(ctx context.Context) error {
	ids, err := p.r.Backups(ctx)
	if err != nil {
		return err
	}
	p.backups = make(map[backup.ID]bool, len(ids))
	for _, id := range ids {
		p.backups[id] = true
	}
	queue := make(chan backup.ID, len(ids))
	for _, id := range ids {
		queue <- id
	}
	close(queue)
	var mu sync.Mutex // of p.visited, p.wanted and the count
	g, ctx := errgroup.WithContext(ctx)
	done := 0
	for range min(pruneReaders, len(ids)) {
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			l := newLoader(ctx, p.r, &view{})
			l.keep = pruneKept
			f := &finder{p: p, l: l, mu: &mu}
			for id := range queue {
				if err := p.held(ctx); err != nil {
					return err
				}
				if err := f.backup(ctx, id); err != nil {
					return err
				}
				mu.Lock()
				done++
				p.opt.Observe(backup.Progress{Phase: backup.PhaseRead, Done: int64(done), Total: int64(len(ids))})
				mu.Unlock()
			}
			return nil
		})
	}
	return g.Wait()
}

// finder reads the lists of backups.
type finder struct {
	p   *pruner
	l   *loader
	mu  *sync.Mutex
	buf []byte
}

func (f *finder) backup(ctx context.Context, id backup.ID) error {
	m, err := f.p.r.Manifest(ctx, id)
	if errors.Is(err, ErrNoBackup) {
		return nil // forgotten since it was listed
	}
	if err == nil {
		err = f.parts(m)
	}
	if isDamage(err) {
		err = f.p.r.name(ctx, id, err)
		object := objectOf(err)
		if object == "" {
			object = manifestName(id)
		}
		return ErrPrune.Because(err, "object", object)
	}
	if err != nil {
		return fmt.Errorf("find what backup %s needs: %w", id, err)
	}
	return nil
}

func (f *finder) parts(m *backup.Manifest) error {
	for i := range m.Parts {
		ref, err := parseRef(&m.Parts[i])
		if err != nil {
			return damaged(manifestName(m.ID), err)
		}
		fresh := f.want(ref.Chunks, ref.Level == 1)
		for _, e := range fresh {
			if f.buf, err = f.l.chunk(f.buf[:0], &e); err != nil {
				return err
			}
			f.want(f.buf, false)
		}
	}
	return nil
}

// want notes the chunks of a list. Of a list of lists it returns those that
// nobody has read yet.
func (f *finder) want(list []byte, lists bool) (fresh []rowdelta.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.p.r.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	for ; len(list) >= rowdelta.EntrySize; list = list[rowdelta.EntrySize:] {
		id := shortID(list[:16])
		if c := x.chunkOf(id); c >= 0 {
			f.p.wanted.set(c)
		}
		if lists && !f.p.visited[id] {
			f.p.visited[id] = true
			fresh = append(fresh, rowdelta.DecodeEntry(list))
		}
	}
	return fresh
}
