package enginetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// Memory is a backup held in memory. It is an [engine.RandomSource] and may be used
// from several goroutines; its fields are not changed while it is.
type Memory struct {
	// Stored is the manifest; it has been through JSON, as one that was kept.
	Stored *backup.Manifest
	// Data holds the bytes of the parts by name.
	Data map[backup.Name][]byte
	// Break, if set, wraps the reader of every part, for tests of sources
	// that fail. See [Memory.FailAfter].
	Break func(part backup.StoredPart, r io.Reader) io.Reader
}

var _ engine.RandomSource = (*Memory)(nil)

// streams is how many parts Take dumps at once.
const streams = 2

// Take makes a backup of a database: a snapshot, all its parts two at a time,
// and the description. kind is the engine's, for the manifest.
func Take(ctx context.Context, s engine.Server, kind, database string) (*Memory, error) {
	snap, err := s.Snapshot(ctx, database, engine.SnapshotOptions{Streams: streams})
	if err != nil {
		return nil, err
	}
	m, err := Collect(ctx, snap, kind, database)
	if err := errors.Join(err, snap.Close()); err != nil {
		return nil, err
	}
	return m, nil
}

// Collect reads all parts of an open snapshot; the caller closes it.
func Collect(ctx context.Context, snap engine.Snapshot, kind, database string) (*Memory, error) {
	started := time.Now().UTC()
	parts := snap.Parts()
	stored := make([]backup.StoredPart, len(parts))
	data := map[backup.Name][]byte{}
	var mu sync.Mutex
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(streams)
	for i, p := range parts {
		group.Go(func() error {
			var buf bytes.Buffer
			if err := snap.Dump(gctx, p, &buf); err != nil {
				return err
			}
			stored[i] = describe(p, buf.Bytes())
			mu.Lock()
			defer mu.Unlock()
			data[p.Name] = buf.Bytes()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	d := snap.Describe()
	m := &backup.Manifest{
		ID: backup.NewID(started), Type: backup.Full, Engine: kind, Machine: "test", Server: "test",
		Database: backup.Name(database), ServerVersion: d.ServerVersion, Tool: d.Tool, Agent: "test",
		Point: d.Point, Detail: d.Detail, Started: started, Finished: time.Now().UTC(), Parts: stored,
	}
	m.Root = m.ID
	for _, p := range stored {
		m.PlainBytes += p.Bytes
	}
	kept, err := throughJSON(m)
	if err != nil {
		return nil, err
	}
	return &Memory{Stored: kept, Data: data}, nil
}

func describe(p backup.Part, b []byte) backup.StoredPart {
	s := backup.StoredPart{Part: p, Bytes: int64(len(b))}
	if p.Kind != backup.Rows {
		sum := blake3.Sum256(b)
		s.Checksum = hex.EncodeToString(sum[:])
		return s
	}
	sum := rowdelta.NewRowSummer()
	_, _ = sum.Write(b) // never fails
	s.Rows, s.Checksum = sum.Rows(), sum.Sum()
	return s
}

// steady reports whether an unchanged database yields the same checksum for a
// part. Tools may write the hour into others.
func steady(p backup.Part) bool { return p.Kind == backup.Rows || p.Exact }

// throughJSON keeps drivers from leaning on what a manifest does not hold.
func throughJSON(m *backup.Manifest) (*backup.Manifest, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	var back backup.Manifest
	if err := json.Unmarshal(b, &back); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	return &back, nil
}

// Manifest implements [engine.Source].
func (m *Memory) Manifest() *backup.Manifest { return m.Stored }

// Open implements [engine.Source].
func (m *Memory) Open(ctx context.Context, part backup.StoredPart) (io.ReadCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.Name, err)
	}
	b, ok := m.Data[part.Name]
	if !ok {
		return nil, fmt.Errorf("open part %s: no such part", part.Name)
	}
	var r io.Reader = &ctxReader{ctx: ctx, r: bytes.NewReader(b)}
	if m.Break != nil {
		r = m.Break(part, r)
	}
	return io.NopCloser(r), nil
}

// Lines implements [engine.RandomSource].
func (m *Memory) Lines(ctx context.Context, part backup.StoredPart, from int64) (io.ReadCloser, error) {
	if part.Kind != backup.Rows || from < 0 {
		return nil, fmt.Errorf("read part %s from line %d: %w", part.Name, from, errors.ErrUnsupported)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.Name, err)
	}
	b, ok := m.Data[part.Name]
	if !ok {
		return nil, fmt.Errorf("open part %s: no such part", part.Name)
	}
	for ; from > 0 && len(b) > 0; from-- {
		_, b, _ = bytes.Cut(b, []byte{'\n'})
	}
	var r io.Reader = &ctxReader{ctx: ctx, r: bytes.NewReader(b)}
	if m.Break != nil {
		r = m.Break(part, r)
	}
	return io.NopCloser(r), nil
}

// Pages implements [engine.RandomSource].
func (m *Memory) Pages(ctx context.Context, part backup.StoredPart) (io.ReaderAt, error) {
	b, ok := m.Data[part.Name]
	if part.Kind != backup.Pages || !ok {
		return nil, fmt.Errorf("read part %s in any place: %w", part.Name, errors.ErrUnsupported)
	}
	return &memoryPages{ctx: ctx, m: m, part: part, b: b}, nil
}

// memoryPages reads a part in any place, through Break if that is set.
type memoryPages struct {
	ctx  context.Context
	m    *Memory
	part backup.StoredPart
	b    []byte
}

// ReadAt implements [io.ReaderAt].
func (p *memoryPages) ReadAt(b []byte, off int64) (int, error) {
	var r io.Reader = &ctxReader{ctx: p.ctx, r: bytes.NewReader(p.b[min(off, int64(len(p.b))):])}
	if p.m.Break != nil {
		r = p.m.Break(p.part, r)
	}
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// FailAfter returns a source with the same backup whose readers fail with err
// when they have given n bytes together.
func (m *Memory) FailAfter(n int64, err error) *Memory {
	return m.meet(n, func() error { return err })
}

// meet returns a source that calls at once n bytes were read in all, and from
// then on fails with what it returns, if anything.
func (m *Memory) meet(n int64, at func() error) *Memory {
	meter := &meter{left: n, at: at}
	return &Memory{Stored: m.Stored, Data: m.Data, Break: func(_ backup.StoredPart, r io.Reader) io.Reader {
		return &metered{r: r, m: meter}
	}}
}

// meter counts down over all readers of a source.
type meter struct {
	mu   sync.Mutex
	left int64
	at   func() error
}

type metered struct {
	r io.Reader
	m *meter
}

func (r *metered) Read(p []byte) (int, error) {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.m.left <= 0 {
		if err := r.m.at(); err != nil {
			return 0, err
		}
	}
	if r.m.left > 0 {
		p = p[:min(int64(len(p)), r.m.left)]
	}
	n, err := r.r.Read(p)
	r.m.left -= int64(n)
	return n, err
}

// ctxReader ends with the context's cause once the context is over.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
