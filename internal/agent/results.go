package agent

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/rahatbackup/rahat/internal/agent/notify"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// tellResults tells the person how runs end until the returned function is
// called, which lets go of the desktop.
func (a *agent) tellResults(ctx context.Context) (end func() error) {
	if a.Screen == nil {
		return func() error { return nil }
	}
	// Runs end when ctx has ended, and those are told too.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	from := a.broker.Seq()
	var telling sync.WaitGroup
	telling.Go(func() {
		notify.Run(ctx, notify.Options{
			Screen: a.Screen, Log: a.log, Choice: a.choice, Newest: a.newest,
			Events: func(ctx context.Context) iter.Seq[control.Event] { return a.broker.Events(ctx, from, a.broker.Epoch()) },
			Open: func(ctx context.Context, database, activation string) error {
				if a.OpenWindow == nil {
					return errors.New("this program opens no window")
				}
				return a.OpenWindow(ctx, database, activation)
			},
		})
	})
	return func() error {
		cancel()
		telling.Wait()
		return a.Screen.Close()
	}
}

// choice returns which results the person wants to be told, and how.
func (a *agent) choice(ctx context.Context) (notify.Choice, error) {
	p, err := a.catalog.Preferences(ctx)
	c := notify.Choice{Language: p.Language, Results: cmp.Or(p.Notify, notify.All)}
	if !i18n.Known(c.Language) { // as the system
		c.Language = i18n.Detect()
	}
	return c, err
}

// newest returns the newest backup of a database, nil when there is none.
func (a *agent) newest(ctx context.Context, server, database string) (*control.Backup, error) {
	all, err := a.catalog.LastBackups(ctx)
	i := slices.IndexFunc(all, func(b control.Backup) bool { return b.Server == server && b.Database == database })
	if err != nil || i < 0 {
		return nil, err
	}
	return &all[i], nil
}
