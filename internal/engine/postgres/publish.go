package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// workMark stands in the name of every database that is being filled.
const workMark = ".rahat-"

// asideMark stands in the name of one that is being replaced. It must never be
// taken for an unfinished one: until the new database has its name, it is the
// only whole one.
const asideMark = ".before-rahat-"

var workRE = regexp.MustCompile(`\.rahat-[0-9a-f]{8}$`)

// workName returns a fresh name that says whose it is.
func workName(database, mark string) string {
	var b [4]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	if limit := maxName - len(mark) - 8; len(database) > limit {
		database = database[:limit]
		for !utf8.ValidString(database) && len(database) > limit-4 {
			database = database[:len(database)-1]
		}
	}
	return database + mark + hex.EncodeToString(b[:])
}

// create makes the empty work database with the source's encoding and locale,
// claimed and marked as unfinished.
func (r *restorer) create(ctx context.Context) error {
	if _, err := r.admin.claim(ctx, r.work); err != nil {
		return err
	}
	if err := r.createEmpty(ctx); err != nil {
		return err
	}
	if err := r.admin.exec(ctx, "COMMENT ON DATABASE "+ident(r.work)+" IS "+literal(unfinished)); err != nil {
		return errors.Join(fmt.Errorf("mark database: %w", err), r.discard(ctx, r.work))
	}
	return nil
}

func (r *restorer) createEmpty(ctx context.Context) error {
	err := r.admin.exec(ctx, r.createSQL(r.props))
	if err != nil && r.target.Scratch && pgCode(err) != "" {
		// A proof is worth more than the sort order.
		p := *r.props
		p.Provider, p.Collate, p.Ctype, p.Locale, p.ICURules = "c", "C", "C", "", ""
		first := err
		if err = r.admin.exec(ctx, r.createSQL(&p)); err == nil {
			r.warn(ErrLocale.Because(first, "locale", r.localeName(), "address", r.s.cfg.Address))
		}
	}
	switch pgCode(err) {
	case "":
	case codePrivilege:
		return engine.ErrTargetPrivilege.Because(err, "user", r.s.cfg.User, "address", r.s.cfg.Address)
	case "22023", "42809", "22000", "0A000", codeUndefinedFile:
		return ErrLocale.Because(err, "locale", r.localeName(), "address", r.s.cfg.Address)
	case codeExists:
		return engine.ErrTargetExists.Because(err, "database", r.work)
	}
	if err != nil {
		return fmt.Errorf("make database: %w", err)
	}
	return nil
}

func (r *restorer) localeName() string {
	if r.props.Locale != "" {
		return r.props.Locale + " (" + r.props.Encoding + ")"
	}
	return r.props.Collate + " (" + r.props.Encoding + ")"
}

func (r *restorer) createSQL(p *properties) string {
	q := "CREATE DATABASE " + ident(r.work) + " TEMPLATE template0 ENCODING " + literal(p.Encoding) +
		" LC_COLLATE " + literal(p.Collate) + " LC_CTYPE " + literal(p.Ctype)
	switch {
	case p.Provider == "i":
		q += " LOCALE_PROVIDER icu ICU_LOCALE " + literal(p.Locale)
		if p.ICURules != "" {
			q += " ICU_RULES " + literal(p.ICURules)
		}
	case p.Provider == "b":
		q += " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + literal(p.Locale)
	case r.major >= 15:
		q += " LOCALE_PROVIDER libc"
	}
	if t := p.Tablespace; t != "" && t != "pg_default" && !r.noTablespace[string(t)] {
		q += " TABLESPACE " + ident(t)
	}
	return q
}

// publish gives the work database its properties and then its name: from then on
// it is the restored database. An existing one steps aside first and is dropped
// last, so that there is a whole database under the name at all times but one
// moment, and after any failure.
func (r *restorer) publish(ctx context.Context, exists bool) error {
	if err := r.setProperties(ctx); err != nil {
		return err
	}
	if !exists {
		if err := r.admin.rename(ctx, r.work, r.target.Database); err != nil {
			if pgCode(err) == codeExists {
				return engine.ErrTargetExists.Because(err, "database", r.target.Database)
			}
			return err
		}
		r.work = r.target.Database
		return nil
	}
	old := workName(r.target.Database, asideMark)
	if err := r.admin.rename(ctx, r.target.Database, old); err != nil {
		return err
	}
	// From here on the old database must come back if ours does not.
	if err := r.admin.rename(context.WithoutCancel(ctx), r.work, r.target.Database); err != nil {
		if berr := r.admin.rename(context.WithoutCancel(ctx), old, r.target.Database); berr != nil {
			return errors.Join(err, ErrLeftBehind.Because(berr, "database", old))
		}
		return err
	}
	r.work = r.target.Database
	if err := r.s.drop(context.WithoutCancel(ctx), r.admin, old); err != nil {
		r.warn(ErrLeftBehind.Because(err, "database", old))
	}
	return nil
}

