package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
)

// restoreTables puts single tables into a database, all in one transaction: they
// are there with everything that is theirs, or nothing has changed. The database
// is made, under another name until it is filled, if it is not there.
func (r *restorer) restoreTables(ctx context.Context) (err error) {
	pick, err := r.pick()
	if err != nil {
		return err
	}
	exists, err := r.preflightTables(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.dropRoles(ctx))
		}
	}()
	r.roles = slices.DeleteFunc(r.roles, func(o role) bool { return !pick.names(o.Name) })
	if err := r.makeRoles(ctx); err != nil {
		return err
	}
	if r.work = r.target.Database; !exists {
		r.work = workName(r.target.Database, workMark)
		if err := r.create(ctx); err != nil {
			return err
		}
	}
	err = r.fillTables(ctx, pick)
	err = errors.Join(err, r.pool.close(ctx))
	if err == nil && !exists {
		err = r.admin.exec(ctx, "COMMENT ON DATABASE "+ident(r.work)+" IS NULL")
	}
	if err == nil && !exists {
		err = r.admin.rename(ctx, r.work, r.target.Database)
	}
	if err != nil {
		return errors.Join(err, r.discard(ctx, r.work))
	}
	return nil
}

// preflightTables is preflight for tables: an existing database is what they go
// into, and only they must not be there.
func (r *restorer) preflightTables(ctx context.Context) (exists bool, err error) {
	overwrite, extensions := r.target.Overwrite, r.props.Extensions
	// The name, rights and version rules are the same; what a whole database
	// needs beyond them, one table may not.
	if exists, err = r.admin.hasDatabase(ctx, r.target.Database); err != nil {
		return false, err
	}
	if exists {
		if err := r.checkVersion(); err != nil {
			return false, err
		}
		return true, r.checkTablespaces(ctx)
	}
	r.target.Overwrite, r.props.Extensions = false, nil
	_, err = r.preflight(ctx)
	r.target.Overwrite, r.props.Extensions = overwrite, extensions
	return false, err
}

// A picked set is what belongs to the tables that are wanted.
type picked struct {
	wanted  map[int]bool // IDs of TABLE entries
	entries map[int]bool
	toc     *archive.Archive
	byID    map[int]*archive.Entry
}

// pick finds the wanted tables in the archive with what they need and what is
// theirs. A partitioned table comes with its partitions.
func (r *restorer) pick() (*picked, error) {
	p := &picked{wanted: map[int]bool{}, entries: map[int]bool{}, toc: r.toc, byID: make(map[int]*archive.Entry, len(r.toc.Entries))}
	for i := range r.toc.Entries {
		p.byID[r.toc.Entries[i].ID] = &r.toc.Entries[i]
	}
	for _, name := range r.target.Tables {
		e := p.find(name)
		if e == nil {
			return nil, engine.ErrTableNotFound.Because(nil, "table", name)
		}
		p.wanted[e.ID] = true
	}
	p.addPartitions()
	for id := range p.wanted {
		p.need(id)
	}
	p.addOwn()
	return p, nil
}

// find returns the table of a name, "schema.name" or "name"; of several of the
// same name the one in public.
func (p *picked) find(name string) *archive.Entry {
	var found []*archive.Entry
	for i := range p.toc.Entries {
		e := &p.toc.Entries[i]
		if e.Desc == "TABLE" && (e.Namespace+"."+e.Tag == name || e.Tag == name) {
			found = append(found, e)
		}
	}
	for _, e := range found {
		if len(found) == 1 || e.Namespace+"."+e.Tag == name || e.Namespace == "public" {
			return e
		}
	}
	return nil
}

// addPartitions adds the partitions of wanted tables, and theirs.
func (p *picked) addPartitions() {
	for more := true; more; {
		more = false
		for i := range p.toc.Entries {
			e := &p.toc.Entries[i]
			if e.Desc != "TABLE ATTACH" {
				continue
			}
			parent, child := false, 0
			for _, d := range e.Deps {
				t := p.byID[d]
				switch {
				case t == nil || t.Desc != "TABLE":
				case t.Namespace == e.Namespace && t.Tag == e.Tag:
					child = t.ID
				case p.wanted[t.ID]:
					parent = true
				}
			}
			if parent && child != 0 && !p.wanted[child] {
				p.wanted[child] = true
				more = true
			}
		}
	}
}

// need adds an entry and what it needs.
func (p *picked) need(id int) {
	if p.entries[id] {
		return
	}
	e := p.byID[id]
	if e == nil || e.Section == archive.PostData && e.Desc != "CONSTRAINT" && e.Desc != "INDEX" {
		return
	}
	p.entries[id] = true
	for _, d := range e.Deps {
		p.need(d)
	}
}

// addOwn adds what belongs to the wanted tables: indexes, constraints, defaults,
// triggers, grants, comments.
func (p *picked) addOwn() {
	own := []string{"DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY", "COMMENT", "ACL", "INDEX", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER",
		"POLICY", "ROW SECURITY", "RULE", "STATISTICS", "INDEX ATTACH", "TABLE ATTACH", "SECURITY LABEL"}
	mine := map[int]bool{}
	for id := range p.wanted {
		mine[id] = true
	}
	// Twice: a comment may be on an index, an index on the table.
	for range 2 {
		for i := range p.toc.Entries {
			e := &p.toc.Entries[i]
			if mine[e.ID] || !slices.Contains(own, e.Desc) || !slices.ContainsFunc(e.Deps, func(d int) bool { return mine[d] }) {
				continue
			}
			mine[e.ID] = true
			p.entries[e.ID] = true
			if e.Desc == "FK CONSTRAINT" {
				continue // the other table is not asked for
			}
			for _, d := range e.Deps {
				p.need(d)
			}
		}
	}
}

