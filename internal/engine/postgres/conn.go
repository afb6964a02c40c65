package postgres

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
)

// session is what every connection of ours runs under. ALTER DATABASE and ALTER
// ROLE can set any of these to something that loses or changes data or stops the
// work, so they are sent in the startup packet, where they win from the first
// moment on.
var session = map[string]string{
	"application_name": "rahat",
	// Nothing may time us out, and nothing may stop us from writing.
	"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
	"default_transaction_read_only": "off", "default_transaction_isolation": "read committed", "default_transaction_deferrable": "off",
	// How values are written and understood.
	"DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "TimeZone": "UTC", "extra_float_digits": "3", "bytea_output": "hex",
	"xmloption": "content", "lc_monetary": "C", "lc_numeric": "C", "array_nulls": "on", "standard_conforming_strings": "on",
	"escape_string_warning": "off", "backslash_quote": "safe_encoding", "transform_null_equals": "off", "quote_all_identifiers": "off",
	// Compiling a statement takes longer than it saves when all it does is read.
	"jit": "off",
	// What statements mean.
	"search_path": "", "row_security": "off", "check_function_bodies": "off", "default_tablespace": "", "default_table_access_method": "heap",
	"synchronize_seqscans": "off", "max_parallel_workers_per_gather": "0", "client_min_messages": "error",
}

// sessionSince are settings that older servers refuse, with the first version
// that has them.
var sessionSince = []struct {
	major       int
	name, value string
}{
	{14, "idle_session_timeout", "0"},
	{17, "transaction_timeout", "0"},
}

// connectTimeout bounds one attempt to reach the server.
const connectTimeout = 15 * time.Second

// pgConfig makes the configuration of a connection. The password is never part
// of a string that could end up in an error.
func (s *server) pgConfig(database string) (*pgconn.Config, error) {
	var b strings.Builder
	set := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s='%s' ", name, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
		}
	}
	set("host", s.host)
	set("port", strconv.Itoa(int(s.port)))
	set("user", s.cfg.User)
	set("dbname", database)
	set("sslmode", s.cfg.Options[OptSSLMode])
	set("sslrootcert", s.cfg.Options[OptSSLRootCert])
	set("passfile", s.cfg.Options[OptPassFile])
	cfg, err := pgconn.ParseConfig(b.String())
	if err != nil {
		return nil, engine.ErrBadConfig.Because(err, "reason", err.Error())
	}
	if !s.cfg.Password.Empty() {
		cfg.Password = s.cfg.Password.Reveal()
	}
	cfg.ConnectTimeout = connectTimeout
	cfg.RuntimeParams = maps.Clone(session)
	// A cancelled statement is cancelled on the server too; a server that
	// does not answer even that is given up.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 3 * time.Second}
	}
	return cfg, nil
}

// A conn is one connection. It is not safe for concurrent use.
type conn struct {
	pg       *pgconn.PgConn
	skim     *skimmer // takes rows of COPY out
	version  clienttool.Version
	database string
}

// connect opens a connection. A major other than 0 is the server's version if it
// is known already, so that newer settings are sent too; more adds to the
// session's settings.
func (s *server) connect(ctx context.Context, database string, major int, more map[string]string) (*conn, error) {
	cfg, err := s.pgConfig(database)
	if err != nil {
		return nil, err
	}
	for _, o := range sessionSince {
		if major >= o.major {
			cfg.RuntimeParams[o.name] = o.value
		}
	}
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	maps.Copy(cfg.RuntimeParams, more)
	var skim *skimmer // of the last address that was tried, which is the one that answered
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		skim = newSkimmer(r)
		return pgproto3.NewFrontend(skim, w)
	}
	pg, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, s.connectError(ctx, err, cfg)
	}
	c := &conn{pg: pg, skim: skim, database: database}
	c.version, err = clienttool.ParseVersion(pg.ParameterStatus("server_version"))
	if err != nil {
		return nil, fmt.Errorf("read server version: %w", errorsJoin(err, c.close(ctx)))
	}
	return c, nil
}

