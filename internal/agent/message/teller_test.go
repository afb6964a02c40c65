package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/vault"
)

// memory is a Store that forgets nothing, as the catalog does.
type memory struct {
	mu       sync.Mutex
	jobs     []control.Job
	runs     []control.Run
	backups  []control.Backup
	proven   []control.Backup
	channels []control.Channel
	states   map[string]control.ChannelState
	letters  []control.Letter
	told     map[string]map[string]string
	broken   error // what Tell answers
}

func (m *memory) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *memory) Jobs(context.Context) (out []control.Job, err error) {
	m.locked(func() { out = slices.Clone(m.jobs) })
	return out, nil
}

func (m *memory) Destinations(context.Context) ([]control.Destination, error) {
	return []control.Destination{{Name: "disk"}}, nil
}

func (m *memory) LastRuns(context.Context, backup.RunKind) (out []control.Run, err error) {
	m.locked(func() { out = slices.Clone(m.runs) })
	return out, nil
}

func (m *memory) LastBackups(context.Context) (out []control.Backup, err error) {
	m.locked(func() { out = slices.Clone(m.backups) })
	return out, nil
}

func (m *memory) LastProven(context.Context) (out []control.Backup, err error) {
	m.locked(func() { out = slices.Clone(m.proven) })
	return out, nil
}

func (m *memory) Channels(context.Context) (out []control.Channel, err error) {
	m.locked(func() { out = slices.Clone(m.channels) })
	return out, nil
}

func (m *memory) ChannelStates(context.Context) (out map[string]control.ChannelState, err error) {
	m.locked(func() {
		out = map[string]control.ChannelState{}
		for _, c := range m.channels {
			s := m.states[c.Name]
			for _, l := range m.letters {
				if l.Channel == c.Name {
					s.Waiting++
				}
			}
			out[c.Name] = s
		}
	})
	return out, nil
}

func (m *memory) Told(context.Context) (out map[string]map[string]string, err error) {
	m.locked(func() {
		out = map[string]map[string]string{}
		for c, said := range m.told {
			out[c] = maps.Clone(said)
		}
	})
	return out, nil
}

func (m *memory) Tell(_ context.Context, letters []control.Letter, said map[string]map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	m.letters = append(m.letters, letters...)
	for c, subjects := range said {
		if m.told[c] == nil {
			m.told[c] = map[string]string{}
		}
		for s, text := range subjects {
			m.told[c][s] = text
			if text == "" {
				delete(m.told[c], s)
			}
		}
	}
	return nil
}

func (m *memory) NextLetter(_ context.Context, channel string) (l control.Letter, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.letters, func(l control.Letter) bool { return l.Channel == channel })
	if i < 0 {
		return l, errors.New("none")
	}
	return m.letters[i], nil
}

func (m *memory) Delivered(_ context.Context, channel string, state control.ChannelState, letter string) (err error) {
	m.locked(func() {
		if err = m.broken; err != nil {
			return
		}
		state.Waiting = 0
		m.states[channel] = state
		m.letters = slices.DeleteFunc(m.letters, func(l control.Letter) bool { return l.ID == letter })
	})
	return err
}

// stage is a world in which agents tell what happens, one after the other.
type stage struct {
	*memory
	t      *testing.T
	events chan control.Event
	status control.StatusReport
	digest Digest
	lang   string

	out    sync.Mutex
	sent   []string                     // "channel: title"
	mails  []Message                    // the same, whole
	refuse map[string]func(n int) error // by channel: what the n-th attempt gets
	tries  map[string]int               // by channel
	hang   map[string]bool              // channels that never answer
	stop   func()
}

func newStage(t *testing.T) *stage {
	return &stage{
		memory: &memory{
			jobs:   []control.Job{{Name: "nightly", Server: "shop", Databases: []string{"*"}}},
			states: map[string]control.ChannelState{}, told: map[string]map[string]string{},
			channels: []control.Channel{{Name: "mail", Kind: Email}},
		},
		t: t, lang: "en", refuse: map[string]func(int) error{}, tries: map[string]int{}, hang: map[string]bool{},
	}
}

// start starts an agent; end stops it.
func (s *stage) start() {
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan control.Event, 100)
	s.events = events
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, Options{
			Store: s.memory, Send: s.send, Machine: "till-3", Now: func() time.Time { return time.Now().UTC() }, Log: slog.New(slog.DiscardHandler),
			Secret: func(context.Context, string) (vault.Secret, error) {
				return vault.Secret{}, vault.ErrNotFound.Because(nil)
			},
			Events: func(ctx context.Context) iter.Seq[control.Event] {
				return func(yield func(control.Event) bool) {
					for {
						select {
						case <-ctx.Done():
							return
						case e := <-events:
							if !yield(e) {
								return
							}
						}
					}
				}
			},
			Status: func(context.Context) (r control.StatusReport, err error) {
				s.locked(func() { r = s.status })
				return r, nil
			},
			Digest:   func(context.Context, time.Time, time.Time) (Digest, error) { return s.digest, nil },
			Language: func(context.Context) string { return s.lang },
		})
	}()
	s.stop = func() { cancel(); <-done }
}

