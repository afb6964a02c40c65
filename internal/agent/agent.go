// Package agent is the life of the agent: what is started in what order, and
// stopped in the other. It names no driver; a program hands them in.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/discovery"
	"github.com/rahatbackup/rahat/internal/agent/notify"
	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/agent/verifier"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/logging"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/version"
)

// What can end an agent, as a person meets it.
var (
	// ErrTemp: the folder {path} for throw-away servers cannot be emptied.
	ErrTemp = problem.New("agent.temp_not_usable")
	// ErrHomeGone: the folder {path} with the agent's state was removed.
	ErrHomeGone = problem.New("agent.home_gone")
)

const (
	// workers is how many runs go on at once.
	workers = 2
	// runsEnd bounds how long runs may take to end when the agent stops;
	// the rest of the stop takes little more.
	runsEnd = 8 * time.Second
	// answersEnd bounds how long open answers may take then.
	answersEnd = time.Second
	// presence is how often the agent makes sure that it can be reached.
	presence = 2 * time.Second
)

// Config is what an agent is made of.
type Config struct {
	Home paths.Home
	// Drivers by engine.
	Drivers map[string]engine.Driver
	// OpenStore opens the store at an address; create says that a person is
	// just setting it up.
	OpenStore func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error)
	// Fault is why the agent cannot run as it is told to; nil: it can. It is here
	// because Run writes it into the log, where the doctor finds it.
	Fault error
	// OpenVault opens the vault. It is called when a secret is first needed,
	// because that may ask a person, and again if it failed.
	OpenVault func(ctx context.Context) (vault.Vault, error)
	VaultKind string // keychain or file
	// Pages are the built pages that browsers are shown; nil: not built.
	Pages fs.FS
	// Login starts the program when the person logs in; nil: not possible.
	Login server.Login
	// Screen shows results on the person's desktop; nil: they are not shown.
	Screen notify.Screen
	// OpenWindow opens the page of a database, given as server/name, or the
	// first page; activation lets the window come to the front, if not empty.
	OpenWindow func(ctx context.Context, database, activation string) error

	Now backup.Clock
	// Heartbeat is the time between two looks at what is due; 0: as long as
	// is good for people.
	Heartbeat time.Duration

	Level   slog.Level // least level that is logged
	Console io.Writer  // gets the log as well; may be nil
}

// Run runs the agent until ctx ends or a client asks it to stop. Runs that are
// on then are interrupted and saved; it returns within ten seconds. The error
// is nil if the agent ended because it was asked to. [ipc.ErrRunning] when an
// agent of this home runs already.
func Run(ctx context.Context, cfg Config) (err error) {
	if err := cfg.Home.Make(); err != nil {
		return err
	}
	lock, err := ipc.TryLock(cfg.Home.Lock())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	log, logFile, err := logging.Open(logging.Options{File: cfg.Home.Log(), Level: cfg.Level, Console: cfg.Console})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()
	log.InfoContext(ctx, "agent starting", "version", version.String(), "pid", os.Getpid(), "home", string(cfg.Home))
	a := &agent{Config: cfg, lock: lock, log: log, stopped: make(chan struct{})}
	if err = a.run(ctx); err != nil {
		why := control.FromError(err)
		log.ErrorContext(ctx, "agent failed", "err", err, "problem", control.Problem{Code: why.Code, Params: why.Params})
	}
	log.InfoContext(ctx, "agent ended")
	return err
}

// agent is a running agent.
type agent struct {
	Config
	lock    *ipc.Lock
	log     *slog.Logger
	catalog *catalog.DB
	broker  *queue.Broker
	queue   *queue.Queue
	server  *server.Server
	rest    *rest

	stopOnce sync.Once
	stopped  chan struct{} // closed when a client asks to stop
}

func (a *agent) run(ctx context.Context) (err error) {
	if a.Fault != nil {
		return a.Fault
	}
	if err := emptyFolder(a.Home.Temp()); err != nil {
		return ErrTemp.Because(err, "path", a.Home.Temp())
	}
	a.catalog, err = catalog.Open(ctx, a.Home.Catalog(), a.Home.Config(), a.Now())
	if err != nil {
		return err
	}
	defer func() {
		// SQLite removes its files by name when it closes them. Those of this
		// name may be another agent's if the home was removed.
		if !errors.Is(err, ErrHomeGone) {
			err = errors.Join(err, a.catalog.LastCopy(context.WithoutCancel(ctx), a.Now()), a.catalog.Close())
		}
	}()
	if p := a.catalog.Recovered(); p != nil {
		a.log.WarnContext(ctx, "catalog was lost and is made anew", "err", p)
	}
	paused, err := a.catalog.Paused(ctx)
	if err != nil {
		return err
	}
	if err := a.assemble(paused); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.server.Close()) }() //nolint:contextcheck // what is open is closed though ctx has ended
	endTelling := a.tellResults(ctx)
	defer func() { err = errors.Join(err, endTelling()) }()
	endMessages, err := a.sendMessages(ctx)
	if err != nil {
		return err
	}
	defer endMessages()
	if err := a.server.Interrupted(ctx, a.Now()); err != nil {
		return err
	}
	socket, err := a.Home.Socket()
	if err != nil {
		return err
	}
	listener, err := ipc.Listen(socket)
	if err != nil {
		return err
	}
	return a.serve(ctx, listener)
}

