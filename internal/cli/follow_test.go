package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// following is a command that waits for a run.
type following struct {
	f           *fakeAgent
	interrupts  chan os.Signal
	out, stderr bytes.Buffer
	code        chan int
}

// follow starts rahat backup of a run that is on, and returns when the command
// listens to what happens.
func follow(t *testing.T, stubborn bool, flags ...string) *following {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	f := startFake(t, func(f *fakeAgent) { f.queue, f.stubborn = []string{"running"}, stubborn })
	f.use(t)
	w := &following{f: f, interrupts: make(chan os.Signal), code: make(chan int, 1)}
	go func() {
		w.code <- Run(t.Context(), Options{Args: append([]string{"backup", "nightly"}, flags...), Stdin: strings.NewReader(""),
			Stdout: &w.out, Stderr: &w.stderr, Interrupts: w.interrupts, Now: func() time.Time { return now }, Zone: time.UTC})
	}()
	w.await(t, f.listening, "the command to listen")
	return w
}

func (w *following) await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case code := <-w.code:
		t.Fatalf("ended with %d while waiting for %s: %s%s", code, what, &w.out, &w.stderr)
	case <-time.After(10 * time.Second):
		t.Fatalf("waited too long for %s", what)
	}
}

func (w *following) interrupt(t *testing.T) {
	t.Helper()
	select {
	case w.interrupts <- os.Interrupt:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody takes the interrupt")
	}
}

