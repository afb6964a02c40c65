package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
	"github.com/rahatbackup/rahat/internal/problem"
)

// A restorer brings one backup back into one server.
type restorer struct {
	s      *server
	src    engine.Source
	target engine.Target
	m      *backup.Manifest

	props *properties
	roles []role
	toc   *archive.Archive
	parts map[backup.Name]*backup.StoredPart

	admin *conn // to the maintenance database
	super bool
	// createsRoles: the account may make roles.
	createsRoles bool
	major        int         // of the target server
	version      string      // of the target server, as it says it
	work         string      // the database that is being filled
	made         []string    // roles made by us
	pool         connPool    // connections to work
	path         backup.Name // the database's own search_path, as SET takes it

	extensionVersion map[backup.Name]string // to be asked for, where it is not the default
	noTablespace     map[string]bool        // tablespaces the target lacks
	tx               txStyle

	rows, bytes, indexed atomic.Int64
	total                int64
	items                int64

	mu       sync.Mutex
	warnings []*problem.Problem
	dropped  int // warnings past the limit
	failed   []failure
}

// A failure is an entry that could not be made.
type failure struct {
	e   *archive.Entry
	sql string
	err error
}

// Restore implements [engine.Server].
func (s *server) Restore(ctx context.Context, src engine.Source, target engine.Target) (engine.Restored, error) {
	r := newRestorer(s, src, target)
	err := noRoom(r.run(ctx), s.cfg.Address)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), onlyLeftBehind(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped > 0 {
		r.warnings = append(r.warnings, ErrMore.Because(nil, "count", strconv.Itoa(r.dropped)))
	}
	return engine.Restored{Rows: r.rows.Load(), Bytes: r.bytes.Load(), Warnings: slices.Clone(r.warnings)}, err
}

func newRestorer(s *server, src engine.Source, target engine.Target) *restorer {
	target.Streams = max(1, target.Streams)
	if target.Observe == nil {
		target.Observe = func(backup.Progress) {}
	}
	return &restorer{s: s, src: src, target: target, m: src.Manifest(), parts: map[backup.Name]*backup.StoredPart{},
		extensionVersion: map[backup.Name]string{}, noTablespace: map[string]bool{}}
}

// onlyLeftBehind keeps of an error what a person must still clean up.
func onlyLeftBehind(err error) error {
	if errors.Is(err, ErrLeftBehind) {
		return err
	}
	return nil
}

func (r *restorer) run(ctx context.Context) (err error) {
	r.target.Observe(backup.Progress{Phase: backup.PhaseConnect})
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.reach(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.admin.close(ctx)) }()
	r.pool.open = r.openWork
	if err := r.sweep(ctx); err != nil {
		return err
	}
	if len(r.target.Tables) > 0 {
		return r.restoreTables(ctx)
	}
	return r.restoreDatabase(ctx)
}

// reach connects to the maintenance database; the caller closes admin.
func (r *restorer) reach(ctx context.Context) (err error) {
	if r.admin, err = r.s.connect(ctx, r.s.maintenance(), 0, nil); err != nil {
		return err
	}
	r.major, r.version = r.admin.version.Major, r.admin.pg.ParameterStatus("server_version")
	return nil
}

// restoreDatabase makes a whole database. It is filled under another name, so
// that one that was not finished never looks whole, whatever happens to us.
func (r *restorer) restoreDatabase(ctx context.Context) (err error) {
	exists, err := r.preflight(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.dropRoles(ctx))
		}
	}()
	if err := r.makeRoles(ctx); err != nil {
		return err
	}
	r.work = workName(r.target.Database, workMark)
	if err := r.create(ctx); err != nil {
		return err
	}
	err = r.fill(ctx)
	err = errors.Join(err, r.pool.close(ctx))
	if err == nil {
		err = r.publish(ctx, exists)
	}
	if err != nil {
		return errors.Join(err, r.discard(ctx, r.work))
	}
	return nil
}