// assemble makes the queue and the server, which does not start anything.
func (a *agent) assemble(paused bool) error {
	machine, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read name of this computer: %w", err)
	}
	streams := max(2, runtime.NumCPU()/2)
	a.broker = queue.NewBroker(a.Now)
	a.rest = newRest(a.giveBack)
	a.queue = queue.New(queue.Options{
		Store: a.catalog, Broker: a.broker, Log: a.log, Now: a.Now, Workers: workers, StartPaused: paused, Idle: a.idle, Passes: server.Passes,
	})
	finder := &discovery.Discovery{Drivers: a.Drivers, Configured: a.catalog.Servers}
	a.server = server.New(server.Options{
		Catalog: a.catalog, Queue: a.queue, Broker: a.broker, Log: a.log, Now: a.Now,
		Drivers: a.Drivers, OpenStore: a.OpenStore, Vault: &lazyVault{open: a.OpenVault}, VaultKind: a.VaultKind,
		Archiver: &archiver.Archiver{Now: a.Now, Machine: machine, Agent: version.Version, Streams: streams},
		Verifier: &verifier.Verifier{Now: a.Now, TempDir: a.Home.Temp(), Streams: streams},
		Discover: finder.Run,
		Pages:    a.Pages,
		Login:    a.Login,
		Home:     string(a.Home), CacheDir: a.Home.Cache(), Machine: machine, Streams: streams,
		Stop: a.askToStop, Heartbeat: a.Heartbeat,
	})
	return nil
}

// askToStop makes serve return soon; no run is taken from now on.
func (a *agent) askToStop() {
	a.queue.Refuse()
	a.stopOnce.Do(func() { close(a.stopped) })
}

// serve answers until the agent is to stop, and then stops it.
func (a *agent) serve(ctx context.Context, listener ipc.Listener) error {
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	web := &http.Server{
		Handler:           a.rest.after(a.server.Handler()),
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	// What was left comes first: what is queued from here on is not among it.
	if err := a.server.Requeue(ctx); err != nil {
		a.log.ErrorContext(ctx, "cannot go on with what was left", "err", err)
	}
	if a.catalog.Fresh() {
		if err := a.server.RebuildCatalog(ctx); err != nil {
			a.log.ErrorContext(ctx, "cannot read backups into the new catalog", "err", err)
		}
	}
	if err := a.server.TakeStock(ctx); err != nil {
		a.log.ErrorContext(ctx, "cannot see what was left on the destinations", "err", err)
	}
	defer a.rest.run(context.WithoutCancel(ctx))()
	endSchedule := a.runSchedule(ctx)
	if err := a.server.MissingCopies(ctx); err != nil {
		a.log.ErrorContext(ctx, "cannot queue copies that were missed", "err", err)
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	a.log.InfoContext(ctx, "agent ready", "address", listener.Addr().String())
	failed := a.await(ctx, listener, served)
	a.log.InfoContext(ctx, "agent stopping")
	waitForSchedule := endSchedule()
	err := errors.Join(failed, a.stop(ctx, web, endRequests))
	waitForSchedule()
	if e := <-served; e != nil && !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve: %w", e))
	}
	return err
}

// runSchedule begins what is due until end is called, which does not wait for
// the last beat; what it returns does.
func (a *agent) runSchedule(ctx context.Context) (end func() (wait func())) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.server.RunSchedule(ctx); err != nil {
			a.log.ErrorContext(ctx, "the schedule has ended", "err", err)
		}
	})
	return func() func() {
		cancel()
		return running.Wait
	}
}

// await returns when the agent is to stop, and why if nobody asked for it. Until
// then it keeps the agent within reach: one that no client finds could not even
// be stopped, and would keep others from starting.
func (a *agent) await(ctx context.Context, listener ipc.Listener, served chan error) error {
	tick := time.NewTicker(presence)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.stopped:
			return nil
		case err := <-served:
			served <- nil // it has ended
			return err
		case <-tick.C:
		}
		if !a.lock.Held() {
			return ErrHomeGone.Because(nil, "path", string(a.Home))
		}
		if err := listener.Keep(); err != nil {
			return err
		}
	}
}

// stop ends the runs, whose last events still reach the clients, then the
// event streams and all other answers.
func (a *agent) stop(ctx context.Context, web *http.Server, endRequests func()) error {
	ctx = context.WithoutCancel(ctx)
	runs, cancel := context.WithTimeout(ctx, runsEnd)
	defer cancel()
	err := a.queue.Stop(runs)
	endRequests()
	answers, cancel := context.WithTimeout(ctx, answersEnd)
	defer cancel()
	if e := web.Shutdown(answers); e != nil {
		err = errors.Join(err, web.Close())
	}
	return err
}

// emptyFolder removes what throw-away servers of a dead agent left.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// lazyVault opens the vault when a secret is first needed.
type lazyVault struct {
	open func(ctx context.Context) (vault.Vault, error)

	mu    sync.Mutex
	vault vault.Vault // nil until opened
}

func (l *lazyVault) get(ctx context.Context) (vault.Vault, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.vault == nil {
		v, err := l.open(ctx)
		if err != nil {
			return nil, fmt.Errorf("open vault: %w", err)
		}
		l.vault = v
	}
	return l.vault, nil
}

// Get implements [vault.Vault].
func (l *lazyVault) Get(ctx context.Context, name string) (vault.Secret, error) {
	v, err := l.get(ctx)
	if err != nil {
		return vault.Secret{}, err
	}
	return v.Get(ctx, name)
}

// Set implements [vault.Vault].
func (l *lazyVault) Set(ctx context.Context, name string, s vault.Secret) error {
	v, err := l.get(ctx)
	if err != nil {
		return err
	}
	return v.Set(ctx, name, s)
}

// Delete implements [vault.Vault].
func (l *lazyVault) Delete(ctx context.Context, name string) error {
	v, err := l.get(ctx)
	if err != nil {
		return err
	}
	return v.Delete(ctx, name)
}
