package server

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
)

// preflightOrder is how the checks are listed.
var preflightOrder = []string{
	engine.PreflightBackup, engine.PreflightConnection, engine.PreflightName, engine.PreflightVersion,
	engine.PreflightRights, engine.PreflightRoles, engine.PreflightSpace,
}

// mostNames bounds the search for a name that is free.
const mostNames = 100

// checkRestore says what would hinder a restore and changes nothing. What is
// wrong is in the answer; only a request that makes no sense is an error.
func (s *Server) checkRestore(ctx context.Context, in *identifiedBody[control.RestoreRequest]) (control.RestoreCheck, error) {
	r := in.Body
	target, o, err := s.restoreOf(ctx, in.ID, r)
	if err != nil {
		return control.RestoreCheck{}, err
	}
	found, name, err := s.preflight(ctx, o, target, r)
	if len(s.Queue.Active()) == 0 {
		err = errors.Join(err, s.ReleaseIdle()) // no run will end and do it
	}
	if err != nil {
		return control.RestoreCheck{}, err
	}
	return control.RestoreCheck{OK: !found.Failed(), Database: name, Checks: checks(found)}, nil
}

// preflight examines backup and server as far as it gets, and chooses a name
// when none was asked for.
func (s *Server) preflight(ctx context.Context, o origin, target control.Server, r control.RestoreRequest) (found engine.Findings, name string, err error) {
	limited, cancel := testContext(ctx, testTime)
	defer cancel()
	from, err := s.reach(limited, o)
	found.Add(engine.PreflightBackup, stopped(limited, err))
	if err != nil {
		return found, r.Database, context.Cause(ctx)
	}
	defer func() { err = errors.Join(err, from.done()) }()
	m := from.manifest
	name = r.Database
	if name == "" {
		name = restoredName(string(m.Database), m.Engine, 1)
	}
	if m.Engine != target.Engine {
		found.Add(engine.PreflightVersion, ErrEngineMismatch.Because(nil, "source", m.Engine, "target", target.Engine))
		return found, name, nil
	}
	server, _, err := s.openServer(limited, r.Server)
	if err != nil {
		found.Add(engine.PreflightConnection, err)
		return found, name, nil //nolint:nilerr // it is in the findings
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	more, name, err := tryNames(limited, server, from.repo.Source(m), m, r)
	if err != nil {
		more.Add(engine.PreflightConnection, stopped(limited, err))
	}
	return merge(found, more), name, context.Cause(ctx)
}

// tryNames examines the name that was asked for, or new ones until one is free.
func tryNames(ctx context.Context, server engine.Server, src engine.Source, m *backup.Manifest, r control.RestoreRequest) (found engine.Findings, name string, err error) {
	if r.Database != "" {
		found, err = examine(ctx, server, src, r, r.Database)
		return found, r.Database, err
	}
	name = restoredName(string(m.Database), m.Engine, 1)
	taken, err := server.Discover(ctx)
	if err != nil {
		return nil, name, err
	}
	for n := 1; n <= mostNames; n++ {
		name = restoredName(string(m.Database), m.Engine, n)
		if slices.ContainsFunc(taken, func(d engine.Database) bool { return d.Name == name }) {
			continue
		}
		found, err = examine(ctx, server, src, r, name)
		inTheWay := func(x engine.Finding) bool { return x.Problem != nil && errors.Is(x.Problem, engine.ErrTargetExists) }
		if err != nil || !slices.ContainsFunc(found, inTheWay) {
			break // nor is it taken without being listed
		}
	}
	return found, name, err
}

// examine asks an engine that can say what would hinder a restore, and finds
// out itself what any engine can tell.
func examine(ctx context.Context, server engine.Server, src engine.Source, r control.RestoreRequest, name string) (found engine.Findings, err error) {
	target := engine.Target{Database: name, Overwrite: r.Overwrite != "", Tables: r.Tables, Streams: 1, SkipRoles: r.SkipRoles}
	if p, ok := server.(engine.Preflighter); ok {
		return p.Preflight(ctx, src, target)
	}
	databases, err := server.Discover(ctx)
	if err != nil {
		return nil, err
	}
	found.Add(engine.PreflightConnection, nil)
	taken := slices.ContainsFunc(databases, func(d engine.Database) bool { return d.Name == name })
	if taken && !target.Overwrite && len(target.Tables) == 0 {
		found.Add(engine.PreflightName, engine.ErrTargetExists.Because(nil, "database", name))
	} else {
		found.Add(engine.PreflightName, nil)
	}
	return found, nil
}

// merge joins findings. That a thing is well is said once, and only if nothing
// is wrong with it.
func merge(a, b engine.Findings) (all engine.Findings) {
	for _, x := range slices.Concat(a, b) {
		i := slices.IndexFunc(all, func(y engine.Finding) bool { return y.Name == x.Name })
		switch {
		case i < 0:
			all = append(all, x)
		case x.Status == engine.CheckOK:
		case all[i].Status == engine.CheckOK:
			all[i] = x
		default:
			all = append(all, x)
		}
	}
	return all
}

// checks are findings as the API shows them: every name there is, those that
// were not examined as skipped.
func checks(found engine.Findings) []control.RestoreCheckItem {
	items := []control.RestoreCheckItem{}
	for _, name := range preflightOrder {
		n := len(items)
		for _, x := range merge(nil, found) {
			if x.Name != name {
				continue
			}
			item := control.RestoreCheckItem{Name: name, Status: x.Status}
			if x.Problem != nil {
				item.Problem = control.FromError(x.Problem)
			}
			items = append(items, item)
		}
		if len(items) == n {
			items = append(items, control.RestoreCheckItem{Name: name, Status: engine.CheckSkipped})
		}
	}
	return items
}

// longestName is how many bytes the name of a database may have on the servers
// we know.
const longestName = 63

// restoredBefore is the end of a name that we have made.
var restoredBefore = regexp.MustCompile(`_restored(_[0-9]+)?$`)

// restoredName is the nth name proposed for a restored database: "shop_restored",
// then "shop_restored_2". A file keeps its folder and extension.
func restoredName(name, kind string, n int) string {
	end := numbered("_restored", "_", n)
	if kind == engine.SQLite {
		ext := filepath.Ext(name)
		return restoredBefore.ReplaceAllString(strings.TrimSuffix(name, ext), "") + end + ext
	}
	name = restoredBefore.ReplaceAllString(name, "")
	if most := longestName - len(end); len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	return name + end
}
