package tray

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

// fake is an agent that can be killed, stopped and replaced. It lives in a
// synctest bubble.
type fake struct {
	mu           sync.Mutex
	alive        error // nil: it answers; else what it answers
	startErr     error // why it does not start
	status       control.StatusReport
	databases    control.Databases
	settings     control.Settings
	destinations []control.Destination
	backupErr    error
	calls        []string
	backups      []control.BackupRequest
	events       []control.Event
	streams      map[chan error]bool // of the open streams, to end them
	more         chan struct{}       // closed and made anew with each event
}

func newFake() *fake {
	s := calm()
	return &fake{
		alive: client.ErrUnreachable, status: s.status, databases: control.Databases{Databases: s.databases},
		settings:     control.Settings{Language: "system", Locale: "en"},
		destinations: []control.Destination{{Name: "disk"}, {Name: "other"}},
		streams:      map[chan error]bool{}, more: make(chan struct{}),
	}
}

// did notes a call and says whether the agent answers.
func (f *fake) did(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what)
	return f.alive
}

func (f *fake) count(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == what {
			n++
		}
	}
	return n
}

// Start is client.Start.
func (f *fake) Start(context.Context) error {
	err := f.did("start")
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, client.ErrUnreachable) && f.startErr == nil {
		f.alive, err = nil, nil
	} else if f.startErr != nil {
		err = f.startErr
	}
	return err
}

func (f *fake) Hello(context.Context) (control.Hello, error) {
	return control.Hello{}, f.did("hello")
}

func (f *fake) Status(context.Context) (control.StatusReport, error) {
	err := f.did("status")
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Active = slices.Clone(s.Active)
	return s, err
}

func (f *fake) Databases(context.Context, bool) (control.Databases, error) {
	return f.databases, f.did("databases")
}

func (f *fake) Settings(context.Context) (control.Settings, error) {
	return f.settings, f.did("settings")
}

func (f *fake) Destinations(context.Context) ([]control.Destination, error) {
	return f.destinations, f.did("destinations")
}

func (f *fake) Backup(_ context.Context, r control.BackupRequest) (control.Runs, error) {
	f.backups = append(f.backups, r)
	return control.Runs{}, errors.Join(f.did("backup"), f.backupErr)
}

func (f *fake) Pause(context.Context) error  { return f.did("pause") }
func (f *fake) Resume(context.Context) error { return f.did("resume") }

func (f *fake) Stop(context.Context) error {
	err := f.did("stop")
	if errors.Is(err, client.ErrVersion) {
		err = nil // a stop is understood between all versions
	}
	if err == nil {
		f.end(client.ErrUnreachable.Because(client.ErrStopped))
	}
	return err
}

func (f *fake) Events(ctx context.Context, after uint64, _ string) iter.Seq2[control.Event, error] {
	end := make(chan error, 1)
	f.mu.Lock()
	f.streams[end] = true
	f.mu.Unlock()
	return func(yield func(control.Event, error) bool) {
		for {
			f.mu.Lock()
			events, more := slices.Clone(f.events), f.more
			f.mu.Unlock()
			for _, e := range events {
				if e.Seq <= after {
					continue
				}
				if after = e.Seq; !yield(e, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				yield(control.Event{}, context.Cause(ctx))
				return
			case err := <-end:
				yield(control.Event{}, err)
				return
			case <-more:
			}
		}
	}
}

// end ends every stream; nobody answers any more.
func (f *fake) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive = client.ErrUnreachable
	for s := range f.streams {
		s <- err
	}
	clear(f.streams)
}

// tell makes an event; a run changes the status as it does in the agent.
func (f *fake) tell(kind string, run *control.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Seq++
	f.events = append(f.events, control.Event{Seq: f.status.Seq, Kind: kind, Run: run})
	if run != nil {
		f.status.Active = slices.DeleteFunc(f.status.Active, func(r control.Run) bool { return r.ID == run.ID })
		if !run.Status.Over() {
			f.status.Active = append(f.status.Active, *run)
		}
	}
	close(f.more)
	f.more = make(chan struct{})
}

// A rig is a tray at work.
type rig struct {
	*fake
	*testing.T
	tray    *Tray
	opened  []string
	openErr error
	views   []View
	at      []time.Time // of the views
	result  chan error
	cancel  context.CancelFunc
}

// bubble runs a test with a tray that follows a fake agent, after set has
// prepared that.
func bubble(t *testing.T, set func(*rig), f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{fake: newFake(), T: t, result: make(chan error, 1)}
		if set != nil {
			set(r)
		}
		r.tray = New(Config{
			Agent: r.fake, Start: r.fake.Start, Lang: "en", Now: time.Now,
			Open: func(_ context.Context, server, database string) error {
				r.opened = append(r.opened, server+"/"+database)
				return r.openErr
			},
			Show: func(v View) { r.views, r.at = append(r.views, v), append(r.at, time.Now()) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		r.cancel = cancel
		go func() { r.result <- r.tray.Run(ctx) }()
		synctest.Wait()
		f(r)
		cancel()
		synctest.Wait()
		r.tray.Do(Action{Do: Open}) // a click after the end is nobody's
	})
}

// look returns what is seen now.
func (r *rig) look() View {
	r.Helper()
	synctest.Wait()
	return r.views[len(r.views)-1]
}

// after lets time pass and returns what is seen then.
func (r *rig) after(d time.Duration) View {
	r.Helper()
	time.Sleep(d) //nolint:forbidigo // in a bubble: it ends when nothing else goes on
	return r.look()
}

// click clicks the visible row with a label, wherever it is.
func (r *rig) click(label string) {
	r.Helper()
	var find func([]Row) bool
	find = func(rows []Row) bool {
		for _, row := range rows {
			if row.Hidden {
				continue
			}
			if row.Label == label && !row.Disabled && row.Action.Do != Nothing {
				r.tray.Do(row.Action)
				return true
			}
			if find(row.Rows) {
				return true
			}
		}
		return false
	}
	if !find(r.look().Menu) {
		r.Fatalf("nothing to click on is called %q:\n%s", label, draw(r.look()))
	}
	synctest.Wait()
}

// ended returns what Run returned, or fails when it goes on.
func (r *rig) ended() error {
	r.Helper()
	synctest.Wait()
	select {
	case err := <-r.result:
		return err
	default:
		r.Fatal("the tray goes on")
		return nil
	}
}

func (r *rig) goesOn() {
	r.Helper()
	synctest.Wait()
	select {
	case err := <-r.result:
		r.Fatalf("the tray has ended: %v", err)
	default:
	}
}

func progress(done int64) *control.Run {
	r := run("1", "orders_prod", backup.Running, backup.PhaseDump, done, 100)
	return &r
}

func over() *control.Run {
	r := run("1", "orders_prod", backup.OK, "", 0, 0)
	return &r
}

var errPlanted = problem.New("agent.no_server").Because(nil, "name", "pg")
