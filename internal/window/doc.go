// Package window is what the window's program does besides drawing: it passes
// the pages' requests on to the agent, holds the agent's event stream for them
// and starts the agent when there is none; it sees to it that each home has one
// window, and remembers where that was. It knows nothing of the WebView, so all
// of it is tested without one.
package window

import "github.com/rahatbackup/rahat/internal/problem"

// What can go wrong, as a person meets it.
var (
	// ErrNoDisplay: there is no screen to show a window on.
	ErrNoDisplay = problem.New("window.no_display")
	// ErrDatabase: {name} does not name a database as server/name.
	ErrDatabase = problem.New("window.bad_database")
	// ErrBusy: another window of this home is open and does not answer.
	ErrBusy = problem.New("window.busy")
	// ErrAgentOlder: the agent has version {agent}, this window the newer
	// {client}.
	ErrAgentOlder = problem.New("window.agent_older")
	// ErrAgentNewer: the agent has version {agent}, this window the older
	// {client}.
	ErrAgentNewer = problem.New("window.agent_newer")
	// ErrAgentStopped: somebody asked the agent to stop, so it is not started
	// again unasked.
	ErrAgentStopped = problem.New("window.agent_stopped")
)
