package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// The parts of a backup beside the tables. They are stored, so they are never
// renamed. Upper floors may sort by name; these sort apart from "table/".
const (
	partSchema       backup.Name = "schema"
	partRoles        backup.Name = "roles"
	partSequences    backup.Name = "sequences"
	partLargeObjects backup.Name = "largeobjects"      // pages of the large objects
	partLargeMeta    backup.Name = "largeobjects.meta" // owners, grants, comments
	tablePrefix                  = "table/"
)

// The formats of parts.
const (
	formatArchive = "pg_dump_custom"
	formatCopy    = "pg_copy_text"
	formatBinary  = "pg_copy_binary" // of a table with rows whose text the server cannot make
	formatJSON    = "json"
)

// tableDetail is the Detail of a table's part.
type tableDetail struct {
	Where      string      `json:"where,omitempty"`
	Config     bool        `json:"config,omitempty"`
	RootSchema backup.Name `json:"root_schema,omitempty"`
	Root       backup.Name `json:"root,omitempty"`
	Hash       bool        `json:"hash,omitempty"`
	Encoding   string      `json:"encoding"` // of the rows
	// Leaves are the tables whose rows are all in this part, of which the
	// part's table is the root.
	Leaves []backup.Table `json:"leaves,omitempty"`
}

// partName returns the name of a table's part. Names that hold a dot or a quote
// are quoted, so that two tables never share a part.
func partName(schema, name backup.Name) backup.Name {
	q := func(n backup.Name) backup.Name {
		if strings.ContainsAny(string(n), `."`) {
			return backup.Name(ident(n))
		}
		return n
	}
	return tablePrefix + q(schema) + "." + q(name)
}

// list makes the list of parts.
func (n *snapshot) list(tables []*table) {
	for _, t := range tables {
		d := tableDetail{Where: t.where, Config: t.config, RootSchema: t.rootSchema, Root: t.rootName, Hash: t.hash, Encoding: n.props.Encoding}
		for _, l := range t.leaves {
			d.Leaves = append(d.Leaves, backup.Table{Schema: l.schema, Name: l.name})
		}
		detail, err := json.Marshal(d)
		if err != nil { // plain strings
			detail = nil
		}
		p := backup.Part{Name: partName(t.schema, t.name), Kind: backup.Rows, Format: formatCopy, Key: len(t.key),
			Table: &backup.Table{Schema: t.schema, Name: t.name, Columns: names(t.columns)}, Detail: detail, Estimate: t.bytes}
		n.tables[p.Name] = t
		n.parts = append(n.parts, p)
	}
	for name, b := range n.blobs {
		p := backup.Part{Name: name, Kind: backup.Bytes, Format: formatJSON, Estimate: int64(len(b))}
		switch name {
		case partSchema:
			p.Format = formatArchive
			p.Estimate = 8 * int64(len(b)) // it is kept compressed
		case partSequences:
			p.Exact = true
		}
		n.parts = append(n.parts, p)
	}
	slices.SortFunc(n.parts, func(a, b backup.Part) int { return strings.Compare(string(a.Name), string(b.Name)) })
}

// Dump implements [engine.Snapshot].
func (n *snapshot) Dump(ctx context.Context, part backup.Part, w io.Writer) error {
	if err := n.dump(ctx, part, w); err != nil {
		return n.fate(ctx, err)
	}
	return context.Cause(ctx) // the last rows may have come with the cancel
}

func (n *snapshot) dump(ctx context.Context, part backup.Part, w io.Writer) error {
	if t, ok := n.tables[part.Name]; ok && part.Format == formatBinary {
		return n.tableError(t, n.dumpTable(ctx, n.plan(t, false), n.binarySQL, t, w))
	} else if ok {
		err := n.tableError(t, n.dumpTable(ctx, n.plan(t, n.opt.Unordered), n.copySQL, t, w))
		if errors.Is(err, ErrValueTooBig) {
			return &engine.Instead{Part: asBinary(part), Err: err}
		}
		return err
	}
	if part.Name == partLargeObjects {
		return n.dumpLargeObjects(ctx, w)
	}
	b, ok := n.blobs[part.Name]
	if !ok {
		return fmt.Errorf("dump %q: no such part", string(part.Name))
	}
	var r io.Reader = bytes.NewReader(b)
	if part.Name == partSchema {
		zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("read schema: %w", err)
		}
		defer zr.Close()
		r = zr
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("write %s: %w", part.Name, err)
	}
	return nil
}

