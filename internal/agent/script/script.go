// Package script runs a person's own commands and SQL around a backup, by the
// rules of [control.Script]: what runs when, what a failure does, and what is
// kept of it.
//
// A command runs with this system's shell in the person's home folder, in a
// process group of its own that is stopped as a whole when its time is over. Its
// environment has what a shell needs to work, such as PATH and HOME, and the
// variables of the run; nothing else of ours, which may be secret.
package script

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/logging"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it. {place} is before or after, {number}
// counts from 1.
var (
	// ErrFailed: the script ended badly: {reason}.
	ErrFailed = problem.New("script.failed")
	// ErrTimeout: it did not end within {seconds} and was stopped.
	ErrTimeout = problem.New("script.timeout")
	// ErrBad: a job cannot have such a script: {field}.
	ErrBad = problem.New("script.bad")
	// ErrNoSQL: servers of {engine} cannot run SQL for us.
	ErrNoSQL = problem.New("script.no_sql")
)

// The values of [control.Script] and [control.ScriptResult].
const (
	KindCommand = "command"
	KindSQL     = "sql"

	Before = "before"
	After  = "after"

	warn   = "warn"
	ok     = "ok"
	failed = "failed"
	always = "always"
)

const (
	// usualTime is how long a script may take that does not say.
	usualTime = 600 * time.Second
	// cancelledTime and stoppedTime bound what runs after a backup that a
	// person has cancelled, and when the agent stops.
	cancelledTime = time.Minute
	stoppedTime   = 4 * time.Second
	// maxText bounds the text of a script, maxScripts their number, before
	// and after each.
	maxText    = 64 << 10
	maxScripts = 20
)

// Check says what is wrong with the scripts of a job.
func Check(j control.Job) error {
	for place, all := range map[string][]control.Script{Before: j.Before, After: j.After} {
		if len(all) > maxScripts {
			return bad(place, maxScripts+1, "number")
		}
		for i, s := range all {
			switch {
			case s.Kind != KindCommand && s.Kind != KindSQL:
				return bad(place, i+1, "kind")
			case strings.TrimSpace(s.Text) == "" || len(s.Text) > maxText || strings.ContainsRune(s.Text, 0):
				return bad(place, i+1, "text")
			case s.Seconds < 0 || s.Seconds > 86400:
				return bad(place, i+1, "seconds")
			case !slices.Contains([]string{"", "stop", warn}, s.OnFailure):
				return bad(place, i+1, "on_failure")
			case !slices.Contains([]string{"", always, ok, failed}, s.When), place == Before && s.When != "":
				return bad(place, i+1, "when")
			}
		}
	}
	return nil
}

func bad(place string, number int, field string) error {
	return ErrBad.Because(nil, "place", place, "number", strconv.Itoa(number), "field", field)
}

// SQL runs statements in the database that is backed up.
type SQL func(ctx context.Context, text string) error

// A Runner runs the scripts of one run.
type Runner struct {
	Job     control.Job
	Run     control.Run
	SQL     SQL
	Observe backup.Observe
}

// Ended is how a backup ended, for the scripts after it.
type Ended struct {
	Backup string // the one that was made, if any
	Err    error
}

// status is the value of RAHAT_STATUS.
func (e Ended) status(ctx context.Context) string {
	switch {
	case e.Err == nil:
		return ok
	case ctx.Err() != nil:
		return "cancelled"
	}
	return failed
}

// Before runs the scripts before a backup, in order, until one fails that is to
// stop the run; err is why. What is after it is skipped.
func (r Runner) Before(ctx context.Context) (results []control.ScriptResult, warnings []control.Problem, err error) {
	for i, s := range r.Job.Before {
		if err != nil {
			results = append(results, control.ScriptResult{Place: Before, Number: i + 1, Status: "skipped"})
			continue
		}
		result, e := r.one(ctx, Before, i+1, s, nil)
		results = append(results, result)
		switch {
		case e == nil:
		case s.OnFailure == warn && ctx.Err() == nil:
			warnings = append(warnings, *result.Problem)
		default:
			err = e
		}
	}
	return results, warnings, err
}