// renameTries is how often others are shown the door before a rename gives up.
const renameTries = 50

// rename renames a database, ending the sessions in it.
func (c *conn) rename(ctx context.Context, from, to string) error {
	var err error
	for range renameTries {
		if err = c.terminate(ctx, from); err != nil {
			break
		}
		if err = c.exec(ctx, "ALTER DATABASE "+ident(from)+" RENAME TO "+ident(to)); err == nil {
			return nil
		}
		if pgCode(err) != codeInUse {
			break
		}
		select { // a session needs a moment to end
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if pgCode(err) == codeInUse || pgCode(err) == codePrivilege {
		return ErrInUse.Because(err, "database", from)
	}
	return fmt.Errorf("rename database: %w", err)
}

// terminate ends the sessions in a database.
func (c *conn) terminate(ctx context.Context, database string) error {
	return c.exec(ctx, "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid() AND datname = "+literal(database))
}

// discard drops a database that must not be taken for whole. What cannot be
// dropped is named.
func (r *restorer) discard(ctx context.Context, database string) error {
	if !workRE.MatchString(database) {
		return nil // it has been published
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	admin := r.admin
	if admin.pg.IsClosed() { // the server may have come back
		c, err := r.s.connect(ctx, r.s.maintenance(), 0, nil)
		if err != nil {
			return ErrLeftBehind.Because(err, "database", database)
		}
		defer func() { _ = c.close(ctx) }() // nothing hangs on it
		admin = c
	}
	if err := r.s.drop(ctx, admin, database); err != nil {
		return ErrLeftBehind.Because(err, "database", database)
	}
	return nil
}

// listGUC are the settings whose stored value is a list that is quoted element by
// element already (GUC_LIST_QUOTE in the server's source).
var listGUC = regexp.MustCompile(`(?i)^(local_preload_libraries|search_path|session_preload_libraries|shared_preload_libraries|temp_tablespaces|unix_socket_directories)$`)

// setProperties gives the work database what ALTER DATABASE, GRANT and COMMENT
// gave the source. It comes last, because settings such as read-only would stop
// us. What the server refuses becomes a warning.
func (r *restorer) setProperties(ctx context.Context) error {
	db := ident(r.work)
	p := r.props
	var stmts []string
	comment := "NULL" // instead of our own
	if p.Comment != nil {
		comment = literal(*p.Comment)
	}
	stmts = append(stmts, "COMMENT ON DATABASE "+db+" IS "+comment)
	for _, s := range p.Settings {
		stmts = append(stmts, settingSQL(db, s))
	}
	if p.HasACL {
		stmts = append(stmts, "REVOKE ALL ON DATABASE "+db+" FROM PUBLIC; REVOKE ALL ON DATABASE "+db+" FROM CURRENT_USER")
	}
	stmts = append(stmts, "ALTER DATABASE "+db+" OWNER TO "+ident(p.Owner))
	stmts = append(stmts, grantsSQL("DATABASE "+db, p.Owner, p.HasACL, p.Grants)...)
	if p.ConnLimit >= 0 {
		stmts = append(stmts, fmt.Sprintf("ALTER DATABASE %s CONNECTION LIMIT %d", db, p.ConnLimit))
	}
	if p.IsTemplate {
		stmts = append(stmts, "ALTER DATABASE "+db+" IS_TEMPLATE true")
	}
	for _, sql := range stmts {
		err := r.admin.exec(ctx, sql)
		if err != nil && pgCode(err) == "" {
			return fmt.Errorf("set database properties: %w", err)
		}
		if err != nil {
			r.warn(ErrStatement.Because(err, "object", "DATABASE "+r.target.Database, "message", firstLine(err)))
			if err := r.admin.exec(ctx, "RESET SESSION AUTHORIZATION"); err != nil {
				return fmt.Errorf("set database properties: %w", err)
			}
		}
	}
	return nil
}

func settingSQL(db string, s setting) string {
	value := literal(s.Value)
	if listGUC.MatchString(s.Name) {
		value = string(s.Value)
		if value == "" {
			value = "''"
		}
	}
	parts := strings.SplitN(s.Name, ".", 2)
	for i := range parts {
		parts[i] = ident(parts[i])
	}
	who := "ALTER DATABASE " + db
	if s.Role != "" {
		who = "ALTER ROLE " + ident(s.Role) + " IN DATABASE " + db
	}
	return who + " SET " + strings.Join(parts, ".") + " TO " + value
}

// setPublic gives the schema public its owner and exactly its grants.
func (r *restorer) setPublic(ctx context.Context, c *conn) error {
	p := r.props
	if !p.Public || p.PublicOwner == "" {
		return nil
	}
	now, err := c.one(ctx, "SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = 'public'")
	if err != nil {
		return fmt.Errorf("read owner of public: %w", err)
	}
	stmts := grantsSQL("SCHEMA public", p.PublicOwner, true, p.PublicGrants)
	if backup.Name(now) != p.PublicOwner && (p.PublicOwner != "pg_database_owner" || r.major >= 14) {
		stmts = append([]string{"ALTER SCHEMA public OWNER TO " + ident(p.PublicOwner)}, stmts...)
	}
	for _, sql := range stmts {
		err := c.exec(ctx, sql)
		if err != nil && pgCode(err) == "" {
			return fmt.Errorf("set grants of public: %w", err)
		}
		if err != nil {
			r.warn(ErrStatement.Because(err, "object", "SCHEMA public", "message", firstLine(err)))
			if err := c.exec(ctx, "RESET SESSION AUTHORIZATION"); err != nil {
				return fmt.Errorf("set grants of public: %w", err)
			}
		}
	}
	return nil
}

// grantsSQL gives an object exactly the grants of a list, each from the role that
// gave it.
func grantsSQL(object string, owner backup.Name, replace bool, grants []grant) []string {
	if !replace {
		return nil
	}
	out := []string{"REVOKE ALL ON " + object + " FROM PUBLIC; REVOKE ALL ON " + object + " FROM " + ident(owner)}
	// The owner's own come first: others may pass on only what they have.
	for _, own := range []bool{true, false} {
		for _, g := range grants {
			if (g.Grantor == owner) != own {
				continue
			}
			sql := "GRANT " + g.Privilege + " ON " + object + " TO " + grantee(g.Grantee)
			if g.Grantable {
				sql += " WITH GRANT OPTION"
			}
			if !own {
				sql = "SET SESSION AUTHORIZATION " + literal(g.Grantor) + "; " + sql + "; RESET SESSION AUTHORIZATION"
			}
			out = append(out, sql)
		}
	}
	return out
}

func grantee(n backup.Name) string {
	if n == "" {
		return "PUBLIC"
	}
	return ident(n)
}

// Drop implements [engine.Dropper].
func (s *server) Drop(ctx context.Context, database string) (err error) {
	c, err := s.connect(ctx, s.maintenance(), 0, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	return s.drop(ctx, c, database)
}

// drop removes a database with its subscriptions, which would hold it. The slot
// a subscription has on another server is left alone: that server may not even
// be there.
func (s *server) drop(ctx context.Context, admin *conn, database string) error {
	rows, err := admin.query(ctx, `SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = `+literal(database))
	if err != nil {
		return fmt.Errorf("look for subscriptions: %w", err)
	}
	if len(rows) > 0 {
		if err := s.dropSubscriptions(ctx, database, rows); err != nil {
			return err
		}
	}
	for range renameTries {
		if err = admin.terminate(ctx, database); err != nil {
			return fmt.Errorf("end sessions of %s: %w", database, err)
		}
		if err = admin.exec(ctx, "DROP DATABASE IF EXISTS "+ident(database)); pgCode(err) != codeInUse {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	if pgCode(err) == "42809" { // a template
		if err = admin.exec(ctx, "ALTER DATABASE "+ident(database)+" IS_TEMPLATE false"); err == nil {
			err = admin.exec(ctx, "DROP DATABASE IF EXISTS "+ident(database))
		}
	}
	if err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

func (s *server) dropSubscriptions(ctx context.Context, database string, subs []row) (err error) {
	c, err := s.connect(ctx, database, 0, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	for _, r := range subs {
		name := ident(r.str(0))
		for _, sql := range []string{"ALTER SUBSCRIPTION " + name + " DISABLE", "ALTER SUBSCRIPTION " + name + " SET (slot_name = NONE)", "DROP SUBSCRIPTION " + name} {
			if err := c.exec(ctx, sql); err != nil {
				return fmt.Errorf("drop subscription %s: %w", r.str(0), err)
			}
		}
	}
	return nil
}
