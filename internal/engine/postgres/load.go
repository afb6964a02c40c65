package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
)

// A load is the work on one table's rows.
type load struct {
	part   *backup.StoredPart
	detail tableDetail
	err    error // why the last try failed
}

// binary reports whether the rows are in the form that is not counted in lines.
func (l *load) binary() bool { return l.part.Format == formatBinary }

// empty reports whether the table has no rows.
func (l *load) empty() bool { return l.part.Rows == 0 && !l.binary() }

func (l *load) quoted() string { return qualified(l.part.Table.Schema, l.part.Table.Name) }

// loads returns the tables of the backup.
func (r *restorer) loads() ([]*load, error) {
	var out []*load
	for i := range r.m.Parts {
		p := &r.m.Parts[i]
		if p.Table == nil {
			continue
		}
		l := &load{part: p}
		if len(p.Detail) > 0 {
			if err := json.Unmarshal(p.Detail, &l.detail); err != nil {
				return nil, ErrDamaged.Because(err, "what", string(p.Name))
			}
		}
		if l.detail.Encoding == "" {
			l.detail.Encoding = r.props.Encoding
		}
		out = append(out, l)
	}
	return out, nil
}

// loadAndIndex loads all rows and makes what the post-data section has, each as
// soon as what it needs is there: a table's indexes when its rows are in, the
// rest when all rows are.
func (r *restorer) loadAndIndex(ctx context.Context) error {
	loads, err := r.loads()
	if err != nil {
		return err
	}
	entries := slices.DeleteFunc(r.toc.Sections(archive.PostData), func(e *archive.Entry) bool { return e.Pass() != archive.Main })
	b := &jobs{r: r, byID: map[int]*job{}, tables: map[string]*job{}}
	b.addLoads(loads)
	b.addBarrier()
	b.addEntries(entries)
	b.addAnalyze(loads)
	r.items = int64(len(entries))
	if err := acyclic(b.all); err != nil {
		return err
	}
	if err := runJobs(ctx, &r.pool, r.target.Streams, b.all); err != nil {
		return err
	}
	if len(b.late) == 0 {
		return nil
	}
	return r.lastResort(ctx, b.late)
}

// jobs builds the graph of a restore's parallel work.
type jobs struct {
	r       *restorer
	all     []*job
	byID    map[int]*job    // post-data entries
	tables  map[string]*job // loads, by quoted name
	barrier *job            // all rows are in

	mu   sync.Mutex
	late []*load // not loaded yet
}

func (b *jobs) addLoads(loads []*load) {
	for i, l := range loads {
		j := &job{name: l.quoted(), weight: l.part.Bytes, order: i}
		j.run = func(ctx context.Context, c *conn) error { return b.load(ctx, c, l) }
		b.tables[l.quoted()] = j
		for _, leaf := range l.detail.Leaves {
			b.tables[qualified(leaf.Schema, leaf.Name)] = j
		}
		b.all = append(b.all, j)
	}
}

