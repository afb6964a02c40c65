// Package engine is the contract between a kind of database and the rest of
// the program. Drivers stand below (postgres, sqlite, ...); enginetest checks
// every one of them.
package engine

import (
	"context"
	"encoding/json"
	"io"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// The kinds of engines. They are stored, so they are never renamed.
const (
	Postgres  = "postgres"
	MySQL     = "mysql"
	MariaDB   = "mariadb" // found by discovery only; the driver is MySQL's
	MongoDB   = "mongodb"
	SQLServer = "sqlserver"
	SQLite    = "sqlite"
	Redis     = "redis"
)

// What can go wrong, as a person meets it. Drivers return these with
// [problem.Problem.Because]; the parameters named here are always given.
var (
	// ErrUnreachable: nothing answers at {address}.
	ErrUnreachable = problem.New("engine.unreachable")
	// ErrUnknownHost: {host} has no address.
	ErrUnknownHost = problem.New("engine.unknown_host")
	// ErrAuth: {address} refuses {user}'s password.
	ErrAuth = problem.New("engine.auth_failed")
	// ErrNoPassword: {address} asks {user} for a password, and none is known.
	ErrNoPassword = problem.New("engine.password_missing")
	// ErrNoUser: {address} has no {user} who may log in.
	ErrNoUser = problem.New("engine.no_user")
	// ErrOtherProgram: what answers at {address} is no server of this kind.
	ErrOtherProgram = problem.New("engine.other_program")
	// ErrNoLogin: the server has no rule that lets {user} in from here.
	ErrNoLogin = problem.New("engine.login_not_allowed")
	// ErrTLSRequired: {address} wants an encrypted connection.
	ErrTLSRequired = problem.New("engine.tls_required")
	// ErrTLSUntrusted: the certificate of {address} cannot be trusted.
	ErrTLSUntrusted = problem.New("engine.tls_untrusted")
	// ErrTooManyConnections: {address} has no connection left.
	ErrTooManyConnections = problem.New("engine.too_many_connections")
	// ErrStarting: the server is starting up or shutting down.
	ErrStarting = problem.New("engine.not_ready")
	// ErrNoDatabase: there is no {database} on the server (any more).
	ErrNoDatabase = problem.New("engine.no_database")
	// ErrPrivilege: {user} may not read {object}.
	ErrPrivilege = problem.New("engine.privilege_missing")
	// ErrToolMissing: no {tool} on this machine fits server {version}.
	ErrToolMissing = problem.New("engine.tool_missing")
	// ErrToolTooOld: {tool} {have} cannot serve server {version}.
	ErrToolTooOld = problem.New("engine.tool_too_old")
	// ErrToolFailed: {tool} ended with an error: {message}.
	ErrToolFailed = problem.New("engine.tool_failed")
	// ErrTargetExists: {database} exists and Overwrite was not said.
	ErrTargetExists = problem.New("engine.target_exists")
	// ErrTargetSpace: {database} needs {need} bytes and only {free} are left.
	ErrTargetSpace = problem.New("engine.target_space")
	// ErrNoRoom: the disk of {place}, a path or a server, filled up in mid-work.
	ErrNoRoom = problem.New("engine.no_room")
	// ErrTargetVersion: a backup of {source} cannot go to {target}.
	ErrTargetVersion = problem.New("engine.target_version")
	// ErrTargetPrivilege: {user} may not create databases.
	ErrTargetPrivilege = problem.New("engine.target_privilege")
	// ErrTableNotFound: the backup has no table {table}.
	ErrTableNotFound = problem.New("engine.table_not_found")
	// ErrServerLost: the connection broke in mid-work.
	ErrServerLost = problem.New("engine.server_lost")
	// ErrChanged: {object} changed or vanished while it was read.
	ErrChanged = problem.New("engine.changed_meanwhile")
	// ErrNoSandbox: no throw-away server can be started here.
	ErrNoSandbox = problem.New("engine.no_sandbox")
	// ErrUnsupported: the engine cannot do {what}.
	ErrUnsupported = problem.New("engine.unsupported")
	// ErrBadConfig: the server's settings make no sense: {reason}.
	ErrBadConfig = problem.New("engine.bad_config")
)

// A Driver knows one kind of database. It holds no state and does not dial.
type Driver interface {
	// Kind returns the engine's stable name, one of the constants above.
	Kind() string

	// Open prepares access to one server. It checks cfg but does no I/O, so
	// a server that is down can still be configured.
	Open(cfg Config) (Server, error)
}

// A Sandboxer is a driver that can start a throw-away server of its kind, for
// proving backups. Find it with a type assertion.
type Sandboxer interface {
	// Sandbox starts a server below dir, which exists, is empty and is
	// removed by the caller after Close. version is the version of the
	// server the backup came from; a newer one will do. The server is
	// reachable only by this user. Close stops it. ErrNoSandbox when this
	// machine has nothing to start.
	Sandbox(ctx context.Context, dir, version string) (Server, error)
}

// An Exporter is a driver that can turn a backup into the engine's standard
// files without a server. Find it with a type assertion.
type Exporter interface {
	// Formats lists what Export can write, the default first: "sql".
	Formats() []string
	// Export writes the backup to w in one of the formats. A nil error
	// means that all of it was written.
	Export(ctx context.Context, src Source, format string, opt ExportOptions, w io.Writer) error
	// Extension returns the usual file name extension: ".sql".
	Extension(format string) string
}

// ExportOptions adjusts an export.
type ExportOptions struct {
	Clean   bool // put DROP ... IF EXISTS before what is created
	Observe backup.Observe
}

// Config says how to reach a server.
type Config struct {
	Address  string // host:port, socket path, or file or folder for SQLite
	User     string
	Password vault.Secret
	Options  map[string]string // of the engine; see the driver
}

// A Server is one configured database server. Its methods may be called from
// several goroutines.
type Server interface {
	// Probe connects and reports what is there. It is the "test connection"
	// button: it finishes within ctx and changes nothing.
	Probe(ctx context.Context) (Info, error)

	// Discover lists the databases of the server, sorted by name. System
	// databases and templates are left out. Databases the account may not
	// read are listed with Readable false.
	Discover(ctx context.Context) ([]Database, error)

	// Snapshot opens a consistent view of one database to dump from. The
	// caller must close it; until then the server may hold locks or a
	// transaction, none of which stop writers.
	Snapshot(ctx context.Context, database string, opt SnapshotOptions) (Snapshot, error)

	// Restore makes the database of src anew as target says. Everything
	// that can be checked beforehand (rights, version, space, name) is
	// checked before anything is changed. On error nothing is left that
	// looks whole: a database made by this call is dropped again, or, if
	// even that fails, named in the error.
	Restore(ctx context.Context, src Source, target Target) (Restored, error)

	io.Closer
}

// A Checker is a server that can examine a database's health beyond what a
// restore proves. Find it with a type assertion.
type Checker interface {
	// Check runs every examination it has on database. The error is for
	// examinations that could not be run; what they find is in the checks.
	Check(ctx context.Context, database string) ([]Check, error)
}

// A Dropper is a server that can remove a database. It is used to clean up
// after a proof on a server of our own, and by tests.
type Dropper interface {
	// Drop removes the database; an absent one is not an error.
	Drop(ctx context.Context, database string) error
}

// A Check is the result of one examination.
type Check struct {
	Name   string `json:"name"`   // stable: "amcheck", "indexes_valid", "row_checksums"
	Status string `json:"status"` // ok, failed, skipped
	Detail string `json:"detail,omitempty"`
	// Count says how many things were examined: rows, indexes, bytes.
	Count   int64   `json:"count,omitempty"`
	Seconds float64 `json:"seconds"`
}

// The values of Check.Status, and of Finding.Status.
const (
	CheckOK      = "ok"
	CheckWarning = "warning" // of a Finding only
	CheckFailed  = "failed"
	CheckSkipped = "skipped" // of a Check only
)

// Info is what Probe found.
type Info struct {
	Version   string // as the server says it: "15.18"
	Product   string // as people call it: "PostgreSQL"
	Tool      string // the client tool that fits, with its version; empty if none is needed
	SizeBytes int64  // of all databases; 0 when unknown
	// Warnings are things a person should know before the first backup:
	// missing rights, a tool older than the server.
	Warnings []*problem.Problem
}

// A Database is one thing that can be chosen for a backup.
type Database struct {
	Name      string
	SizeBytes int64 // 0 when unknown
	Readable  bool
}

// SnapshotOptions adjusts a snapshot.
type SnapshotOptions struct {
	// Streams is how many Dumps will be called at once; at least 1.
	Streams int
	// Unordered lets rows come in any order: cheaper, for comparing.
	Unordered bool
}

// A Snapshot is a consistent view of one database.
type Snapshot interface {
	// Parts lists what Dump can write, sorted by name. It does not change
	// while the snapshot is open.
	Parts() []backup.Part

	// Dump writes one part to w and returns only when it is complete. A nil
	// error means every byte is there and the tool exited cleanly; on any
	// other return the caller must throw away what w received. An error of
	// w is returned wrapped. Cancelling ctx stops the tool, waits for it to
	// be gone, and returns ctx's cause. Up to SnapshotOptions.Streams calls
	// may run at once, each for another part. An error that is an
	// [Instead] names the part to dump in its stead.
	Dump(ctx context.Context, part backup.Part, w io.Writer) error

	// Describe returns what the manifest keeps of the database as a whole.
	// It is called once after the last Dump, when all warnings are known.
	Describe() Description

	io.Closer
}

// Instead is the error of a Dump that found, perhaps in the middle, that its
// part cannot be had in the form that the list of parts says. What was written
// counts for nothing; Part has the same name in another form, and is dumped once
// more with it. Find it with [errors.AsType].
type Instead struct {
	Part backup.Part
	Err  error // why not as it was listed
}

// Error implements error.
func (e *Instead) Error() string { return "needs another form: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *Instead) Unwrap() error { return e.Err }

// A Description is what a manifest keeps beside the parts.
type Description struct {
	Point         string // the moment of the view in the engine's terms: an LSN, a GTID set
	ServerVersion string
	Tool          string
	Detail        json.RawMessage // what Restore needs; comes back in Source.Manifest
	Warnings      []*problem.Problem
}

// A Source is a backup that can be read. It is safe for concurrent use.
type Source interface {
	// Manifest describes the backup.
	Manifest() *backup.Manifest
	// Open reads one part. The reader fails rather than end early, and the
	// last Read returns io.EOF only when every byte was proven right.
	Open(ctx context.Context, part backup.StoredPart) (io.ReadCloser, error)
}

// A Target says where and how Restore writes.
type Target struct {
	Database string // may differ from the source's own name
	// Overwrite replaces an existing database. The old one stays until the
	// new one is complete.
	Overwrite bool
	// Tables, if any, limits the restore to these tables, "schema.name" or
	// "name"; they are put into Database, which is then made if absent and
	// must not yet hold such a table unless Overwrite.
	Tables  []string
	Streams int // tables loaded at once; at least 1
	// SkipRoles leaves roles the server lacks missing instead of creating
	// them without login.
	SkipRoles bool
	// Scratch says that the server is a throw-away one: durability and
	// space need no care.
	Scratch bool
	Observe backup.Observe // may be nil
}

// Restored is what Restore did.
type Restored struct {
	Rows     int64
	Bytes    int64 // plain
	Warnings []*problem.Problem
}
