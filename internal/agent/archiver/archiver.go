// Package archiver makes backups: it takes a snapshot of a database, writes its
// parts to a repository and commits the manifest last.
package archiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// An Archiver makes one backup a call of Run; Run may be called from several
// goroutines. Set the fields before the first call.
type Archiver struct {
	Now     backup.Clock
	Machine string // host name, kept in the manifest
	Agent   string // our version, kept in the manifest
	Streams int    // parts read at once; at least 1
}

// A Request says what to back up and where to.
type Request struct {
	ID         backup.ID
	Server     engine.Server
	ServerName string // as configured
	Engine     string
	Database   string
	Job        string
	Type       backup.Type
	Repository *repository.Repository
	Observe    backup.Observe // may be nil
}

// Run makes one backup. If it returns an error, no backup exists under the ID;
// what was already written is found again by the next run. A full is made
// instead of what was asked for when there is nothing to lean on; that the base
// was lost is said in a warning of the manifest.
func (a *Archiver) Run(ctx context.Context, req Request) (*backup.Manifest, error) {
	if req.Observe == nil {
		req.Observe = func(backup.Progress) {}
	}
	req.Observe(backup.Progress{Phase: backup.PhaseConnect})
	started := a.Now().UTC()
	base, warning, err := a.pickBase(ctx, req)
	if err != nil {
		return nil, err
	}
	snap, err := req.Server.Snapshot(ctx, req.Database, engine.SnapshotOptions{Streams: a.streams()})
	if err != nil {
		return nil, stopped(ctx, fmt.Errorf("open snapshot: %w", err))
	}
	closeSnapshot := closeOnce(snap)
	m, err := a.write(ctx, req, a.head(req, base, started), base, warning, snap, closeSnapshot)
	return m, stopped(ctx, errors.Join(err, closeSnapshot()))
}

func (a *Archiver) streams() int { return max(1, a.Streams) }

func (a *Archiver) head(req Request, base *backup.Manifest, started time.Time) backup.Manifest {
	t := req.Type
	if base == nil {
		t = backup.Full
	}
	return backup.Manifest{
		ID: req.ID, Type: t, Engine: req.Engine, Machine: a.Machine, Server: req.ServerName, Job: req.Job,
		Database: backup.Name(req.Database), Agent: a.Agent, Started: started,
	}
}

// write fills a repository writer from the snapshot and commits it.
func (a *Archiver) write(ctx context.Context, req Request, head backup.Manifest, base *backup.Manifest, warning *problem.Problem,
	snap engine.Snapshot, closeSnapshot func() error) (m *backup.Manifest, err error) {
	w, err := req.Repository.Begin(ctx, head, base)
	if err != nil {
		return nil, fmt.Errorf("begin backup: %w", err)
	}
	defer func() {
		if err != nil { // the writer's own lease and packs; the context may be dead already
			err = errors.Join(err, w.Abort(context.WithoutCancel(ctx)))
		}
	}()
	if err := a.dumpAll(ctx, snap, w, base, req.Observe); err != nil {
		return nil, err
	}
	d := snap.Describe()
	if err := closeSnapshot(); err != nil { // before the last upload: nothing of the server is needed any more
		return nil, fmt.Errorf("close snapshot: %w", err)
	}
	req.Observe(backup.Progress{Phase: backup.PhaseCommit})
	return w.Commit(ctx, func(m *backup.Manifest) {
		m.Point, m.ServerVersion, m.Tool, m.Detail = d.Point, d.ServerVersion, d.Tool, d.Detail
		m.Finished = a.Now().UTC()
		for _, p := range append([]*problem.Problem{warning}, d.Warnings...) {
			if p != nil {
				m.Warnings = append(m.Warnings, Warning(p))
			}
		}
	})
}

// Warning turns a problem into the form that is stored.
func Warning(p *problem.Problem) backup.Warning {
	w := backup.Warning{Code: string(p.Code), Params: p.Params}
	if p.Err != nil {
		w.Detail = p.Err.Error()
	}
	return w
}

