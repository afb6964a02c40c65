package server

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/agent/storecheck"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/doctor"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/schedule"
	"github.com/rahatbackup/rahat/internal/vault"
)

// What the doctor says of things that are configured. Those of databases are
// named by the kinds of concerns.
var (
	// ErrNothingSetUp (warning): there is no job, so nothing is backed up by
	// itself.
	ErrNothingSetUp = problem.New("doctor.no_jobs")
	// ErrJobServer: job {job} is for server {server}, which is not there.
	ErrJobServer = problem.New("doctor.job_server")
	// ErrJobDestination: job {job} goes to {destination}, which is not there.
	ErrJobDestination = problem.New("doctor.job_destination")
	// ErrJobPaused (warning): job {job} is paused.
	ErrJobPaused = problem.New("doctor.job_paused")
	// ErrAllPaused (warning): the agent is paused, since {since} if that is known.
	ErrAllPaused = problem.New("doctor.all_paused")
	// ErrNoKit (warning): no recovery kit opens {destination}.
	ErrNoKit = problem.New("doctor.no_kit")
	// ErrKitUntried (warning): no recovery kit of {destination} was tried.
	ErrKitUntried = problem.New("doctor.kit_untried")
	// ErrDrillDue (warning): no key to {destination} was tried for more than a
	// year.
	ErrDrillDue = problem.New("doctor.drill_due")
	// ErrDestinationFull (warning): {destination} has {free} bytes left.
	ErrDestinationFull = problem.New("doctor.destination_full")
	// ErrNotAtLogin (warning): the program does not start at login.
	ErrNotAtLogin = problem.New("doctor.not_at_login")
	// ErrUnprotected: there is no backup of {database} on {server}.
	ErrUnprotected = problem.New("doctor.no_backup")
	// ErrLastFailed: the last backup of {database} on {server} failed.
	ErrLastFailed = problem.New("doctor.failed")
	// ErrDisproven: the last proof of {database} on {server} failed.
	ErrDisproven = problem.New("doctor.disproven")
	// ErrOverdue: a backup of {database} on {server} did not happen in time.
	ErrOverdue = problem.New("doctor.overdue")
	// ErrNeverRan: {database} on {server} has no backup, and the first one did
	// not happen when it was due.
	ErrNeverRan = problem.New("doctor.never_ran")
	// ErrProofOld (warning): the last proof of {database} is too old.
	ErrProofOld = problem.New("doctor.proof_old")
	// ErrUnproven (warning): no backup of {database} was ever proved.
	ErrUnproven = problem.New("doctor.unproven")
)

// fullSoon is the free space of a destination, in bytes, from which a person is
// warned.
const fullSoon = 1 << 30

// concerns are the problems of the kinds of concerns; warned are those that are
// no failure yet.
var (
	concerns = map[string]*problem.Problem{
		noBackup: ErrUnprotected, failed: ErrLastFailed, disproven: ErrDisproven, overdue: ErrOverdue, proofOld: ErrProofOld, unproven: ErrUnproven,
	}
	warned = []string{proofOld, unproven}
)

// seen is what a look returns.
func seen(code string, params ...string) control.Text {
	t := control.Text{Code: "doctor." + code}
	for i := 0; i+1 < len(params); i += 2 {
		if t.Params == nil {
			t.Params = map[string]string{}
		}
		t.Params[params[i]] = params[i+1]
	}
	return t
}

// doctor examines everything the agent knows of.
func (s *Server) doctor(ctx context.Context, _ *struct{}) (control.Doctor, error) {
	looks := doctor.Home(paths.Home(s.Home), s.Now(), len(s.Queue.Active()) == 0)
	looks = append(looks,
		doctor.Look{Name: "instance", Do: s.lookAtInstance},
		doctor.Look{Name: "vault", Do: s.lookAtVault},
		doctor.Look{Name: "catalog", Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			var warnings []*problem.Problem
			if p := s.Catalog.Recovered(); p != nil {
				warnings = append(warnings, p)
			}
			return seen("catalog"), warnings, s.Catalog.Examine(ctx)
		}},
	)
	servers, err := s.Catalog.Servers(ctx)
	if err != nil {
		return control.Doctor{}, err
	}
	for _, one := range servers {
		looks = append(looks, doctor.Look{Name: "server", Subject: one.Name, Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			return s.lookAtServer(ctx, one.Name)
		}})
	}
	recovery, err := s.recovery(ctx, nil)
	if err != nil {
		return control.Doctor{}, err
	}
	for _, r := range recovery {
		looks = append(looks, doctor.Look{Name: "destination", Subject: r.Destination, Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			return s.lookAtDestination(ctx, r.Destination)
		}}, doctor.Look{Name: "recovery_kit", Subject: r.Destination, Do: func(context.Context) (control.Text, []*problem.Problem, error) {
			return lookAtKit(r)
		}})
	}
	jobs, err := s.jobLooks(ctx)
	if err != nil {
		return control.Doctor{}, err
	}
	databases, err := s.databaseLooks(ctx)
	if err != nil {
		return control.Doctor{}, err
	}
	channels, err := s.channelLooks(ctx)
	if err != nil {
		return control.Doctor{}, err
	}
	looks = slices.Concat(looks, []doctor.Look{{Name: "paused", Do: s.lookAtPause}}, jobs, databases, channels, []doctor.Look{{Name: "login", Do: s.lookAtLogin}})
	return doctor.Run(ctx, looks), nil
}

// lookAtVault asks for a secret that is not there: the vault must open for that.
func (s *Server) lookAtVault(ctx context.Context) (control.Text, []*problem.Problem, error) {
	_, err := s.Vault.Get(ctx, "doctor/nothing")
	if errors.Is(err, vault.ErrNotFound) {
		err = nil
	}
	return seen("vault." + s.VaultKind), nil, err
}

