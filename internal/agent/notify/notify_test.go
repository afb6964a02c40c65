package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// wall is a screen that keeps what it is given.
type wall struct {
	mu    sync.Mutex
	err   error // what Show answers
	said  []string
	shown map[string]Message
	all   []Message
}

func (w *wall) Show(_ context.Context, m Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.shown[m.About] = m
	w.all = append(w.all, m)
	w.said = append(w.said, m.Title)
	return nil
}

func (w *wall) Withdraw(_ context.Context, about string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.shown[about]; there {
		delete(w.shown, about)
		w.said = append(w.said, "-"+about)
	}
	return nil
}

func (*wall) Close() error { return nil }

// told returns what was said since it was last asked, in one line.
func (w *wall) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := strings.Join(w.said, "; ")
	w.said = nil
	return s
}

// A house is a teller that runs in a synctest bubble, with its wall.
type house struct {
	wall   *wall
	events chan control.Event
	log    *strings.Builder
	opened chan string
	end    func()

	mu     sync.Mutex
	choice Choice
	broken error // what Choice answers
	newest *control.Backup
}

// live runs a test with a teller.
func live(t *testing.T, results string, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{
			wall: &wall{shown: map[string]Message{}}, events: make(chan control.Event), log: &strings.Builder{},
			opened: make(chan string, 1), choice: Choice{"en", results},
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { Run(ctx, h.options()) })
		h.end = func() { cancel(); running.Wait() }
		defer h.end()
		test(t, h)
	})
}

func (h *house) options() Options {
	return Options{
		Screen: h.wall, Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Events: func(ctx context.Context) iter.Seq[control.Event] {
			return func(yield func(control.Event) bool) {
				for {
					select {
					case <-ctx.Done():
						return
					case e := <-h.events:
						if !yield(e) {
							return
						}
					}
				}
			}
		},
		Choice: func(context.Context) (Choice, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.choice, h.broken
		},
		Newest: func(context.Context, string, string) (*control.Backup, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.newest, nil
		},
		Open: func(_ context.Context, database, activation string) error {
			h.opened <- database + " " + activation
			return errors.New("no window today")
		},
	}
}

func (h *house) run(r control.Run) { h.events <- control.Event{Kind: "run", Run: &r} }

// ends tells of runs of backups that are over.
func (h *house) ends(status backup.Status, databases ...string) {
	for _, d := range databases {
		r := control.Run{ID: "run of " + d, Kind: backup.RunBackup, Status: status, Server: "s", Database: d}
		if status != backup.OK {
			r.Problem = &control.Problem{Code: "store.no_space", Params: map[string]string{"place": "/mnt"}}
		}
		h.run(r)
	}
}

func wait(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
	synctest.Wait()
}

func wantTold(t *testing.T, h *house, want string) {
	t.Helper()
	synctest.Wait()
	if got := h.wall.told(); got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestWhatEndsIsToldSoon(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.run(control.Run{ID: "run of shop", Kind: backup.RunBackup, Status: backup.Queued, Server: "s", Database: "shop"})
		for range 100 {
			h.run(control.Run{ID: "run of shop", Kind: backup.RunBackup, Status: backup.Running, Server: "s", Database: "shop", Progress: &backup.Progress{}})
		}
		wait(time.Hour)
		wantTold(t, h, "")
		h.ends(backup.OK, "shop")
		wait(gather)
		wantTold(t, h, "shop is backed up")
		h.ends(backup.Failed, "shop")
		wait(gather)
		wantTold(t, h, "shop was not backed up")
		if len(h.wall.shown) != 1 {
			t.Errorf("one database has %d messages", len(h.wall.shown))
		}
	})
}

func TestTheChoiceIsHeeded(t *testing.T) {
	for choice, want := range map[string]string{
		All: "a is backed up; b was not backed up", Problems: "b was not backed up", None: "",
	} {
		live(t, choice, func(t *testing.T, h *house) {
			h.ends(backup.OK, "a")
			h.ends(backup.Failed, "b")
			wait(gather)
			wantTold(t, h, want)
		})
	}
}

func TestAFailureThatIsMendedIsTakenBack(t *testing.T) {
	live(t, Problems, func(t *testing.T, h *house) {
		h.ends(backup.Failed, "shop", "crm")
		wait(gather)
		wantTold(t, h, "shop was not backed up; crm was not backed up")
		h.ends(backup.OK, "shop")
		wait(gather)
		wantTold(t, h, "-backup s/shop")
		h.ends(backup.Failed, "hr") // with crm these are two, and not three
		wait(gather)
		wantTold(t, h, "hr was not backed up")
	})
}

