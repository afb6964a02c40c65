package engine

import (
	"context"

	"github.com/rahatbackup/rahat/internal/problem"
)

// A Preflighter is a server that can say beforehand what would hinder a
// restore. Find it with a type assertion.
type Preflighter interface {
	// Preflight examines what Restore examines before it changes anything,
	// and changes nothing itself. It goes on after what it finds, so that a
	// person sees all of it at once; what it cannot examine has no finding.
	// The error is for a ctx that ended.
	Preflight(ctx context.Context, src Source, target Target) (Findings, error)
}

// What a preflight examines. A name may have several findings.
const (
	PreflightBackup     = "backup"     // it can be read, and holds what is wanted
	PreflightConnection = "connection" // the server answers
	PreflightName       = "name"       // the target may be called so
	PreflightVersion    = "version"    // the server, with what is installed on it, takes such a backup
	PreflightRights     = "rights"     // the account may restore
	PreflightRoles      = "roles"      // owners and grantees are there
	PreflightSpace      = "space"      // there is room
)

// A Finding is the result of one examination before a restore.
type Finding struct {
	Name    string // one of the above
	Status  string // ok, warning or failed
	Problem *problem.Problem
}

// Findings are the results of a preflight, in the order they were made.
type Findings []Finding

// Add notes how an examination ended: with err, which would make a restore
// fail, with warnings, or well.
func (f *Findings) Add(name string, err error, warnings ...*problem.Problem) {
	for _, w := range warnings {
		*f = append(*f, Finding{Name: name, Status: CheckWarning, Problem: w})
	}
	switch {
	case err != nil:
		*f = append(*f, Finding{Name: name, Status: CheckFailed, Problem: problem.Of(err)})
	case len(warnings) == 0:
		*f = append(*f, Finding{Name: name, Status: CheckOK})
	}
}

// Failed reports whether a restore would fail.
func (f Findings) Failed() bool {
	for _, x := range f {
		if x.Status == CheckFailed {
			return true
		}
	}
	return false
}
