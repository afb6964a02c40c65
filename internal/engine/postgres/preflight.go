package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
)

// preflight checks everything that can be checked before anything is changed,
// and reports whether the target database exists.
func (r *restorer) preflight(ctx context.Context) (exists bool, err error) {
	rows, err := r.admin.query(ctx, `SELECT rolsuper, rolcreatedb, rolname, pg_catalog.pg_is_in_recovery() FROM pg_catalog.pg_roles WHERE rolname = current_user`)
	if err != nil {
		return false, fmt.Errorf("read own rights: %w", err)
	}
	if len(rows) != 1 {
		return false, fmt.Errorf("read own rights: %d rows", len(rows))
	}
	r.super = rows[0].bool(0)
	if rows[0].bool(3) {
		return false, engine.ErrUnsupported.Because(nil, "what", "restore into a standby")
	}
	if !r.super && !rows[0].bool(1) {
		return false, engine.ErrTargetPrivilege.Because(nil, "user", rows[0].str(2), "address", r.s.cfg.Address)
	}
	if exists, err = r.admin.hasDatabase(ctx, r.target.Database); err != nil {
		return false, err
	}
	if exists && !r.target.Overwrite {
		return false, engine.ErrTargetExists.Because(nil, "database", r.target.Database)
	}
	if err := r.checkName(exists); err != nil {
		return false, err
	}
	if err := r.checkVersion(); err != nil {
		return false, err
	}
	if err := r.checkExtensions(ctx); err != nil {
		return false, err
	}
	if err := r.checkTablespaces(ctx); err != nil {
		return false, err
	}
	return exists, r.checkSpace(ctx)
}

// maxName is the longest name of a database, in bytes.
const maxName = 63

// checkName refuses names the server would cut or that are its own.
func (r *restorer) checkName(exists bool) error {
	switch name := r.target.Database; {
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
		return nil
	}
	dir, err := r.admin.one(ctx, "SELECT pg_catalog.current_setting('data_directory')")
	if err != nil {
		return fmt.Errorf("find data directory: %w", err)
	}
	if _, err := os.Stat(dir); err != nil && os.IsNotExist(err) {
		return nil // the server is elsewhere, behind a forwarded port
	}
	for ; ; dir = filepath.Dir(dir) {
		use, err := disk.UsageWithContext(ctx, dir)
		switch {
		case err == nil && use.Free < uint64(r.props.SizeBytes):
			return engine.ErrTargetSpace.Because(nil, "database", r.target.Database, "need", strconv.FormatInt(r.props.SizeBytes, 10), "free", strconv.FormatUint(use.Free, 10))
		case err == nil || dir == filepath.Dir(dir):
			return nil
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
