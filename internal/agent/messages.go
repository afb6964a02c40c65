package agent

import (
	"context"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/message"
	"github.com/rahatbackup/rahat/internal/control"
)

// sendMessages tells people who are elsewhere what happens, until the returned
// function is called. What was not delivered by then waits for the next agent.
func (a *agent) sendMessages(ctx context.Context) (end func(), err error) {
	machine, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	// Runs end when ctx has ended, and those are told too.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	from := a.broker.Seq()
	sender := message.Sender{Now: a.Now}
	var sending sync.WaitGroup
	sending.Go(func() {
		message.Run(ctx, message.Options{
			Store: a.catalog, Send: sender.Send, Secret: a.server.ChannelSecret, Status: a.server.Status,
			Events:   func(ctx context.Context) iter.Seq[control.Event] { return a.broker.Events(ctx, from, a.broker.Epoch()) },
			Digest:   a.digest,
			Language: a.server.Language, Machine: machine, Now: a.Now, Log: a.log,
		})
	})
	return func() {
		cancel()
		sending.Wait()
	}, nil
}

// digest says what was made in some time.
func (a *agent) digest(ctx context.Context, since, until time.Time) (d message.Digest, err error) {
	s, err := a.catalog.Summarize(ctx, since, until)
	if err != nil {
		return d, err
	}
	d = message.Digest{
		Backups: s.Backups, Databases: s.Databases, PlainBytes: s.PlainBytes, AddedBytes: s.AddedBytes, Proofs: s.Proofs,
	}
	d.Next, err = a.server.NextBackup(ctx)
	return d, err
}
