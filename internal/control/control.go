// Package control is the local API between the agent and its clients: the
// types that travel, with their field names. Field names are a contract of
// automation (the CLI prints them with --json): snake_case, never renamed.
package control

import (
	"encoding/json"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/retention"
)

// Hello is the answer to GET /api/hello, the version handshake. Clients compare
// API with [version.API] before anything else.
type Hello struct {
	API     int       `json:"api"`
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// Epoch changes with every start of the agent; event numbers begin anew
	// with it.
	Epoch string `json:"epoch"`
	Home  string `json:"home"` // where state is kept
	Vault string `json:"vault" enum:"keychain,file"`
	// Memory is what the agent's own data takes, at the moment of the answer.
	Memory Memory `json:"memory"`
}

// Memory is what a program's data takes, in bytes, without the program itself and
// without what SQLite keeps for itself.
type Memory struct {
	Used  int64 `json:"used"`
	Spare int64 `json:"spare"` // used before and kept for later
}

// Problem is the body of every answer that is not 2xx (RFC 9457), and the form
// in which a run keeps its error. Code finds the texts of package i18n.
type Problem struct {
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
	Detail string            `json:"detail,omitempty"` // the cause, for logs and reports; no secrets
	Status int               `json:"status,omitempty"` // HTTP status
}

