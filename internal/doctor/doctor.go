// Package doctor examines an installation: it runs looks at one thing each, at
// once and in bounded time, and knows those that need no agent. The agent adds
// those at what it keeps.
package doctor

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// ErrTimeout: an examination did not end within {seconds} s.
var ErrTimeout = problem.New("doctor.timeout")

// ErrAgentVersion (warning): the agent is of version {agent}, the program that
// asks of version {asking}.
var ErrAgentVersion = problem.New("doctor.agent_version")

// A Look examines one thing.
type Look struct {
	Name    string // of the check; stable
	Subject string // which server, destination, ...; may be empty
	// Do returns what was found. A warning is a problem that stops nothing
	// yet. It may be called from any goroutine and should end with ctx. A
	// text without code means that there was nothing to examine.
	Do func(ctx context.Context) (found control.Text, warnings []*problem.Problem, err error)
}

// patience is how long one look may take.
const patience = 10 * time.Second

// Run takes all looks at once and reports them in their order. It returns after
// patience at the latest; a look that does not end then is left behind.
func Run(ctx context.Context, looks []Look) control.Doctor {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results := make([][]control.DoctorCheck, len(looks))
	var all sync.WaitGroup
	for i, l := range looks {
		all.Go(func() { results[i] = l.take(ctx) })
	}
	all.Wait()
	d := control.Doctor{OK: true, Checks: []control.DoctorCheck{}}
	for _, r := range results {
		d.Add(r...)
	}
	return d
}

// take runs a look until it ends or ctx does.
func (l *Look) take(ctx context.Context) []control.DoctorCheck {
	begun := time.Now()
	done := make(chan []control.DoctorCheck, 1)
	go func() {
		text, warnings, err := l.Do(ctx)
		done <- l.checks(text, warnings, err)
	}()
	var checks []control.DoctorCheck
	select {
	case checks = <-done:
	case <-ctx.Done():
		late := ErrTimeout.Because(context.Cause(ctx), "seconds", strconv.Itoa(int(patience.Seconds())))
		checks = l.checks(control.Text{}, nil, late)
	}
	for i := range checks {
		checks[i].Seconds = time.Since(begun).Seconds()
	}
	return checks
}

// checks turns what a look found into lines: one for each warning, or one.
func (l *Look) checks(text control.Text, warnings []*problem.Problem, err error) (out []control.DoctorCheck) {
	base := control.DoctorCheck{Name: l.Name, Subject: l.Subject}
	if text.Code != "" {
		base.Text = &text
	}
	if err != nil {
		failed := base
		failed.Status, failed.Problem = control.DoctorFailed, control.FromError(err)
		return []control.DoctorCheck{failed}
	}
	for _, w := range warnings {
		one := base
		one.Status, one.Problem = control.DoctorWarning, control.FromError(w)
		out = append(out, one)
	}
	if len(out) == 0 {
		base.Status = control.DoctorOK
		if base.Text == nil {
			base.Status = control.DoctorSkipped
		}
		out = append(out, base)
	}
	return out
}