// load loads a table; one that fails is tried again when the others are in.
func (b *jobs) load(ctx context.Context, c *conn, l *load) error {
	err := b.r.load(ctx, c, l, loadOptions{})
	if pgCode(err) == codeCheck && l.detail.Root != "" {
		// A leaf's rows belong to another leaf here: hashes of enums
		// hang on object numbers, which are new.
		err = b.r.load(ctx, c, l, loadOptions{viaRoot: true})
	}
	if err == nil {
		return nil
	}
	if pgCode(err) == "" {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.err = err
	b.late = append(b.late, l)
	return nil
}

// addBarrier adds the job between rows and what needs all of them: the second
// tries, the sequences, the large objects.
func (b *jobs) addBarrier() {
	b.barrier = &job{name: "rows", after: slices.Clone(b.all)}
	b.barrier.run = func(ctx context.Context, c *conn) error {
		var err error
		if b.late, err = b.r.loadAgain(ctx, c, b.late); err != nil {
			return err
		}
		return b.r.setSequences(ctx, c)
	}
	large := &job{name: "large objects", run: b.r.loadLargeObjects}
	if p := b.r.parts[partLargeObjects]; p != nil {
		large.weight = p.Bytes
	}
	b.barrier.after = append(b.barrier.after, large)
	b.all = append(b.all, large, b.barrier)
}

// addEntries adds the post-data entries. What an entry needs is in the archive;
// a table it needs means the table's rows.
func (b *jobs) addEntries(entries []*archive.Entry) {
	tables := map[int]*job{} // by ID of the TABLE entry
	isTable := map[int]bool{}
	for i := range b.r.toc.Entries {
		if e := &b.r.toc.Entries[i]; e.Desc == "TABLE" {
			isTable[e.ID] = true
			tables[e.ID] = b.tables[qualified(e.Namespace, e.Tag)]
		}
	}
	for i, e := range entries {
		j := &job{name: e.Desc + " " + e.Tag, order: i}
		j.run = func(ctx context.Context, c *conn) error { return b.r.index(ctx, c, e) }
		for _, d := range e.Deps {
			if t := tables[d]; t != nil {
				j.after = append(j.after, t)
				j.weight = max(j.weight, t.weight/indexShare)
			}
			if dep := b.byID[d]; dep != nil {
				j.after = append(j.after, dep)
			}
			if isTable[d] && e.Desc != "INDEX" && e.Desc != "STATISTICS" {
				j.locks = append(j.locks, d)
			}
		}
		slices.Sort(j.locks)
		j.locks = slices.Compact(j.locks)
		if e.Desc != "INDEX" && e.Desc != "CONSTRAINT" {
			j.after = append(j.after, b.barrier)
		}
		b.byID[e.ID] = j
		b.all = append(b.all, j)
	}
}

// What indexes and statistics cost beside loading rows, about: an index an
// eighth of its table, statistics as much as loading a sample of the rows.
const (
	indexShare  = 8
	analyzeCost = 8 << 20
)

// index makes one post-data entry.
func (r *restorer) index(ctx context.Context, c *conn, e *archive.Entry) error {
	err := r.make(ctx, c, e)
	r.target.Observe(backup.Progress{Phase: backup.PhaseIndex, Item: objectName(e), Done: r.indexed.Add(1), Total: r.items})
	return err
}

type loadOptions struct {
	viaRoot bool   // into the topmost partitioned table
	setup   string // statements for the transaction
}

// load loads a table's rows in one transaction. A table that has just been made
// and that nothing else writes to is emptied in the same transaction, which
// lets the server write its rows as frozen, and without a log where it keeps
// none. Leaves are never emptied: rows may have come into them through the root.
func (r *restorer) load(ctx context.Context, c *conn, l *load, opt loadOptions) (err error) {
	if l.empty() && !l.detail.Config {
		return nil
	}
	target, copyOpt, first := l.quoted(), "ENCODING "+literal(l.detail.Encoding), ""
	if l.binary() {
		copyOpt = "FORMAT binary"
	}
	switch {
	case opt.viaRoot:
		target = qualified(l.detail.RootSchema, l.detail.Root)
	case l.detail.Config:
		// The extension's own script may have put rows there.
		first = "DELETE FROM ONLY " + target + " " + l.detail.Where
	case l.detail.Root == "" && len(r.target.Tables) == 0:
		first, copyOpt = "TRUNCATE ONLY "+target, "FREEZE, "+copyOpt
	}
	in, err := r.src.Open(ctx, *l.part)
	if err != nil {
		return fmt.Errorf("open %s: %w", l.part.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := c.exec(ctx, joinSQL(r.tx.begin(), opt.setup, first)); err != nil {
		return errors.Join(err, r.tx.rollback(ctx, c))
	}
	cols := ""
	if len(l.part.Table.Columns) > 0 {
		cols = " (" + idents(l.part.Table.Columns) + ")"
	}
	meter := &loadMeter{r: r, in: in, item: l.part.Table.String()}
	tag, err := c.pg.CopyFrom(ctx, meter, "COPY "+target+cols+" FROM STDIN WITH ("+copyOpt+")")
	if meter.err != nil {
		err = fmt.Errorf("read %s: %w", l.part.Name, meter.err)
	} else if err = c.fail(ctx, err); err == nil && tag.RowsAffected() != l.part.Rows && !l.binary() {
		err = fmt.Errorf("load %s: %d rows of %d arrived", l.part.Name, tag.RowsAffected(), l.part.Rows)
	}
	if err != nil {
		r.bytes.Add(-meter.n)
		return errors.Join(err, r.tx.rollback(ctx, c))
	}
	if err := c.exec(ctx, r.tx.commit()); err != nil {
		r.bytes.Add(-meter.n)
		return errors.Join(err, r.tx.rollback(ctx, c))
	}
	r.rows.Add(tag.RowsAffected())
	return nil
}

func joinSQL(stmts ...string) string {
	return strings.Join(slices.DeleteFunc(stmts, func(s string) bool { return s == "" }), "; ")
}

// A loadMeter counts what is read and keeps the reader's error, which the server
// would otherwise return as its own.
type loadMeter struct {
	r    *restorer
	in   io.Reader
	item string
	n    int64
	err  error
}

func (m *loadMeter) Read(p []byte) (int, error) {
	n, err := m.in.Read(p)
	m.n += int64(n)
	done := m.r.bytes.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	m.r.target.Observe(backup.Progress{Phase: backup.PhaseLoad, Item: m.item, Done: done, Total: m.r.total})
	return n, err
}

// loadAgain tries the tables that failed: first as before, because a check may
// read a table that is full only now; then with the database's own search path.
func (r *restorer) loadAgain(ctx context.Context, c *conn, late []*load) ([]*load, error) {
	for _, setup := range []string{"", "", "SET LOCAL search_path = " + string(r.path)} {
		var left []*load
		for _, l := range late {
			err := r.load(ctx, c, l, loadOptions{setup: setup})
			switch {
			case err == nil:
			case pgCode(err) == "":
				return nil, err
			default:
				l.err = err
				left = append(left, l)
			}
		}
		late = left
	}
	return late, nil
}

// lastResort loads what nothing else could, after everything is made and without
// triggers. A check that the rows themselves break (it was made NOT VALID, or
// its function changed its mind) gives way and comes back unvalidated: rows are
// worth more than the check.
func (r *restorer) lastResort(ctx context.Context, late []*load) error {
	c, err := r.pool.take(ctx)
	if err != nil {
		return err
	}
	defer func() { r.pool.give(ctx, c, true) }()
	setup := "SET LOCAL session_replication_role = replica; SET LOCAL search_path = " + string(r.path)
	for _, l := range late {
		l.detail.Root = cmpOr(l.detail.Root, l.part.Table.Name) // no TRUNCATE any more: foreign keys stand
		err := r.load(ctx, c, l, loadOptions{setup: setup})
		if pgCode(err) == codeCheck {
			err = r.loadWithoutCheck(ctx, c, l, setup, err)
		}
		if err != nil {
			return ErrRows.Because(err, "table", l.part.Table.String(), "message", firstLine(err))
		}
	}
	return nil
}

func cmpOr(a, b backup.Name) backup.Name {
	if a != "" {
		return a
	}
	return b
}

// maxChecks is how many checks of one table may give way.
const maxChecks = 20

func (r *restorer) loadWithoutCheck(ctx context.Context, c *conn, l *load, setup string, err error) error {
	for range maxChecks {
		pe, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pe.Code != codeCheck || pe.ConstraintName == "" {
			return err
		}
		def, derr := c.query(ctx, "SELECT pg_catalog.pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c WHERE c.contype = 'c' AND c.conrelid = "+
			literal(l.quoted())+"::pg_catalog.regclass AND c.conname = "+literal(pe.ConstraintName))
		if derr != nil || len(def) != 1 {
			return errors.Join(err, derr)
		}
		alter := "ALTER TABLE ONLY " + l.quoted()
		if derr := c.exec(ctx, alter+" DROP CONSTRAINT "+ident(pe.ConstraintName)); derr != nil {
			return errors.Join(err, derr)
		}
		err = r.load(ctx, c, l, loadOptions{setup: setup})
		sql := strings.TrimSuffix(def[0].str(0), " NOT VALID") + " NOT VALID"
		if derr := c.exec(ctx, alter+" ADD CONSTRAINT "+ident(pe.ConstraintName)+" "+sql); derr != nil {
			return errors.Join(err, derr)
		}
		if err == nil {
			r.warn(ErrCheckDropped.Because(nil, "table", l.part.Table.String(), "constraint", pe.ConstraintName))
			return nil
		}
	}
	return err
}

// setSequences sets all sequences to where they stood.
func (r *restorer) setSequences(ctx context.Context, c *conn) error {
	var seqs []sequence
	if err := r.readJSON(ctx, partSequences, &seqs); err != nil {
		return err
	}
	for some := range slices.Chunk(seqs, batch) {
		if err := c.exec(ctx, setvalSQL(some)); err == nil {
			continue
		} else if pgCode(err) == "" {
			return fmt.Errorf("set sequences: %w", err)
		}
		for _, s := range some { // find the one
			err := c.exec(ctx, setvalSQL([]sequence{s}))
			if err != nil && pgCode(err) == "" {
				return fmt.Errorf("set sequences: %w", err)
			}
			if err != nil {
				r.warn(ErrStatement.Because(err, "object", "SEQUENCE SET "+string(s.Schema)+"."+string(s.Name), "message", firstLine(err)))
			}
		}
	}
	return nil
}

func setvalSQL(seqs []sequence) string {
	calls := make([]string, len(seqs))
	for i, s := range seqs {
		calls[i] = fmt.Sprintf("pg_catalog.setval(%s, %s, %v)", literal(qualified(s.Schema, s.Name)), s.Last, s.Called)
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// addAnalyze lets the planner know the tables, partitioned ones too, which no
// background process ever looks at. A throw-away server plans nothing.
func (b *jobs) addAnalyze(loads []*load) {
	if b.r.target.Scratch {
		return
	}
	after := map[string][]*job{} // by what is analyzed
	for _, l := range loads {
		name := l.quoted()
		if l.detail.Root != "" {
			name = qualified(l.detail.RootSchema, l.detail.Root)
		}
		if !l.empty() {
			after[name] = append(after[name], b.tables[l.quoted()])
		}
	}
	indexes := map[*job][]*job{} // by load
	for _, j := range b.byID {
		for _, dep := range j.after {
			indexes[dep] = append(indexes[dep], j)
		}
	}
	for name, needs := range after {
		j := &job{name: "analyze " + name, weight: analyzeCost, after: slices.Clone(needs)}
		for _, n := range needs {
			if n != b.barrier {
				j.after = append(j.after, indexes[n]...)
			}
		}
		j.run = func(ctx context.Context, c *conn) error { return b.r.analyze(ctx, c, name) }
		b.all = append(b.all, j)
	}
}

// analyze runs with the search path of people's sessions, which expressions of
// indexes may lean on.
func (r *restorer) analyze(ctx context.Context, c *conn, table string) error {
	err := c.exec(ctx, "SET search_path = "+string(r.path)+"; ANALYZE "+table+"; SET search_path = ''")
	if err != nil && pgCode(err) != "" {
		r.warn(ErrStatement.Because(err, "object", "ANALYZE "+table, "message", firstLine(err)))
		return nil
	}
	return err
}
