package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
)

// properties are what a database has beside its contents. They are the Detail of
// a manifest, so fields are added and never renamed.
type properties struct {
	Version    int         `json:"version"` // major of the server
	Name       backup.Name `json:"name"`
	Owner      backup.Name `json:"owner"`
	Encoding   string      `json:"encoding"`
	Provider   string      `json:"provider"` // c, i, b as in pg_database.datlocprovider
	Collate    string      `json:"collate"`
	Ctype      string      `json:"ctype"`
	Locale     string      `json:"locale,omitempty"` // of providers i and b
	ICURules   string      `json:"icu_rules,omitempty"`
	Tablespace backup.Name `json:"tablespace"`
	ConnLimit  int64       `json:"connection_limit"`
	IsTemplate bool        `json:"is_template,omitempty"`
	Comment    *string     `json:"comment,omitempty"`
	Grants     []grant     `json:"grants,omitempty"`
	HasACL     bool        `json:"has_acl,omitempty"` // Grants replace the defaults
	Settings   []setting   `json:"settings,omitempty"`
	Public     bool        `json:"public"`  // has the schema public
	PLpgSQL    bool        `json:"plpgsql"` // has the extension plpgsql
	// PublicOwner and PublicGrants are those of the schema public, which
	// pg_dump writes as a difference to what it believes a server has at
	// first, and that changed with version 15.
	PublicOwner  backup.Name `json:"public_owner,omitempty"`
	PublicGrants []grant     `json:"public_grants,omitempty"`
	Extensions   []extension `json:"extensions,omitempty"`
	// Tablespaces are those that its relations lie in, beside its own.
	Tablespaces []backup.Name `json:"tablespaces,omitempty"`
	// Collations are locales its collations need.
	Collations []string `json:"collations,omitempty"`
	SizeBytes  int64    `json:"size_bytes"`
}

type grant struct {
	Grantee   backup.Name `json:"grantee,omitempty"` // empty: PUBLIC
	Grantor   backup.Name `json:"grantor"`
	Privilege string      `json:"privilege"`
	Grantable bool        `json:"grantable,omitempty"`
}

type setting struct {
	Role  backup.Name `json:"role,omitempty"` // empty: all roles
	Name  string      `json:"name"`
	Value backup.Name `json:"value"`
}

type extension struct {
	Name    backup.Name `json:"name"`
	Version string      `json:"version"`
}

// readProperties reads what belongs to the database as a whole.
func readProperties(ctx context.Context, c *conn) (*properties, error) {
	p := &properties{Version: c.version.Major}
	provider := "'c', ''::pg_catalog.text, ''::pg_catalog.text"
	switch {
	case c.version.Major >= 17:
		provider = "d.datlocprovider, d.datlocale, d.daticurules"
	case c.version.Major == 16:
		provider = "d.datlocprovider, d.daticulocale, d.daticurules"
	case c.version.Major == 15:
		provider = "d.datlocprovider, d.daticulocale, ''::pg_catalog.text"
	}
	rows, err := c.query(ctx, `SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, `+provider+`,
  d.datconnlimit, d.datistemplate, pg_catalog.shobj_description(d.oid, 'pg_database'),
  (SELECT t.spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace), d.datacl IS NOT NULL,
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public'), EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'plpgsql'),
  pg_catalog.pg_database_size(d.oid)
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`)
	if err != nil {
		return nil, fmt.Errorf("read database properties: %w", err)
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("read database properties: %d rows", len(rows))
	}
	r := rows[0]
	p.Name, p.Owner, p.Encoding, p.Collate, p.Ctype = backup.Name(r.str(0)), backup.Name(r.str(1)), r.str(2), r.str(3), r.str(4)
	p.Provider, p.Locale, p.ICURules = r.str(5), r.str(6), r.str(7)
	p.ConnLimit, p.IsTemplate = r.int(8), r.bool(9)
	if !r.null(10) {
		comment := r.str(10)
		p.Comment = &comment
	}
	p.Tablespace, p.HasACL, p.Public, p.PLpgSQL, p.SizeBytes = backup.Name(r.str(11)), r.bool(12), r.bool(13), r.bool(14), r.int(15)
	return p, p.readLists(ctx, c)
}