// names reports whether an entry speaks of a role.
func (p *picked) names(o backup.Name) bool {
	for i := range p.toc.Entries {
		e := &p.toc.Entries[i]
		if p.entries[e.ID] && (e.Owner == string(o) || e.Pass() == archive.Grants && strings.Contains(e.Defn, string(o)) || e.Desc == "POLICY" && strings.Contains(e.Defn, string(o))) {
			return true
		}
	}
	return false
}

// fillTables does the work of restoreTables in one transaction.
func (r *restorer) fillTables(ctx context.Context, p *picked) (err error) {
	c, err := r.pool.take(ctx)
	if err != nil {
		return err
	}
	defer func() { r.pool.give(ctx, c, err == nil) }()
	if err := c.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	r.tx = savepoints
	if err := r.clearTables(ctx, c, p); err != nil {
		return err
	}
	r.target.Observe(backup.Progress{Phase: backup.PhaseSchema})
	if err := r.makePicked(ctx, c, p, archive.PreData, archive.Main); err != nil {
		return err
	}
	if err := r.loadPicked(ctx, c, p); err != nil {
		return err
	}
	if err := r.makePicked(ctx, c, p, archive.PostData, archive.Main); err != nil {
		return err
	}
	for _, pass := range []archive.Pass{archive.Grants, archive.AfterGrants} {
		for _, section := range []archive.Section{archive.PreData, archive.PostData} {
			if err := r.makePicked(ctx, c, p, section, pass); err != nil {
				return err
			}
		}
	}
	r.report(p)
	return c.exec(ctx, "COMMIT")
}

// clearTables looks whether the wanted tables are there, and drops them if they
// may be replaced. What others need of them is not dropped with them.
func (r *restorer) clearTables(ctx context.Context, c *conn, p *picked) error {
	for id := range p.wanted {
		e := p.byID[id]
		there, err := c.query(ctx, "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "+literal(e.Namespace)+" AND c.relname = "+literal(e.Tag))
		if err != nil {
			return fmt.Errorf("look for table: %w", err)
		}
		if len(there) == 0 {
			continue
		}
		if !r.target.Overwrite {
			return ErrTableExists.Because(nil, "table", objectName(e), "database", r.target.Database)
		}
		if err := c.exec(ctx, "DROP TABLE "+qualified(e.Namespace, e.Tag)); err != nil {
			return ErrTableNeeded.Because(err, "table", objectName(e), "message", firstLine(err))
		}
	}
	return nil
}

func (r *restorer) makePicked(ctx context.Context, c *conn, p *picked, section archive.Section, pass archive.Pass) error {
	for _, e := range r.toc.Sections(section) {
		if p.entries[e.ID] && e.Pass() == pass {
			if err := r.make(ctx, c, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadPicked loads the rows and sets the sequences of the wanted tables.
func (r *restorer) loadPicked(ctx context.Context, c *conn, p *picked) error {
	loads, err := r.loads()
	if err != nil {
		return err
	}
	want := map[string]bool{}
	for i := range r.toc.Entries {
		if e := &r.toc.Entries[i]; p.wanted[e.ID] || e.Desc == "SEQUENCE" && p.entries[e.ID] {
			want[qualified(e.Namespace, e.Tag)] = true
		}
	}
	r.total = 0
	for _, l := range loads {
		for _, leaf := range l.detail.Leaves {
			if want[qualified(leaf.Schema, leaf.Name)] && !want[l.quoted()] {
				return engine.ErrUnsupported.Because(nil, "what", "restore the partition "+leaf.String()+" without "+l.part.Table.String())
			}
		}
	}
	loads = slices.DeleteFunc(loads, func(l *load) bool { return !want[l.quoted()] })
	for _, l := range loads {
		r.total += l.part.Bytes
	}
	for _, l := range loads {
		err := r.load(ctx, c, l, loadOptions{})
		if pgCode(err) == codeCheck && l.detail.Root != "" {
			err = r.load(ctx, c, l, loadOptions{viaRoot: true})
		}
		if err != nil && pgCode(err) != "" {
			err = r.load(ctx, c, l, loadOptions{setup: "SET LOCAL search_path = " + string(r.path)})
		}
		if err != nil {
			return ErrRows.Because(err, "table", l.part.Table.String(), "message", firstLine(err))
		}
	}
	var seqs []sequence
	if err := r.readJSON(ctx, partSequences, &seqs); err != nil {
		return err
	}
	for _, s := range seqs {
		if want[qualified(s.Schema, s.Name)] {
			if err := c.exec(ctx, setvalSQL([]sequence{s})); err != nil {
				return fmt.Errorf("set sequence %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// report turns what failed into a warning. What was needed and is there already
// is no failure.
func (r *restorer) report(p *picked) {
	var out []string
	for _, f := range r.failed {
		switch pgCode(f.err) {
		case "42710", "42P07", "42723", "42P06": // it exists
			if !p.wanted[f.e.ID] {
				continue
			}
		}
		out = append(out, f.e.Desc+" "+objectName(f.e)+": "+firstLine(f.err))
	}
	r.failed = nil
	if len(out) == 0 {
		return
	}
	const most = 10
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("... (%d more)", len(out)-most))
	}
	r.warn(ErrLeftOut.Because(nil, "table", strings.Join(r.target.Tables, ", "), "objects", strings.Join(out, "; ")))
}
