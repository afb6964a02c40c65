package tray

import (
	"context"
	"errors"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Do does what a row says. It may be called from any goroutine and returns at
// once or when the tray has noted it; what comes of it is shown.
func (t *Tray) Do(a Action) {
	select {
	case t.inbox <- func(ctx context.Context) { t.do(ctx, a) }:
	case <-t.done:
	}
}

// do runs in the goroutine of Run, and must not wait for anybody.
func (t *Tray) do(ctx context.Context, a Action) {
	if !t.explained() {
		t.trouble = nil // it was of the click before
	}
	switch a.Do {
	case Open:
		t.call(ctx, func(ctx context.Context) error { return t.cfg.Open(ctx, "", "") })
	case BackUp:
		t.call(ctx, func(ctx context.Context) error { return t.backUp(ctx, a.Server, a.Database) })
	case Pause:
		t.call(ctx, t.cfg.Agent.Pause)
	case Resume:
		t.call(ctx, t.cfg.Agent.Resume)
	case Reconnect:
		t.reconnect(ctx)
	case Quit:
		t.quit = !t.busy() // something may have begun under the hand
	case QuitNow:
		t.quit = true
	case QuitLater:
		t.leaving = true
		t.quit = !t.busy()
	case Stay:
		t.leaving = false
	case Nothing:
	}
}

// call does something that may take a while, and shows its failure.
func (t *Tray) call(ctx context.Context, f func(context.Context) error) {
	t.calls.Go(func() {
		limited, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		if err := f(limited); err != nil {
			t.post(ctx, func(context.Context) { t.blame(err) })
		}
	})
}

// post has f done by the goroutine of Run, unless ctx ends first.
func (t *Tray) post(ctx context.Context, f func(context.Context)) {
	select {
	case t.inbox <- f:
	case <-ctx.Done():
	}
}

// explained reports whether the trouble is that there is no agent.
func (t *Tray) explained() bool { return t.link == failed || t.link == otherness }

// blame shows why a click came to nothing. That the agent is gone shows anyhow.
func (t *Tray) blame(err error) {
	if !t.explained() && !errors.Is(err, client.ErrUnreachable) {
		t.trouble = problem.Of(err)
	}
}

// backUp starts a backup with its proof. Where there is no destination yet, the
// window is where one is chosen.
func (t *Tray) backUp(ctx context.Context, server, database string) error {
	destinations, err := t.cfg.Agent.Destinations(ctx)
	if err != nil {
		return err
	}
	if len(destinations) == 0 {
		return t.cfg.Open(ctx, server, database)
	}
	_, err = t.cfg.Agent.Backup(ctx, control.BackupRequest{
		Server: server, Databases: []string{database}, Destination: destinations[0].Name, Verify: "full",
	})
	return err
}

// reconnect starts the agent now. One of another version is asked to stop
// first; while it ends its work, it is asked again and again whether it is gone.
func (t *Tray) reconnect(ctx context.Context) {
	if t.link != otherness {
		t.again = true
		return
	}
	t.call(ctx, func(ctx context.Context) error {
		err := t.cfg.Agent.Stop(ctx)
		if err != nil && !errors.Is(err, client.ErrUnreachable) {
			return err
		}
		t.post(ctx, func(context.Context) { t.again = true })
		return nil
	})
}
