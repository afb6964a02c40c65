package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What only PostgreSQL can meet.
var (
	// ErrNewerServer (warning): server {server} is newer than this program knows.
	ErrNewerServer = problem.New("postgres.newer_server")
	// ErrToolMinor (warning): pg_dump {tool} is an older minor than server {server}.
	ErrToolMinor = problem.New("postgres.tool_minor")
	// ErrBusy: changes of tables went on all the time, so that no consistent view of {database} could be had.
	ErrBusy = problem.New("postgres.schema_busy")
	// ErrLocks: {database} has more tables than the server can lock at once.
	ErrLocks = problem.New("postgres.too_many_locks")
	// ErrValueTooBig: a row of {table} passes 1 GB.
	ErrValueTooBig = problem.New("postgres.value_too_big")
	// ErrNotAsText: {table} is stored in the binary form, because it has a row
	// whose text passes 1 GB, and cannot be part of a script.
	ErrNotAsText = problem.New("postgres.not_as_text")
	// ErrRLS: row-level security hides rows of {table} from {user}.
	ErrRLS = problem.New("postgres.rls")
	// ErrTablesDiffer: pg_dump and we do not see the same tables: {tables}.
	ErrTablesDiffer = problem.New("postgres.tables_differ")
	// ErrStandby (warning): unlogged tables of a standby cannot be read: {tables}.
	ErrStandby = problem.New("postgres.standby_unlogged")
	// ErrCollation (warning): the sort order of the operating system has changed since {database} was made.
	ErrCollation = problem.New("postgres.collation_changed")
	// ErrSubscriptions (warning): subscriptions need a superuser and are not in the backup.
	ErrSubscriptions = problem.New("postgres.subscriptions_left_out")
	// ErrLibrary: the server cannot load {library}, most likely because it was upgraded and not restarted.
	ErrLibrary = problem.New("postgres.library")
	// ErrPooler: {address} is a connection pooler, not a server.
	ErrPooler = problem.New("postgres.pooler")
	// ErrDamaged: the backup lacks what a restore needs: {what}.
	ErrDamaged = problem.New("postgres.backup_incomplete")
	// ErrExtension: the target server lacks the extensions {extensions}.
	ErrExtension = problem.New("postgres.extension_missing")
	// ErrLocale: the target server lacks the locale {locale}.
	ErrLocale = problem.New("postgres.locale_missing")
	// ErrRolesMade (warning): the roles {roles} were missing and were made without login.
	ErrRolesMade = problem.New("postgres.roles_created")
	// ErrRolesMissing (warning): the roles {roles} are missing; what was theirs belongs to others now.
	ErrRolesMissing = problem.New("postgres.roles_missing")
	// ErrTablespace (warning): the tablespaces {tablespaces} are missing; their tables lie in the default one.
	ErrTablespace = problem.New("postgres.tablespace_missing")
	// ErrStatement (warning): {object} could not be made: {message}.
	ErrStatement = problem.New("postgres.object_not_restored")
	// ErrMore (warning): {count} more warnings are not listed.
	ErrMore = problem.New("postgres.more_warnings")
	// ErrRows: the rows of {table} could not be loaded: {message}.
	ErrRows = problem.New("postgres.rows_not_loaded")
	// ErrCheckDropped (warning): rows of {table} break its check {constraint}; it is back, but not validated.
	ErrCheckDropped = problem.New("postgres.check_not_valid")
	// ErrLeftOut (warning): restoring {table} alone left out {objects}.
	ErrLeftOut = problem.New("postgres.left_out")
	// ErrTableExists: {database} has a table {table} already.
	ErrTableExists = problem.New("postgres.table_exists")
	// ErrTableNeeded: {table} cannot be replaced, because other objects need it: {message}.
	ErrTableNeeded = problem.New("postgres.table_needed")
	// ErrInUse: {database} is in use and could not be replaced.
	ErrInUse = problem.New("postgres.database_in_use")
	// ErrLeftBehind: {database} could not be removed after a failure.
	ErrLeftBehind = problem.New("postgres.left_behind")
	// ErrOlderTarget (warning): {source} was restored to the older {target}.
	ErrOlderTarget = problem.New("postgres.older_target")
	// ErrWillBeOlder (warning, before a restore): see ErrOlderTarget.
	ErrWillBeOlder = problem.New("postgres.will_be_older")
	// ErrWillMakeRoles (warning, before a restore): see ErrRolesMade.
	ErrWillMakeRoles = problem.New("postgres.will_make_roles")
	// ErrWillLackRoles (warning, before a restore): see ErrRolesMissing.
	ErrWillLackRoles = problem.New("postgres.will_lack_roles")
	// ErrWillMoveTables (warning, before a restore): see ErrTablespace.
	ErrWillMoveTables = problem.New("postgres.will_move_tables")
	// ErrLimited (warning): {user} is no superuser, and may not be able to read everything.
	ErrLimited = problem.New("postgres.account_limited")
	// ErrDDLWaits (warning): a change of tables waited for the backup.
	ErrDDLWaits = problem.New("postgres.ddl_waited")
)

// Codes of errcodes.txt in PostgreSQL's source that are told apart here.
const (
	codeAuth           = "28P01"
	codeNoLogin        = "28000"
	codeNoDatabase     = "3D000"
	codeTooMany        = "53300"
	codeStarting       = "57P03"
	codeShutdown       = "57P01"
	codeCrash          = "57P02"
	codeDropped        = "57P04"
	codeCancelled      = "57014"
	codePrivilege      = "42501"
	codeLockTimeout    = "55P03"
	codeProtocol       = "08P01"
	codeNoTable        = "42P01"
	codeNoSchema       = "3F000"
	codeLimit          = "54000"
	codeMemory         = "53200"
	codeConfigLimit    = "53400"
	codeInternal       = "XX000"
	codeCheck          = "23514"
	codeInUse          = "55006"
	codeExists         = "42P04"
	codeUndefinedFile  = "58P01"
	codeBadSnapshot    = "22023"
	codeNoSuchSnapshot = "42704"
)