func (s *stage) send(ctx context.Context, c control.Channel, _ vault.Secret, m Message) error {
	s.out.Lock()
	s.tries[c.Name]++
	n, hangs, refuse := s.tries[c.Name], s.hang[c.Name], s.refuse[c.Name]
	s.out.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if refuse != nil {
		if err := refuse(n); err != nil {
			return err
		}
	}
	s.out.Lock()
	defer s.out.Unlock()
	s.sent = append(s.sent, c.Name+": "+m.Title)
	s.mails = append(s.mails, m)
	return nil
}

// refuses says what further attempts on the channel mail get.
func (s *stage) refuses(f func(n int) error) {
	s.out.Lock()
	defer s.out.Unlock()
	s.refuse["mail"] = f
}

// attempts is how often the channel mail was tried.
func (s *stage) attempts() int {
	s.out.Lock()
	defer s.out.Unlock()
	return s.tries["mail"]
}

// state is how the channel mail does.
func (s *stage) state() (state control.ChannelState) {
	s.locked(func() { state = s.states["mail"] })
	return state
}

// wants checks what was sent since the last time, after some time has passed.
func (s *stage) wants(after time.Duration, want ...string) {
	s.t.Helper()
	<-time.After(after)
	synctest.Wait()
	s.out.Lock()
	defer s.out.Unlock()
	slices.Sort(s.sent)
	slices.Sort(want)
	if !slices.Equal(s.sent, want) {
		s.t.Errorf("sent %q, want %q", s.sent, want)
	}
	s.sent = nil
}

// happens lets runs of a database end.
func (s *stage) happens(runs ...control.Run) {
	for _, r := range runs {
		s.events <- control.Event{Kind: "run", Run: &r}
	}
}

func run(database string, code string) control.Run {
	at := time.Now()
	r := control.Run{ID: "r", Kind: backup.RunBackup, Status: backup.OK, Job: "nightly", Server: "shop", Database: database, Destination: "disk", Finished: &at}
	if code != "" {
		r.Status, r.Problem = backup.Failed, &control.Problem{Code: code, Params: map[string]string{"place": "/mnt", "key": "k"}}
	}
	return r
}

func inTime(t *testing.T, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.start()
		f(s)
		s.stop()
	})
}

func TestAFailureIsToldOnceUntilItChangesOrIsWellAgain(t *testing.T) {
	inTime(t, func(s *stage) {
		s.wants(time.Minute)
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Minute, "mail: orders was not backed up")
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Hour)
		s.happens(run("orders", "store.unavailable"))
		s.wants(time.Minute, "mail: orders was not backed up")
		s.stop()
		s.start() // another agent knows what was told
		s.happens(run("orders", "store.unavailable"))
		s.wants(time.Minute)
		s.happens(run("orders", ""))
		s.wants(time.Minute, "mail: orders is backed up again")
		s.happens(run("orders", ""))
		s.wants(time.Hour)
		s.happens(run("orders", "store.unavailable"))
		s.wants(time.Minute, "mail: orders was not backed up")
		m := s.mails[len(s.mails)-1]
		if m.Code != "store.unavailable" || m.Severity != Bad || m.Machine != "till-3" || len(m.Lines) != 3 || m.Lines[1] != "There is no backup of it yet." {
			t.Errorf("got %+v", m)
		}
	})
}

func TestWhatAPersonDidByHandIsNotTold(t *testing.T) {
	inTime(t, func(s *stage) {
		byHand := run("orders", "store.no_space")
		byHand.Job = ""
		restore := run("orders", "store.no_space")
		restore.Kind = backup.RunRestore
		cancelled := run("orders", "agent.cancelled")
		cancelled.Status = backup.Cancelled
		interrupted := run("orders", "agent.interrupted")
		interrupted.Status = backup.Interrupted
		s.happens(byHand, restore, cancelled, interrupted)
		s.wants(time.Hour)
		byHand.Dead = true
		s.happens(byHand)
		s.wants(time.Minute, "mail: orders was not backed up")
	})
}

func TestManyFailuresComeAsOne(t *testing.T) {
	inTime(t, func(s *stage) {
		for i := range 30 {
			s.happens(run(fmt.Sprintf("db%02d", i), "store.no_space"))
		}
		s.wants(time.Minute, "mail: 30 runs failed")
		m := s.mails[0]
		if len(m.Lines) != 23 || m.Lines[0] != "• db00 was not backed up (shop)" || m.Lines[20] != "and 10 more" || m.Code != "store.no_space" {
			t.Errorf("got %q", m.Lines)
		}
		for i := range 30 {
			s.happens(run(fmt.Sprintf("db%02d", i), ""))
		}
		s.wants(time.Minute, "mail: 30 things work again")
	})
}

