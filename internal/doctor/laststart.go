package doctor

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// The lines of the log, as the agent writes them, that tell how it began and why
// it ended: the attribute "problem" of the second says it.
const (
	agentStarting = "agent starting"
	agentFailed   = "agent failed"
)

// LastStart says why the agent of home, which does not run, is gone, as far as
// it can be known: nothing when it ended well, or left no word.
func LastStart(home paths.Home) []control.DoctorCheck {
	began, cause, err := lastEnd(home.Log())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // the look at the log says so
	}
	// An agent that failed before it had a log, or crashed, has left its last
	// word where a client reads it. An older one is about an earlier start.
	if info, err := os.Stat(home.StartLog()); err == nil && info.Size() > 0 && !info.ModTime().Before(began) {
		if said := client.StartProblem(home); !errors.Is(said, ipc.ErrRunning) {
			cause = said
		}
	}
	if cause == nil {
		return nil
	}
	return []control.DoctorCheck{{Name: "start", Status: control.DoctorFailed, Problem: control.FromError(cause)}}
}

// lastEnd returns when the agent last began, by its log, and why it failed since.
func lastEnd(file string) (began time.Time, cause error, err error) {
	err = readLog(file, func(line logLine) {
		switch line.Msg {
		case agentStarting:
			began, cause = line.Time, nil
		case agentFailed:
			cause = failure(line.Problem, line.Err)
		}
	})
	return began, cause, err
}

// failure is the problem of a line of the log, or what it says.
func failure(p *control.Problem, text string) error {
	if p != nil && p.Code != "" && p.Code != string(problem.Internal) {
		return p.Err()
	}
	return client.ErrStart.Because(errors.New(text), "cause", text)
}
