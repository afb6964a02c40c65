package server

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// A Login starts the program when the person logs in to this computer.
type Login interface {
	// Possible reports whether this system can do that.
	Possible() bool
	// Enabled reports whether it does.
	Enabled() (bool, error)
	// Set switches it on or off; what is so already stays so.
	Set(on bool) error
}

// What holds until a person chooses.
const (
	asSystem  = "system" // language and theme
	notifyAll = "all"
)

func (s *Server) getSettings(ctx context.Context, _ *struct{}) (control.Settings, error) {
	p, err := s.Catalog.Preferences(ctx)
	if err != nil {
		return control.Settings{}, err
	}
	out := control.Settings{
		Language: cmp.Or(p.Language, asSystem), Theme: cmp.Or(p.Theme, asSystem), Notify: cmp.Or(p.Notify, notifyAll),
		Locale: i18n.Detect(), AtLogin: s.Login != nil && s.Login.Possible(),
	}
	if !out.AtLogin {
		return out, nil
	}
	if out.StartAtLogin, err = s.Login.Enabled(); err != nil {
		// The rest of the settings is right all the same.
		s.Log.WarnContext(ctx, "cannot tell whether the program starts at login", "err", err)
	}
	return out, nil
}

func (s *Server) changeSettings(ctx context.Context, in *body[control.Settings]) (control.Settings, error) {
	n := in.Body
	if s.Login != nil && s.Login.Possible() {
		if err := s.Login.Set(n.StartAtLogin); err != nil {
			return n, fmt.Errorf("switch start at login: %w", err)
		}
	}
	p := catalog.Preferences{Language: n.Language, Theme: n.Theme, Notify: n.Notify}
	if err := s.Catalog.SetPreferences(ctx, p); err != nil {
		return n, fmt.Errorf("save settings: %w", err)
	}
	s.Broker.Changed()
	return s.getSettings(ctx, nil)
}

func (s *Server) pause(ctx context.Context, _ *struct{}) (nothing, error) {
	return nothing{}, s.setPaused(ctx, true)
}

func (s *Server) resume(ctx context.Context, _ *struct{}) (nothing, error) {
	return nothing{}, s.setPaused(ctx, false)
}

// setPaused makes the catalog and the queue agree, which two clients at once
// must not disturb.
func (s *Server) setPaused(ctx context.Context, paused bool) error {
	s.pausing.Lock()
	defer s.pausing.Unlock()
	if err := s.Catalog.SetPaused(ctx, paused, s.Now()); err != nil {
		return fmt.Errorf("save pause: %w", err)
	}
	if paused {
		s.Queue.Pause()
	} else {
		s.Queue.Resume() //nolint:contextcheck // runs do not end with the request that lets them begin
	}
	s.Broker.Changed()
	return nil
}