// dumpAll writes every part, several at once.
func (a *Archiver) dumpAll(ctx context.Context, snap engine.Snapshot, w *repository.Writer, base *backup.Manifest, obs backup.Observe) error {
	parts := workOrder(snap.Parts())
	progress := newMeter(parts, base, obs)
	queue := make(chan backup.Part, len(parts))
	for _, p := range parts {
		queue <- p
	}
	close(queue)
	g, ctx := errgroup.WithContext(ctx)
	for range min(a.streams(), max(1, len(parts))) {
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			for p := range queue {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := dump(ctx, snap, w, p, progress); err != nil {
					return fmt.Errorf("dump %q: %w", string(p.Name), err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// dump writes a part, in another form if it cannot be had as it was listed.
func dump(ctx context.Context, snap engine.Snapshot, w *repository.Writer, p backup.Part, progress *meter) error {
	err := dumpAs(ctx, snap, w, p, progress)
	if other, ok := errors.AsType[*engine.Instead](err); ok {
		err = dumpAs(ctx, snap, w, other.Part, progress)
	}
	return err
}

func dumpAs(ctx context.Context, snap engine.Snapshot, w *repository.Writer, p backup.Part, progress *meter) error {
	pw, err := w.Part(p)
	if err != nil {
		return err
	}
	through := progress.through(pw, p)
	if err := snap.Dump(ctx, p, through); err != nil {
		pw.Abort()
		through.undo()
		return err
	}
	return pw.Close()
}

// workOrder puts what is not rows first (a schema dump wants its locks early),
// then the biggest, so that the streams end together. Small parts keep the
// order of their names, which keeps neighbours together in the repository.
func workOrder(parts []backup.Part) []backup.Part {
	const small = 64 << 10
	parts = slices.Clone(parts)
	class := func(p backup.Part) int64 {
		switch {
		case p.Kind != backup.Rows:
			return 1 << 62
		case p.Estimate <= small:
			return 0
		}
		return p.Estimate
	}
	slices.SortStableFunc(parts, func(x, y backup.Part) int {
		if cx, cy := class(x), class(y); cx != cy {
			if cx > cy {
				return -1
			}
			return 1
		}
		return 0
	})
	return parts
}

// A meter adds up what all streams write.
type meter struct {
	obs   backup.Observe
	done  atomic.Int64
	total int64
}

// newMeter estimates the total by the base backup where it has the part: the
// size of a table on disk says little about its rows as text.
func newMeter(parts []backup.Part, base *backup.Manifest, obs backup.Observe) *meter {
	known := map[backup.Name]int64{}
	if base != nil {
		for _, p := range base.Parts {
			known[p.Name] = p.Bytes
		}
	}
	m := &meter{obs: obs}
	for _, p := range parts {
		if n, ok := known[p.Name]; ok {
			m.total += n
		} else {
			m.total += p.Estimate
		}
	}
	return m
}

func (m *meter) through(w io.Writer, p backup.Part) *metered {
	item := string(p.Name)
	if p.Table != nil {
		item = p.Table.String()
	}
	return &metered{m: m, w: w, item: item}
}

// metered counts the bytes of one part.
type metered struct {
	m    *meter
	w    io.Writer
	item string
	n    int64
}

func (w *metered) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.n += int64(n)
	w.m.obs(backup.Progress{Phase: backup.PhaseDump, Item: w.item, Done: w.m.done.Add(int64(n)), Total: w.m.total})
	return n, err
}

// undo forgets a part that was thrown away.
func (w *metered) undo() { w.m.done.Add(-w.n) }

// closeOnce makes closing repeatable; only the first call's error counts.
func closeOnce(c io.Closer) func() error {
	closed := false
	return func() error {
		if closed {
			return nil
		}
		closed = true
		return c.Close()
	}
}

// stopped gives the reason of a cancelled run instead of the errors that the
// cancelling caused.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
