package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// ErrFullAlone: a schedule of full backups says which of the backups are full,
// and there is no schedule of backups.
var ErrFullAlone = problem.New("agent.full_schedule_alone")

// everything stands for all databases that can be read.
const everything = "*"

func (s *Server) listJobs(ctx context.Context, _ *struct{}) ([]control.Job, error) {
	return s.Catalog.Jobs(ctx)
}

func (s *Server) addJob(ctx context.Context, in *body[control.Job]) (control.Job, error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	if err := s.checkJob(ctx, in.Body); err != nil {
		return in.Body, err
	}
	if err := s.Catalog.AddJob(ctx, in.Body); err != nil {
		return in.Body, jobTaken(err, in.Body.Name)
	}
	s.Broker.Changed()
	return in.Body, s.scheduler.Look(ctx)
}

type namedJob struct {
	Name string `path:"name" maxLength:"63"`
	Body control.Job
}

func (s *Server) editJob(ctx context.Context, in *namedJob) (control.Job, error) {
	s.naming.Lock()
	defer s.naming.Unlock()
	if err := s.checkJob(ctx, in.Body); err != nil {
		return in.Body, err
	}
	return s.changeJob(ctx, in.Name, func(old control.Job) control.Job { return succeed(old, in.Body) })
}

// succeed returns a job that takes the place of an old one, whose names it keeps.
func succeed(old, j control.Job) control.Job {
	j.Former = old.Former
	if j.Name != old.Name && !slices.Contains(j.Former, old.Name) {
		j.Former = append(slices.Clone(j.Former), old.Name)
	}
	j.Former = slices.DeleteFunc(slices.Clone(j.Former), func(name string) bool { return name == j.Name })
	return j
}

func (s *Server) pauseJob(ctx context.Context, in *named) (control.Job, error) {
	return s.changeJob(ctx, in.Name, func(j control.Job) control.Job { j.Paused = true; return j })
}

func (s *Server) resumeJob(ctx context.Context, in *named) (control.Job, error) {
	return s.changeJob(ctx, in.Name, func(j control.Job) control.Job { j.Paused = false; return j })
}

func (s *Server) changeJob(ctx context.Context, name string, f func(control.Job) control.Job) (control.Job, error) {
	j, err := s.Catalog.EditJob(ctx, name, func(j control.Job) (control.Job, error) { return f(j), nil })
	if err != nil {
		return j, missing(jobTaken(err, j.Name), ErrNoJob, "name", name)
	}
	s.Broker.Changed()
	return j, s.scheduler.Look(ctx)
}

func (s *Server) removeJob(ctx context.Context, in *named) (nothing, error) {
	if err := s.Catalog.RemoveJob(ctx, in.Name); err != nil {
		return nothing{}, missing(err, ErrNoJob, "name", in.Name)
	}
	s.Broker.Changed()
	return nothing{}, s.scheduler.Look(ctx)
}

// checkJob makes sure that all a job names is there.
func (s *Server) checkJob(ctx context.Context, j control.Job) error {
	cfg, err := s.Catalog.Config(ctx)
	if err != nil {
		return err
	}
	servers, places := map[string]control.Server{}, map[string]control.Destination{}
	for _, c := range cfg.Servers {
		servers[c.Name] = c
	}
	for _, d := range cfg.Destinations {
		places[d.Name] = d
	}
	return s.checkJobAmong(j, servers, places)
}

// checkJobAmong makes sure that a job makes sense with these servers and
// destinations.
func (s *Server) checkJobAmong(j control.Job, servers map[string]control.Server, places map[string]control.Destination) error {
	if err := checkDatabases(j); err != nil {
		return err
	}
	if len(j.Destinations) == 0 {
		return invalid("destinations", "at least one")
	}
	if err := checkSchedules(j); err != nil {
		return err
	}
	cfg, ok := servers[j.Server]
	if !ok {
		return ErrNoServer.Because(nil, "name", j.Server)
	}
	if err := s.checkScripts(j, cfg); err != nil {
		return err
	}
	for _, d := range append(slices.Clone(j.Destinations), j.Emergency) {
		if _, ok := places[d]; !ok && d != "" {
			return ErrNoDestination.Because(nil, "name", d)
		}
	}
	if once := slices.Compact(slices.Sorted(slices.Values(j.Destinations))); len(once) < len(j.Destinations) || slices.Contains(once, "") {
		return invalid("destinations", "each one once")
	}
	if slices.Contains(j.Destinations, j.Emergency) {
		return ErrEmergencySame.Because(nil, "name", j.Emergency)
	}
	return j.Rule.Check()
}

func checkDatabases(j control.Job) error {
	if len(j.Databases) == 0 {
		return invalid("databases", "at least one, or *")
	}
	if slices.Contains(j.Databases, everything) && len(j.Databases) > 1 || slices.Contains(j.Databases, "") {
		return invalid("databases", "* stands alone, and no name is empty")
	}
	if once := slices.Compact(slices.Sorted(slices.Values(j.Databases))); len(once) < len(j.Databases) {
		return invalid("databases", "each one once")
	}
	return nil
}

// checkSchedules makes sure that a job's schedules can be met.
func checkSchedules(j control.Job) error {
	for _, spec := range []string{j.Schedule, j.FullSchedule, j.Prove} {
		if spec == "" {
			continue
		}
		if _, err := schedule.Parse(spec, j.Zone); err != nil {
			return err
		}
	}
	switch {
	case j.FullSchedule != "" && j.Schedule == "":
		return ErrFullAlone.Because(nil)
	case j.Zone != "" && j.Schedule == "" && j.Prove == "":
		// It may be the wrong one: say so now, and not when there is a schedule.
		_, err := schedule.Parse("@daily", j.Zone)
		return err
	}
	return nil
}

func jobTaken(err error, name string) error {
	if errors.Is(err, catalog.ErrExists) {
		return ErrJobExists.Because(err, "name", name)
	}
	return fmt.Errorf("save job: %w", err)
}