func (s *Server) lookAtServer(ctx context.Context, name string) (control.Text, []*problem.Problem, error) {
	test, err := s.testServer(ctx, &named{name})
	if err == nil {
		err = test.Problem.Err()
	}
	if err != nil {
		return control.Text{}, nil, err
	}
	var warnings []*problem.Problem
	for _, w := range test.Warnings {
		warnings = append(warnings, problem.Of(w.Err()))
	}
	code := "server"
	if test.Tool != "" {
		code = "server_tool"
	}
	return seen(code, "product", test.Product, "version", test.Version, "tool", test.Tool, "count", strconv.Itoa(len(test.Databases))), warnings, nil
}

// doctorsFile is small enough for a slow line: an examination has ten seconds.
const doctorsFile = 256 << 10

func (s *Server) lookAtDestination(ctx context.Context, name string) (control.Text, []*problem.Problem, error) {
	test, err := s.testedDestination(ctx, name, doctorsFile)
	if err == nil {
		err = test.Problem.Err()
	}
	if err != nil {
		return control.Text{}, nil, err
	}
	var warnings []*problem.Problem
	for _, c := range test.Checks {
		if c.Status == string(storecheck.Warning) { // such as clocks that differ
			warnings = append(warnings, problem.Of(c.Problem.Err()))
		}
	}
	free := strconv.FormatInt(test.FreeBytes, 10)
	if test.FreeBytes < 0 {
		return seen("destination", "count", strconv.Itoa(test.Backups)), warnings, nil
	}
	if test.FreeBytes < fullSoon {
		warnings = append(warnings, ErrDestinationFull.Because(nil, "destination", name, "free", free))
	}
	return seen("destination_free", "count", strconv.Itoa(test.Backups), "free", free), warnings, nil
}

func lookAtKit(r control.RecoveryState) (control.Text, []*problem.Problem, error) {
	text := seen("recovery_kit")
	switch {
	case r.Kit == nil && r.Drilled == nil:
		return text, []*problem.Problem{ErrNoKit.Because(nil, "destination", r.Destination)}, nil
	case r.Drilled == nil:
		return text, []*problem.Problem{ErrKitUntried.Because(nil, "destination", r.Destination)}, nil
	case r.DrillDue:
		return text, []*problem.Problem{ErrDrillDue.Because(nil, "destination", r.Destination)}, nil
	}
	return text, nil, nil
}

// jobLooks are those at jobs: what they name must be there.
func (s *Server) jobLooks(ctx context.Context) (looks []doctor.Look, err error) {
	jobs, err := s.Catalog.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return []doctor.Look{{Name: "job", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
			return control.Text{}, []*problem.Problem{ErrNothingSetUp.Because(nil)}, nil
		}}}, nil
	}
	for _, j := range jobs {
		looks = append(looks, doctor.Look{Name: "job", Subject: j.Name, Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			return s.lookAtJob(ctx, j)
		}})
	}
	return looks, nil
}

func (s *Server) lookAtJob(ctx context.Context, j control.Job) (text control.Text, warnings []*problem.Problem, err error) {
	if _, err := s.Catalog.Server(ctx, j.Server); err != nil {
		return text, nil, missing(err, ErrJobServer, "job", j.Name, "server", j.Server)
	}
	for _, d := range append(slices.Clone(j.Destinations), j.Emergency) {
		if _, err := s.Catalog.Destination(ctx, d); d != "" && err != nil {
			return text, nil, missing(err, ErrJobDestination, "job", j.Name, "destination", d)
		}
	}
	for _, spec := range []string{j.Schedule, j.FullSchedule, j.Prove} {
		if spec == "" {
			continue
		}
		if _, err := schedule.Parse(spec, j.Zone); err != nil {
			return text, nil, err
		}
	}
	if j.Paused {
		warnings = append(warnings, ErrJobPaused.Because(nil, "job", j.Name))
	}
	if j.Schedule == "" {
		return seen("job_by_hand"), warnings, nil
	}
	return seen("job", "schedule", j.Schedule), warnings, nil
}

// databaseLooks are those at how well databases are protected, which the status
// knows.
func (s *Server) databaseLooks(ctx context.Context) (looks []doctor.Look, err error) {
	status, err := s.status(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range status.Concerns {
		why := concerns[c.Kind]
		if strings.HasPrefix(c.Text.Code, "state.overdue.never") {
			why = ErrNeverRan
		}
		about := why.Because(c.Problem.Err(), "server", c.Server, "database", c.Database)
		looks = append(looks, doctor.Look{Name: "database", Subject: c.Server + "/" + c.Database, Do: func(context.Context) (control.Text, []*problem.Problem, error) {
			if slices.Contains(warned, c.Kind) {
				return c.Text, []*problem.Problem{about}, nil
			}
			return c.Text, nil, about
		}})
	}
	if len(looks) == 0 {
		looks = append(looks, doctor.Look{Name: "database", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
			if status.Last == nil {
				return control.Text{}, nil, nil
			}
			return seen("databases"), nil, nil
		}})
	}
	return looks, nil
}

func (s *Server) lookAtLogin(context.Context) (control.Text, []*problem.Problem, error) {
	if s.Login == nil || !s.Login.Possible() {
		return control.Text{}, nil, nil
	}
	on, err := s.Login.Enabled()
	if err != nil || on {
		return seen("login"), nil, err
	}
	return control.Text{}, []*problem.Problem{ErrNotAtLogin.Because(nil)}, nil
}