// close ends the connection and waits until it is gone.
func (c *conn) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if c.pg.IsClosed() { // broken earlier; pgconn cleans up behind itself
		select {
		case <-c.pg.CleanupDone():
		case <-ctx.Done():
		}
		return nil
	}
	if err := c.pg.Close(ctx); err != nil {
		return fmt.Errorf("close connection: %w", err)
	}
	return nil
}

// A row is one row of a result, as text.
type row [][]byte

func (r row) str(i int) string { return string(r[i]) }
func (r row) null(i int) bool  { return r[i] == nil }
func (r row) bool(i int) bool  { return string(r[i]) == "t" }

// int returns a whole number; 0 for NULL and for what is none.
func (r row) int(i int) int64 {
	n, err := strconv.ParseInt(string(r[i]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// query runs SQL and returns the rows of its last result.
func (c *conn) query(ctx context.Context, sql string) ([]row, error) {
	var rows []row
	rr := c.pg.Exec(ctx, sql)
	for rr.NextResult() {
		rows = nil
		r := rr.ResultReader()
		for r.NextRow() {
			rows = append(rows, copyRow(r.Values()))
		}
	}
	if err := rr.Close(); err != nil {
		return nil, c.fail(ctx, err)
	}
	return rows, nil
}

// copyRow copies values out of the connection's buffer.
func copyRow(values [][]byte) row {
	out := make(row, len(values))
	for i, v := range values {
		if v != nil {
			out[i] = append([]byte{}, v...)
		}
	}
	return out
}

// one runs a query that has exactly one value.
func (c *conn) one(ctx context.Context, sql string) (string, error) {
	rows, err := c.query(ctx, sql)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return "", fmt.Errorf("query %.80q: %d rows", sql, len(rows))
	}
	return rows[0].str(0), nil
}

// exec runs SQL without a result.
func (c *conn) exec(ctx context.Context, sql string) error {
	if _, err := c.pg.Exec(ctx, sql).ReadAll(); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}

// ident quotes an identifier.
func ident[S ~string](s S) string { return `"` + strings.ReplaceAll(string(s), `"`, `""`) + `"` }

// qualified quotes a schema and a name.
func qualified[S ~string](schema, name S) string { return ident(schema) + "." + ident(name) }

// idents quotes names and joins them with commas.
func idents[S ~string](names []S) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = ident(n)
	}
	return strings.Join(out, ", ")
}

// literal quotes a string, whatever standard_conforming_strings says.
func literal[S ~string](s S) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(string(s)) + "'"
}

// A connPool lends up to a number of connections of one kind to goroutines.
type connPool struct {
	open func(context.Context) (*conn, error)

	mu   sync.Mutex
	idle []*conn
	all  map[*conn]bool
}

// take returns an idle connection or opens one.
func (p *connPool) take(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[*conn]bool{}
	}
	p.all[c] = true
	return c, nil
}

// give takes a connection back; one that cannot be used again is closed.
func (p *connPool) give(ctx context.Context, c *conn, usable bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if usable && !c.pg.IsClosed() {
		p.idle = append(p.idle, c)
		return
	}
	delete(p.all, c)
	_ = c.close(ctx) // it is given up because something was wrong, which the caller reports
}

// close ends all connections.
func (p *connPool) close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for c := range p.all {
		errs = append(errs, c.close(ctx))
	}
	p.idle, p.all = nil, nil
	return errorsJoin(errs...)
}

// optionString writes settings as PGOPTIONS wants them: blanks and backslashes
// escaped.
func optionString(settings map[string]string) string {
	var b strings.Builder
	esc := strings.NewReplacer(`\`, `\\`, ` `, `\ `)
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "-c %s=%s ", k, esc.Replace(settings[k]))
	}
	return strings.TrimSpace(b.String())
}
