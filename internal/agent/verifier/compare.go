package verifier

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// compare takes a snapshot of the restored database and holds its rows and
// contents against the checksums in the manifest, which were made from the
// stream of the dump itself.
func (v *Verifier) compare(ctx context.Context, r *Result, src engine.Source, server engine.Server, database string, obs backup.Observe) (err error) {
	snap, err := server.Snapshot(ctx, database, engine.SnapshotOptions{Streams: max(1, v.Streams), Unordered: true})
	if err != nil {
		return fmt.Errorf("read restored database: %w", err)
	}
	defer func() {
		if e := snap.Close(); err == nil && e != nil {
			err = fmt.Errorf("close snapshot: %w", e)
		}
	}()
	pairs, finding := pair(src.Manifest(), snap.Parts())
	v.add(r, CheckTables, func() (int64, string) { return int64(len(pairs)), finding })
	c := comparison{snap: snap, obs: obs, total: src.Manifest().PlainBytes}
	var rows, contents []couple
	for _, p := range pairs {
		if p.was.Kind == backup.Rows {
			rows = append(rows, p)
		} else {
			contents = append(contents, p)
		}
	}
	for _, set := range []struct {
		name  string
		pairs []couple
	}{{CheckChecksums, rows}, {CheckContents, contents}} {
		if len(set.pairs) == 0 {
			continue
		}
		v.add(r, set.name, func() (int64, string) {
			var n int64
			n, finding, err = c.run(ctx, set.pairs, max(1, v.Streams))
			if set.name == CheckChecksums {
				r.Rows = n
			}
			if err != nil {
				return n, err.Error()
			}
			return n, finding
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A couple is a part as it was stored and the same part of the restored database.
type couple struct {
	was backup.StoredPart
	now backup.Part
}

// pair finds what can be compared, and says which tables are missing or new.
func pair(m *backup.Manifest, parts []backup.Part) (pairs []couple, finding string) {
	now := make(map[backup.Name]backup.Part, len(parts))
	for _, p := range parts {
		now[p.Name] = p
	}
	var wrong []string
	for _, was := range m.Parts {
		p, ok := now[was.Name]
		delete(now, was.Name)
		switch {
		case was.Kind != backup.Rows && !was.Exact:
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%q is missing", was.Name))
		default:
			pairs = append(pairs, couple{was, p})
		}
	}
	for name, p := range now {
		if p.Kind == backup.Rows {
			wrong = append(wrong, fmt.Sprintf("%q was not in the backup", name))
		}
	}
	return pairs, list(wrong)
}

// list joins findings, of which a handful tell the story.
func list(findings []string) string {
	const most = 10
	if len(findings) > most {
		findings = append(findings[:most:most], fmt.Sprintf("and %d more", len(findings)-most))
	}
	return strings.Join(findings, "; ")
}

type comparison struct {
	snap  engine.Snapshot
	obs   backup.Observe
	done  atomic.Int64
	total int64
}

// run compares the couples, several at once, and returns how many rows (or
// bytes, where there are no rows) agreed.
func (c *comparison) run(ctx context.Context, pairs []couple, streams int) (n int64, finding string, err error) {
	queue := make(chan couple, len(pairs))
	for _, p := range pairs {
		queue <- p
	}
	close(queue)
	var mu sync.Mutex
	var wrong []string
	g, ctx := errgroup.WithContext(ctx)
	for range min(streams, len(pairs)) {
		g.Go(func() (err error) {
			defer problem.Catch(&err)
			for p := range queue {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				m, diff, err := c.one(ctx, p)
				if err != nil {
					return fmt.Errorf("read %q of the restored database: %w", string(p.now.Name), err)
				}
				mu.Lock()
				n += m
				if diff != "" {
					wrong = append(wrong, diff)
				}
				mu.Unlock()
			}
			return nil
		})
	}
	err = g.Wait()
	return n, list(wrong), err
}

// one reads one part and compares what it sums up to.
func (c *comparison) one(ctx context.Context, p couple) (n int64, diff string, err error) {
	sum, err := c.sum(ctx, p.was, p.now)
	if other, ok := errors.AsType[*engine.Instead](err); ok { // as when it was backed up
		sum, err = c.sum(ctx, p.was, other.Part)
	}
	if err != nil {
		return 0, "", err
	}
	got, n := sum.result()
	want := p.was.Bytes
	if p.was.Kind == backup.Rows {
		want = p.was.Rows
	}
	switch {
	case n != want:
		return n, fmt.Sprintf("%q has %d of %d", p.was.Name, n, want), nil
	case got != p.was.Checksum:
		return n, fmt.Sprintf("%q has other contents", p.was.Name), nil
	}
	return n, "", nil
}

// sum reads a part and sums it up in the way of the one that was stored.
func (c *comparison) sum(ctx context.Context, was backup.StoredPart, now backup.Part) (summer, error) {
	sum := newSummer(was.Kind)
	through := func(b []byte) (int, error) {
		c.obs(backup.Progress{Phase: backup.PhaseCompare, Item: string(was.Name), Done: c.done.Add(int64(len(b))), Total: c.total})
		return sum.Write(b)
	}
	return sum, c.snap.Dump(ctx, now, writerFunc(through))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A summer makes a part's checksum as the repository does.
type summer interface {
	io.Writer
	result() (sum string, n int64)
}

func newSummer(k backup.Kind) summer {
	if k == backup.Rows {
		return rowSum{rowdelta.NewRowSummer()}
	}
	return &byteSum{Hash: blake3.New()}
}

type rowSum struct{ *rowdelta.RowSummer }

func (s rowSum) result() (string, int64) { return s.Sum(), s.Rows() }

type byteSum struct {
	hash.Hash
	n int64
}

func (s *byteSum) Write(b []byte) (int, error) {
	s.n += int64(len(b))
	return s.Hash.Write(b)
}

func (s *byteSum) result() (string, int64) { return hex.EncodeToString(s.Sum(nil)), s.n }
