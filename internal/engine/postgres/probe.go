package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Probe implements [engine.Server].
func (s *server) Probe(ctx context.Context) (info engine.Info, err error) {
	c, err := s.connectAny(ctx)
	if err != nil {
		return engine.Info{}, err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	info.Product, info.Version = "PostgreSQL", c.pg.ParameterStatus("server_version")
	info.Version, _, _ = strings.Cut(info.Version, " ")
	size, err := c.query(ctx, `SELECT coalesce(sum(pg_catalog.pg_database_size(oid)), 0) FROM pg_catalog.pg_database
WHERE NOT datistemplate AND (pg_catalog.has_database_privilege(oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'))`)
	if err != nil {
		return engine.Info{}, fmt.Errorf("read sizes: %w", err)
	}
	info.SizeBytes = size[0].int(0)
	tool, warning, err := s.findDump(ctx, c.version)
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		info.Warnings = append(info.Warnings, p)
	} else if err != nil {
		return engine.Info{}, err
	} else {
		info.Tool = "pg_dump " + tool.Version.String()
	}
	if warning != nil {
		info.Warnings = append(info.Warnings, warning)
	}
	if c.version.Major > newestKnown {
		info.Warnings = append(info.Warnings, ErrNewerServer.Because(nil, "server", info.Version))
	}
	p, err := s.rightsWarning(ctx, c)
	if p != nil {
		info.Warnings = append(info.Warnings, p)
	}
	return info, err
}

// rightsWarning says what the account will not be able to read.
func (s *server) rightsWarning(ctx context.Context, c *conn) (*problem.Problem, error) {
	rows, err := c.query(ctx, `SELECT rolsuper, rolbypassrls, rolname FROM pg_catalog.pg_roles WHERE rolname = current_user`)
	if err != nil {
		return nil, fmt.Errorf("read own rights: %w", err)
	}
	if len(rows) != 1 || rows[0].bool(0) {
		return nil, nil
	}
	return ErrLimited.Because(nil, "user", rows[0].str(2)), nil
}

// connectAny connects to the maintenance database, or, where there is none, to
// one that every server has.
func (s *server) connectAny(ctx context.Context) (*conn, error) {
	c, err := s.connect(ctx, s.maintenance(), 0, nil)
	if errors.Is(err, engine.ErrNoDatabase) && s.cfg.Options[OptMaintenance] == "" {
		return s.connect(ctx, "template1", 0, nil)
	}
	return c, err
}

// ownObjects finds relations that somebody made. The database postgres is the
// server's own until there is one in it.
const ownObjects = `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\_%' ESCAPE '\' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')`

// Discover implements [engine.Server]. Databases that a restore is filling are
// left out.
func (s *server) Discover(ctx context.Context) (list []engine.Database, err error) {
	c, err := s.connectAny(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	rows, err := c.query(ctx, `SELECT datname, datallowconn AND pg_catalog.has_database_privilege(oid, 'CONNECT'),
  CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_catalog.pg_database_size(oid) END
FROM pg_catalog.pg_database WHERE NOT datistemplate AND datname NOT IN ('template0', 'template1')
  AND NOT (datname = 'postgres' AND pg_catalog.current_database() = datname AND NOT EXISTS (`+ownObjects+`))
ORDER BY datname COLLATE pg_catalog."C"`)
	if err != nil {
		return nil, fmt.Errorf("list databases: %w", err)
	}
	for _, r := range rows {
		if !workRE.MatchString(r.str(0)) {
			list = append(list, engine.Database{Name: r.str(0), Readable: r.bool(1), SizeBytes: r.int(2)})
		}
	}
	return list, nil
}
