package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rahatbackup/rahat/internal/control"
)

// maxEvent is the longest line of the event stream, in bytes: a run with a
// result of thousands of warnings stays far below.
const maxEvent = 16 << 20

// Events yields what happens after event number after of the given epoch,
// without gaps, until ctx ends or the agent goes. An event of kind "reset"
// says that what was asked for is gone: read the status; the events after its
// Seq follow. The last pair has a non-nil error, with [ErrStopped] in it when
// the agent was asked to stop; a caller that wants to go on asks again after the
// last event it saw.
func (c *Client) Events(ctx context.Context, after uint64, epoch string) iter.Seq2[control.Event, error] {
	return func(yield func(control.Event, error) bool) {
		q := url.Values{"after": {strconv.FormatUint(after, 10)}, "epoch": {epoch}}
		resp, err := c.send(ctx, request{method: http.MethodGet, path: "/api/events", query: q})
		if err != nil {
			yield(control.Event{}, err)
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, maxEvent)
		for lines.Scan() {
			data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
			if !ok {
				continue
			}
			var e control.Event
			if err := json.Unmarshal(data, &e); err != nil {
				yield(control.Event{}, ErrProtocol.Because(fmt.Errorf("read event: %w", err), "cause", err.Error()))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		err = lines.Err()
		if err == nil {
			err = ErrStopped // HTTP knows the end of an answer from one that was cut off
		}
		if errors.Is(err, bufio.ErrTooLong) {
			err = ErrProtocol.Because(err, "cause", err.Error())
		}
		yield(control.Event{}, c.unreachable(ctx, err))
	}
}

// Follow waits until the runs ids are over and returns them in that order.
// Each news of one of them is handed to observe, which may be nil; every run
// is handed over at least once, and a last time when it is over. When the
// agent goes away, Follow returns [ErrUnreachable]: the runs are then
// interrupted. When ctx ends it returns its cause, and the runs go on.
func (c *Client) Follow(ctx context.Context, ids []string, observe func(control.Run)) ([]control.Run, error) {
	f := &following{ids: ids, runs: make(map[string]control.Run, len(ids)), observe: observe}
	for {
		status, err := c.Status(ctx)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			run, err := c.Run(ctx, id)
			if err != nil {
				return nil, err
			}
			f.news(run)
		}
		again, err := f.follow(c.Events(ctx, status.Seq, status.Epoch))
		if err != nil {
			return nil, err
		}
		if !again {
			return f.result(), nil
		}
	}
}

// following is the state of one Follow.
type following struct {
	ids     []string
	runs    map[string]control.Run
	observe func(control.Run)
}

// news takes note of a run, unless it is known to be over.
func (f *following) news(run control.Run) {
	if old, ok := f.runs[run.ID]; ok && old.Status.Over() {
		return
	}
	f.runs[run.ID] = run
	if f.observe != nil {
		f.observe(run)
	}
}

// over reports whether all runs have ended.
func (f *following) over() bool {
	for _, run := range f.runs {
		if !run.Status.Over() {
			return false
		}
	}
	return true
}

// follow reads events until all runs are over, or until it has to begin again.
func (f *following) follow(events iter.Seq2[control.Event, error]) (again bool, err error) {
	if f.over() {
		return false, nil
	}
	for e, err := range events {
		if err != nil {
			return false, err
		}
		if e.Kind == "reset" {
			return true, nil
		}
		if e.Run == nil {
			continue
		}
		if _, ours := f.runs[e.Run.ID]; ours {
			f.news(*e.Run)
		}
		if f.over() {
			return false, nil
		}
	}
	return true, nil
}

func (f *following) result() []control.Run {
	out := make([]control.Run, 0, len(f.ids))
	for _, id := range f.ids {
		out = append(out, f.runs[id])
	}
	return out
}
