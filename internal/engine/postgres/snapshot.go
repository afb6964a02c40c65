package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
	"github.com/rahatbackup/rahat/internal/problem"
)

// newestKnown is the newest major version this program was tried with.
const newestKnown = 18

// snapshotTries is how often a snapshot is begun anew when tables changed while
// it was made.
const snapshotTries = 5

// errChanged says that the set of tables changed while the locks were taken.
var errChanged = errors.New("tables changed while they were locked")

// A snapshot is a consistent view of one database. Connection a holds a lock on
// every table and the exported snapshot; workers read under it. If a were
// dropped its finalizer would close it and with it the snapshot, so it is kept.
type snapshot struct {
	s        *server
	opt      engine.SnapshotOptions
	database string

	mu     sync.Mutex // guards a while rows are read on it
	a      *conn
	id     string
	poolOf connPool

	props    *properties
	tables   map[backup.Name]*table // by part
	parts    []backup.Part
	blobs    map[backup.Name][]byte // what is already here, by part: compressed
	point    string
	version  clienttool.Version
	raw      string // server_version as the server says it
	tool     clienttool.Tool
	smallMu  sync.Mutex // guards what follows, and blobs until parts are listed
	warnings []*problem.Problem
}

// Snapshot implements [engine.Server].
func (s *server) Snapshot(ctx context.Context, database string, opt engine.SnapshotOptions) (engine.Snapshot, error) {
	opt.Streams = max(1, opt.Streams)
	var busy error
	for range snapshotTries {
		snap := &snapshot{s: s, opt: opt, database: database, tables: map[backup.Name]*table{}, blobs: map[backup.Name][]byte{}}
		err := snap.open(ctx)
		if err == nil {
			return snap, nil
		}
		err = snap.fate(ctx, err)
		if cerr := snap.end(ctx); cerr != nil {
			err = errors.Join(err, cerr)
		}
		if !errors.Is(err, errChanged) {
			return nil, err
		}
		busy = err
	}
	return nil, ErrBusy.Because(busy, "database", database)
}

// open takes the locks, then the snapshot, then looks whether the tables are
// still the ones that were locked: TRUNCATE and the ALTER TABLEs that rewrite
// are seen by snapshots older than they are, as an empty table, so no table may
// be unlocked between the snapshot and the reading of its rows.
func (n *snapshot) open(ctx context.Context) error {
	probe, err := n.s.connect(ctx, n.database, 0, nil)
	if err != nil {
		return err
	}
	defer func() { _ = probe.close(ctx) }() // it only looked
	n.version, n.raw = probe.version, probe.pg.ParameterStatus("server_version")
	enc, err := clientEncoding(ctx, probe)
	if err != nil {
		return err
	}
	if enc != "UTF8" {
		if err := probe.exec(ctx, "SET client_encoding = "+literal(enc)); err != nil {
			return err
		}
	}
	more := map[string]string{"client_encoding": enc}
	if n.a, err = n.s.connect(ctx, n.database, n.version.Major, more); err != nil {
		return err
	}
	var warning *problem.Problem
	if n.tool, warning, err = n.s.findDump(ctx, n.version); err != nil {
		return err
	}
	n.warn(warning)
	if n.version.Major > newestKnown {
		n.warn(ErrNewerServer.Because(nil, "server", n.raw))
	}
	tables, err := n.lock(ctx, probe)
	if err != nil {
		return err
	}
	n.poolOf.open = func(ctx context.Context) (*conn, error) { return n.openWorker(ctx, more) }
	return n.read(ctx, tables, enc)
}

// clientEncoding chooses the encoding names and SQL travel in: UTF-8, except
// where the server cannot convert to it.
func clientEncoding(ctx context.Context, c *conn) (string, error) {
	enc, err := c.one(ctx, "SHOW server_encoding")
	if err != nil {
		return "", err
	}
	if enc == "SQL_ASCII" || enc == "MULE_INTERNAL" {
		return enc, nil
	}
	return "UTF8", nil
}

// lockBatch is how many tables one LOCK statement names.
const lockBatch = 500

// lock locks every table on a, by the list another connection sees, exports the
// snapshot, and returns the tables as the snapshot sees them.
func (n *snapshot) lock(ctx context.Context, probe *conn) ([]*table, error) {
	if err := n.a.exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return nil, err
	}
	seen, err := listTables(ctx, probe)
	if err != nil {
		return nil, err
	}
	locked := make(map[string]bool, len(seen))
	for some := range slices.Chunk(seen, lockBatch) {
		list := make([]string, len(some))
		for i, t := range some {
			list[i] = "ONLY " + t.quoted()
			locked[t.oid] = true
		}
		// LOCK takes no snapshot, so nothing is fixed yet.
		if err := n.a.exec(ctx, "LOCK TABLE "+strings.Join(list, ", ")+" IN ACCESS SHARE MODE"); err != nil {
			return nil, n.lockError(ctx, probe, err)
		}
	}
	rows, err := n.a.query(ctx, `SELECT pg_catalog.pg_export_snapshot(),
  CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END`)
	if err != nil {
		return nil, fmt.Errorf("export snapshot: %w", err)
	}
	n.id, n.point = rows[0].str(0), rows[0].str(1)
	tables, err := listTables(ctx, n.a)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if !locked[t.oid] {
			return nil, fmt.Errorf("%w: %s is new", errChanged, t)
		}
	}
	return tables, nil
}

