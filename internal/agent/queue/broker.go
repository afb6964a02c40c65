package queue

import (
	"context"
	"crypto/rand"
	"iter"
	"sync"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// remembered is how many events a subscriber may lag behind. Each keeps its run as
// it was then, so that they are much of what an agent holds when it has worked
// for a day.
const remembered = 1024

// The kinds of events.
const (
	kindRun     = "run"
	kindCatalog = "catalog"
	kindReset   = "reset"
)

// A Broker numbers events and hands them to any number of subscribers. It
// keeps the last ones in a ring; each subscriber reads the ring at its own
// pace, so a slow one delays nobody: when what it wants has been overwritten,
// it is told to begin again. Safe for concurrent use.
type Broker struct {
	now   backup.Clock
	epoch string

	mu   sync.Mutex
	ring []control.Event // event n is at n % len
	seq  uint64          // of the newest
	wake chan struct{}   // closed and replaced with every event
}

// NewBroker returns a broker with an epoch of its own and no events.
func NewBroker(now backup.Clock) *Broker { return newBroker(now, remembered) }

func newBroker(now backup.Clock, size int) *Broker {
	return &Broker{now: now, epoch: rand.Text(), ring: make([]control.Event, size), wake: make(chan struct{})}
}

// Epoch names this broker; numbers of another epoch mean nothing here.
func (b *Broker) Epoch() string { return b.epoch }

// Seq returns the number of the newest event.
func (b *Broker) Seq() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq
}

// Changed tells subscribers that servers, destinations, jobs or backups are
// not what they were.
func (b *Broker) Changed() { b.publish(control.Event{Kind: kindCatalog}) }

// run tells subscribers how a run stands.
func (b *Broker) run(r control.Run) { b.publish(control.Event{Kind: kindRun, Run: &r}) }

func (b *Broker) publish(e control.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	e.Seq, e.Time = b.seq, b.now().UTC()
	b.ring[b.seq%uint64(len(b.ring))] = e
	close(b.wake)
	b.wake = make(chan struct{})
}

// Events yields every event after number after, without gaps, until ctx ends.
// A "reset" comes instead when the epoch is another one or the events are no
// longer remembered; its Seq is the newest number, from which it goes on.
func (b *Broker) Events(ctx context.Context, after uint64, epoch string) iter.Seq[control.Event] {
	return func(yield func(control.Event) bool) {
		lost := epoch != b.epoch
		for ctx.Err() == nil {
			events, wake := b.since(after, lost)
			lost = false
			for _, e := range events {
				if ctx.Err() != nil || !yield(e) {
					return
				}
				after = e.Seq
			}
			if len(events) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
			case <-wake:
			}
		}
	}
}

// since copies some of the events after a number, and returns what is closed
// when there are more.
func (b *Broker) since(after uint64, lost bool) ([]control.Event, <-chan struct{}) {
	const most = 64 // so that a reader far behind does not copy the whole ring
	b.mu.Lock()
	defer b.mu.Unlock()
	size := uint64(len(b.ring))
	if lost || after > b.seq || b.seq-after > size {
		return []control.Event{{Seq: b.seq, Time: b.now().UTC(), Kind: kindReset}}, b.wake
	}
	events := make([]control.Event, 0, min(b.seq-after, most))
	for n := after + 1; n <= b.seq && len(events) < most; n++ {
		events = append(events, b.ring[n%size])
	}
	return events, b.wake
}
