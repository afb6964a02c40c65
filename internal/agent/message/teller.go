package message

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/vault"
)

// A Store is the part of the catalog that messages need.
type Store interface {
	Jobs(ctx context.Context) ([]control.Job, error)
	Destinations(ctx context.Context) ([]control.Destination, error)
	// LastRuns returns the last run of a kind of each database.
	LastRuns(ctx context.Context, kind backup.RunKind) ([]control.Run, error)
	// LastBackups returns the newest backup of each database, LastProven the
	// one that was proved last.
	LastBackups(ctx context.Context) ([]control.Backup, error)
	LastProven(ctx context.Context) ([]control.Backup, error)

	Channels(ctx context.Context) ([]control.Channel, error)
	ChannelStates(ctx context.Context) (map[string]control.ChannelState, error)
	// Told returns what was noted of what was told, by channel and subject.
	Told(ctx context.Context) (map[string]map[string]string, error)
	// Tell queues letters and notes what they say; "" forgets. All or nothing.
	Tell(ctx context.Context, letters []control.Letter, said map[string]map[string]string) error
	// NextLetter returns the oldest letter of a channel; an error if there is
	// none.
	NextLetter(ctx context.Context, channel string) (control.Letter, error)
	// Delivered notes how a channel does, and removes the letter of that ID.
	Delivered(ctx context.Context, channel string, state control.ChannelState, letter string) error
}

// Options are the parts that telling needs.
type Options struct {
	Store Store
	// Send sends a message through a channel: [Sender.Send].
	Send func(ctx context.Context, c control.Channel, secret vault.Secret, m Message) error
	// Secret returns the secret of a channel; [vault.ErrNotFound] when it has
	// none.
	Secret func(ctx context.Context, channel string) (vault.Secret, error)
	// Events yields what happens from now on, until ctx ends.
	Events func(ctx context.Context) iter.Seq[control.Event]
	Status func(ctx context.Context) (control.StatusReport, error)
	Digest func(ctx context.Context, since, until time.Time) (Digest, error)
	// Language returns that of the person, en or tr.
	Language func(ctx context.Context) string
	Machine  string // this computer's name
	Now      backup.Clock
	Log      *slog.Logger
}

const (
	// gather is how long what happens waits for more of it, to be told as one.
	gather = 15 * time.Second
	// look is how often it is looked for what did not happen.
	look = time.Minute
)

// Run tells what happens, and delivers it, until ctx ends.
func Run(ctx context.Context, opt Options) {
	t := &teller{Options: opt}
	wake := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { (&outbox{Options: opt}).deliver(ctx, wake) })
	changes := make(chan control.Event)
	wg.Go(func() { follow(ctx, opt.Events, changes) })
	t.run(ctx, changes, wake)
	wg.Wait()
}

// follow passes on the events that may change what is told.
func follow(ctx context.Context, events func(context.Context) iter.Seq[control.Event], changes chan<- control.Event) {
	for e := range events(ctx) {
		if e.Run != nil && !e.Run.Status.Over() {
			continue
		}
		select {
		case changes <- e:
		case <-ctx.Done():
			return
		}
	}
}

// A teller decides what is told. It belongs to the goroutine of run.
type teller struct {
	Options
	ended []control.Run // runs that are over and not told, oldest first
	asked bool          // the last runs of the catalog were looked at
	said  string        // the last error that was logged
}

func (t *teller) run(ctx context.Context, changes <-chan control.Event, wake chan<- struct{}) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	timer := time.NewTimer(gather) // what happened while no agent ran
	defer timer.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			t.last(ctx)
			return
		case e := <-changes:
			if e.Run != nil {
				t.ended = append(t.ended, *e.Run)
			}
			if !armed {
				armed = true
				timer.Reset(gather)
			}
			continue
		case <-timer.C:
			armed = false
		case <-tick.C:
			if armed { // soon
				continue
			}
		}
		t.settle(ctx)
		select {
		case wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// last puts what is not told yet into the outbox, for the next agent.
func (t *teller) last(ctx context.Context) {
	if len(t.ended) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	t.settle(ctx)
}

// settle compares what is wrong with what was told, and tells the rest.
func (t *teller) settle(ctx context.Context) {
	err := t.tell(ctx)
	switch {
	case err == nil:
		t.said = ""
	case ctx.Err() == nil && err.Error() != t.said:
		t.said = err.Error()
		t.Log.ErrorContext(ctx, "cannot tell what happened", "err", err)
	}
}

func (t *teller) tell(ctx context.Context) error {
	b, err := t.open(ctx)
	if err != nil {
		return err
	}
	if !t.asked {
		old, err := t.Store.LastRuns(ctx, backup.RunBackup)
		if err != nil {
			return err
		}
		for _, r := range old {
			b.note(r, false)
		}
	}
	for _, r := range t.ended {
		b.note(r, true)
	}
	b.concerns()
	b.forget()
	w := writer{Texts: i18n.For(t.Language(ctx)), machine: t.Machine, now: t.Now(), newest: b.newest}
	letters := b.letters(w)
	digests, err := t.digests(ctx, w, b)
	if err != nil {
		return err
	}
	letters = append(letters, digests...)
	if len(letters) > 0 || len(b.said) > 0 {
		if err := t.Store.Tell(ctx, letters, b.said); err != nil {
			return fmt.Errorf("queue messages: %w", err)
		}
	}
	t.ended, t.asked = nil, true
	return nil
}

// letter puts a message into an envelope.
func letter(c control.Channel, m Message) control.Letter {
	m.ID = string(backup.NewID(m.At))
	text, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("message: encode: %v", err)) // strings and a time: cannot fail
	}
	return control.Letter{ID: m.ID, Channel: c.Name, Queued: m.At.UTC(), Message: text}
}
