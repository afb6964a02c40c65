package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/message"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// What can go wrong with channels, as a person meets it.
var (
	// ErrNoChannel: no channel is called {name}.
	ErrNoChannel = problem.New("agent.no_channel")
	// ErrChannelExists: a channel is called {name} already.
	ErrChannelExists = problem.New("agent.channel_exists")
)

// channelTime bounds the test of a channel, a little above the longest that
// sending takes.
const channelTime = 40 * time.Second

// channelSecretName is where the vault keeps the secret of a channel.
func channelSecretName(channel string) string {
	return "channel/" + hex.EncodeToString([]byte(channel)) + "/secret"
}

// ChannelSecret returns the secret of a channel; [vault.ErrNotFound] when it
// has none.
func (s *Server) ChannelSecret(ctx context.Context, channel string) (vault.Secret, error) {
	return s.Vault.Get(ctx, channelSecretName(channel))
}

// Status says how things stand, as GET /api/status does.
func (s *Server) Status(ctx context.Context) (control.StatusReport, error) { return s.status(ctx, nil) }

// Language is that in which the person is spoken to.
func (s *Server) Language(ctx context.Context) string {
	p, err := s.Catalog.Preferences(ctx)
	if err != nil || !i18n.Known(p.Language) { // better in a wrong language than not at all
		return i18n.Detect()
	}
	return p.Language
}

// NextBackup is when a job makes a backup next; zero when none is planned.
func (s *Server) NextBackup(ctx context.Context) (next time.Time, err error) {
	f, err := s.facts(ctx)
	if err != nil {
		return next, err
	}
	for _, d := range newRoll(f, s.census.peek()).list() {
		if d.Next != nil && (next.IsZero() || d.Next.Before(next)) {
			next = *d.Next
		}
	}
	return next, nil
}

func (s *Server) listChannels(ctx context.Context, _ *struct{}) ([]control.ChannelStatus, error) {
	channels, err := s.Catalog.Channels(ctx)
	if err != nil {
		return nil, err
	}
	states, err := s.Catalog.ChannelStates(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]control.ChannelStatus, 0, len(channels))
	for _, c := range channels {
		_, err := s.ChannelSecret(ctx, c.Name)
		all = append(all, control.ChannelStatus{Channel: c, Secret: err == nil, ChannelState: states[c.Name]})
	}
	return all, nil
}

func (s *Server) addChannel(ctx context.Context, in *body[control.NewChannel]) (control.Channel, error) {
	n := in.Body
	s.naming.Lock()
	defer s.naming.Unlock()
	if _, err := s.Catalog.Channel(ctx, n.Name); !errors.Is(err, catalog.ErrNotFound) {
		return n.Channel, taken(err, ErrChannelExists, n.Name)
	}
	secret := vault.NewSecret(n.Secret)
	if err := message.Check(n.Channel, secret); err != nil {
		return n.Channel, err
	}
	// The secret goes first: without the channel it does no harm. One left by
	// a channel of this name that is gone must not stay.
	var err error
	if secret.Empty() {
		err = s.Vault.Delete(ctx, channelSecretName(n.Name))
	} else {
		err = s.Vault.Set(ctx, channelSecretName(n.Name), secret)
	}
	if err != nil {
		return n.Channel, err
	}
	if err := s.Catalog.AddChannel(ctx, n.Channel); err != nil {
		return n.Channel, fmt.Errorf("add channel: %w", err)
	}
	s.Broker.Changed()
	return n.Channel, nil
}

type namedChannel struct {
	Name string `path:"name" maxLength:"63"`
	Body control.NewChannel
}

// editChannel changes a channel; without a secret the one there is stays. What
// waits for it is tried again at once.
func (s *Server) editChannel(ctx context.Context, in *namedChannel) (control.Channel, error) {
	n := in.Body
	s.naming.Lock()
	defer s.naming.Unlock()
	old, err := s.Catalog.Channel(ctx, in.Name)
	if err != nil {
		return n.Channel, missing(err, ErrNoChannel, "name", in.Name)
	}
	if n.Name != old.Name {
		return n.Channel, invalid("name", "a channel keeps its name")
	}
	if n.Kind != old.Kind {
		return n.Channel, invalid("kind", "a channel keeps its kind")
	}
	secret := vault.NewSecret(n.Secret)
	if secret.Empty() && message.NeedsSecret(n.Channel) {
		if secret, err = s.secret(ctx, channelSecretName(n.Name)); err != nil {
			return n.Channel, err
		}
	}
	if err := message.Check(n.Channel, secret); err != nil {
		return n.Channel, err
	}
	if n.Secret != "" {
		if err := s.Vault.Set(ctx, channelSecretName(n.Name), secret); err != nil {
			return n.Channel, err
		}
	}
	if err := s.Catalog.EditChannel(ctx, n.Channel); err != nil {
		return n.Channel, missing(err, ErrNoChannel, "name", n.Name)
	}
	s.Broker.Changed()
	return n.Channel, nil
}

func (s *Server) removeChannel(ctx context.Context, in *named) (nothing, error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	if err := s.Catalog.RemoveChannel(ctx, in.Name); err != nil {
		return nothing{}, missing(err, ErrNoChannel, "name", in.Name)
	}
	s.Broker.Changed()
	return nothing{}, s.Vault.Delete(ctx, channelSecretName(in.Name))
}

// testChannel sends a message now, past what waits, also if the channel is
// paused.
func (s *Server) testChannel(ctx context.Context, in *named) (control.ChannelTest, error) {
	var t control.ChannelTest
	c, err := s.Catalog.Channel(ctx, in.Name)
	if err != nil {
		return t, missing(err, ErrNoChannel, "name", in.Name)
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, channelTime, ErrTestTime.Because(nil, "seconds", fmt.Sprint(channelTime.Seconds())))
	defer cancel()
	secret, err := s.secret(ctx, channelSecretName(c.Name))
	if err == nil {
		sender := message.Sender{Now: s.Now}
		err = stopped(ctx, sender.Send(ctx, c, secret, message.Test(s.Language(ctx), s.Machine, c.Name, s.Now())))
	}
	t.Problem, t.OK, t.Seconds = control.FromError(err), err == nil, time.Since(begun).Seconds()
	return t, nil
}

func (s *Server) channelRoutes(api huma.API) {
	const ok, none = http.StatusOK, http.StatusNoContent
	handle(s, api, http.MethodGet, "/api/channels", "list-channels", "Channels and how they do", ok, s.listChannels)
	handle(s, api, http.MethodPost, "/api/channels", "add-channel", "Add a channel", ok, s.addChannel)
	handle(s, api, http.MethodPut, "/api/channels/{name}", "edit-channel", "Change a channel", ok, s.editChannel)
	handle(s, api, http.MethodDelete, "/api/channels/{name}", "remove-channel", "Remove a channel and what waits for it", none, s.removeChannel)
	handle(s, api, http.MethodPost, "/api/channels/{name}/test", "test-channel", "Send a test message", ok, s.testChannel)
}
