package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Preflight implements [engine.Preflighter].
func (s *server) Preflight(ctx context.Context, src engine.Source, target engine.Target) (found engine.Findings, err error) {
	r := newRestorer(s, src, target)
	defer func() {
		if ctx.Err() != nil {
			found, err = nil, fmt.Errorf("preflight: %w", context.Cause(ctx))
		}
	}()
	err = r.read(ctx)
	var pick *picked
	if err == nil && len(target.Tables) > 0 {
		pick, err = r.pick()
	}
	if found.Add(engine.PreflightBackup, err); err != nil {
		return found, nil //nolint:nilerr // it is in the findings
	}
	err = r.reach(ctx)
	if found.Add(engine.PreflightConnection, err); err != nil {
		return found, nil //nolint:nilerr // as above
	}
	// What was only read has nothing to lose when the connection ends.
	defer func() { _ = r.admin.close(ctx) }()
	list, _, err := r.examinations(ctx)
	if err != nil {
		found.Add(engine.PreflightName, err)
		return found, nil //nolint:nilerr // as above
	}
	if pick != nil {
		r.roles = slices.DeleteFunc(r.roles, func(o role) bool { return !pick.names(o.Name) })
	}
	for _, x := range append(list, examination{engine.PreflightRoles, r.checkRoles}) {
		before := len(r.warnings)
		if err := x.run(ctx); !errors.Is(err, errUnseen) {
			found.Add(x.name, err, foretold(r.warnings[before:])...)
		}
	}
	return found, nil
}

// forecasts are warnings of a restore, as they are told before it.
var forecasts = map[problem.Code]*problem.Problem{
	ErrOlderTarget.Code:  ErrWillBeOlder,
	ErrTablespace.Code:   ErrWillMoveTables,
	ErrRolesMade.Code:    ErrWillMakeRoles,
	ErrRolesMissing.Code: ErrWillLackRoles,
}

func foretold(warnings []*problem.Problem) []*problem.Problem {
	all := make([]*problem.Problem, 0, len(warnings))
	for _, w := range warnings {
		if f, ok := forecasts[w.Code]; ok {
			w = &problem.Problem{Code: f.Code, Params: w.Params, Err: w.Err}
		}
		all = append(all, w)
	}
	return all
}

// An examination looks at one thing before a restore. What it finds is an error
// or a warning of the restorer.
type examination struct {
	name string
	run  func(ctx context.Context) error
}

// errUnseen: what an examination asks about cannot be seen from here.
var errUnseen = errors.New("not seen from here")

// examinations lists what can be looked at before anything is changed, and
// tells whether the target database exists. Single tables go into a database
// that does, and may not need all that the whole one needs.
func (r *restorer) examinations(ctx context.Context) (list []examination, exists bool, err error) {
	if exists, err = r.admin.hasDatabase(ctx, r.target.Database); err != nil {
		return nil, false, err
	}
	tables := len(r.target.Tables) > 0
	makes := !exists || !tables
	list = append(list,
		examination{engine.PreflightRights, func(ctx context.Context) error { return r.checkRights(ctx, makes) }},
		examination{engine.PreflightName, func(context.Context) error { return r.checkName(exists) }},
		examination{engine.PreflightVersion, func(context.Context) error { return r.checkVersion() }})
	if !tables {
		list = append(list, examination{engine.PreflightVersion, r.checkExtensions})
	}
	list = append(list, examination{engine.PreflightVersion, r.checkTablespaces})
	if makes {
		list = append(list, examination{engine.PreflightSpace, r.checkSpace})
	}
	return list, exists, nil
}

// preflight checks everything that can be checked before anything is changed,
// and reports whether the target database exists.
func (r *restorer) preflight(ctx context.Context) (exists bool, err error) {
	list, exists, err := r.examinations(ctx)
	if err != nil {
		return false, err
	}
	for _, x := range list {
		if err := x.run(ctx); err != nil && !errors.Is(err, errUnseen) {
			return false, err
		}
	}
	return exists, nil
}

// checkRights asks what the account may do; it may have to make a database.
func (r *restorer) checkRights(ctx context.Context, makes bool) error {
	rows, err := r.admin.query(ctx, `SELECT rolsuper, rolcreatedb, rolcreaterole, rolname, pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_roles WHERE rolname = current_user`)
	if err != nil {
		return fmt.Errorf("read own rights: %w", err)
	}
	if len(rows) != 1 {
		return fmt.Errorf("read own rights: %d rows", len(rows))
	}
	r.super = rows[0].bool(0)
	r.createsRoles = r.super || rows[0].bool(2)
	switch {
	case rows[0].bool(4):
		return engine.ErrUnsupported.Because(nil, "what", "restore into a standby")
	case makes && !r.super && !rows[0].bool(1):
		return engine.ErrTargetPrivilege.Because(nil, "user", rows[0].str(3), "address", r.s.cfg.Address)
	}
	return nil
}

// maxName is the longest name of a database, in bytes.
const maxName = 63

