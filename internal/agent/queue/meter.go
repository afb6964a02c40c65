package queue

import (
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
)

// interval is the least time between two progress events of one run.
const interval = 250 * time.Millisecond

// A meter thins out the progress of one run, which may be reported a thousand
// times a second: the first report passes at once, then at most one in an
// interval, and the last of a burst always comes through. Nothing ticks while
// nothing is reported.
type meter struct {
	emit func(backup.Progress)

	mu      sync.Mutex
	latest  backup.Progress
	timer   *time.Timer // set while the interval after an emission lasts
	pending bool        // latest has not been emitted
	stopped bool
}

func (m *meter) report(p backup.Progress) {
	m.mu.Lock()
	if m.stopped {
		m.mu.Unlock()
		return
	}
	m.latest = p
	if m.timer != nil {
		m.pending = true
		m.mu.Unlock()
		return
	}
	m.timer = time.AfterFunc(interval, m.elapsed)
	m.mu.Unlock()
	m.emit(p)
}

// elapsed is called when an interval is over.
func (m *meter) elapsed() {
	m.mu.Lock()
	if m.stopped || !m.pending {
		m.timer = nil
		m.mu.Unlock()
		return
	}
	p := m.latest
	m.pending = false
	m.timer.Reset(interval)
	m.mu.Unlock()
	m.emit(p)
}

// stop ends it; nothing that is reported later is emitted.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	if m.timer != nil {
		m.timer.Stop()
	}
}