func errorsJoin(errs ...error) error { return errors.Join(errs...) }

// pgCode returns the SQLSTATE of the refusal in err, or nothing. A full disk is
// no refusal of one statement: nothing after it can go well.
func pgCode(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code != codeDiskFull {
		return pe.Code
	}
	return ""
}

// codeDiskFull is the SQLSTATE of a server without room.
const codeDiskFull = "53100"

// noRoom names a full disk behind err, if that is what it is.
func noRoom(err error, place string) error {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	if ok && pe.Code == codeDiskFull || err != nil && strings.Contains(err.Error(), "No space left on device") {
		return engine.ErrNoRoom.Because(err, "place", place)
	}
	return err
}

// connectError tells a person why no connection came about.
func (s *server) connectError(ctx context.Context, err error, cfg *pgconn.Config) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	addr, user, database := s.cfg.Address, cfg.User, cfg.Database
	switch pgCode(err) {
	case codeAuth:
		if cfg.Password == "" { // neither configured nor in .pgpass: nothing was mistyped
			return engine.ErrNoPassword.Because(err, "address", addr, "user", user)
		}
		return engine.ErrAuth.Because(err, "address", addr, "user", user)
	case codeNoLogin:
		return s.noLogin(err, user)
	case codeNoDatabase:
		return engine.ErrNoDatabase.Because(err, "database", database, "address", addr)
	case codeTooMany:
		return engine.ErrTooManyConnections.Because(err, "address", addr)
	case codeStarting, codeShutdown, codeCrash:
		return engine.ErrStarting.Because(err, "address", addr)
	case codePrivilege:
		return engine.ErrPrivilege.Because(err, "user", user, "object", "database "+database)
	case codeProtocol:
		return ErrPooler.Because(err, "address", addr)
	}
	return s.dialError(err)
}

// noLogin sorts out the refusals that share one code: no such role, no rule at all,
// or none for a connection without encryption. The server's function tells the
// first apart; of the others only the text does, which servers may translate.
func (s *server) noLogin(err error, user string) error {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Routine == "InitializeSessionUserId" {
		return engine.ErrNoUser.Because(err, "address", s.cfg.Address, "user", user)
	}
	msg := err.Error()
	for _, plain := range []string{"no encryption", "SSL off", "SSL kapalı", "şifreleme yok"} {
		if strings.Contains(msg, plain) && s.cfg.Options[OptSSLMode] == "disable" {
			return engine.ErrTLSRequired.Because(err, "address", s.cfg.Address)
		}
	}
	return engine.ErrNoLogin.Because(err, "address", s.cfg.Address, "user", user)
}

// dialError is for what happens before the server says anything.
func (s *server) dialError(err error) error {
	addr := s.cfg.Address
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return engine.ErrUnknownHost.Because(err, "host", s.host, "address", addr)
	}
	if isTLS(err) {
		return engine.ErrTLSUntrusted.Because(err, "address", addr)
	}
	// The last attempt decides: where encryption is preferred only, one without it follows.
	if strings.HasSuffix(err.Error(), "server refused TLS connection") {
		return engine.ErrBadConfig.Because(err, "reason", "the server has encryption switched off, but sslmode asks for it")
	}
	if isGarbled(err) {
		return engine.ErrOtherProgram.Because(err, "address", addr, "product", "PostgreSQL")
	}
	return engine.ErrUnreachable.Because(err, "address", addr)
}

// isGarbled reports whether something answered that does not speak PostgreSQL's
// protocol, for example a web server on a mistyped port.
func isGarbled(err error) bool {
	for _, said := range []string{"invalid body length", "negative body length", "unknown message type"} {
		if strings.Contains(err.Error(), said) {
			return true
		}
	}
	return false
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// fail turns an error of a statement on c into what a person can act on, where it
// can be told; other errors are returned as they are.
func (c *conn) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && (pgCode(err) == codeCancelled || c.pg.IsClosed() || errors.Is(err, ctx.Err())) {
		return context.Cause(ctx)
	}
	switch pgCode(err) {
	case codeDropped, codeNoDatabase:
		return engine.ErrNoDatabase.Because(err, "database", c.database)
	case codeShutdown, codeCrash, codeStarting:
		return engine.ErrServerLost.Because(err)
	case codeUndefinedFile, "":
		if strings.Contains(err.Error(), "could not load library") || strings.Contains(err.Error(), "undefined symbol") {
			return ErrLibrary.Because(err, "library", quotedIn(err.Error()))
		}
	}
	if pgCode(err) == "" && lost(err) {
		return engine.ErrServerLost.Because(err)
	}
	return err
}

// quotedIn returns what stands in the first double quotes of a message.
func quotedIn(msg string) string {
	_, msg, _ = strings.Cut(msg, `"`)
	msg, _, _ = strings.Cut(msg, `"`)
	return msg
}

// lost reports whether the connection broke.
func lost(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// denied returns what a message says one may not read.
func denied(msg string) string {
	if _, object, ok := strings.Cut(msg, "permission denied for "); ok {
		return object
	}
	return msg
}

// firstLine returns the message of a server's error, or the error's first line.
func firstLine(err error) string {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pe.Message
	}
	msg, _, _ := strings.Cut(err.Error(), "\n")
	return msg
}