// checkName refuses names that are taken, that the server would cut, or that
// are its own. Tables are put into the database of that name.
func (r *restorer) checkName(exists bool) error {
	switch name := r.target.Database; {
	case exists && len(r.target.Tables) > 0:
		return nil
	case exists && !r.target.Overwrite:
		return engine.ErrTargetExists.Because(nil, "database", name)
	case name == "" || len(name) > maxName || strings.ContainsRune(name, 0):
		return engine.ErrBadConfig.Because(nil, "reason", fmt.Sprintf("%.70q cannot be the name of a database: 1 to %d bytes", name, maxName))
	case exists && (name == r.s.maintenance() || name == "template0" || name == "template1"):
		return engine.ErrBadConfig.Because(nil, "reason", strconv.Quote(name)+" is a database of the server itself and cannot be replaced")
	}
	return nil
}

// hasDatabase reports whether a database exists.
func (c *conn) hasDatabase(ctx context.Context, name string) (bool, error) {
	rows, err := c.query(ctx, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = "+literal(name))
	if err != nil {
		return false, fmt.Errorf("look for database: %w", err)
	}
	return len(rows) > 0, nil
}

// checkVersion lets a backup go to an older server with a warning: most of what
// databases hold is the same in all versions, and what is not makes the restore
// fail and leaves nothing.
func (r *restorer) checkVersion() error {
	if r.major >= r.props.Version {
		return nil
	}
	source, target := r.m.ServerVersion, r.version
	if source == "" {
		source = strconv.Itoa(r.props.Version)
	}
	if r.props.Provider == "b" && r.major < 17 || r.props.Provider == "i" && r.major < 15 {
		return engine.ErrTargetVersion.Because(nil, "source", source, "target", target)
	}
	r.warn(ErrOlderTarget.Because(nil, "source", source, "target", target))
	return nil
}

// checkExtensions refuses a server that lacks an extension, and finds out which
// must be asked for in their version.
func (r *restorer) checkExtensions(ctx context.Context) error {
	rows, err := r.admin.query(ctx, `SELECT a.name, a.default_version, v.version FROM pg_catalog.pg_available_extensions a
JOIN pg_catalog.pg_available_extension_versions v ON v.name = a.name`)
	if err != nil {
		return fmt.Errorf("list extensions: %w", err)
	}
	std := map[backup.Name]string{}
	has := map[extension]bool{}
	for _, row := range rows {
		std[backup.Name(row.str(0))] = row.str(1)
		has[extension{backup.Name(row.str(0)), row.str(2)}] = true
	}
	var missing []string
	for _, x := range r.props.Extensions {
		v, ok := std[x.Name]
		switch {
		case !ok && x.Name != "plpgsql":
			missing = append(missing, string(x.Name))
		case ok && v != x.Version && has[x]:
			r.extensionVersion[x.Name] = x.Version
		}
	}
	if len(missing) > 0 {
		return ErrExtension.Because(nil, "extensions", strings.Join(missing, ", "), "address", r.s.cfg.Address)
	}
	return nil
}

func (r *restorer) checkTablespaces(ctx context.Context) error {
	rows, err := r.admin.query(ctx, "SELECT spcname FROM pg_catalog.pg_tablespace")
	if err != nil {
		return fmt.Errorf("list tablespaces: %w", err)
	}
	has := map[backup.Name]bool{}
	for _, row := range rows {
		has[backup.Name(row.str(0))] = true
	}
	var missing []string
	wanted := r.props.Tablespaces
	if t := r.props.Tablespace; t != "" && t != "pg_default" {
		wanted = append(wanted[:len(wanted):len(wanted)], t)
	}
	for _, t := range wanted {
		if !has[t] {
			r.noTablespace[string(t)] = true
			missing = append(missing, string(t))
		}
	}
	if len(missing) > 0 {
		r.warn(ErrTablespace.Because(nil, "tablespaces", strings.Join(missing, ", ")))
	}
	return nil
}

// checkSpace compares the size the database had with what the disk has left,
// where the server's disk is ours to look at.
func (r *restorer) checkSpace(ctx context.Context) error {
	if _, ok := r.s.runner.(clienttool.Container); ok || r.target.Scratch || !r.super || !local(r.s.host) {
		return errUnseen
	}
	dir, err := r.admin.one(ctx, "SELECT pg_catalog.current_setting('data_directory')")
	if err != nil {
		return fmt.Errorf("find data directory: %w", err)
	}
	if _, err := os.Stat(dir); err != nil && os.IsNotExist(err) {
		return errUnseen // the server is elsewhere, behind a forwarded port
	}
	for ; ; dir = filepath.Dir(dir) {
		use, err := disk.UsageWithContext(ctx, dir)
		switch {
		case err == nil && use.Free < uint64(r.props.SizeBytes):
			return engine.ErrTargetSpace.Because(nil, "database", r.target.Database, "need", strconv.FormatInt(r.props.SizeBytes, 10), "free", strconv.FormatUint(use.Free, 10))
		case err == nil:
			return nil
		case dir == filepath.Dir(dir):
			return errUnseen
		}
	}
}

// local reports whether a host is this machine.
func local(host string) bool {
	if strings.HasPrefix(host, "/") || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
