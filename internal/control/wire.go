package control

import (
	"errors"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
)

// Both sides name their versions in these headers, so that neither acts on a
// request it might misunderstand. GET /api/hello and POST /api/stop work
// between all versions.
const (
	HeaderAPI     = "Rahat-Api"
	HeaderVersion = "Rahat-Version"
)

// MismatchParams returns the parameters of the problem
// control.version_mismatch.
func MismatchParams(agentAPI, agent, clientAPI, client string) []string {
	return []string{"agent_api", agentAPI, "agent", agent, "client_api", clientAPI, "client", client}
}

// FromError turns an error into its form on the wire; nil stays nil. Detail
// holds the causes, which by the rules of the house name no secrets.
func FromError(err error) *Problem {
	p := problem.Of(err)
	if p == nil {
		return nil
	}
	out := &Problem{Code: string(p.Code), Params: p.Params}
	if p.Err != nil {
		out.Detail = p.Err.Error()
	}
	return out
}

// Err turns the problem back into an error that [errors.Is] recognises by its
// code; a nil problem is nil.
func (p *Problem) Err() error {
	if p == nil {
		return nil
	}
	out := &problem.Problem{Code: problem.Code(p.Code), Params: p.Params}
	if p.Detail != "" {
		out.Err = errors.New(p.Detail)
	}
	return out
}

// FromWarnings turns stored warnings into their form on the wire.
func FromWarnings(ws []backup.Warning) []Problem {
	out := make([]Problem, 0, len(ws))
	for _, w := range ws {
		out = append(out, Problem{Code: w.Code, Params: w.Params, Detail: w.Detail})
	}
	return out
}

// FromProblems turns warnings of engines into their form on the wire.
func FromProblems(ps []*problem.Problem) []Problem {
	out := make([]Problem, 0, len(ps))
	for _, p := range ps {
		out = append(out, *FromError(p))
	}
	return out
}
