package enginetest

import (
	"errors"
	"slices"

	"github.com/rahatbackup/rahat/internal/engine"
)

// preflightNames are the findings there may be.
var preflightNames = []string{
	engine.PreflightBackup, engine.PreflightConnection, engine.PreflightName, engine.PreflightVersion,
	engine.PreflightRights, engine.PreflightRoles, engine.PreflightSpace,
}

// testPreflight checks the servers that can say beforehand what would hinder a
// restore.
func testPreflight(s *suite) {
	server, ok := s.server.(engine.Preflighter)
	if !ok {
		return
	}
	source, taken, free := s.create("rahat_source", Awkward), s.create("rahat_target", Ledger), s.forget("rahat_preflight")
	m := s.take(source)
	before := s.text(taken)
	for _, c := range []struct {
		what   string
		target engine.Target
		name   string // of the one failure; empty: none
		want   error
	}{
		{"a free name", engine.Target{Database: free}, "", nil},
		{"a free name that may be replaced", engine.Target{Database: free, Overwrite: true}, "", nil},
		{"a taken name", engine.Target{Database: taken}, engine.PreflightName, engine.ErrTargetExists},
		{"a taken name that may be replaced", engine.Target{Database: taken, Overwrite: true}, "", nil},
		{"a table the backup lacks", engine.Target{Database: free, Tables: []string{"rahat_no_such_table"}}, engine.PreflightBackup, engine.ErrTableNotFound},
	} {
		found, err := server.Preflight(s.Context(), m, c.target)
		if err != nil {
			s.Errorf("%s: %v", c.what, err)
		}
		s.findings(c.what, found, c.name, c.want)
	}
	s.same("the taken database", s.text(taken), before)
	s.absent(free)
	s.restore(m, engine.Target{Database: free}) // as was foretold
	s.preflightTroubles(m)
	s.preflightBroken(server, m)
}

// findings fails the test unless the one failure is of a name with an error.
func (s *suite) findings(what string, found engine.Findings, name string, want error) {
	s.Helper()
	var failed []engine.Finding
	for _, x := range found {
		if !slices.Contains(preflightNames, x.Name) || (x.Problem == nil) != (x.Status == engine.CheckOK) {
			s.Errorf("%s: odd finding %+v", what, x)
		}
		if x.Status == engine.CheckFailed {
			failed = append(failed, x)
		}
	}
	switch {
	case len(found) == 0:
		s.Errorf("%s: nothing was examined", what)
	case found.Failed() != (name != "") || len(failed) > 1:
		s.Errorf("%s: failed are %+v, want %q", what, failed, name)
	case name != "" && (failed[0].Name != name || !errors.Is(failed[0].Problem, want)):
		s.Errorf("%s: %s failed: %v, want %s: %v", what, failed[0].Name, failed[0].Problem, name, want)
	}
}

// preflightTroubles: a server that does not let us in is a finding.
func (s *suite) preflightTroubles(m *Memory) {
	s.Helper()
	for what, want := range map[Trouble]error{WrongPassword: engine.ErrAuth, Unreachable: engine.ErrUnreachable} {
		troubled, _, ok := s.f.Troubled(s.T, what)
		if !ok {
			continue
		}
		server, ok := troubled.(engine.Preflighter)
		if !ok {
			s.Fatal("another server of this driver has no preflight")
		}
		found, err := server.Preflight(s.Context(), m, engine.Target{Database: "rahat_preflight_2"})
		if err != nil {
			s.Errorf("trouble %d: %v", what, err)
		}
		s.findings("a troubled server", found, engine.PreflightConnection, want)
		if err := troubled.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}
}

// preflightBroken: a backup that cannot be read is a finding where it is read,
// and a cancel is no finding.
func (s *suite) preflightBroken(server engine.Preflighter, m *Memory) {
	s.Helper()
	broken := errors.New("the cable is out")
	found, err := server.Preflight(s.Context(), m.FailAfter(0, broken), engine.Target{Database: s.forget("rahat_preflight_3")})
	if err != nil {
		s.Errorf("a broken source: %v", err)
	}
	for _, x := range found {
		if x.Status == engine.CheckFailed && (x.Name != engine.PreflightBackup || !errors.Is(x.Problem, broken)) {
			s.Errorf("a broken source: %+v", x)
		}
	}
	if found, err := server.Preflight(cancelled(s.Context()), m, engine.Target{Database: "rahat_preflight_3"}); !errors.Is(err, errStop) || found != nil {
		s.Errorf("cancelled: %+v, %v", found, err)
	}
	s.absent("rahat_preflight_3")
}
