package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/build/step"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// streams is how many parts are written and read at once, as the agent does.
const streams = 2

// StreamCommand is the word by which the benchmark starts itself for one
// measurement, so that the memory of it is the repository's alone.
const StreamCommand = "bench-stream"

// A streamCost is what writing or reading a generated stream took.
type streamCost struct {
	Seconds float64 `json:"seconds"`
	Peak    int64   `json:"peak"` // most memory held, bytes
}

// stream shows that memory does not grow with the size of a database: a
// generated one, ten times the real one, goes into a repository and comes back.
func (b *bench) stream(ctx context.Context) error {
	b.say("%.0f MB of generated rows into a repository and back", float64(b.opt.Stream)/1e6)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	folder := filepath.Join(b.dir, "stream")
	said, err := step.Cmd(self, StreamCommand, folder, strconv.FormatInt(b.opt.Stream, 10)).Output(ctx)
	if err != nil {
		return err
	}
	var spent struct{ Write, Read streamCost }
	if err := json.Unmarshal([]byte(said), &spent); err != nil {
		return fmt.Errorf("read measurement: %w", err)
	}
	size := fmt.Sprintf("%.0f GiB", float64(b.opt.Stream)/(1<<30))
	rate := func(c streamCost) string { return fmt.Sprintf("%.0f MB/s", float64(b.opt.Stream)/1e6/c.Seconds) }
	b.add("most memory, backup of "+size+", MB", float64(spent.Write.Peak)/1e6, atMost(200), rate(spent.Write), "")
	b.add("most memory, restore of "+size+", MB", float64(spent.Read.Peak)/1e6, atMost(200), rate(spent.Read), "")
	return os.RemoveAll(folder)
}

// Stream is the measurement itself, in a process of its own. It prints what
// writing and reading cost.
func Stream(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("a folder and a size are needed")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("read size: %w", err)
	}
	st, err := local.Create(args[0])
	if err != nil {
		return err
	}
	secret := repository.NewSecret()
	repo, err := repository.Create(ctx, st, repository.Slots{Secret: secret}, repository.Options{Machine: "bench"})
	if err != nil {
		return err
	}
	var m *backup.Manifest
	write, err := peaked(func() (err error) {
		m, err = writeStreams(ctx, repo, size)
		return err
	})
	if err != nil {
		return errors.Join(err, repo.Close())
	}
	read, err := peaked(func() error { return readStreams(ctx, repo, m) })
	if err := errors.Join(err, repo.Close()); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]streamCost{"write": write, "read": read})
}

// peaked runs work and says what it cost this process.
func peaked(work func() error) (streamCost, error) {
	if err := resetPeak(os.Getpid()); err != nil {
		return streamCost{}, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return streamCost{}, err
	}
	took := time.Since(began)
	peak, err := memory(os.Getpid(), "VmHWM")
	return streamCost{took.Seconds(), peak}, err
}

func writeStreams(ctx context.Context, repo *repository.Repository, size int64) (*backup.Manifest, error) {
	now := time.Now().UTC()
	w, err := repo.Begin(ctx, backup.Manifest{ID: backup.NewID(now), Type: backup.Full, Engine: "postgres", Machine: "bench",
		Server: "bench", Database: "stream", Started: now}, nil)
	if err != nil {
		return nil, err
	}
	var work errgroup.Group
	for i := range streams {
		work.Go(func() error {
			part, err := w.Part(backup.Part{Name: backup.Name("rows" + strconv.Itoa(i)), Kind: backup.Rows, Key: 1, Format: "pg_copy_text"})
			if err != nil {
				return err
			}
			if err := writeRows(part, uint64(i), size/streams); err != nil {
				part.Abort()
				return err
			}
			return part.Close()
		})
	}
	if err := work.Wait(); err != nil {
		return nil, errors.Join(err, w.Abort(ctx))
	}
	m, err := w.Commit(ctx, func(m *backup.Manifest) { m.Finished = time.Now().UTC() })
	if err != nil {
		return nil, errors.Join(err, w.Abort(ctx))
	}
	return m, nil
}

// writeRows writes about size bytes of rows that differ, in the order of their
// key and about as compressible as rows are.
func writeRows(w io.Writer, seed uint64, size int64) error {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var tails [4096][]byte
	for i := range tails {
		tails[i] = fmt.Appendf(nil, "\tcustomer %d\tpaid\tdeliver to %x, %x\t2024-05-%02d 10:%02d:00+00\n", i*7919, rnd.Uint64(), rnd.Uint32(), 1+i%28, i%60)
	}
	var buf bytes.Buffer
	for id, written := int64(1), int64(0); written < size; id++ {
		fmt.Fprintf(&buf, "%d\t%d.%02d", id, rnd.IntN(100000), rnd.IntN(100))
		buf.Write(tails[rnd.IntN(len(tails))])
		if buf.Len() < 64<<10 {
			continue
		}
		written += int64(buf.Len())
		if _, err := w.Write(buf.Bytes()); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		buf.Reset()
	}
	return nil
}

// readStreams reads every part back; the repository checks what it reads.
func readStreams(ctx context.Context, repo *repository.Repository, m *backup.Manifest) error {
	source := repo.Source(m)
	var work errgroup.Group
	for _, part := range m.Parts {
		work.Go(func() error {
			r, err := source.Open(ctx, part)
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, r)
			if err := errors.Join(err, r.Close()); err != nil {
				return fmt.Errorf("read rows: %w", err)
			}
			if n != part.Bytes {
				return fmt.Errorf("read rows: got %d of %d bytes", n, part.Bytes)
			}
			return nil
		})
	}
	return work.Wait()
}