// workerLockWait is how long a worker waits for a lock before the locking
// connection does its work: a change of the table may wait for that connection
// and stand in the worker's way, for ever.
const workerLockWait = "2s"

// openWorker opens a connection that sees what the snapshot sees.
func (n *snapshot) openWorker(ctx context.Context, more map[string]string) (*conn, error) {
	c, err := n.s.connect(ctx, n.database, n.version.Major, more)
	if err != nil {
		return nil, err
	}
	err = c.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT "+literal(n.id)+"; SET LOCAL lock_timeout = '"+workerLockWait+"'")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("join snapshot: %w", n.lost(ctx, err)), c.close(ctx))
	}
	return c, nil
}

// lost explains a snapshot that is not there any more by what became of the
// connection that held it.
func (n *snapshot) lost(ctx context.Context, err error) error {
	if code := pgCode(err); code != codeBadSnapshot && code != codeNoSuchSnapshot {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.a == nil {
		return err
	}
	if aerr := n.a.exec(ctx, "SELECT 1"); aerr != nil {
		return fmt.Errorf("%w: %w", aerr, err)
	}
	return err
}

// fateTime is how long a server may take to say whether a database is still
// there, of which a connection was lost.
const fateTime = 5 * time.Second

// fate tells a server that is lost from a database that is: DROP DATABASE WITH
// (FORCE) ends its connections as a shutdown does.
func (n *snapshot) fate(ctx context.Context, err error) error {
	if !errors.Is(err, engine.ErrServerLost) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fateTime)
	defer cancel()
	if errors.Is(n.alive(ctx), engine.ErrNoDatabase) {
		return engine.ErrNoDatabase.Because(err, "database", n.database)
	}
	return err
}

// alive asks the server whether the database is still there.
func (n *snapshot) alive(ctx context.Context) error {
	c, err := n.s.connect(ctx, n.database, 0, nil)
	if err != nil {
		return err
	}
	return c.close(ctx)
}

// A counted writer knows whether anything was written yet.
type counted struct {
	w io.Writer
	n int64
	e error // of w
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if err != nil {
		c.e = err
	}
	return n, err
}

// asBinary returns the part of a table in the form that holds values of up to 1 GB,
// as against half of that as text. It knows no rows, so it comes in the order of
// the key also when it is compared.
func asBinary(p backup.Part) backup.Part {
	p.Kind, p.Format, p.Key, p.Exact = backup.Bytes, formatBinary, 0, true
	return p
}

// dumpTable writes the rows of a table; sql makes the statement for an order.
func (n *snapshot) dumpTable(ctx context.Context, plan plan, sql func(t *table, order string) string, t *table, w io.Writer) error {
	sink := &counted{w: w}
	err := n.onWorker(ctx, func(c *conn) error { return n.copyOut(ctx, c, plan.setup, sql(t, plan.order), sink) })
	if sink.n == 0 && sink.e == nil && ctx.Err() == nil {
		switch pgCode(err) {
		case codeLockTimeout:
			err = n.onLocker(ctx, func(a *conn) error { return n.copyOut(ctx, a, plan.setup, sql(t, plan.order), sink) })
			n.warn(ErrDDLWaits)
		case codeConfigLimit, codeMemory:
			// No room to sort: the order is worth much to the next
			// backup, but nothing to this one.
			err = n.onWorker(ctx, func(c *conn) error { return n.copyOut(ctx, c, "", sql(t, ""), sink) })
		}
	}
	return err
}

// onWorker lends a worker connection to f, inside a savepoint so that the
// snapshot outlives an error.
func (n *snapshot) onWorker(ctx context.Context, f func(*conn) error) error {
	c, err := n.poolOf.take(ctx)
	if err != nil {
		return err
	}
	err = n.inSavepoint(ctx, c, f)
	n.poolOf.give(ctx, c, err == nil || pgCode(err) != "" && ctx.Err() == nil)
	return err
}

// onLocker lends the locking connection to f. Losing it ends the snapshot.
func (n *snapshot) onLocker(ctx context.Context, f func(*conn) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.a == nil {
		return errors.New("snapshot is closed")
	}
	return n.inSavepoint(ctx, n.a, f)
}

