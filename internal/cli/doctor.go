package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/doctor"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

// errUnwell: the doctor found {count} failures.
var errUnwell = problem.New("cli.unwell")

func (a *app) doctorCommand() *cobra.Command {
	return a.command("doctor", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		d, err := a.examine(ctx)
		if err != nil {
			return err
		}
		if a.json {
			err = a.out.document(d)
		} else {
			a.showDoctor(d)
		}
		if err != nil || d.OK {
			return err
		}
		return &failures{list: []failure{{problem: errUnwell}}, printed: true}
	})
}

// examine asks the agent, and looks itself at what can be seen without one when
// there is none. It starts none: that it does not run is what a person should
// know.
func (a *app) examine(ctx context.Context) (control.Doctor, error) {
	home, err := paths.Default()
	if err != nil {
		return control.Doctor{}, err
	}
	agent, err := a.reach()
	if err != nil {
		return control.Doctor{}, err
	}
	d := control.Doctor{OK: true, Checks: []control.DoctorCheck{}}
	check := control.DoctorCheck{Name: "agent", Status: control.DoctorOK}
	h, err := agent.Hello(ctx)
	if err == nil {
		check.Text = &control.Text{Code: "doctor.agent", Params: map[string]string{"version": h.Version}}
		if h.Version != version.Version {
			check.Status = control.DoctorWarning
			check.Problem = control.FromError(doctor.ErrAgentVersion.Because(nil, "agent", h.Version, "asking", version.Version))
		}
		d.Add(check)
		var found control.Doctor
		if found, err = agent.Doctor(ctx); err == nil {
			d.Add(found.Checks...)
			return d, nil
		}
	}
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	check.Status, check.Problem, check.Text = control.DoctorFailed, control.FromError(err), nil
	d.Checks = d.Checks[:0]
	d.Add(check)
	idle := errors.Is(err, client.ErrUnreachable)
	if idle {
		d.Add(doctor.LastStart(home)...)
	}
	d.Add(doctor.Run(ctx, doctor.Home(home, a.opt.Now(), idle)).Checks...)
	return d, nil
}

// showDoctor prints every check on a line, with what to do below.
func (a *app) showDoctor(d control.Doctor) {
	count := map[string]int64{}
	for _, c := range d.Checks {
		count[c.Status]++
		a.showCheck(c)
	}
	if a.quiet {
		return
	}
	fmt.Fprintln(a.out)
	switch {
	case count[control.DoctorFailed] > 0:
		a.say(red, "✗ "+a.texts.N("doctor.sum.failed", count[control.DoctorFailed]))
	case count[control.DoctorWarning] > 0:
		a.say(yellow, "▲ "+a.texts.N("doctor.sum.warnings", count[control.DoctorWarning]))
	default:
		a.say(green, "✓ "+a.t("doctor.sum.well"))
	}
}

func (a *app) showCheck(c control.DoctorCheck) {
	shape, h := "–", dim
	switch c.Status {
	case control.DoctorOK:
		shape, h = "✓", green
	case control.DoctorWarning:
		shape, h = "▲", yellow
	case control.DoctorFailed:
		shape, h = "✗", red
	}
	if a.quiet && (c.Status == control.DoctorOK || c.Status == control.DoctorSkipped) {
		return
	}
	name := c.Name
	if key := "doctor.name." + c.Name; a.texts.Has(key) {
		name = a.t(key)
	}
	if c.Subject != "" {
		name += " " + visible(c.Subject)
	}
	text := ""
	if c.Text != nil {
		text = a.written(*c.Text)
	}
	if c.Problem == nil {
		if text == "" {
			text = a.t("doctor.skipped")
		}
		fmt.Fprintf(a.out, "%s %s: %s\n", a.out.paint(h, shape), name, text)
		return
	}
	title, remedy := a.text(problem.Of(c.Problem.Err()))
	fmt.Fprintf(a.out, "%s %s: %s\n  %s\n", a.out.paint(h, shape), name, title, remedy)
}
