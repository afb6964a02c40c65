package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	driver "modernc.org/sqlite"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// magic begins every SQLite 3 file that is not empty
// (https://www.sqlite.org/fileformat2.html, 1.3).
const magic = "SQLite format 3\x00"

// The result codes we tell apart (https://www.sqlite.org/rescode.html).
const (
	codeBusy     = 5
	codeLocked   = 6
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// patience is how long a lock of another program is waited for, in
// milliseconds.
const patience = "busy_timeout(10000)"

// conn is the one connection to a database.
type conn struct {
	*sql.Conn
	db      *sql.DB
	path    string
	release func()
}

// open connects to a file that exists. mode is ro or rw.
func open(ctx context.Context, path, mode string, pragmas ...string) (*conn, error) {
	release, err := held.hold(path)
	if err != nil {
		return nil, explain(ctx, err, path)
	}
	db, err := sql.Open("sqlite", uri(path, mode, pragmas...))
	if err != nil {
		release()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	c, err := db.Conn(ctx)
	if err != nil {
		err = errors.Join(explain(ctx, err, path), db.Close())
		release()
		return nil, err
	}
	return &conn{Conn: c, db: db, path: path, release: release}, nil
}

// Close ends the connection, and with it any transaction.
func (c *conn) Close() error {
	defer c.release()
	return errors.Join(c.Conn.Close(), c.db.Close())
}

// exec runs statements.
func (c *conn) exec(ctx context.Context, statements ...string) error {
	for _, text := range statements {
		if _, err := c.ExecContext(ctx, text); err != nil {
			return explain(ctx, err, c.path)
		}
	}
	return nil
}

// one reads one value.
func (c *conn) one(ctx context.Context, into any, query string, args ...any) error {
	return explain(ctx, c.QueryRowContext(ctx, query, args...).Scan(into), c.path)
}

// strings reads a column.
func (c *conn) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(ctx, err, c.path)
	}
	defer rows.Close()
	list := []string{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, explain(ctx, err, c.path)
		}
		list = append(list, s)
	}
	return list, explain(ctx, rows.Err(), c.path)
}

// uri writes an address as SQLite reads it (https://www.sqlite.org/uri.html).
func uri(path, mode string, pragmas ...string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // C:/x
	}
	text := "file://" + (&url.URL{Path: p}).EscapedPath() + "?mode=" + mode + "&_pragma=" + patience
	for _, p := range pragmas {
		text += "&_pragma=" + url.QueryEscape(p)
	}
	return text
}

// openToRead connects without changing the database.
//
// Read-only is right unless the file is in WAL mode and nobody has it open: a
// read-only connection would make -wal and -shm and could not remove them
// again. And after a crash only a connection that may write can roll back.
func openToRead(ctx context.Context, path string) (*conn, error) {
	head, err := header(path)
	if err != nil {
		return nil, err
	}
	mode := "ro"
	if len(head) > 18 && head[18] == 2 {
		if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
			mode = "rw"
		}
	}
	c, err := beginRead(ctx, path, mode)
	if mode == "ro" && codeOf(err)&0xff == codeReadOnly {
		return beginRead(ctx, path, "rw")
	}
	return c, err
}

// beginRead opens a read transaction, which lasts until the connection is
// closed: all queries see one state.
func beginRead(ctx context.Context, path, mode string) (*conn, error) {
	c, err := open(ctx, path, mode, "query_only(1)", "mmap_size(0)")
	if err != nil {
		return nil, err
	}
	var n int
	err = c.exec(ctx, "BEGIN")
	if err == nil {
		err = c.one(ctx, &n, "SELECT count(*) FROM sqlite_schema") // the first read begins it
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// header returns the start of a file and fails unless it can be a database. It
// is empty for an empty file, which is an empty database.
func header(path string) ([]byte, error) {
	b, err := held.peek(path)
	if err != nil {
		return nil, meaning(err, path)
	}
	if len(b) > 0 && !strings.HasPrefix(string(b), magic) {
		return nil, ErrNotDatabase.Because(nil, "path", path)
	}
	return b, nil
}

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 100)
	n, err := io.ReadFull(f, b)
	return b[:n], errors.Join(f.Close(), ignore(err, io.EOF, io.ErrUnexpectedEOF))
}

func ignore(err error, which ...error) error {
	for _, w := range which {
		if errors.Is(err, w) {
			return nil
		}
	}
	return err
}

// codeOf returns SQLite's extended result code, 0 when err is none of its.
func codeOf(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

// explain gives an error of SQLite or the system its code. When ctx is over,
// its cause is the reason.
func explain(ctx context.Context, err error, path string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return meaning(err, path)
}

// meaning gives an error of SQLite or the file system its problem.
func meaning(err error, path string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return err
	}
	switch codeOf(err) & 0xff {
	case codeBusy, codeLocked:
		return ErrBusy.Because(err, "path", path)
	case codeCorrupt:
		return ErrCorrupt.Because(err, "path", path)
	case codeNotADB:
		return ErrNotDatabase.Because(err, "path", path)
	case codeFull:
		return engine.ErrNoRoom.Because(err, "place", path)
	case codeIO:
		if noRoom(path) { // SQLite says so when it cannot make its file of shared memory
			return engine.ErrNoRoom.Because(err, "place", path)
		}
	case codeReadOnly, codeCantOpen:
		if _, serr := os.Stat(path); errors.Is(serr, fs.ErrNotExist) {
			return engine.ErrNoDatabase.Because(err, "database", path)
		}
		return engine.ErrPrivilege.Because(err, "user", account(), "object", path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return engine.ErrNoDatabase.Because(err, "database", path)
	case errors.Is(err, fs.ErrPermission):
		return engine.ErrPrivilege.Because(err, "user", account(), "object", path)
	case errors.Is(err, syscall.ENOSPC):
		return engine.ErrNoRoom.Because(err, "place", path)
	}
	return fmt.Errorf("use %s: %w", path, err)
}