func (w *following) exit(t *testing.T, want int) {
	t.Helper()
	select {
	case code := <-w.code:
		if code != want {
			t.Errorf("exit code %d, want %d\n%s%s", code, want, &w.out, &w.stderr)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the command does not end")
	}
}

func TestFirstInterruptCancelsTheRunAndWaitsForIt(t *testing.T) {
	w := follow(t, false)
	w.interrupt(t)
	w.exit(t, exitInterrupted)
	if asked := strings.Join(w.f.asked(), "\n"); !strings.Contains(asked, "POST /api/runs/running/cancel") {
		t.Errorf("the agent was not asked to cancel: %s", asked)
	}
	if !strings.Contains(w.stderr.String(), "Press Ctrl-C again") || !strings.Contains(w.stderr.String(), "agent.cancelled") {
		t.Errorf("stderr: %s", &w.stderr)
	}
}

func TestSecondInterruptLeavesTheRunToTheAgent(t *testing.T) {
	w := follow(t, true)
	w.interrupt(t)
	w.await(t, w.f.cancelled, "the agent to be asked to cancel")
	w.interrupt(t)
	w.exit(t, exitInterrupted)
	if !strings.Contains(w.stderr.String(), "You left before the agent had ended this work: running") {
		t.Errorf("stderr: %s", &w.stderr)
	}
}

func TestInterruptedDocumentSaysSo(t *testing.T) {
	w := follow(t, false, "--json")
	w.interrupt(t)
	w.exit(t, exitInterrupted)
	if out := w.out.String(); !strings.Contains(out, `"status": "cancelled"`) || !strings.Contains(out, `"code": "agent.cancelled"`) {
		t.Errorf("stdout: %s", out)
	}
}

func TestAgentThatGoesAwayIsToldAsUnreachable(t *testing.T) {
	w := follow(t, false)
	close(w.f.events)
	w.exit(t, exitUnreachable)
	if !strings.Contains(w.stderr.String(), "control.unreachable") {
		t.Errorf("stderr: %s", &w.stderr)
	}
}

func TestRunThatEndsEndsTheCommand(t *testing.T) {
	w := follow(t, false)
	over := w.f.runs["shop"]
	over.ID = "running"
	w.f.events <- control.Event{Seq: 8, Time: now, Kind: "run", Run: &over}
	w.exit(t, exitOK)
	if !strings.Contains(w.out.String(), "✓ shop backed up") {
		t.Errorf("stdout: %s", &w.out)
	}
}

func TestInterruptWhileTheAgentThinksEndsTheCommand(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	asked, interrupts := make(chan struct{}), make(chan os.Signal, 1)
	startFake(t, func(f *fakeAgent) { f.slow = asked }).use(t)
	go func() {
		<-asked
		interrupts <- os.Interrupt
	}()
	var out, errs bytes.Buffer
	code := Run(t.Context(), Options{Args: []string{"server", "test", "slow"}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Interrupts: interrupts, Now: func() time.Time { return now }, Zone: time.UTC})
	if code != exitInterrupted || !strings.Contains(errs.String(), "cli.interrupted") {
		t.Errorf("exit code %d, stderr: %s", code, &errs)
	}
}

// clocked returns a meter whose clock the test moves.
func clocked(t *testing.T, lang string, runs int) (m *meter, clock *time.Time, out *bytes.Buffer) {
	t.Helper()
	out, at := &bytes.Buffer{}, now
	a := newApp(Options{Args: []string{"--lang", lang}, Stdout: &bytes.Buffer{}, Stderr: out, Now: func() time.Time { return at }, Zone: time.UTC}, func(error) {})
	return newMeter(a, runs), &at, out
}

func running(done, total int64) control.Run {
	return control.Run{ID: "1", Kind: backup.RunBackup, Database: "shop", Status: backup.Running,
		Progress: &backup.Progress{Phase: backup.PhaseDump, Item: "public.orders", Done: done, Total: total}}
}

func TestProgressIsToldInWords(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "shop: reading public.orders · 50 % · 500 MB of 1.00 GB · 100 MB/s · 5 s left",
		"tr": "shop: public.orders okunuyor · %50 · 500 MB / 1,00 GB · 100 MB/sn · 5 sn kaldı",
	} {
		m, clock, _ := clocked(t, lang, 1)
		for i := range int64(6) {
			m.observe(running(i*100_000_000, 1_000_000_000))
			*clock = clock.Add(time.Second)
		}
		got := m.lines(*clock)
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

func TestSpeedIsSmoothedAndBeginsAnewWithAPhase(t *testing.T) {
	m, clock, _ := clocked(t, "en", 1)
	for i := range int64(10) {
		m.observe(running(i*100_000_000, 10_000_000_000))
		*clock = clock.Add(time.Second)
	}
	m.observe(running(3_000_000_000, 10_000_000_000)) // a burst of 2.1 GB
	if got := m.runs["1"].speed; got < 150e6 || got > 1e9 {
		t.Errorf("after a burst the speed is %.0f", got)
	}
	next := running(0, 100)
	next.Progress.Phase = backup.PhaseCommit
	m.observe(next)
	if got := m.lines(*clock); strings.Contains(got[0], "/s") {
		t.Errorf("the speed of another phase: %q", got)
	}
}

func TestProgressWithoutATerminalIsALineNowAndThen(t *testing.T) {
	m, clock, out := clocked(t, "en", 1)
	for range 600 { // two minutes
		m.observe(running(1, 100))
		m.draw()
		*clock = clock.Add(redraw)
	}
	if n := strings.Count(out.String(), "\n"); n < 20 || n > 25 {
		t.Errorf("%d lines in two minutes", n)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("escape sequences: %q", out)
	}
}

func TestProgressOnATerminalIsRedrawnInPlaceAndFitsIt(t *testing.T) {
	m, _, out := clocked(t, "en", 2)
	m.out.terminal = os.Stdin // any file: what is no terminal counts as 80 wide
	for _, id := range []string{"1", "2"} {
		run := running(1, 100)
		run.ID, run.Progress.Item = id, strings.Repeat("ş", 200)+"\x1b[2J\n"
		m.observe(run)
	}
	m.draw()
	first := out.String()
	m.draw()
	if out.String() != first {
		t.Errorf("the same was drawn again: %q", out)
	}
	if strings.Contains(first, "\x1b[2J") || strings.Count(first, "\n") != 2 || strings.HasPrefix(first, "\x1b") {
		t.Errorf("drawn: %q", first)
	}
	for line := range strings.Lines(first) {
		line = strings.NewReplacer("\r", "", "\n", "", "\x1b[K", "", "\x1b[J", "").Replace(line)
		if n := len([]rune(line)); n > 79 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	out.Reset()
	m.observe(running(50, 100))
	m.draw()
	if got := out.String(); !strings.HasPrefix(got, "\x1b[2A\r") || strings.Count(got, "\n") != 2 {
		t.Errorf("not redrawn in place: %q", got)
	}
	out.Reset()
	m.clear()
	if out.String() != "\x1b[2A\r\x1b[J" {
		t.Errorf("not cleared at the end: %q", out)
	}
}

func TestQuietSaysNothing(t *testing.T) {
	m, _, out := clocked(t, "en", 2)
	m.a.quiet, m.out.terminal = true, os.Stdin
	m.observe(running(1, 100))
	m.draw()
	m.say("cancelling")
	if out.Len() != 0 {
		t.Errorf("%q", out)
	}
}

func TestRunsBeyondTheScreenAreCounted(t *testing.T) {
	m, clock, _ := clocked(t, "en", 20)
	for i := range 20 {
		run := running(1, 100)
		run.ID = string(rune('a' + i))
		m.observe(run)
	}
	got := m.lines(*clock)
	if len(got) != mostLines+1 || got[mostLines] != "12 more waiting" {
		t.Errorf("%q", got)
	}
}