// Server is a configured database server. The password never leaves the
// vault.
type Server struct {
	Name    string            `json:"name" pattern:"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"`
	Engine  string            `json:"engine" enum:"postgres,sqlite"`
	Address string            `json:"address"`
	User    string            `json:"user,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}

// NewServer adds a server. Nothing is written unless the engine accepts the
// settings; the connection itself is tried only by a test.
type NewServer struct {
	Server
	Password string `json:"password,omitempty"`
}

// ServerTest is the result of testing a server.
type ServerTest struct {
	OK        bool       `json:"ok"`
	Product   string     `json:"product,omitempty"`
	Version   string     `json:"version,omitempty"`
	Tool      string     `json:"tool,omitempty"`
	SizeBytes int64      `json:"size_bytes"`
	Databases []Database `json:"databases"`
	Warnings  []Problem  `json:"warnings"`
	Problem   *Problem   `json:"problem,omitempty"`
}

// Database is one database of a server.
type Database struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	Readable  bool   `json:"readable"`
}

// Found is one server that discovery met.
type Found struct {
	Engine  string `json:"engine"`
	Product string `json:"product"`
	Version string `json:"version"` // empty when it is told only after login
	Address string `json:"address"` // as a Server's Address wants it
	// Addresses are other ways to the same server (IPv6, socket).
	Addresses []string `json:"addresses,omitempty"`
	// User is the account whose login needed no secret of ours (peer, trust,
	// .pgpass); empty when none let us in.
	User      string     `json:"user,omitempty"`
	Databases []Database `json:"databases"`
	// Server is the name it is configured under; empty when it is not.
	Server  string   `json:"server,omitempty"`
	Problem *Problem `json:"problem,omitempty"` // why databases are not listed
}

// Discovery is the result of POST /api/discover.
type Discovery struct {
	Servers []Found `json:"servers"`
	Seconds float64 `json:"seconds"`
}

// DiscoverRequest says where to look beyond the usual places.
type DiscoverRequest struct {
	Folders []string `json:"folders,omitempty"` // for SQLite files
}

// Destination is a place for backups: a store with a repository on it.
type Destination struct {
	Name       string `json:"name" pattern:"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"`
	URL        string `json:"url"`
	Repository string `json:"repository,omitempty"` // ID of the repository on it
	// LockDays forbids the deletion of a backup for so many days, also to
	// ourselves, where the store can do that; 0: it is not forbidden.
	LockDays int `json:"lock_days,omitempty" minimum:"0" maximum:"36500"`
	// RereadDays is the time within which everything stored is read once and
	// compared with its checksums, a piece a day; 0: never.
	RereadDays int `json:"reread_days,omitempty" minimum:"0" maximum:"3650"`
}

// NewDestination adds a destination. A repository already there is opened with
// Passphrase or Identity, else one is made with a key in the vault and, if
// given, slots for Passphrase and Recipients.
type NewDestination struct {
	Destination
	Secret     string   `json:"secret,omitempty"`     // of the store itself
	Passphrase string   `json:"passphrase,omitempty"` // of the repository
	Identity   string   `json:"identity,omitempty"`   // age identity, AGE-SECRET-KEY-1...
	Recipients []string `json:"recipients,omitempty"` // age recipients, age1...
}

// DestinationTest is the result of testing a destination.
type DestinationTest struct {
	OK         bool     `json:"ok"`
	Repository string   `json:"repository,omitempty"`
	Backups    int      `json:"backups"`
	FreeBytes  int64    `json:"free_bytes"` // -1 when unknown
	Problem    *Problem `json:"problem,omitempty"`
	// Checks is what was tried, in this order, with files that were removed
	// again. It is empty when the destination could not even be opened.
	Checks []DestinationCheck `json:"checks,omitempty"`
}

// DestinationCheck is one thing that a destination must do.
type DestinationCheck struct {
	Name string `json:"name" enum:"clean,write,read,clock,range,list,replace,broken,large,lock,delete"`
	// Status is warning for what should be known and hinders no backup, and
	// skipped when something it builds on failed.
	Status  string   `json:"status" enum:"ok,warning,failed,skipped"`
	Seconds float64  `json:"seconds"`
	Bytes   int64    `json:"bytes,omitempty"` // written and read, where speed is of interest
	Problem *Problem `json:"problem,omitempty"`
}

// Job says what is backed up, where to, and how.
type Job struct {
	Name         string      `json:"name" pattern:"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"`
	Server       string      `json:"server"`
	Databases    []string    `json:"databases"`    // "*" alone: all it can read
	Destinations []string    `json:"destinations"` // backups go to the first, copies of them to the others
	Type         backup.Type `json:"type" enum:"full,differential,incremental"`
	Verify       string      `json:"verify,omitempty" enum:"none,basic,database,full"` // after each backup
	Paused       bool        `json:"paused"`

	// Former are names that the job had: its rule holds for the backups that it
	// made under them, too. A request need not say them.
	Former []string `json:"former,omitempty"`
	// Emergency is the destination that gets a backup when the first cannot
	// take it; empty: none.
	Emergency string `json:"emergency,omitempty"`
	// Schedule says when backups are made, in the forms of package schedule;
	// empty: only when asked for. Zone is an IANA name; empty: this
	// computer's time zone. Both hold for Prove too.
	Schedule string `json:"schedule,omitempty"`
	Zone     string `json:"zone,omitempty"`
	// FullSchedule says when the backup that is due is a full one, whatever
	// Type is; empty: never but for the first.
	FullSchedule string `json:"full_schedule,omitempty"`
	// Prove says when the newest backup of every database is proved at level
	// full by being restored; empty: only when asked for, or by Verify.
	Prove string `json:"prove,omitempty"`
	// ProofDays is the age in days at which the last good proof of a
	// database is too old; 0: it may have any age.
	ProofDays int `json:"proof_days,omitempty" minimum:"0" maximum:"3650"`
	// The rule by which old backups go, also copies; the zero rule keeps
	// all. See package retention.
	retention.Rule
	// Priority orders the queue: runs of a higher one begin first.
	Priority int `json:"priority,omitempty" minimum:"-10" maximum:"10"`
	// Attempts is how often a backup is tried when it fails for a reason
	// that may pass; 0: 3 times.
	Attempts int `json:"attempts,omitempty" minimum:"0" maximum:"20"`
	// Before and After are run around each backup of a database.
	Before []Script `json:"before,omitempty"`
	After  []Script `json:"after,omitempty"`
}

// BackupRequest starts backups: of a job, or of databases of a server.
type BackupRequest struct {
	Job         string      `json:"job,omitempty"`
	Server      string      `json:"server,omitempty"`
	Databases   []string    `json:"databases,omitempty"` // empty or "*": all it can read
	Destination string      `json:"destination,omitempty"`
	Type        backup.Type `json:"type,omitempty" enum:"full,differential,incremental"`
	Verify      string      `json:"verify,omitempty" enum:"none,basic,database,full"`
}

// Runs names the runs that a request started.
type Runs struct {
	Runs []string `json:"runs"`
	// Skipped are databases of the server that the account cannot read: a
	// backup of all leaves them out.
	Skipped []string `json:"skipped,omitempty"`
}

// Run is one execution. Result is filled when it is over and ok, by Kind:
// [BackupResult], [VerifyResult], [RestoreResult], [ExportResult],
// [RebuildResult], [CopyResult], [PruneResult], [RereadResult].
type Run struct {
	ID          string         `json:"id"`
	Kind        backup.RunKind `json:"kind"`
	Status      backup.Status  `json:"status"`
	Job         string         `json:"job,omitempty"`
	Server      string         `json:"server,omitempty"`
	Database    string         `json:"database,omitempty"`
	Destination string         `json:"destination,omitempty"`
	Backup      string         `json:"backup,omitempty"`
	// Type is what was asked for, of a backup; Level that of the proof, after
	// a backup or as a run of its own.
	Type     backup.Type      `json:"type,omitempty" enum:"full,differential,incremental"`
	Level    string           `json:"level,omitempty" enum:"none,basic,database,full"`
	Queued   time.Time        `json:"queued"`
	Started  *time.Time       `json:"started,omitempty"`
	Finished *time.Time       `json:"finished,omitempty"`
	Progress *backup.Progress `json:"progress,omitempty"` // while running
	// Trigger says why the run is there; empty: somebody asked for it.
	Trigger string `json:"trigger,omitempty" enum:"schedule,catch_up,copy,retention,retry"`
	// Attempt counts from 1; Attempts is how many there may be. While it waits
	// for another attempt a run is queued, with the Problem of the last one
	// and the moment of the next in RetryAt.
	Attempt  int        `json:"attempt,omitempty"`
	Attempts int        `json:"attempts,omitempty"`
	RetryAt  *time.Time `json:"retry_at,omitempty"`
	// Held: a person has paused the run in the middle. A backup holds its
	// snapshot open on the server meanwhile.
	Held bool `json:"held,omitempty"`
	// Dead: it failed for good, and nobody has retried or dismissed it yet.
	Dead     bool            `json:"dead,omitempty"`
	Priority int             `json:"priority,omitempty"`
	Scripts  []ScriptResult  `json:"scripts,omitempty"`
	Problem  *Problem        `json:"problem,omitempty"`
	Warnings []Problem       `json:"warnings,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
}