func (n *snapshot) inSavepoint(ctx context.Context, c *conn, f func(*conn) error) error {
	if err := c.exec(ctx, "SAVEPOINT part"); err != nil {
		return err
	}
	err := f(c)
	if c.pg.IsClosed() {
		return err
	}
	// Settings made for this table end with the savepoint in either case.
	if rerr := c.exec(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part"); err == nil {
		err = rerr
	}
	return err
}

// copyOut runs one COPY. An error of the writer stops it and is returned.
func (n *snapshot) copyOut(ctx context.Context, c *conn, setup, sql string, sink *counted) error {
	if setup != "" {
		if err := c.exec(ctx, setup); err != nil {
			return err
		}
	}
	c.skim.to(sink)
	defer c.skim.to(nil)
	_, err := c.pg.CopyTo(ctx, sink, sql)
	if sink.e != nil {
		return fmt.Errorf("write rows: %w", sink.e)
	}
	return c.fail(ctx, err)
}

// copySQL returns the COPY statement of a table. The rows come in the server's
// own encoding, so nothing is converted and nothing can fail to be.
func (n *snapshot) copySQL(t *table, order string) string {
	return n.copyOf(t, order) + "ENCODING " + literal(n.props.Encoding) + ")"
}

// binarySQL is copySQL for the binary form, in which text has the connection's
// encoding, that of the schema, whatever COPY is told.
func (n *snapshot) binarySQL(t *table, order string) string {
	return n.copyOf(t, order) + "FORMAT binary)"
}

func (n *snapshot) copyOf(t *table, order string) string {
	q := "COPY (SELECT " + idents(names(t.columns)) + " FROM " + t.from()
	if t.where != "" {
		q += " " + t.where
	}
	if order != "" {
		q += " ORDER BY " + order
	}
	return q + ") TO STDOUT WITH ("
}

// tableError says which table, and what a person can do.
func (n *snapshot) tableError(t *table, err error) error {
	switch pgCode(err) {
	case "":
		return err
	case codePrivilege:
		if strings.Contains(firstLine(err), "row-level security") || strings.Contains(firstLine(err), "row security") {
			return ErrRLS.Because(err, "table", t.String(), "user", n.user())
		}
		return engine.ErrPrivilege.Because(err, "user", n.user(), "object", t.String())
	case codeLimit, codeMemory, codeInternal:
		if msg := firstLine(err); strings.Contains(msg, "invalid memory alloc request size") || strings.Contains(msg, "out of memory") || pgCode(err) == codeLimit {
			return ErrValueTooBig.Because(err, "table", t.String())
		}
	case codeNoTable, codeLockTimeout:
		return engine.ErrChanged.Because(err, "object", t.String())
	}
	return fmt.Errorf("copy %s: %w", t, err)
}

// A plan says in which order rows come and how the server gets there.
type plan struct{ order, setup string }

const (
	// sortSetup makes the server sort instead of walking an index.
	sortSetup = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL work_mem = '64MB'"
	// wideRow is the width, in bytes, from which sorting whole rows costs
	// more than finding them.
	wideRow = 1000
	// bigHeap is the size, in pages of 8 KiB, from which reading a table in
	// an order that is not its own costs a disk access a row.
	bigHeap = 8192
)

// plan chooses the order of a table's rows: by key, because rows that stand
// beside each other every time are what deltas are made of. Text is ordered by
// bytes and always sorted, never read through its index: an index whose sort
// order the operating system changed may miss rows.
func (n *snapshot) plan(t *table, unordered bool) plan {
	if unordered || len(t.key) == 0 {
		return plan{}
	}
	p := plan{}
	var parts []string
	mustSort, random := false, false
	for i, k := range t.key {
		part := ident(k.name)
		if k.collatable {
			part += ` COLLATE pg_catalog."C"`
			mustSort = true
		}
		parts = append(parts, part)
		if i == 0 {
			random = k.typ == "uuid" || k.correlation < 0.5 && k.correlation > -0.5 && t.pages > bigHeap
		}
	}
	p.order = strings.Join(parts, ", ")
	wide := t.tuples > 0 && float64(t.pages)*8192/t.tuples > wideRow && t.pages < bigHeap
	if mustSort || random && !wide {
		p.setup = sortSetup
	}
	return p
}
