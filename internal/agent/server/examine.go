package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/message"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/doctor"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What the doctor says of the agent itself and of those it tells.
var (
	// ErrNotAlone: the lock {path} that keeps a second agent away is not held.
	ErrNotAlone = problem.New("doctor.not_alone")
	// ErrPausedLong: the agent is paused for longer than a day, since {since}.
	ErrPausedLong = problem.New("doctor.paused_long")
	// ErrChannelPaused (warning): channel {channel} is paused.
	ErrChannelPaused = problem.New("doctor.channel_paused")
	// ErrGivenUp (warning): {count} messages could not be delivered by
	// {channel}.
	ErrGivenUp = problem.New("doctor.channel_given_up")
)

// longPause is how long a person pauses on purpose; what is longer was forgotten.
const longPause = 24 * time.Hour

// lookAtInstance tries to take the lock that this agent holds. Whoever gets it
// could be a second agent on the same catalog.
func (s *Server) lookAtInstance(context.Context) (text control.Text, warnings []*problem.Problem, err error) {
	path := paths.Home(s.Home).Lock()
	lock, err := ipc.TryLock(path)
	switch {
	case errors.Is(err, ipc.ErrRunning):
		return seen("instance"), nil, nil
	case err != nil:
		return text, nil, err
	}
	return text, nil, errors.Join(ErrNotAlone.Because(nil, "path", path), lock.Unlock())
}

// lookAtPause says for how long nothing has begun.
func (s *Server) lookAtPause(ctx context.Context) (text control.Text, warnings []*problem.Problem, err error) {
	if !s.Queue.Paused() {
		return seen("going"), nil, nil
	}
	since, err := s.Catalog.PausedSince(ctx)
	if err != nil {
		return text, nil, err
	}
	if since.IsZero() { // paused by a version that did not write it down
		return text, []*problem.Problem{ErrAllPaused.Because(nil)}, nil
	}
	at := since.UTC().Format(time.RFC3339)
	text = seen("paused", "since", at)
	if s.Now().Sub(since) >= longPause {
		return text, nil, ErrPausedLong.Because(nil, "since", at)
	}
	return text, []*problem.Problem{ErrAllPaused.Because(nil)}, nil
}

// channelLooks are those at the ways to tell people who are elsewhere.
func (s *Server) channelLooks(ctx context.Context) (looks []doctor.Look, err error) {
	all, err := s.listChannels(ctx, nil)
	if err != nil {
		return nil, err
	}
	for i := range all {
		looks = append(looks, doctor.Look{Name: "channel", Subject: all[i].Name, Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			return s.lookAtChannel(ctx, &all[i])
		}})
	}
	return looks, nil
}

// lookAtChannel says what became of the messages of a channel; none is sent.
func (s *Server) lookAtChannel(ctx context.Context, c *control.ChannelStatus) (text control.Text, warnings []*problem.Problem, err error) {
	if c.LastOK != nil {
		text = seen("channel", "last", c.LastOK.UTC().Format(time.RFC3339))
	} else {
		text = seen("channel_new")
	}
	if c.Paused {
		return text, []*problem.Problem{ErrChannelPaused.Because(nil, "channel", c.Name)}, nil
	}
	secret, err := s.secret(ctx, channelSecretName(c.Name))
	if err == nil {
		err = message.Check(c.Channel, secret)
	}
	if err == nil {
		err = c.Problem.Err()
	}
	if c.GivenUp > 0 {
		warnings = append(warnings, ErrGivenUp.Because(nil, "channel", c.Name, "count", strconv.Itoa(c.GivenUp)))
	}
	return text, warnings, err
}