// readLists reads grants, settings, extensions, tablespaces and collations.
func (p *properties) readLists(ctx context.Context, c *conn) error {
	for _, l := range []struct {
		what, sql string
		add       func(row)
	}{
		{"database grants", `SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, pg_catalog.pg_get_userbyid(a.grantor), a.privilege_type, a.is_grantable
FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a WHERE d.datname = pg_catalog.current_database()`, func(r row) {
			p.Grants = append(p.Grants, grant{backup.Name(r.str(0)), backup.Name(r.str(1)), r.str(2), r.bool(3)})
		}},
		{"database settings", `SELECT coalesce(pg_catalog.pg_get_userbyid(nullif(s.setrole, 0)), ''), kv
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, pg_catalog.unnest(s.setconfig) WITH ORDINALITY u(kv, n)
WHERE d.datname = pg_catalog.current_database() ORDER BY s.setrole, n`, func(r row) {
			name, value, _ := strings.Cut(r.str(1), "=")
			p.Settings = append(p.Settings, setting{backup.Name(r.str(0)), name, backup.Name(value)})
		}},
		{"owner of the schema public", `SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = 'public'`, func(r row) {
			p.PublicOwner = backup.Name(r.str(0))
		}},
		{"grants of the schema public", `SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, pg_catalog.pg_get_userbyid(a.grantor), a.privilege_type, a.is_grantable
FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a WHERE n.nspname = 'public'`, func(r row) {
			p.PublicGrants = append(p.PublicGrants, grant{backup.Name(r.str(0)), backup.Name(r.str(1)), r.str(2), r.bool(3)})
		}},
		{"extensions", `SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY 1`, func(r row) {
			p.Extensions = append(p.Extensions, extension{backup.Name(r.str(0)), r.str(1)})
		}},
		{"tablespaces", `SELECT DISTINCT t.spcname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace WHERE t.spcname NOT IN ('pg_global', 'pg_default') ORDER BY 1`, func(r row) {
			p.Tablespaces = append(p.Tablespaces, backup.Name(r.str(0)))
		}},
		{"collations", `SELECT DISTINCT l FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace, pg_catalog.unnest(ARRAY[c.collcollate, c.collctype]::pg_catalog.text[]) l
WHERE c.collprovider = 'c' AND n.nspname <> 'pg_catalog' AND l IS NOT NULL ORDER BY 1`, func(r row) {
			p.Collations = append(p.Collations, r.str(0))
		}},
	} {
		rows, err := c.query(ctx, l.sql)
		if err != nil {
			return fmt.Errorf("read %s: %w", l.what, err)
		}
		for _, r := range rows {
			l.add(r)
		}
	}
	return nil
}

// A role is one that the database speaks of.
type role struct {
	Name       backup.Name   `json:"name"`
	Super      bool          `json:"superuser,omitempty"`
	Inherit    bool          `json:"inherit,omitempty"`
	CreateRole bool          `json:"createrole,omitempty"`
	CreateDB   bool          `json:"createdb,omitempty"`
	Login      bool          `json:"login,omitempty"`
	Repl       bool          `json:"replication,omitempty"`
	BypassRLS  bool          `json:"bypassrls,omitempty"`
	ConnLimit  int64         `json:"connection_limit"`
	ValidUntil string        `json:"valid_until,omitempty"`
	MemberOf   []backup.Name `json:"member_of,omitempty"`
}

// rolesSQL collects every role the database refers to: what the server tracks
// (owners, grants, default privileges, policies, user mappings), settings of
// roles, and the first role, which it does not track.
const rolesSQL = `
WITH db AS (SELECT oid, datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
used AS (
  SELECT s.refobjid AS oid FROM pg_catalog.pg_shdepend s, db
    WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
      AND (s.dbid = db.oid OR (s.dbid = 0 AND s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = db.oid))
  UNION SELECT datdba FROM db
  UNION SELECT s.setrole FROM pg_catalog.pg_db_role_setting s, db WHERE s.setdatabase = db.oid
  UNION SELECT c.relowner FROM pg_catalog.pg_class c
  UNION SELECT n.nspowner FROM pg_catalog.pg_namespace n
  UNION SELECT p.proowner FROM pg_catalog.pg_proc p)
SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
  r.rolconnlimit, coalesce(r.rolvaliduntil::pg_catalog.text, '')
FROM pg_catalog.pg_roles r JOIN used ON used.oid = r.oid WHERE r.rolname NOT LIKE 'pg\_%' ESCAPE '\' ORDER BY 1`