// BackupResult is what `rahat backup --json` prints for one database.
type BackupResult struct {
	Run         string        `json:"run"`
	Backup      string        `json:"backup"`
	Status      backup.Status `json:"status"`
	Database    string        `json:"database"`
	Type        backup.Type   `json:"type"` // as made, which may be full though an incremental was asked for
	Base        string        `json:"base,omitempty"`
	PlainBytes  int64         `json:"plain_bytes"`
	StoredBytes int64         `json:"stored_bytes"`
	AddedBytes  int64         `json:"added_bytes"`
	Rows        int64         `json:"rows"`
	Seconds     float64       `json:"seconds"`
	Verify      *VerifyResult `json:"verify,omitempty"`
	// Destination is set when the backup went to another one than the run's:
	// the job's Emergency.
	Destination string `json:"destination,omitempty"`
}

// Check is one examination of a proof.
type Check struct {
	Name    string  `json:"name"`
	Status  string  `json:"status" enum:"ok,failed,skipped"`
	Detail  string  `json:"detail,omitempty"`
	Count   int64   `json:"count,omitempty"`
	Seconds float64 `json:"seconds"`
}

// VerifyResult is what `rahat verify --json` prints.
type VerifyResult struct {
	Run     string        `json:"run,omitempty"`
	Backup  string        `json:"backup"`
	Status  backup.Status `json:"status"`
	Level   string        `json:"level" enum:"basic,database,full"`
	Checks  []Check       `json:"checks"`
	Rows    int64         `json:"rows"`
	At      time.Time     `json:"at"`
	Seconds float64       `json:"seconds"`
	// Destination is that whose copy of the backup was proved.
	Destination string `json:"destination,omitempty"`
}

// RestoreRequest starts a restore.
type RestoreRequest struct {
	Backup   string   `json:"backup,omitempty"` // empty for a path parameter
	Server   string   `json:"server"`
	Database string   `json:"database"`
	Tables   []string `json:"tables,omitempty"`
	// Overwrite must repeat Database to replace it.
	Overwrite string      `json:"overwrite,omitempty"`
	SkipRoles bool        `json:"skip_roles,omitempty"`
	From      *Repository `json:"from,omitempty"`
}

// Repository names a repository that is not configured: with it a backup can
// be read without catalog and without state.
type Repository struct {
	URL        string `json:"url"`
	Secret     string `json:"secret,omitempty"`
	Passphrase string `json:"passphrase,omitempty"`
	Identity   string `json:"identity,omitempty"`
}

// RestoreResult is what `rahat restore --json` prints.
type RestoreResult struct {
	Run        string        `json:"run"`
	Status     backup.Status `json:"status"`
	Server     string        `json:"server"`
	Database   string        `json:"database"`
	Rows       int64         `json:"rows"`
	PlainBytes int64         `json:"plain_bytes"`
	Seconds    float64       `json:"seconds"`
	Connection string        `json:"connection"` // a connection string without password
}

