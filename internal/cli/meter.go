package cli

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

const (
	redraw    = 200 * time.Millisecond // on a terminal
	plainStep = 5 * time.Second        // between lines where there is none
	smoothing = 4 * time.Second        // time constant of the speed shown
	settle    = 2 * time.Second        // before a speed is worth showing
	mostLines = 8                      // runs shown at once
)

// meter shows how runs advance: one line for each active run, redrawn in place
// on a terminal, written now and then elsewhere. It may be used by several
// goroutines.
type meter struct {
	a     *app
	out   *paper
	multi bool // several runs: each gets a line when it ends

	mu    sync.Mutex
	order []string
	runs  map[string]*track
	drawn int       // lines on the terminal that the next drawing replaces
	shown string    // those lines
	last  time.Time // of the plain lines
}

// track is one run as the meter sees it.
type track struct {
	run   control.Run
	began time.Time // of the phase
	at    time.Time // of the last measure
	done  int64     // at that moment
	speed float64   // bytes a second, smoothed
}

func newMeter(a *app, runs int) *meter {
	return &meter{a: a, out: a.err, multi: runs > 1, runs: map[string]*track{}, last: a.opt.Now()}
}

// watch redraws until done is closed and leaves a clean terminal.
func (m *meter) watch(done <-chan struct{}) {
	step := redraw
	if m.out.terminal == nil {
		step = plainStep
	}
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-done:
			m.mu.Lock()
			m.clear()
			m.mu.Unlock()
			return
		case <-tick.C:
			m.mu.Lock()
			m.draw()
			m.mu.Unlock()
		}
	}
}

// observe takes note of a run.
func (m *meter) observe(run control.Run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.runs[run.ID]
	if !ok {
		t = &track{}
		m.runs[run.ID] = t
		m.order = append(m.order, run.ID)
	}
	wasOver := ok && t.run.Status.Over()
	t.measure(run, m.a.opt.Now())
	if m.multi && run.Status.Over() && !wasOver {
		m.print(m.ended(run))
	}
}

// say prints a line above the runs.
func (m *meter) say(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.print(text)
}

func (m *meter) print(line string) {
	if m.a.quiet {
		return
	}
	m.clear()
	fmt.Fprintln(m.out, line)
	m.draw()
}

// measure notes the progress of run at a moment. A new phase begins anew.
func (t *track) measure(run control.Run, now time.Time) {
	before := t.run.Progress
	t.run = run
	p := run.Progress
	if p == nil {
		return
	}
	if before == nil || before.Phase != p.Phase || p.Done < t.done {
		t.began, t.at, t.done, t.speed = now, now, p.Done, 0
		return
	}
	dt := now.Sub(t.at).Seconds()
	if dt < redraw.Seconds()/2 {
		return // too short for a measure; the bytes count in the next
	}
	rate := float64(p.Done-t.done) / dt
	if t.speed == 0 {
		t.speed = rate
	} else {
		t.speed += (rate - t.speed) * (1 - math.Exp(-dt/smoothing.Seconds()))
	}
	t.at, t.done = now, p.Done
}

// clear removes what draw has drawn.
func (m *meter) clear() {
	if m.drawn > 0 {
		fmt.Fprintf(m.out, "\x1b[%dA\r\x1b[J", m.drawn)
		m.drawn, m.shown = 0, ""
	}
}

// draw shows the active runs: on a terminal in place of what was drawn before,
// in one write, so that nothing flickers.
func (m *meter) draw() {
	if m.a.quiet {
		return
	}
	now := m.a.opt.Now()
	if m.out.terminal == nil && now.Sub(m.last) < plainStep-redraw {
		return
	}
	m.last = now
	lines := m.lines(now)
	if m.out.terminal == nil {
		for _, l := range lines {
			fmt.Fprintln(m.out, l)
		}
		return
	}
	width, _ := m.out.size()
	var b strings.Builder
	for _, l := range lines {
		// The last column stays free: some terminals wrap when it is used.
		b.WriteString("\r" + runewidth.Truncate(l, width-1, "…") + "\x1b[K\n")
	}
	if b.String() == m.shown {
		return
	}
	up := ""
	if m.drawn > 0 {
		up = fmt.Sprintf("\x1b[%dA", m.drawn)
	}
	m.drawn, m.shown = len(lines), b.String()
	fmt.Fprint(m.out, up+b.String()+"\x1b[J")
}

// lines says how each active run stands.
func (m *meter) lines(now time.Time) []string {
	var out []string
	waiting := 0
	for _, id := range m.order {
		t := m.runs[id]
		switch {
		case t.run.Status == backup.Running && len(out) < mostLines:
			out = append(out, m.line(t, now))
		case !t.run.Status.Over():
			waiting++
		}
	}
	if waiting > 0 {
		out = append(out, m.a.texts.N("progress.waiting", int64(waiting)))
	}
	return out
}

// line says in words what a run is doing, how far it is, how fast, and how
// long it will take.
func (m *meter) line(t *track, now time.Time) string {
	a, p := m.a, t.run.Progress
	parts := []string{a.subject(t.run)}
	if p == nil {
		return parts[0] + ": " + a.t("phase.start")
	}
	doing := a.t("phase." + string(p.Phase))
	if p.Item != "" && a.texts.Has("phase."+string(p.Phase)+".item") {
		doing = a.t("phase."+string(p.Phase)+".item", "item", a.item(p.Item))
	}
	parts[0] += ": " + doing
	if p.Total > 0 {
		parts = append(parts, a.texts.Percent(float64(p.Done)/float64(p.Total)))
	}
	if p.Phase == backup.PhaseIndex || t.run.Kind == backup.RunRebuild { // items, not bytes
		if p.Total > 0 {
			parts = append(parts, a.t("progress.of", "done", a.texts.Count(p.Done), "total", a.texts.Count(p.Total)))
		}
		return strings.Join(parts, " · ")
	}
	switch {
	case p.Total > 0:
		parts = append(parts, a.t("progress.of", "done", a.texts.Bytes(p.Done), "total", a.texts.Bytes(max(p.Total, p.Done))))
	case p.Done > 0:
		parts = append(parts, a.texts.Bytes(p.Done))
	}
	if t.speed > 0 && now.Sub(t.began) >= settle {
		parts = append(parts, a.texts.Speed(t.speed))
		if left := float64(p.Total-p.Done) / t.speed; left > 0 && left < (100*24*time.Hour).Seconds() {
			parts = append(parts, a.t("progress.left", "time", a.texts.Age(time.Duration(math.Ceil(left))*time.Second)))
		}
	}
	return strings.Join(parts, " · ")
}

// item names a part of a backup that is no table, or else shows its name.
func (a *app) item(name string) string {
	if key := "item." + name; a.texts.Has(key) {
		return a.t(key)
	}
	return visible(strings.TrimPrefix(name, "table/")) // as the parts of PostgreSQL are called
}

// ended is the line of a run that is over.
func (m *meter) ended(run control.Run) string {
	c := m.a.status(run.Status)
	line := m.out.paint(c.hue, c.text) + "  " + m.a.subject(run)
	if run.Started != nil && run.Finished != nil {
		line += "  " + m.a.texts.Duration(run.Finished.Sub(*run.Started))
	}
	return line
}

// subject names what a run is about.
func (a *app) subject(run control.Run) string {
	if run.Database != "" {
		return visible(run.Database)
	}
	return a.t("kind." + string(run.Kind))
}