func TestChannelsAreToldWhatTheyWant(t *testing.T) {
	inTime(t, func(s *stage) {
		s.locked(func() {
			s.channels = []control.Channel{
				{Name: "all", On: []string{OnFailure, OnOverdue, OnProof, OnSuccess}}, {Name: "proofs", On: []string{OnProof}},
				{Name: "quiet", Paused: true, On: []string{OnFailure, OnSuccess}},
			}
		})
		good := run("orders", "")
		good.Result = json.RawMessage(`{"plain_bytes":5000,"added_bytes":10,"seconds":2,"verify":{"level":"full","rows":7}}`)
		s.happens(run("crm", "store.no_space"), good)
		s.wants(time.Minute, "all: crm was not backed up", "all: orders is backed up and proved")
		s.locked(func() { s.status.Concerns = []control.Concern{{Kind: failed, Server: "shop", Database: "orders"}} })
		s.happens(run("orders", proofFailed))
		s.wants(time.Minute, "all: The backup of orders failed its proof", "proofs: The backup of orders failed its proof")
		s.locked(func() { s.channels[2].Paused = false })
		s.wants(2*time.Minute, "quiet: crm was not backed up")
	})
}

func TestWhatDidNotHappenIsTold(t *testing.T) {
	inTime(t, func(s *stage) {
		concern := func(kind string) control.Concern {
			return control.Concern{Kind: kind, Server: "shop", Database: "orders", Text: control.Text{Code: "state.failed", Params: map[string]string{"database": "orders"}}}
		}
		set := func(all ...control.Concern) { s.locked(func() { s.status.Concerns = all }) }
		title := "mail: " + writerFor("en").Say("state.failed", map[string]string{"database": "orders"}, time.Now())
		set(concern(overdue))
		s.wants(2*time.Minute, title)
		set(concern(failed)) // which hides whether it is still overdue
		s.wants(2 * time.Minute)
		set()
		s.locked(func() { s.backups = []control.Backup{{Server: "shop", Database: "orders", Finished: time.Now()}} })
		s.wants(2*time.Minute, "mail: orders is backed up again")
		set(concern(overdue))
		s.wants(2*time.Minute, title)
		set() // the job was removed: nothing was made
		s.wants(2 * time.Minute)
		set(concern(proofOld))
		s.wants(2*time.Minute, title)
		set()
		s.locked(func() {
			s.proven = []control.Backup{{Server: "shop", Database: "orders", Proof: &control.VerifyResult{Status: backup.OK, At: time.Now()}}}
		})
		s.wants(2*time.Minute, "mail: The backup of orders is proved again")
	})
}

func TestAFailureOfAJobThatIsGoneIsForgotten(t *testing.T) {
	inTime(t, func(s *stage) {
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Minute, "mail: orders was not backed up")
		s.locked(func() { s.jobs = nil })
		s.wants(time.Hour)
		s.locked(func() {
			if len(s.told[""]) != 0 || len(s.told["mail"]) != 0 {
				t.Errorf("still known: %v", s.told)
			}
		})
	})
}

func TestWhatEndedWhileNobodyListenedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.runs = []control.Run{run("orders", "store.no_space"), run("crm", "")} // the last agent died too soon
		s.start()
		s.wants(time.Minute, "mail: orders was not backed up")
		s.happens(run("orders", ""))
		s.locked(func() { s.runs = []control.Run{run("orders", "")} })
		synctest.Wait()
		s.stop() // before it is gathered
		s.start()
		s.wants(time.Minute, "mail: orders is backed up again")
		s.stop()
	})
}

func TestACatalogThatFailsLosesNothing(t *testing.T) {
	inTime(t, func(s *stage) {
		s.locked(func() { s.broken = errors.New("disk full") })
		s.happens(run("orders", "store.no_space"))
		s.wants(10 * time.Minute)
		s.locked(func() { s.broken = nil })
		s.wants(2*time.Minute, "mail: orders was not backed up")
	})
}

func TestWhatCannotBeStruckOffIsNotSentAgain(t *testing.T) {
	inTime(t, func(s *stage) {
		s.refuses(func(int) error {
			s.locked(func() { s.broken = errors.New("disk full") })
			return nil
		})
		s.happens(run("orders", "store.no_space"))
		s.wants(2*time.Hour, "mail: orders was not backed up")
		s.refuses(nil)
		s.locked(func() { s.broken = nil })
		s.wants(time.Hour)
		if st := s.state(); st.LastOK == nil || s.attempts() != 1 {
			t.Errorf("state %+v after %d attempts", st, s.attempts())
		}
	})
}