// ExportRequest starts an export to standard files on the agent's machine.
type ExportRequest struct {
	Path   string      `json:"path"`             // absolute; a folder: a name is made
	Format string      `json:"format,omitempty"` // of the engine; empty: its default
	Clean  bool        `json:"clean,omitempty"`
	From   *Repository `json:"from,omitempty"`
}

// ExportResult is what `rahat export --json` prints.
type ExportResult struct {
	Run     string        `json:"run"`
	Status  backup.Status `json:"status"`
	Path    string        `json:"path"`
	Format  string        `json:"format"`
	Bytes   int64         `json:"bytes"`
	Seconds float64       `json:"seconds"`
}

// VerifyRequest starts a proof.
type VerifyRequest struct {
	Level string `json:"level" enum:"basic,database,full"`
	// Destination is that whose copy is proved; empty: the first that can be
	// reached.
	Destination string `json:"destination,omitempty"`
}

// RebuildResult is what `rahat catalog rebuild --json` prints.
type RebuildResult struct {
	Run     string        `json:"run"`
	Status  backup.Status `json:"status"`
	Backups int           `json:"backups"`
	Damaged int           `json:"damaged"`
}

// Backup is one backup in the catalog.
type Backup struct {
	ID            string        `json:"id"`
	Type          backup.Type   `json:"type"`
	Base          string        `json:"base,omitempty"`
	Depth         int           `json:"depth"`
	Engine        string        `json:"engine"`
	Machine       string        `json:"machine"`
	Server        string        `json:"server"`
	Database      string        `json:"database"`
	Destination   string        `json:"destination"`
	Job           string        `json:"job,omitempty"`
	ServerVersion string        `json:"server_version"`
	Point         string        `json:"point,omitempty"`
	Started       time.Time     `json:"started"`
	Finished      time.Time     `json:"finished"`
	PlainBytes    int64         `json:"plain_bytes"`
	StoredBytes   int64         `json:"stored_bytes"`
	AddedBytes    int64         `json:"added_bytes"`
	Rows          int64         `json:"rows"`
	Tables        int           `json:"tables"`
	Warnings      []Problem     `json:"warnings,omitempty"`
	Proof         *VerifyResult `json:"proof,omitempty"` // the newest
	// Copies are the other destinations that hold it. Destination is the one
	// that it was made on, as long as it is there.
	Copies []string `json:"copies,omitempty"`
	Label
}

// State is the one word that says how things stand.
type State string

// The states.
const (
	Protected    State = "protected"
	Attention    State = "attention"
	NotProtected State = "not_protected"
)

// StatusReport is the answer to GET /api/status: the snapshot that events
// then change.
type StatusReport struct {
	State State `json:"state"`
	// Headline says the state in a sentence, Facts what else to know in one
	// line: "Newest backup 12 min old, last proven 3 h ago."
	Headline Text  `json:"headline"`
	Facts    *Text `json:"facts,omitempty"`
	// Paused: no queued run begins until it is resumed. What runs goes on.
	Paused  bool      `json:"paused"`
	Seq     uint64    `json:"seq"` // the last event included
	Epoch   string    `json:"epoch"`
	Active  []Run     `json:"active"` // queued and running
	Last    *Backup   `json:"last,omitempty"`
	Servers int       `json:"servers"`
	Jobs    int       `json:"jobs"`
	Since   time.Time `json:"since"` // start of the agent
	// Concerns say why the state is not protected, the worst first.
	Concerns []Concern `json:"concerns,omitempty"`
}

// Concern is a database that is not as well protected as it ought to be, told
// by what is worst about it.
type Concern struct {
	Kind     string   `json:"kind" enum:"no_backup,failed,disproven,overdue,proof_old,unproven"`
	Server   string   `json:"server"`
	Database string   `json:"database"`          // "*": none of the server's has a backup
	Problem  *Problem `json:"problem,omitempty"` // why its last backup failed
	Text     Text     `json:"text"`              // says it in a sentence
}

// Event is one change, in the order it happened. Seq has no gaps within an
// epoch: a client that reconnects asks for what came after the last it saw.
type Event struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Kind is "run" (a run was queued, started, advanced or ended) or
	// "catalog" (servers, destinations, jobs, backups, settings or what is
	// known of databases changed) or "reset"
	// (what was asked for is gone: read the status anew).
	Kind string `json:"kind" enum:"run,catalog,reset"`
	Run  *Run   `json:"run,omitempty"`
}