func TestManyAreToldAsOne(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.ends(backup.Failed, "a", "b", "c")
		h.ends(backup.OK, "d", "e")
		wait(gather)
		wantTold(t, h, "3 backups failed; d is backed up; e is backed up")
		wait(quiet / 2)
		h.ends(backup.Failed, "f", "a")
		h.ends(backup.OK, "g")
		wait(gather)
		wantTold(t, h, "4 backups failed; -backup s/d; -backup s/e; 3 databases are backed up")
		if body := h.wall.shown["several backup.failed"].Body; !strings.HasPrefix(body, "a, f, c, b\n") {
			t.Errorf("body %q", body)
		}
		wait(quiet)
		h.ends(backup.Failed, "f")
		wait(gather)
		wantTold(t, h, "f was not backed up")
	})
}

func TestResultsWaitForOthersOfTheirKindButNotForLong(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		for _, d := range []string{"a", "b", "c"} {
			h.run(control.Run{ID: "run of " + d, Kind: backup.RunBackup, Status: backup.Queued, Server: "s", Database: d})
		}
		h.run(control.Run{ID: "another", Kind: backup.RunRestore, Status: backup.Queued})
		h.ends(backup.Failed, "a")
		wait(patience / 2)
		wantTold(t, h, "")
		h.ends(backup.Failed, "b")
		wait(patience / 4)
		wantTold(t, h, "")
		h.ends(backup.Failed, "c")
		wait(gather)
		wantTold(t, h, "3 backups failed")

		h.run(control.Run{ID: "run of d", Kind: backup.RunBackup, Status: backup.Queued, Server: "s", Database: "d"})
		wait(quiet)
		h.ends(backup.OK, "a")
		wait(patience - time.Second)
		wantTold(t, h, "")
		wait(2 * time.Second)
		wantTold(t, h, "a is backed up")

		h.events <- control.Event{Kind: "reset"} // d may be over long since
		h.ends(backup.OK, "b")
		wait(gather)
		wantTold(t, h, "b is backed up")
	})
}

func TestWhatThePersonEndedIsNotTold(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.ends(backup.Cancelled, "a")
		h.ends(backup.Interrupted, "b")
		h.run(control.Run{ID: "1", Kind: backup.RunRebuild, Status: backup.Failed})
		wait(time.Hour)
		wantTold(t, h, "")
	})
}

func TestTheLastResultIsToldWhenTheAgentEnds(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.ends(backup.OK, "shop")
		synctest.Wait()
		h.end()
		wantTold(t, h, "shop is backed up")
	})
}

func TestThatNobodyShowsAnythingIsLoggedOnceAndTriedAgain(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.wall.err = fmt.Errorf("%w: no bus", ErrNobody)
		for _, d := range []string{"a", "b"} {
			h.ends(backup.OK, d)
			wait(quiet)
		}
		if n := strings.Count(h.log.String(), "results are not shown on the desktop"); n != 1 || strings.Contains(h.log.String(), "WARN") {
			t.Errorf("logged %d times: %s", n, h.log)
		}
		h.wall.err = nil
		h.ends(backup.OK, "c")
		wait(gather)
		wantTold(t, h, "c is backed up")
		h.wall.err = errors.New("odd")
		h.ends(backup.OK, "d")
		wait(gather)
		if !strings.Contains(h.log.String(), "level=WARN") {
			t.Errorf("log: %s", h.log)
		}
	})
}

func TestOpenLeadsToTheDatabase(t *testing.T) {
	live(t, All, func(t *testing.T, h *house) {
		h.ends(backup.OK, "shop")
		wait(gather)
		h.wall.shown["backup s/shop"].Open("token")
		if got := <-h.opened; got != "s/shop token" {
			t.Errorf("opened %q", got)
		}
		h.ends(backup.Failed, "a", "b", "c")
		wait(gather)
		h.wall.shown["several backup.failed"].Open("")
		if got := <-h.opened; got != " " {
			t.Errorf("opened %q", got)
		}
		if !strings.Contains(h.log.String(), "no window today") {
			t.Errorf("log: %s", h.log)
		}
	})
}

func TestSettingsThatCannotBeReadHideNoFailure(t *testing.T) {
	t.Setenv("RAHAT_LANG", "en")
	live(t, None, func(t *testing.T, h *house) {
		h.broken = errors.New("disk")
		h.ends(backup.Failed, "shop")
		wait(gather)
		wantTold(t, h, "shop was not backed up")
		if !strings.Contains(h.log.String(), "disk") {
			t.Errorf("log: %s", h.log)
		}
	})
}

// kept is v as a run keeps it.
func kept(t *testing.T, v any) json.RawMessage {
	t.Helper()
	j, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
