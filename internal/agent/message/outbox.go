package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

const (
	// firstWait is how long a channel is left alone after a failure; each
	// further one doubles it, up to longestWait.
	firstWait   = time.Minute
	longestWait = time.Hour
	// patience is how long a message is tried to be delivered.
	patience = 3 * 24 * time.Hour
	// rest is how long the outbox sleeps at most: channels may have changed.
	rest = time.Minute
)

// backoff is how long a channel is left alone after so many failures in a row.
func backoff(failures int) time.Duration {
	return min(firstWait<<min(max(failures-1, 0), 10), longestWait)
}

// An outbox delivers what waits in the catalog. Each channel has a goroutine of
// its own while it works, so that none waits for another; within a channel
// messages keep their order.
type outbox struct {
	Options
	busy map[string]bool      // channels at work
	hold map[string]time.Time // channels that wait because the catalog failed
	done chan ended
	wg   sync.WaitGroup
	// taken are letters that were taken and could not be struck off.
	taken sync.Map
}

// ended says that a channel's goroutine has ended, and whether the catalog did
// its part.
type ended struct {
	channel string
	ok      bool
}

// deliver works until ctx ends. It looks for messages when woken.
func (o *outbox) deliver(ctx context.Context, wake <-chan struct{}) {
	o.busy, o.hold, o.done = map[string]bool{}, map[string]time.Time{}, make(chan ended)
	defer o.wg.Wait()
	timer := time.NewTimer(rest)
	defer timer.Stop()
	for {
		timer.Reset(o.round(ctx))
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case e := <-o.done:
			delete(o.busy, e.channel)
			if !e.ok {
				o.hold[e.channel] = o.Now().Add(rest)
			}
		case <-timer.C:
		}
	}
}

// round sets to work the channels that have something to deliver, and returns
// when to look again.
func (o *outbox) round(ctx context.Context) time.Duration {
	channels, err := o.Store.Channels(ctx)
	if err != nil || len(channels) == 0 {
		o.complain(ctx, err)
		return rest
	}
	states, err := o.Store.ChannelStates(ctx)
	o.complain(ctx, err)
	next := rest
	for _, c := range channels {
		state := states[c.Name]
		if c.Paused || o.busy[c.Name] || state.Waiting == 0 {
			continue
		}
		if wait := o.hold[c.Name].Sub(o.Now()); wait > 0 && wait <= rest {
			continue
		}
		// A moment that is too far away comes from a clock that was wrong.
		if state.RetryAt != nil {
			if wait := state.RetryAt.Sub(o.Now()); wait > 0 && wait <= longestWait {
				next = min(next, wait)
				continue
			}
		}
		o.busy[c.Name] = true
		o.wg.Go(func() {
			ok := o.work(ctx, c, state)
			select {
			case o.done <- ended{c.Name, ok}:
			case <-ctx.Done():
			}
		})
	}
	return next
}

// work delivers what waits for a channel until it is all taken, or one attempt
// has failed. It reports whether the catalog did its part: when it cannot take
// note of what was delivered, the same message must not be sent for ever.
func (o *outbox) work(ctx context.Context, c control.Channel, state control.ChannelState) (ok bool) {
	for range state.Waiting {
		l, err := o.Store.NextLetter(ctx, c.Name)
		if err == nil {
			if _, done := o.taken.Load(l.ID); !done {
				err = o.send(ctx, c, l)
			}
		} else if ctx.Err() == nil {
			o.complain(ctx, err)
			return false
		}
		if ctx.Err() != nil && err != nil {
			return true // the agent ends; the message stays
		}
		taken := o.note(ctx, c, l, &state, err)
		if taken != "" {
			o.taken.Store(taken, true)
		}
		if err := o.Store.Delivered(context.WithoutCancel(ctx), c.Name, state, taken); err != nil {
			o.complain(ctx, err)
			return false
		}
		o.taken.Delete(taken)
		if state.RetryAt != nil {
			return true
		}
	}
	return true
}

// send sends one letter.
func (o *outbox) send(ctx context.Context, c control.Channel, l control.Letter) error {
	var m Message
	if err := json.Unmarshal(l.Message, &m); err != nil {
		return ErrRejected.Because(err, "host", c.Name, "reason", "")
	}
	secret, err := o.Secret(ctx, c.Name)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("read secret of channel: %w", err)
	}
	return o.Send(ctx, c, secret, m)
}

// note writes into state how an attempt went, and returns the letter's ID if it
// is done with.
func (o *outbox) note(ctx context.Context, c control.Channel, l control.Letter, state *control.ChannelState, err error) (done string) {
	now := o.Now().UTC()
	state.Problem, state.RetryAt = control.FromError(err), nil
	if err == nil || errors.Is(err, ErrSome) {
		if err != nil {
			o.Log.WarnContext(ctx, "not everybody got a message", "channel", c.Name, "message", l.ID, "err", err)
		}
		state.LastOK, state.Failures = &now, 0
		return l.ID
	}
	if hopeless(err) {
		o.Log.WarnContext(ctx, "message given up", "channel", c.Name, "message", l.ID, "err", err)
		state.GivenUp++
		return l.ID
	}
	state.Failures++
	wait := backoff(state.Failures)
	if l, ok := errors.AsType[later](err); ok {
		wait = max(wait, l.wait)
	}
	at := now.Add(wait)
	state.RetryAt = &at
	if state.Failures == 1 {
		o.Log.WarnContext(ctx, "message not delivered, will try again", "channel", c.Name, "message", l.ID, "err", err)
	}
	if now.Sub(l.Queued) < patience {
		return ""
	}
	o.Log.WarnContext(ctx, "message given up after days of trying", "channel", c.Name, "message", l.ID, "err", err)
	state.GivenUp++
	return l.ID
}

// complain logs that the catalog did not do its part.
func (o *outbox) complain(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		o.Log.ErrorContext(ctx, "cannot read the outbox", "err", err)
	}
}
