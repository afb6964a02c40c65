package server

import (
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// standing is what the sentence about the state is made of.
type standing struct {
	verdict
	newest, proven time.Time // the newest backup, the last good proof; zero: none
	paused         bool
	jobs, waiting  int // waiting: runs that are queued
	// Databases that servers are known to have and nobody backs up; servers
	// that could be configured.
	bare, strange int
}

// newStanding adds to a verdict what else the sentence tells.
func newStanding(r *roll) standing {
	st := standing{verdict: r.verdict, jobs: len(r.jobs)}
	st.bare, st.strange = r.bare(), r.strange()
	for _, b := range r.backups { // the newest first
		if r.has[source{b.Server, b.Database}] {
			st.newest = b.Finished
			break
		}
	}
	for _, b := range r.proven {
		if r.has[source{b.Server, b.Database}] && b.Proof.Status == backup.OK && b.Proof.At.After(st.proven) {
			st.proven = b.Proof.At
		}
	}
	return st
}

// held reports whether the agent does not do what it ought to because it is
// paused.
func (st standing) held() bool { return st.paused && (st.jobs > 0 || st.waiting > 0) }

// overall is the state in one word.
func (st standing) overall() control.State {
	if st.held() && st.state == control.Protected {
		return control.Attention
	}
	return st.state
}

// headline says the state in a sentence that names the first thing to do. While
// the agent is paused nothing else can be done.
func (st standing) headline() control.Text {
	switch {
	case st.held() && st.waiting > 0:
		return counted("state.paused.waiting", st.waiting)
	case st.held():
		return control.Text{Code: "state.paused"}
	case len(st.concerns) > 0:
		return st.concerns[0].Text
	case len(st.has) == 0:
		return control.Text{Code: "state.nothing"}
	case len(st.proving) == 1:
		at := st.proving[0]
		return control.Text{Code: "state.proving", Params: map[string]string{"server": at.server, "database": at.database}}
	case len(st.proving) > 1:
		return counted("state.proving.some", len(st.proving))
	case st.bare > 0:
		return counted("state.protected.some", len(st.has))
	}
	return counted("state.protected", len(st.has))
}

// facts says in one line what the headline leaves out; nil if there is nothing.
func (st standing) facts() *control.Text {
	if st.held() && len(st.concerns) > 0 {
		return &st.concerns[0].Text
	}
	more, ok := len(st.concerns)-1, st.unconcerned()
	var t control.Text
	switch {
	case len(st.has) == 0 && more > 0:
		t = counted("state.facts.none", more)
	case len(st.has) == 0 && more < 0 && st.bare > 0:
		t = counted("state.facts.first", st.bare)
	case len(st.has) == 0 && more < 0 && st.strange > 0:
		t = counted("state.facts.found", st.strange)
	case len(st.has) == 0:
		return nil
	case more > 0:
		t = counted("state.facts.more", more)
		t.Params["ok"] = strconv.Itoa(ok)
	case more == 0 && ok > 0:
		t = counted("state.facts.others", ok)
	case st.proven.IsZero():
		t = control.Text{Code: "state.facts.unproven", Params: map[string]string{}}
	case more < 0 && st.bare > 0:
		t = counted("state.facts.bare", st.bare)
	default:
		t = control.Text{Code: "state.facts.proven", Params: map[string]string{}}
	}
	for name, at := range map[string]time.Time{"newest": st.newest, "proven": st.proven} {
		if !at.IsZero() {
			t.Params[name] = at.UTC().Format(time.RFC3339)
		}
	}
	return &t
}

// unconcerned counts the databases with backups that nothing is wrong with.
func (st standing) unconcerned() int {
	n := len(st.has)
	for _, c := range st.concerns {
		if st.has[source{c.Server, c.Database}] {
			n--
		}
	}
	return n
}

// concernText says a concern in a sentence.
func concernText(c control.Concern) control.Text {
	code := "state." + c.Kind
	switch {
	case c.Database == everything:
		code += ".all"
	case c.Kind == noBackup && c.Problem != nil:
		code += ".tried"
	}
	return control.Text{Code: code, Params: map[string]string{"server": c.Server, "database": c.Database}}
}

// counted is a text about n things.
func counted(code string, n int) control.Text {
	return control.Text{Code: code, Params: map[string]string{"n": strconv.Itoa(n)}}
}

// queued counts the runs that wait.
func queued(active []control.Run) (n int) {
	for i := range active {
		if active[i].Status == backup.Queued {
			n++
		}
	}
	return n
}
