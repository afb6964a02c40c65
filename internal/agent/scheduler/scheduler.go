// Package scheduler begins what is due. A heartbeat asks the pure rule of
// package schedule of every task, with the moment at which it last began; that
// moment is remembered for good. So it makes no difference whether a moment
// passed while the computer was on, asleep or off: what was missed is made up
// for once, at the next beat.
package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/schedule"
)

const (
	// Every is the time between two beats: no moment is met later than that.
	Every = 20 * time.Second
	// late is how long after its moment a task counts as one that was missed.
	late = 5 * time.Minute
	// jump is how far ahead of now a last begin may lie. The clock was set
	// back by less: what lies between is done already, and the little that is
	// left passes. By more: it would stand still for too long.
	jump = time.Hour
)

// A Task is something that is done at the moments of a schedule.
type Task struct {
	// ID names it for good: what is remembered is kept under it.
	ID       string
	Schedule schedule.Schedule
	// With is what else belongs to the schedule: when it changes, nothing is
	// due for the past either.
	With string
	// Paused tasks are not begun. What they miss is made up for later.
	Paused bool
}

// spec tells the schedules of a task apart.
func (t Task) spec() string {
	if t.With == "" {
		return t.Schedule.Spec()
	}
	return t.Schedule.Spec() + "; " + t.With
}

// An Occasion is why a task is begun: the latest of its moments that passed.
type Occasion struct {
	At   time.Time
	Late bool // nothing could begin it when it was due
}

// Work is what is to be done.
type Work interface {
	// Tasks lists the tasks as they are now.
	Tasks(ctx context.Context) ([]Task, error)
	// Begin begins a task and returns soon. begun is false when the last time
	// is still under way: the same is asked again at the next beat. Several
	// tasks may be begun at once.
	Begin(ctx context.Context, t Task, o Occasion) (begun bool, err error)
}

// A Ledger remembers; see [schedule.Record].
type Ledger interface {
	Schedules(ctx context.Context) (map[string]schedule.Record, error)
	SetSchedule(ctx context.Context, task string, r schedule.Record) error
	DropSchedule(ctx context.Context, task string) error
}

// Options are the parts a scheduler needs.
type Options struct {
	Work   Work
	Ledger Ledger
	Log    *slog.Logger
	Now    backup.Clock
	Every  time.Duration // 0: [Every]
	// Beat is called with every beat, after what was due has begun; may be
	// nil.
	Beat func(ctx context.Context)
}

// A Scheduler begins tasks while [Scheduler.Run] runs. Its methods may be called
// from several goroutines.
type Scheduler struct {
	Options

	mu      sync.Mutex
	records map[string]schedule.Record // nil: not read yet
}

// New returns a scheduler that does nothing yet.
func New(opt Options) *Scheduler {
	if opt.Every == 0 {
		opt.Every = Every
	}
	if opt.Beat == nil {
		opt.Beat = func(context.Context) {}
	}
	return &Scheduler{Options: opt}
}

// Run beats until ctx ends, the first time at once. It returns when the last
// beat is over.
func (s *Scheduler) Run(ctx context.Context) error {
	heart, err := gocron.NewScheduler()
	if err != nil {
		return fmt.Errorf("make heartbeat: %w", err)
	}
	_, err = heart.NewJob(gocron.DurationJob(s.Every), gocron.NewTask(func() { s.safeBeat(ctx) }),
		gocron.WithSingletonMode(gocron.LimitModeReschedule), gocron.WithStartAt(gocron.WithStartImmediately()))
	if err != nil {
		return fmt.Errorf("make heartbeat: %w", err)
	}
	heart.Start()
	<-ctx.Done()
	if err := heart.Shutdown(); err != nil {
		return fmt.Errorf("end heartbeat: %w", err)
	}
	return nil
}

// safeBeat keeps a defect of ours from ending the heartbeat.
func (s *Scheduler) safeBeat(ctx context.Context) {
	err := func() (err error) {
		defer problem.Catch(&err)
		s.beat(ctx)
		return nil
	}()
	if err != nil {
		s.Log.ErrorContext(ctx, "heartbeat failed", "err", err)
	}
}

// beat begins all that is due. One that fails is tried again at the next beat.
func (s *Scheduler) beat(ctx context.Context) {
	due, err := s.look(ctx)
	if err != nil {
		s.Log.ErrorContext(ctx, "cannot see what is due", "err", err)
	}
	var begun sync.WaitGroup // a server that does not answer delays no other
	for _, d := range due {
		begun.Go(func() {
			if err := s.begin(ctx, d); err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "cannot begin what is due", "task", d.ID, "moment", d.At, "err", err)
			}
		})
	}
	begun.Wait()
	s.Beat(ctx)
}

// duty is a task that is due.
type duty struct {
	Task
	Occasion
}

func (s *Scheduler) begin(ctx context.Context, d duty) (err error) {
	defer problem.Catch(&err)
	begun, err := s.Work.Begin(ctx, d.Task, d.Occasion)
	if err != nil || !begun {
		return err
	}
	s.Log.InfoContext(ctx, "begun what was due", "task", d.ID, "moment", d.At, "late", d.Late)
	return s.Began(ctx, d.ID)
}

// Look takes note of what the tasks are now. Call it when a person has changed
// one: its new schedule holds from then on, and not only from the next beat.
func (s *Scheduler) Look(ctx context.Context) error {
	_, err := s.look(ctx)
	return err
}

// Began takes note that a task, if there is one of that name, begins now.
func (s *Scheduler) Began(ctx context.Context, task string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[task]
	if !ok {
		return nil
	}
	r.Begun = s.Now()
	return s.set(ctx, task, r)
}

// Since returns when a task got the schedule that it has; the zero time if there
// is no such task.
func (s *Scheduler) Since(task string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[task].Since
}

// look brings what is remembered in line with the tasks there are, and returns
// those that are due. A task that is new or has another schedule than before is
// due at no moment before now.
func (s *Scheduler) look(ctx context.Context) (due []duty, err error) {
	tasks, err := s.Work.Tasks(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		if s.records, err = s.Ledger.Schedules(ctx); err != nil {
			s.records = nil
			return nil, err
		}
	}
	now, present := s.Now(), map[string]bool{}
	for _, t := range tasks {
		present[t.ID] = true
		r, known := s.records[t.ID]
		switch {
		case !known || r.Spec != t.spec():
			err = s.set(ctx, t.ID, schedule.Record{Spec: t.spec(), Since: now, Begun: now})
		case r.Begun.After(now.Add(jump)):
			r.Begun = now
			err = s.set(ctx, t.ID, r)
		case !t.Paused:
			if at, is := t.Schedule.Due(r.Begun, now); is {
				due = append(due, duty{t, Occasion{At: at, Late: now.Sub(at) > late}})
			}
		}
		if err != nil {
			return due, err
		}
	}
	return due, s.forget(ctx, present)
}

// forget drops the tasks that are gone, so that one of the same name begins
// anew.
func (s *Scheduler) forget(ctx context.Context, present map[string]bool) error {
	for id := range s.records {
		if present[id] {
			continue
		}
		if err := s.Ledger.DropSchedule(ctx, id); err != nil {
			return fmt.Errorf("forget schedule: %w", err)
		}
		delete(s.records, id)
	}
	return nil
}

// set remembers r, for good if it can.
func (s *Scheduler) set(ctx context.Context, task string, r schedule.Record) error {
	s.records[task] = r
	if err := s.Ledger.SetSchedule(ctx, task, r); err != nil {
		return fmt.Errorf("remember schedule: %w", err)
	}
	return nil
}