// fill makes everything in the work database.
func (r *restorer) fill(ctx context.Context) error {
	r.target.Observe(backup.Progress{Phase: backup.PhaseSchema})
	c, err := r.pool.take(ctx)
	if err != nil {
		return err
	}
	defer func() { r.pool.give(ctx, c, true) }()
	for name, there := range map[string]bool{"SCHEMA public": r.props.Public, "EXTENSION plpgsql": r.props.PLpgSQL} {
		if !there {
			if err := c.exec(ctx, "DROP "+name); err != nil {
				return fmt.Errorf("drop %s of the new database: %w", name, err)
			}
		}
	}
	for _, e := range r.toc.Sections(archive.PreData) {
		if e.Pass() == archive.Main {
			if err := r.make(ctx, c, e); err != nil {
				return err
			}
		}
	}
	if err := r.loadAndIndex(ctx); err != nil {
		return err
	}
	for _, pass := range []archive.Pass{archive.Grants, archive.AfterGrants} {
		for _, section := range []archive.Section{archive.PreData, archive.PostData} {
			for _, e := range r.toc.Sections(section) {
				if e.Pass() == pass {
					if err := r.make(ctx, c, e); err != nil {
						return err
					}
				}
			}
		}
	}
	if err := r.retryFailed(ctx, c); err != nil {
		return err
	}
	return r.setPublic(ctx, c)
}

// read fetches what is small: the description, the roles and the schema.
func (r *restorer) read(ctx context.Context) (err error) {
	for i := range r.m.Parts {
		p := &r.m.Parts[i]
		r.parts[p.Name] = p
		r.total += p.Bytes
	}
	if r.props, err = parseProperties(r.m.Detail); err != nil {
		return err
	}
	if err := r.readJSON(ctx, partRoles, &r.roles); err != nil {
		return err
	}
	p := r.parts[partSchema]
	if p == nil {
		return ErrDamaged.Because(nil, "what", string(partSchema))
	}
	in, err := r.src.Open(ctx, *p)
	if err != nil {
		return fmt.Errorf("open schema: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if r.toc, err = archive.Read(in); err != nil {
		if errors.Is(err, archive.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrDamaged.Because(err, "what", string(partSchema))
		}
		return err
	}
	// The part is proven right only when all of it was read.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	r.path = `"$user", public`
	for _, s := range r.props.Settings {
		if s.Role == "" && strings.EqualFold(s.Name, "search_path") {
			r.path = s.Value
		}
	}
	return nil
}

// readJSON reads a small part; one that is not there leaves v as it is.
func (r *restorer) readJSON(ctx context.Context, name backup.Name, v any) (err error) {
	p := r.parts[name]
	if p == nil {
		return nil
	}
	in, err := r.src.Open(ctx, *p)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	b, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return ErrDamaged.Because(err, "what", string(name))
	}
	return nil
}

// openWork opens a connection to the work database, which runs under the
// archive's encoding and is free to be fast: the database counts only once it
// is renamed, and that waits for the disk.
func (r *restorer) openWork(ctx context.Context) (*conn, error) {
	std := "on"
	if !r.toc.StdStrings {
		std = "off"
	}
	return r.s.connect(ctx, r.work, r.major, map[string]string{
		"client_encoding": r.toc.Encoding, "standard_conforming_strings": std,
		"synchronous_commit": "off", "maintenance_work_mem": "256MB",
	})
}

// make runs an entry's statements. The server's refusal of one is remembered and
// does not end the restore; anything else does.
func (r *restorer) make(ctx context.Context, c *conn, e *archive.Entry) error {
	defn := e.Defn
	switch {
	case e.Desc == "EXTENSION":
		defn = r.extensionSQL(e)
	case e.Pass() == archive.Grants:
		return r.grantOneByOne(ctx, c, e)
	}
	for _, set := range e.Setup() {
		value := set[1]
		if set[0] == "default_tablespace" && r.noTablespace[value] {
			value = ""
		}
		if err := r.try(ctx, c, e, "SET "+set[0]+" = "+literal(value)); err != nil {
			return err
		}
	}
	if err := r.try(ctx, c, e, defn); err != nil {
		return err
	}
	if e.TableAM != "" && e.RelKind == 'p' {
		if err := r.try(ctx, c, e, "ALTER TABLE "+qualified(e.Namespace, e.Tag)+" SET ACCESS METHOD "+ident(e.TableAM)); err != nil {
			return err
		}
	}
	return r.try(ctx, c, e, e.OwnerSQL())
}