// lockError sorts out what may hinder a lock: a table that is gone is a reason to
// look again, a missing right is not.
func (n *snapshot) lockError(ctx context.Context, probe *conn, err error) error {
	switch pgCode(err) {
	case codeNoTable, codeNoSchema, "55000", "40P01":
		return fmt.Errorf("%w: %w", errChanged, err)
	case codeMemory:
		return ErrLocks.Because(err, "database", n.database)
	case codePrivilege:
		rows, qerr := probe.query(ctx, `SELECT pg_catalog.format('%s.%s', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE `+wantedTables+` AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) ORDER BY 1 LIMIT 5`)
		object := quotedIn(firstLine(err))
		if qerr == nil && len(rows) > 0 {
			var list []string
			for _, r := range rows {
				list = append(list, r.str(0))
			}
			object = strings.Join(list, ", ")
		}
		return engine.ErrPrivilege.Because(err, "user", n.user(), "object", object)
	}
	return fmt.Errorf("lock tables: %w", err)
}

// user returns who we are on the server.
func (n *snapshot) user() string {
	if n.s.cfg.User != "" {
		return n.s.cfg.User
	}
	cfg, err := n.s.pgConfig(n.database)
	if err != nil {
		return ""
	}
	return cfg.User
}

// read reads everything but the rows, while pg_dump works beside.
func (n *snapshot) read(ctx context.Context, tables []*table, enc string) error {
	var toc *archive.Archive
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		var err error
		toc, err = n.dumpSchema(gctx, enc)
		return err
	})
	g.Go(func() error { return n.readCatalog(gctx, tables) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := n.agree(ctx, toc, tables); err != nil {
		return err
	}
	n.list(together(tables))
	return nil
}

// readCatalog reads on a all that is small.
func (n *snapshot) readCatalog(ctx context.Context, tables []*table) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var err error
	if n.props, err = readProperties(ctx, n.a); err != nil {
		return err
	}
	if err := describeTables(ctx, n.a, tables); err != nil {
		return err
	}
	seqs, err := listSequences(ctx, n.a)
	if err != nil {
		return n.privilege(err)
	}
	roles, err := readRoles(ctx, n.a)
	if err != nil {
		return n.privilege(err)
	}
	if err := n.keep(partRoles, roles); err != nil {
		return err
	}
	if len(seqs) > 0 {
		if err := n.keep(partSequences, seqs); err != nil {
			return err
		}
	}
	if err := n.largeObjects(ctx); err != nil {
		return n.privilege(err)
	}
	return n.look(ctx)
}

// privilege makes a missing right readable.
func (n *snapshot) privilege(err error) error {
	if pgCode(err) == codePrivilege {
		return engine.ErrPrivilege.Because(err, "user", n.user(), "object", denied(firstLine(err)))
	}
	return err
}

// keep stores a small part as JSON.
func (n *snapshot) keep(part backup.Name, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", part, err)
	}
	n.hold(part, b)
	return nil
}

// hold keeps a part's bytes until they are asked for.
func (n *snapshot) hold(part backup.Name, b []byte) {
	n.smallMu.Lock()
	defer n.smallMu.Unlock()
	n.blobs[part] = b
}

// look finds what a person should know of this database.
func (n *snapshot) look(ctx context.Context) error {
	rows, err := n.a.query(ctx, `SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() ORDER BY 1 LIMIT 20`)
	if err != nil {
		return fmt.Errorf("look at unlogged tables: %w", err)
	}
	if len(rows) > 0 {
		var list []string
		for _, r := range rows {
			list = append(list, r.str(0))
		}
		n.warn(ErrStandby.Because(nil, "tables", strings.Join(list, ", ")))
	}
	// pg_dump leaves subscriptions out for all but superusers.
	rows, err = n.a.query(ctx, `SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
WHERE d.datname = pg_catalog.current_database() AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)`)
	if err != nil {
		return fmt.Errorf("look at subscriptions: %w", err)
	}
	if len(rows) > 0 {
		n.warn(ErrSubscriptions.Because(nil, "database", n.database))
	}
	return n.lookAtCollation(ctx)
}

// lookAtCollation finds out whether the operating system's sort order changed
// under the database: its text indexes may then be wrong, which is why rows with
// text keys are never read through them.
func (n *snapshot) lookAtCollation(ctx context.Context) error {
	if n.version.Major < 15 {
		return nil
	}
	v, err := n.a.one(ctx, `SELECT coalesce(datcollversion <> pg_catalog.pg_database_collation_actual_version(oid), false) FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`)
	if err != nil {
		return fmt.Errorf("look at collation version: %w", err)
	}
	if v == "t" {
		n.warn(ErrCollation.Because(nil, "database", n.database))
	}
	return nil
}

func (n *snapshot) warn(p *problem.Problem) {
	if p == nil {
		return
	}
	n.smallMu.Lock()
	defer n.smallMu.Unlock()
	if !slices.ContainsFunc(n.warnings, func(q *problem.Problem) bool { return q.Error() == p.Error() }) {
		n.warnings = append(n.warnings, p)
	}
}

// Parts implements [engine.Snapshot].
func (n *snapshot) Parts() []backup.Part { return n.parts }

// Describe implements [engine.Snapshot].
func (n *snapshot) Describe() engine.Description {
	detail, err := json.Marshal(n.props)
	if err != nil { // plain strings and numbers
		n.warn(problem.Of(err))
	}
	n.smallMu.Lock()
	defer n.smallMu.Unlock()
	return engine.Description{Point: n.point, ServerVersion: n.raw, Tool: "pg_dump " + n.tool.Version.String(), Detail: detail, Warnings: slices.Clone(n.warnings)}
}

// Close implements [engine.Snapshot].
func (n *snapshot) Close() error { return n.end(context.Background()) }

// end closes all connections.
func (n *snapshot) end(ctx context.Context) error {
	err := n.poolOf.close(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.a != nil {
		err = errors.Join(err, n.a.close(ctx))
		n.a = nil
	}
	return err
}
