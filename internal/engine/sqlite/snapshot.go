package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// The one part of a backup: the pages of the file.
const (
	partName = "database"
	format   = "sqlite"
)

// detail is what the manifest keeps of a database.
type detail struct {
	JournalMode string   `json:"journal_mode"`
	PageSize    int      `json:"page_size"`
	Encoding    string   `json:"encoding"`
	Tables      []string `json:"tables"` // without SQLite's own
}

// Snapshot implements [engine.Server]. A database in WAL mode is read under a
// read transaction, which stops nobody. One with a rollback journal is first
// copied to the temporary folder, because its writers wait as long as it is
// read; see DECISIONS.md.
func (s *server) Snapshot(ctx context.Context, database string, _ engine.SnapshotOptions) (engine.Snapshot, error) {
	snap, err := s.snapshot(ctx, database)
	if err != nil {
		return nil, fmt.Errorf("snapshot of %s: %w", database, err)
	}
	return snap, nil
}

func (s *server) snapshot(ctx context.Context, database string) (*snapshot, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	path, err := s.existing(database)
	if err != nil {
		return nil, err
	}
	c, err := openToRead(ctx, path)
	if err != nil {
		return nil, err
	}
	snap := &snapshot{conn: c}
	err = snap.describe(ctx)
	if err == nil && snap.detail.JournalMode != "wal" {
		err = snap.spoolTo(ctx, s.temp)
	}
	if err != nil {
		return nil, errors.Join(err, snap.Close())
	}
	return snap, nil
}

// snapshot is a database in a read transaction, or a copy of it.
type snapshot struct {
	detail detail
	pages  int64

	mu    sync.Mutex
	conn  *conn    // nil once it was copied
	spool *os.File // the copy, if there is one
}

func (s *snapshot) describe(ctx context.Context) error {
	for query, into := range map[string]any{
		"PRAGMA journal_mode": &s.detail.JournalMode,
		"PRAGMA page_size":    &s.detail.PageSize,
		"PRAGMA encoding":     &s.detail.Encoding,
		"PRAGMA page_count":   &s.pages,
	} {
		if err := s.conn.one(ctx, into, query); err != nil {
			return err
		}
	}
	var err error
	s.detail.Tables, err = s.conn.strings(ctx,
		`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	return err
}

// spoolTo copies the pages to a temporary file and lets the database go.
func (s *snapshot) spoolTo(ctx context.Context, dir string) error {
	f, err := os.CreateTemp(dir, "rahat-sqlite-*.tmp") // mode 0600
	if err != nil {
		return explain(ctx, err, dir)
	}
	s.spool = f
	if runtime.GOOS != "windows" {
		// Without a name it is gone with us, however we end.
		if err := os.Remove(f.Name()); err != nil {
			return explain(ctx, err, f.Name())
		}
	}
	if err := s.writePages(ctx, f); err != nil {
		return explain(ctx, err, dir)
	}
	err = s.conn.Close()
	s.conn = nil
	return err
}

// Parts implements [engine.Snapshot].
func (s *snapshot) Parts() []backup.Part {
	return []backup.Part{{
		Name: partName, Kind: backup.Pages, Format: format, Exact: true,
		PageSize: s.detail.PageSize, Estimate: s.pages * int64(s.detail.PageSize),
	}}
}

// Dump implements [engine.Snapshot].
func (s *snapshot) Dump(ctx context.Context, part backup.Part, w io.Writer) error {
	if part.Name != partName {
		return fmt.Errorf("dump %s: no such part", part.Name)
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("dump %s: %w", part.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	switch {
	case s.spool != nil:
		size := s.pages * int64(s.detail.PageSize)
		err = copyAll(ctx, w, io.NewSectionReader(s.spool, 0, size), size)
	case s.conn != nil:
		err = s.writePages(ctx, w)
	default:
		err = os.ErrClosed
	}
	if err == nil {
		err = context.Cause(ctx) // the last pages may have come with the cancel
	}
	if err != nil {
		return fmt.Errorf("dump %s: %w", part.Name, err)
	}
	return nil
}

// writePages writes the file's pages in order, as the read transaction sees
// them. sqlite_dbpage (https://www.sqlite.org/dbpage.html) reads them through
// SQLite's own page cache, so that pages still in the WAL are seen too.
func (s *snapshot) writePages(ctx context.Context, w io.Writer) error {
	rows, err := s.conn.QueryContext(ctx, "SELECT data FROM sqlite_dbpage ORDER BY pgno")
	if err != nil {
		return explain(ctx, err, s.conn.path)
	}
	defer rows.Close()
	buf := bufio.NewWriterSize(w, 256<<10)
	var n int64
	var page sql.RawBytes
	for ; rows.Next(); n++ {
		if err := rows.Scan(&page); err != nil {
			return explain(ctx, err, s.conn.path)
		}
		if len(page) != s.detail.PageSize {
			return engine.ErrChanged.Because(fmt.Errorf("page %d has %d bytes", n+1, len(page)), "object", s.conn.path)
		}
		if _, err := buf.Write(page); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return explain(ctx, err, s.conn.path)
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if n != s.pages {
		return engine.ErrChanged.Because(fmt.Errorf("%d pages of %d", n, s.pages), "object", s.conn.path)
	}
	return buf.Flush()
}

// Describe implements [engine.Snapshot].
func (s *snapshot) Describe() engine.Description {
	b, err := json.Marshal(s.detail)
	if err != nil {
		panic("encode a struct of strings and numbers: " + err.Error())
	}
	return engine.Description{ServerVersion: version(), Detail: b}
}

// Close implements [io.Closer].
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
		s.conn = nil
	}
	if s.spool != nil {
		errs = append(errs, s.spool.Close())
		if runtime.GOOS == "windows" {
			errs = append(errs, os.Remove(s.spool.Name()))
		}
		s.spool = nil
	}
	return errors.Join(errs...)
}

// copyAll copies exactly size bytes, as long as ctx lasts.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, size int64) error {
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, &ctxReader{ctx: ctx, r: r}, make([]byte, 256<<10))
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, want %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return err
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
