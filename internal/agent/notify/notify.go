// Package notify tells the person how runs ended, by the notifications of the
// desktop. It follows the agent's events and says nothing when nothing ends.
package notify

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// ErrNobody means that this desktop has nothing that shows notifications, or
// that there is no desktop.
var ErrNobody = errors.New("nothing here shows notifications")

// A Message is one notification.
type Message struct {
	// About says what it is about: a later message about the same replaces it.
	About   string
	Title   string
	Body    string // lines of plain text
	Problem bool
	// Open is called when the person wants to see more, with what lets a new
	// window come to the front, if the desktop gives that. Label is what the
	// person presses.
	Open  func(activation string)
	Label string
}

// A Screen shows messages. Its methods may be called from several goroutines.
type Screen interface {
	// Show shows a message. [ErrNobody] when nobody can; that may change.
	Show(ctx context.Context, m Message) error
	// Withdraw takes back what is shown about something, if anything is.
	Withdraw(ctx context.Context, about string) error
	// Close lets go of the desktop. What is shown may stay.
	Close() error
}

// Which results a person wants to be told.
const (
	All      = "all"
	Problems = "problems"
	None     = "none"
)

// A Choice is what the person has chosen.
type Choice struct {
	Language string // en or tr
	Results  string // All, Problems or None
}

// Options are the parts that telling needs.
type Options struct {
	Screen Screen
	// Events yields what happens from now on, until ctx ends.
	Events func(ctx context.Context) iter.Seq[control.Event]
	Choice func(ctx context.Context) (Choice, error)
	// Newest returns the newest backup of a database, nil when there is none.
	Newest func(ctx context.Context, server, database string) (*control.Backup, error)
	// Open shows the page of a database, given as server/name, or the first
	// page. It may take some seconds.
	Open func(ctx context.Context, database, activation string) error
	Log  *slog.Logger
}

const (
	// gather is how long a result waits for others to be told with it, and
	// patience how long it does when more of its kind are under way.
	gather   = 2 * time.Second
	patience = 20 * time.Second
	// many results of a kind are told as one, also when they come one by one
	// and less than quiet lies between them.
	many  = 3
	quiet = 10 * time.Minute
	// showTime bounds how long the desktop may take for one message.
	showTime = 5 * time.Second
	// lastTime bounds how long it may take for all when the agent ends.
	lastTime = time.Second
)

// Run tells results until ctx ends, and those it knows of then.
func Run(ctx context.Context, opt Options) {
	t := &teller{Options: opt, active: map[string]backup.RunKind{}, streaks: map[subject]*streak{}}
	t.timer = time.NewTimer(gather)
	t.timer.Stop()
	changes := make(chan control.Event)
	go func() { // ends with ctx
		defer close(changes)
		for e := range opt.Events(ctx) {
			if !matters(e) {
				continue
			}
			select {
			case changes <- e:
			case <-ctx.Done():
			}
		}
	}()
	for {
		select {
		case <-t.timer.C:
			t.due(ctx)
		case e, ok := <-changes:
			if !ok {
				t.last(ctx)
				return
			}
			t.note(e)
		}
	}
}

// matters reports whether an event is more than the progress of a run.
func matters(e control.Event) bool {
	return e.Kind == "reset" || e.Run != nil && (e.Run.Status != backup.Running || e.Run.Progress == nil)
}

// A teller gathers results. It belongs to the goroutine of Run.
type teller struct {
	Options
	active  map[string]backup.RunKind // runs that are not over
	held    []control.Run             // results to tell, oldest first
	since   time.Time                 // of the oldest
	timer   *time.Timer               // runs while there are any
	streaks map[subject]*streak
	said    string // the last error that was logged
}

// A subject is what results have in common that are told as one.
type subject struct {
	kind backup.RunKind
	ok   bool
}

// A streak are results of one subject, with little time between them.
type streak struct {
	runs []control.Run // the last of each database
	last time.Time
}

func (t *teller) note(e control.Event) {
	if e.Run == nil { // some events are lost
		clear(t.active)
		return
	}
	run := *e.Run
	if !run.Status.Over() {
		t.active[run.ID] = run.Kind
		return
	}
	delete(t.active, run.ID)
	if !worth(run) {
		return
	}
	if len(t.held) == 0 {
		t.since = time.Now()
		t.timer.Reset(gather)
	}
	t.held = append(t.held, run)
}

// worth reports whether a run that is over is worth telling. What was cancelled
// or ends with the agent, the person has ended. What the agent does on its own
// after backups is told only when it failed.
func worth(r control.Run) bool {
	switch r.Kind {
	case backup.RunRebuild:
		return false
	case backup.RunCopy, backup.RunPrune, backup.RunReread:
		return r.Status == backup.Failed
	case backup.RunBackup, backup.RunVerify, backup.RunRestore, backup.RunExport:
	}
	return r.Status == backup.OK || r.Status == backup.Failed
}