// After runs the scripts after a backup, whatever became of it, also when ctx
// has ended. All of them are run; err is why the first failed that counts.
func (r Runner) After(ctx context.Context, end Ended, stopping bool) (results []control.ScriptResult, warnings []control.Problem, err error) {
	if len(r.Job.After) == 0 {
		return nil, nil, nil
	}
	status := end.status(ctx)
	if ctx.Err() != nil {
		limit := cancelledTime
		if stopping {
			limit = stoppedTime
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
	}
	more := []string{"RAHAT_STATUS=" + status, "RAHAT_BACKUP=" + end.Backup, "RAHAT_PROBLEM="}
	if p := problem.Of(end.Err); p != nil {
		more[2] += string(p.Code)
	}
	for i, s := range r.Job.After {
		if s.When == ok && status != ok || s.When == failed && status == ok {
			results = append(results, control.ScriptResult{Place: After, Number: i + 1, Status: "skipped"})
			continue
		}
		result, e := r.one(ctx, After, i+1, s, more)
		results = append(results, result)
		switch {
		case e == nil:
		case s.OnFailure == warn:
			warnings = append(warnings, *result.Problem)
		default:
			if err == nil {
				err = e
			}
		}
	}
	return results, warnings, err
}

// one runs one script.
func (r Runner) one(ctx context.Context, place string, number int, s control.Script, more []string) (control.ScriptResult, error) {
	r.Observe(backup.Progress{Phase: backup.PhaseScript, Item: place + " " + strconv.Itoa(number)})
	limit := usualTime
	if s.Seconds > 0 {
		limit = time.Duration(s.Seconds) * time.Second
	}
	begun := time.Now()
	over := ErrTimeout.Because(nil, "place", place, "number", strconv.Itoa(number), "seconds", strconv.FormatFloat(limit.Seconds(), 'f', -1, 64))
	inTime, cancel := context.WithTimeoutCause(ctx, limit, over)
	defer cancel()
	result := control.ScriptResult{Place: place, Number: number, Status: ok}
	var err error
	if s.Kind == KindSQL {
		err = r.SQL(inTime, s.Text)
	} else {
		result.Output, err = clienttool.Shell(inTime, s.Text, home(), append(environment(), append(r.variables(), more...)...))
		result.Output = logging.Scrub(result.Output)
	}
	result.Seconds = time.Since(begun).Seconds()
	if err == nil {
		return result, nil
	}
	err = r.explain(ctx, err, place, number, over)
	result.Status, result.Problem = failed, control.FromError(err)
	return result, err
}

// explain says why a script failed. When the run was stopped, that is why.
func (r Runner) explain(ctx context.Context, err error, place string, number int, over *problem.Problem) error {
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return context.Cause(ctx)
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return over
	}
	why := err.Error()
	if f, ok := errors.AsType[*clienttool.Failed](err); ok {
		why = "exit code " + strconv.Itoa(f.Code)
		if line := lastLine(f.Stderr); line != "" {
			why += ": " + line
		}
		err = nil // its output is kept beside it
	} else {
		err = errors.New(logging.Scrub(why))
	}
	return ErrFailed.Because(err, "place", place, "number", strconv.Itoa(number), "reason", logging.Scrub(short(why)))
}

// lastLine is the last line that a command wrote, which mostly says why.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// short bounds a reason, in letters, and puts it on one line.
func short(s string) string {
	letters := []rune(strings.Join(strings.Fields(s), " "))
	if len(letters) > 300 {
		return string(letters[:299]) + "…"
	}
	return string(letters)
}

// variables tell a command about the run.
func (r Runner) variables() []string {
	return []string{
		"RAHAT_JOB=" + r.Run.Job, "RAHAT_SERVER=" + r.Run.Server, "RAHAT_DATABASE=" + r.Run.Database,
		"RAHAT_DESTINATION=" + r.Run.Destination, "RAHAT_RUN=" + r.Run.ID,
	}
}

// passed are the variables of our environment that a shell needs to work.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
	"SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE",
	"HOMEPATH", "APPDATA", "LOCALAPPDATA", "ProgramData", "ProgramFiles", "ProgramFiles(x86)", "NUMBER_OF_PROCESSORS",
}

func environment() (env []string) {
	for _, name := range passed {
		if v, there := os.LookupEnv(name); there {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// home is where commands begin. A system service may have none.
func home() string {
	dir, err := os.UserHomeDir()
	if err == nil {
		if info, e := os.Stat(dir); e == nil && info.IsDir() {
			return dir
		}
	}
	return os.TempDir()
}
