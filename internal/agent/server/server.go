// Package server answers the control API: it keeps the configuration, queues
// runs, and tells how things stand. What a run does is in work*.go; the wire
// is in http.go and routes.go.
package server

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/pruner"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/scheduler"
	"github.com/rahatbackup/rahat/internal/agent/verifier"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/version"
)

// What can go wrong, as a person meets it.
var (
	// ErrInvalid: the request makes no sense in {fields}.
	ErrInvalid = problem.New("agent.invalid")
	// ErrVersion: the client speaks another version of the API.
	ErrVersion = problem.New("control.version_mismatch")
	// ErrNoServer: no server is called {name}.
	ErrNoServer = problem.New("agent.no_server")
	// ErrNoDestination: no destination is called {name}.
	ErrNoDestination = problem.New("agent.no_destination")
	// ErrNoJob: no job is called {name}.
	ErrNoJob = problem.New("agent.no_job")
	// ErrNoBackup: there is no backup {id}.
	ErrNoBackup = problem.New("agent.no_backup")
	// ErrNoRun: there is no run {id}.
	ErrNoRun = problem.New("agent.no_run")
	// ErrAmbiguous: more than one ID begins with {id}.
	ErrAmbiguous = problem.New("agent.ambiguous_id")
	// ErrServerExists: a server is called {name} already.
	ErrServerExists = problem.New("agent.server_exists")
	// ErrDestinationExists: a destination is called {name} already.
	ErrDestinationExists = problem.New("agent.destination_exists")
	// ErrRepositoryInUse: the repository at {url} is destination {name}
	// already.
	ErrRepositoryInUse = problem.New("agent.repository_in_use")
	// ErrJobExists: a job is called {name} already.
	ErrJobExists = problem.New("agent.job_exists")
	// ErrEmergencySame: {name} is a destination of the job already.
	ErrEmergencySame = problem.New("agent.emergency_same")
	// ErrInUse: {name} is needed by job {job}.
	ErrInUse = problem.New("agent.in_use")
	// ErrNoEngine: this version cannot work with {engine}.
	ErrNoEngine = problem.New("agent.unknown_engine")
	// ErrRestoreCut: the agent died while it restored {database} on
	// {server}.
	ErrRestoreCut = problem.New("agent.restore_cut_off")
	// ErrBadName: the name of a server, destination or job has letters that
	// it may not have, or too many.
	ErrBadName = problem.New("agent.bad_name")
	// ErrNoDatabases: server {server} has no database that {user} may read.
	ErrNoDatabases = problem.New("agent.no_databases")
	// ErrWhichDestination: no destination was named and there is not just
	// one.
	ErrWhichDestination = problem.New("agent.destination_needed")
	// ErrTestTime: there was no answer within {seconds} s.
	ErrTestTime = problem.New("agent.test_timeout")
	// ErrOverwrite: to replace {database}, its name must be repeated.
	ErrOverwrite = problem.New("agent.overwrite_mismatch")
	// ErrEngineMismatch: a backup of {source} cannot go to a server of
	// {target}.
	ErrEngineMismatch = problem.New("agent.engine_mismatch")
	// ErrPathNotAbsolute: {path} is not an absolute path.
	ErrPathNotAbsolute = problem.New("agent.path_not_absolute")
	// ErrProofFailed: backup {backup} is not what the database held; the
	// failed checks are {checks}.
	ErrProofFailed = problem.New("agent.proof_failed")
	// ErrNoCopy: destination {destination} does not hold backup {backup}.
	ErrNoCopy = problem.New("agent.no_copy")
	// ErrKeyMissing: no key in this machine's vault opens destination
	// {destination}.
	ErrKeyMissing = problem.New("agent.repository_key_missing")
)

// Options are the parts of a server.
type Options struct {
	Catalog *catalog.DB
	Queue   *queue.Queue
	Broker  *queue.Broker
	Log     *slog.Logger
	Now     backup.Clock

	// Drivers by engine.
	Drivers map[string]engine.Driver
	// OpenStore opens the store at an address; create says that a person is
	// just setting it up, so that an absent folder may be made.
	OpenStore func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error)
	Vault     vault.Vault
	VaultKind string // keychain or file
	Archiver  *archiver.Archiver
	Verifier  *verifier.Verifier
	Discover  func(ctx context.Context, req control.DiscoverRequest) (control.Discovery, error)

	// Pages are the built pages that browsers are shown; nil: not built.
	Pages fs.FS
	// Login starts the program when the person logs in; nil: not possible.
	Login Login

	// Heartbeat is the time between two looks at what is due; 0: the usual.
	Heartbeat time.Duration

	Home     string
	CacheDir string // for repositories; empty: none
	Machine  string
	Streams  int // tables restored at once
	// Stop is called when a client asks the agent to exit; it returns at
	// once.
	Stop func()
}

// A Server holds what the API is about. Its methods may be called from
// several goroutines.
type Server struct {
	Options
	started time.Time
	repos   repositories
	ui      *browserUI
	naming  sync.Mutex // held while names are checked and then taken
	pausing sync.Mutex // held while the agent is paused or resumed
	keying  sync.Mutex // held while keys of a repository are changed
	census  *census
	ledger  ledger
	pruner  pruner.Pruner
	unsure  map[string]bool // destinations that are looked at when the agent has begun

	scheduler  *scheduler.Scheduler
	complaints sync.Map // what was logged of tasks that cannot be planned
	lastSeen   string   // the signature of the verdict at the last beat; used by nothing else
}

// New returns a server. Call Close when the queue has stopped.
func New(opt Options) *Server {
	s := &Server{Options: opt, started: opt.Now().UTC(), unsure: map[string]bool{}}
	s.repos.open = s.openDestination
	s.pruner.Now = opt.Now
	s.ui = newBrowserUI(s)
	s.scheduler = scheduler.New(scheduler.Options{Work: plan{s}, Ledger: opt.Catalog, Log: opt.Log, Now: opt.Now, Every: opt.Heartbeat, Beat: s.beat})
	s.census = newCensus(opt.Now, s.askServers, func() { s.Broker.Changed() })
	return s
}

// ReleaseIdle closes repositories that no run uses, to give back their memory.
func (s *Server) ReleaseIdle() error { return s.repos.release() }

// Close closes what is open, and ends the sessions of browsers.
func (s *Server) Close() error {
	s.ui.close()
	s.census.close()
	return s.repos.release()
}

func (s *Server) hello(context.Context, *struct{}) (control.Hello, error) {
	return control.Hello{
		API: version.API, Version: version.Version, PID: os.Getpid(), Started: s.started,
		Epoch: s.Broker.Epoch(), Home: s.Home, Vault: s.VaultKind, Memory: memory(),
	}, nil
}

// memory asks the Go runtime, which knows all but what SQLite takes for itself.
func memory() control.Memory {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(all)
	total, released, free := all[0].Value.Uint64(), all[1].Value.Uint64(), all[2].Value.Uint64()
	return control.Memory{Used: int64(total - released - free), Spare: int64(free)}
}

func (s *Server) discover(ctx context.Context, in *body[control.DiscoverRequest]) (control.Discovery, error) {
	return s.Discover(ctx, in.Body)
}

func (s *Server) stop(context.Context, *struct{}) (nothing, error) {
	s.Stop()
	return nothing{}, nil
}

// driver returns the driver of an engine.
func (s *Server) driver(kind string) (engine.Driver, error) {
	d, ok := s.Drivers[kind]
	if !ok {
		return nil, ErrNoEngine.Because(nil, "engine", kind)
	}
	return d, nil
}