// due tells what is held unless more of it may come soon.
func (t *teller) due(ctx context.Context) {
	for _, kind := range t.active {
		more := slices.ContainsFunc(t.held, func(r control.Run) bool { return r.Kind == kind })
		if more && time.Since(t.since) < patience {
			t.timer.Reset(gather)
			return
		}
	}
	t.tell(ctx)
}

// last tells what is held when ctx has ended. Nobody waits long for that.
func (t *teller) last(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
	defer cancel()
	t.tell(ctx)
}

// tell tells all that is held.
func (t *teller) tell(ctx context.Context) {
	held := t.held
	t.held = nil
	if len(held) == 0 {
		return
	}
	choice, err := t.Choice(ctx)
	if err != nil { // better told in a wrong language than not at all
		t.Log.ErrorContext(ctx, "cannot read which results are to be told", "err", err)
		choice = Choice{Language: i18n.Detect(), Results: All}
	}
	if choice.Results == None {
		return
	}
	var order []subject
	bySubject := map[subject][]control.Run{}
	for _, r := range held {
		s := subject{r.Kind, r.Status == backup.OK}
		if len(bySubject[s]) == 0 {
			order = append(order, s)
		}
		bySubject[s] = append(bySubject[s], r)
	}
	for _, s := range order {
		t.streaks[subject{s.kind, !s.ok}].drop(bySubject[s])
		if s.ok && choice.Results == Problems {
			t.settle(ctx, bySubject[s])
			continue
		}
		t.tellSubject(ctx, writer{i18n.For(choice.Language), t.newest}, s, bySubject[s])
	}
}

// drop takes out what newer runs are about.
func (k *streak) drop(newer []control.Run) {
	if k == nil {
		return
	}
	k.runs = slices.DeleteFunc(k.runs, func(old control.Run) bool {
		return slices.ContainsFunc(newer, func(r control.Run) bool { return about(r) == about(old) })
	})
}

// settle takes back what was told of databases that are well now.
func (t *teller) settle(ctx context.Context, runs []control.Run) {
	for _, r := range runs {
		t.withdraw(ctx, about(r))
	}
}

// tellSubject tells results one by one, or all of them as one if they are many.
func (t *teller) tellSubject(ctx context.Context, w writer, s subject, runs []control.Run) {
	k := t.streaks[s]
	if k == nil || time.Since(k.last) >= quiet {
		k = &streak{}
		t.streaks[s] = k
	}
	k.last = time.Now()
	k.drop(runs)
	k.runs = append(k.runs, runs...)
	if len(k.runs) >= many {
		for _, r := range k.runs {
			t.withdraw(ctx, about(r))
		}
		t.show(ctx, w.several(s, k.runs), "")
		return
	}
	for _, r := range runs {
		t.show(ctx, w.one(ctx, r), page(r))
	}
}

// about is what the message of a run is about: the same work on the same
// database.
func about(r control.Run) string {
	if r.Database == "" {
		return r.ID
	}
	return string(r.Kind) + " " + page(r)
}

// page names the database of a run as Open wants it.
func page(r control.Run) string {
	if r.Server == "" || r.Database == "" {
		return ""
	}
	return r.Server + "/" + r.Database
}

func (t *teller) show(ctx context.Context, m Message, page string) {
	m.Open = func(activation string) {
		// The person asked for it just now, whatever becomes of the agent.
		ctx := context.WithoutCancel(ctx)
		if err := t.Open(ctx, page, activation); err != nil {
			t.Log.ErrorContext(ctx, "cannot open the window from a notification", "err", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	t.heard(ctx, t.Screen.Show(ctx, m))
}

func (t *teller) withdraw(ctx context.Context, about string) {
	ctx, cancel := context.WithTimeout(ctx, showTime)
	defer cancel()
	if err := t.Screen.Withdraw(ctx, about); err != nil {
		t.heard(ctx, err)
	}
}

// heard takes note of how the desktop took a message. What stays so is logged
// once.
func (t *teller) heard(ctx context.Context, err error) {
	if err == nil {
		t.said = ""
		return
	}
	if t.said == err.Error() {
		return
	}
	t.said = err.Error()
	level := slog.LevelWarn
	if errors.Is(err, ErrNobody) {
		level = slog.LevelInfo
	}
	t.Log.Log(ctx, level, "results are not shown on the desktop", "err", err)
}

func (t *teller) newest(ctx context.Context, server, database string) *control.Backup {
	b, err := t.Newest(ctx, server, database)
	if err != nil {
		t.Log.ErrorContext(ctx, "cannot find the newest backup", "err", err)
	}
	return b
}