const membersSQL = `
SELECT DISTINCT m.rolname, g.rolname FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles m ON m.oid = a.member JOIN pg_catalog.pg_roles g ON g.oid = a.roleid ORDER BY 1, 2`

// roleColumnsSQL lists the columns whose values are names of roles.
const roleColumnsSQL = `
SELECT n.nspname, c.relname, a.attname, t.typname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND t.typname IN ('regrole', '_regrole', 'aclitem', '_aclitem')
WHERE ` + wantedTables

// readRoles reads the roles the database refers to.
func readRoles(ctx context.Context, c *conn) ([]role, error) {
	rows, err := c.query(ctx, rolesSQL)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	inRows, err := rolesInRows(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(inRows) > 0 {
		more, err := c.query(ctx, `SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
  r.rolconnlimit, coalesce(r.rolvaliduntil::pg_catalog.text, '') FROM pg_catalog.pg_roles r WHERE r.rolname NOT LIKE 'pg\_%' ESCAPE '\' AND r.rolname IN (`+strings.Join(inRows, ", ")+")")
		if err != nil {
			return nil, fmt.Errorf("read roles: %w", err)
		}
		rows = append(rows, more...)
	}
	byName := map[backup.Name]*role{}
	for _, r := range rows {
		n := backup.Name(r.str(0))
		byName[n] = &role{Name: n, Super: r.bool(1), Inherit: r.bool(2), CreateRole: r.bool(3), CreateDB: r.bool(4), Login: r.bool(5),
			Repl: r.bool(6), BypassRLS: r.bool(7), ConnLimit: r.int(8), ValidUntil: r.str(9)}
	}
	members, err := c.query(ctx, membersSQL)
	if err != nil {
		return nil, fmt.Errorf("read role memberships: %w", err)
	}
	for _, m := range members {
		if r := byName[backup.Name(m.str(0))]; r != nil {
			r.MemberOf = append(r.MemberOf, backup.Name(m.str(1)))
		}
	}
	out := make([]role, 0, len(byName))
	for _, r := range byName {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b role) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out, nil
}

// rolesInRows returns, as literals, the roles that stand in rows: a row with the
// name of a role that is missing cannot be loaded.
func rolesInRows(ctx context.Context, c *conn) ([]string, error) {
	cols, err := c.query(ctx, roleColumnsSQL)
	if err != nil {
		return nil, fmt.Errorf("list columns of roles: %w", err)
	}
	seen := map[string]bool{}
	for _, r := range cols {
		col, from := ident(r.str(2)), qualified(r.str(0), r.str(1))
		q := ""
		switch r.str(3) {
		case "regrole":
			q = "SELECT DISTINCT pg_catalog.pg_get_userbyid(" + col + "::pg_catalog.oid) FROM ONLY " + from
		case "_regrole":
			q = "SELECT DISTINCT pg_catalog.pg_get_userbyid(x::pg_catalog.oid) FROM ONLY " + from + ", pg_catalog.unnest(" + col + ") x"
		case "aclitem":
			col = "ARRAY[" + col + "]"
			fallthrough
		case "_aclitem":
			q = "SELECT DISTINCT pg_catalog.pg_get_userbyid(r.role) FROM ONLY " + from + ", LATERAL (SELECT i FROM pg_catalog.unnest(" + col + ") i WHERE i IS NOT NULL OFFSET 0) s(i), pg_catalog.aclexplode(ARRAY[s.i]) a, pg_catalog.unnest(ARRAY[a.grantee, a.grantor]) r(role) WHERE r.role <> 0"
		}
		rows, err := c.query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read roles in %s: %w", from, err)
		}
		for _, v := range rows {
			if !v.null(0) {
				seen[literal(v.str(0))] = true
			}
		}
	}
	out := make([]string, 0, len(seen))
	for l := range seen {
		out = append(out, l)
	}
	slices.Sort(out)
	return out, nil
}

// parseProperties reads the Detail of a manifest.
func parseProperties(detail json.RawMessage) (*properties, error) {
	if len(detail) == 0 {
		return nil, ErrDamaged.Because(nil, "what", "the properties of the database")
	}
	var p properties
	if err := json.Unmarshal(detail, &p); err != nil {
		return nil, ErrDamaged.Because(err, "what", "the properties of the database")
	}
	return &p, nil
}
