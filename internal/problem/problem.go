// Package problem gives errors that a person may meet a stable code. The code
// finds the title and the remedy in the reader's language (package i18n); the
// wrapped cause is for logs.
package problem

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
)

// Code names a kind of problem for good, for example "engine.auth_failed". The
// part before the dot is the area, which is also the name of the file that
// holds its texts. Codes are never renamed.
type Code string

// Internal is the code of an error nobody gave one to: a defect of ours.
const Internal Code = "agent.internal"

// Cancelled is the code of work that was stopped on request.
const Cancelled Code = "agent.cancelled"

// A Problem is an error with a code. Packages declare theirs as sentinels:
//
//	var ErrAuth = problem.New("engine.auth_failed")
//
// and return ErrAuth.Because(err, "user", cfg.User). Two problems match under
// [errors.Is] when their codes are equal. A Problem is immutable.
type Problem struct {
	Code   Code
	Params map[string]string // fill the {name}s of the translation; never secrets
	Err    error             // the cause; may be nil
}

// New returns a problem without a cause, for use as a sentinel.
func New(code Code) *Problem { return &Problem{Code: code} }

// Because returns a copy of p with a cause (nil is allowed) and message
// parameters, given as name, value, name, value.
func (p *Problem) Because(err error, params ...string) *Problem {
	q := &Problem{Code: p.Code, Params: maps.Clone(p.Params), Err: err}
	if q.Params == nil {
		q.Params = make(map[string]string, len(params)/2)
	}
	for i := 0; i+1 < len(params); i += 2 {
		q.Params[params[i]] = params[i+1]
	}
	return q
}

// Error is for logs. People read the translation of Code.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(string(p.Code))
	for _, k := range slices.Sorted(maps.Keys(p.Params)) {
		fmt.Fprintf(&b, " %s=%q", k, p.Params[k])
	}
	if p.Err != nil {
		b.WriteString(": ")
		b.WriteString(p.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Is reports whether target is a problem with the same code.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Code == p.Code
}

// Of returns the outermost problem in err, or one with the code [Internal].
// Of(nil) is nil.
func Of(err error) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return &Problem{Code: Internal, Err: err}
}

// Catch turns a panic of the calling goroutine into an [Internal] problem with
// the stack, so that a defect of ours ends one run and not the whole agent. Use
// it in every goroutine that works on a run: defer problem.Catch(&err).
func Catch(err *error) {
	if p := recover(); p != nil {
		*err = &Problem{Code: Internal, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
	}
}