// try runs SQL for an entry; see make.
func (r *restorer) try(ctx context.Context, c *conn, e *archive.Entry, sql string) error {
	if strings.TrimSpace(sql) == "" {
		return nil
	}
	err := r.tx.exec(ctx, c, sql)
	if err == nil {
		return nil
	}
	if pgCode(err) == "" || c.pg.IsClosed() || ctx.Err() != nil {
		return fmt.Errorf("make %s %s: %w", e.Desc, e.Tag, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, failure{e, sql, err})
	return nil
}

// grantOneByOne runs the statements of a grant each by itself: when a role of one
// is missing, the others still count.
func (r *restorer) grantOneByOne(ctx context.Context, c *conn, e *archive.Entry) error {
	if err := r.tx.exec(ctx, c, e.Defn); err == nil {
		return nil
	} else if pgCode(err) == "" {
		return fmt.Errorf("make %s %s: %w", e.Desc, e.Tag, err)
	}
	for _, sql := range statements(e.Defn) {
		if err := r.try(ctx, c, e, sql); err != nil {
			return err
		}
	}
	return nil
}

// statements splits SQL that has no other quoting than '...' and "...", as
// grants have.
func statements(sql string) []string {
	var out []string
	var quote byte
	start := 0
	for i := range len(sql) {
		switch ch := sql[i]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '\'' || ch == '"':
			quote = ch
		case ch == ';':
			out = append(out, sql[start:i+1])
			start = i + 1
		}
	}
	if strings.TrimSpace(sql[start:]) != "" {
		out = append(out, sql[start:])
	}
	return out
}

// extensionSQL asks for the version the source had, where the target has it and
// would choose another.
func (r *restorer) extensionSQL(e *archive.Entry) string {
	v := r.extensionVersion[backup.Name(e.Tag)]
	if v == "" {
		return e.Defn
	}
	return strings.TrimRight(e.Defn, ";\n ") + " VERSION " + literal(v) + ";"
}

// retryFailed runs what failed once more, with the search path people's sessions
// have: functions that lean on it work there and only there. What fails again
// becomes a warning.
func (r *restorer) retryFailed(ctx context.Context, c *conn) error {
	failed := r.failed
	r.failed = nil
	if len(failed) == 0 {
		return nil
	}
	if err := c.exec(ctx, "SET search_path = "+string(r.path)); err != nil && pgCode(err) == "" {
		return err
	}
	for _, f := range failed {
		err := c.exec(ctx, f.sql)
		if err != nil && pgCode(err) == "" {
			return fmt.Errorf("make %s %s: %w", f.e.Desc, f.e.Tag, err)
		}
		if err != nil && !harmless(f, err) {
			r.warn(ErrStatement.Because(f.err, "object", strings.TrimSpace(f.e.Desc+" "+objectName(f.e)), "message", firstLine(f.err)))
		}
	}
	return c.exec(ctx, "SET search_path = ''")
}

func objectName(e *archive.Entry) string {
	if e.Namespace == "" {
		return e.Tag
	}
	return e.Namespace + "." + e.Tag
}

// harmless knows the refusals that mean nothing: a setting that a newer pg_dump
// makes and an older server does not have, and a thing that is there already
// because its first try got that far.
func harmless(f failure, err error) bool {
	msg := firstLine(f.err)
	if strings.HasPrefix(msg, `unrecognized configuration parameter "transaction_timeout"`) {
		return true
	}
	switch f.e.Desc {
	case "EXTENSION", "SCHEMA":
		return pgCode(err) == "42710" || pgCode(err) == "42P06"
	case "COMMENT":
		// Only an extension's owner may comment on it, and it has the
		// comment already.
		return pgCode(err) == codePrivilege && strings.HasPrefix(f.e.Tag, "EXTENSION ")
	}
	return false
}

// maxWarnings is how many warnings a restore keeps.
const maxWarnings = 100

func (r *restorer) warn(p *problem.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.warnings) >= maxWarnings {
		r.dropped++
		return
	}
	r.warnings = append(r.warnings, p)
}