func TestAChannelThatHangsHoldsUpNobody(t *testing.T) {
	inTime(t, func(s *stage) {
		s.locked(func() { s.channels = append(s.channels, control.Channel{Name: "hung", Kind: Webhook}) })
		s.hang["hung"] = true
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Minute, "mail: orders was not backed up")
		s.happens(run("orders", ""))
		s.wants(time.Minute, "mail: orders is backed up again")
		s.stop()
		s.hang["hung"] = false
		s.start() // with a full outbox
		s.wants(time.Minute, "hung: orders was not backed up", "hung: orders is backed up again")
		if !strings.HasPrefix(s.mails[2].Title, "orders was not") {
			t.Error("out of order")
		}
	})
}

func TestWhatIsNotTakenIsTriedAgainAndGivenUpAfterDays(t *testing.T) {
	inTime(t, func(s *stage) {
		s.refuses(func(int) error { return ErrServer.Because(nil, "host", "h", "status", "503", "reason", "") })
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Hour)
		// At once, then after 1, 2, 4, 8, 16 and 32 minutes: the last is to come.
		if n := s.attempts(); n != 6 {
			t.Errorf("%d attempts in the first hour", n)
		}
		if st := s.state(); st.Problem == nil || st.Problem.Code != "message.server_failed" || st.LastOK != nil || st.RetryAt == nil || st.Failures != 6 {
			t.Errorf("state %+v", st)
		}
		s.wants(4 * 24 * time.Hour)
		n := s.attempts()
		if n < 70 || n > 85 {
			t.Errorf("%d attempts in all", n)
		}
		if st := s.state(); st.GivenUp != 1 {
			t.Errorf("state %+v", st)
		}
		s.locked(func() {
			if len(s.letters) != 0 {
				t.Errorf("%d letters", len(s.letters))
			}
		})
		s.refuses(nil)
		s.happens(run("crm", "store.no_space"))
		s.wants(2*time.Hour, "mail: crm was not backed up")
		if st := s.state(); st.LastOK == nil || st.Problem != nil || st.Failures != 0 {
			t.Errorf("state %+v", st)
		}
	})
}

func TestOneMessageThatIsNoGoodDoesNotBlockTheOthers(t *testing.T) {
	inTime(t, func(s *stage) {
		s.refuses(func(n int) error {
			if n == 1 {
				return ErrRejected.Because(nil, "host", "h", "reason", "no")
			}
			return nil
		})
		s.happens(run("orders", "store.no_space"))
		s.wants(time.Minute)
		s.happens(run("crm", "store.no_space"))
		s.wants(time.Minute, "mail: crm was not backed up")
		if st := s.state(); st.GivenUp != 1 || s.attempts() != 2 {
			t.Errorf("state %+v after %d attempts", st, s.attempts())
		}
	})
}

func TestAServerMaySayHowLongToWait(t *testing.T) {
	inTime(t, func(s *stage) {
		s.refuses(func(n int) error {
			if n == 1 {
				return later{ErrBusy.Because(nil, "host", "h", "status", "429", "reason", ""), 20 * time.Minute}
			}
			return nil
		})
		s.happens(run("orders", "store.no_space"))
		s.wants(19 * time.Minute)
		s.wants(3*time.Minute, "mail: orders was not backed up")
	})
}

func TestDigestsComeInTheEvening(t *testing.T) {
	inTime(t, func(s *stage) { // it is midnight, UTC, in the time of tests
		told := func(day, hour int) string {
			return i18n.For("en").Time(time.Date(2000, 1, day, hour, 0, 0, 0, time.UTC).Local())
		}
		s.locked(func() { s.channels[0].On = []string{OnDigest} })
		s.digest = Digest{Backups: 3, Databases: 2, PlainBytes: 1e9, AddedBytes: 1e6, Proofs: 1, Next: time.Date(2000, 1, 2, 2, 0, 0, 0, time.UTC)}
		s.wants(17*time.Hour + 59*time.Minute)
		s.wants(3*time.Minute, "mail: 3 backups made")
		want := []string{"Since " + told(1, 0) + ":", "2 databases, 1.00 GB, 1.00 MB of it new.", "1 backup was proved.", "The next backup: " + told(2, 2) + "."}
		if m := s.mails[0]; !slices.Equal(m.Lines, want) || m.Severity != Good {
			t.Errorf("got %q", m.Lines)
		}
		s.stop()
		<-time.After(3 * 24 * time.Hour) // the computer is off
		s.digest = Digest{}
		s.start()
		s.wants(time.Hour, "mail: No backup was made")
	})
}

// writerFor writes in a language.
func writerFor(lang string) writer {
	return writer{Texts: i18n.For(lang), newest: func(string, string) *control.Backup { return nil }}
}
