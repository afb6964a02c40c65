package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/retention"
)

// noEmergency takes the emergency destination away.
const noEmergency = "none"

// keepFlags say what a job keeps, and where a backup goes when its destination
// cannot take it.
type keepFlags struct {
	emergency string
	rule      retention.Rule
	sure      bool
}

// kept are the numbers of a rule by the names of their flags, in the order in
// which they are told.
func kept(r *retention.Rule) []struct {
	name string
	n    *int
} {
	return []struct {
		name string
		n    *int
	}{
		{"keep-last", &r.Last}, {"keep-hourly", &r.Hourly}, {"keep-daily", &r.Daily}, {"keep-weekly", &r.Weekly},
		{"keep-monthly", &r.Monthly}, {"keep-yearly", &r.Yearly}, {"keep-days", &r.Days},
	}
}

func (a *app) addKeepFlags(c *cobra.Command, f *keepFlags) {
	c.Flags().StringVar(&f.emergency, "emergency", "", "")
	completeBy(c, "emergency", a.offer(destinationNames))
	for _, k := range kept(&f.rule) {
		c.Flags().IntVar(k.n, k.name, 0, "")
	}
	c.Flags().BoolVar(&f.sure, "yes", false, "")
}

// apply puts the flags that were given into j.
func (f *keepFlags) apply(c *cobra.Command, j *control.Job) {
	if c.Flags().Changed("emergency") {
		if j.Emergency = f.emergency; f.emergency == noEmergency {
			j.Emergency = ""
		}
	}
	into := kept(&j.Rule)
	for i, k := range kept(&f.rule) {
		if c.Flags().Changed(k.name) {
			*into[i].n = *k.n
		}
	}
}

// facts are what a job keeps, for rahat job show.
func (a *app) keepFacts(j control.Job) [][2]string {
	return [][2]string{{"emergency", j.Emergency}, {"keep", a.ruleText(j.Rule)}}
}

// ruleText says a rule in words.
func (a *app) ruleText(r retention.Rule) string {
	var parts []string
	for _, k := range kept(&r) {
		if *k.n > 0 {
			parts = append(parts, a.texts.N("rule."+strings.TrimPrefix(k.name, "keep-"), int64(*k.n)))
		}
	}
	if parts == nil {
		return a.t("rule.all")
	}
	return strings.Join(parts, ", ")
}

// accept makes sure that who gives a job a rule which would remove more than it
// keeps has seen that, and means it.
func (a *app) accept(ctx context.Context, agent *client.Client, j control.Job, sure bool) error {
	if j.Rule.Empty() {
		return nil
	}
	p, err := agent.PreviewJob(ctx, j)
	if err != nil {
		return err
	}
	return a.acceptRemoval(ctx, p.Removed, p.Kept, sure)
}

// acceptRemoval asks when more backups would go than stay. In scripts --yes
// answers.
func (a *app) acceptRemoval(ctx context.Context, removed []control.RetentionEntry, stay int, sure bool) error {
	if len(removed) <= stay || sure {
		return nil
	}
	p := a.person()
	if p == nil {
		return errManyGo.Because(nil, "gone", strconv.Itoa(len(removed)), "kept", strconv.Itoa(stay))
	}
	defer p.leave()
	for _, e := range removed[:min(len(removed), mostShown)] {
		fmt.Fprintf(p.out, "  – %s  %s  %s\n", shortID(e.Backup), visible(e.Database), a.moment(e.At))
	}
	warning := a.err.paint(yellow, "▲ "+a.texts.N("prune.many", int64(len(removed)), "kept", a.texts.Count(int64(stay))))
	typed, err := a.ask(ctx, p, warning, a.t("prune.sure", "yes", a.t("prune.yes")))
	if err != nil {
		return err
	}
	if typed != a.t("prune.yes") {
		return errManyGo.Because(nil, "gone", strconv.Itoa(len(removed)), "kept", strconv.Itoa(stay))
	}
	return nil
}

// mostShown is how many backups that would go are named in a question.
const mostShown = 20

func (a *app) jobPreview() *cobra.Command {
	c := a.command("preview NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		j, err := a.job(ctx, args[0])
		if err != nil {
			return err
		}
		p, err := a.agent.PreviewJob(ctx, j)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(p)
		}
		a.showPreview(j, p)
		return nil
	})
	c.ValidArgsFunction = first(a.offer(jobNames))
	return c
}

func (a *app) showPreview(j control.Job, p control.JobPreview) {
	a.showMoments(j, p)
	fmt.Fprintln(a.out, a.t("job.preview.rule", "rule", a.ruleText(j.Rule)))
	a.showRemoved(p.Removed, p.Kept)
}

// showMoments lists the next runs of a job, and says when it proves next.
func (a *app) showMoments(j control.Job, p control.JobPreview) {
	full := map[time.Time]bool{}
	for _, at := range p.NextFull {
		full[at] = true
	}
	if len(p.Next) == 0 {
		fmt.Fprintln(a.out, a.t("job.preview.never"))
	}
	for _, at := range p.Next {
		kind := a.typeName(j.Type)
		if full[at] {
			kind = a.typeName("full")
		}
		fmt.Fprintf(a.out, "%s%s  %s\n", a.moment(at), a.elsewhere(at, j.Zone), kind)
		for _, c := range p.Clocks {
			if c.At.Equal(at) {
				fmt.Fprintf(a.out, "  %s\n", a.out.paint(yellow, "▲ "+a.t("job.preview."+c.Kind, "time", visible(c.Time))))
			}
		}
	}
	if len(p.Prove) > 0 {
		fmt.Fprintln(a.out, a.t("job.preview.prove", "at", a.moment(p.Prove[0])+a.elsewhere(p.Prove[0], j.Zone)))
	}
}

// elsewhere adds what the clocks of a job's zone show at a moment, where they
// differ from those of the person.
func (a *app) elsewhere(at time.Time, zone string) string {
	loc, err := time.LoadLocation(zone)
	if zone == "" || err != nil {
		return ""
	}
	_, there := at.In(loc).Zone()
	if _, here := at.In(a.opt.Zone).Zone(); here == there {
		return ""
	}
	return " (" + a.texts.Time(at.In(loc)) + " " + zone + ")"
}

// showRemoved lists what would go.
func (a *app) showRemoved(removed []control.RetentionEntry, stay int) {
	rows := make([][]cell, len(removed))
	for i, e := range removed {
		rows[i] = []cell{word(shortID(e.Backup)), word(e.Database), word(e.Server), word(a.moment(e.At)), number(a.texts.Bytes(e.StoredBytes)), word(e.Destination)}
	}
	if len(rows) > 0 {
		a.out.table(a.heads("backup", "database", "server", "when", "size", "destination"), rows)
	}
	fmt.Fprintln(a.out, a.texts.N("prune.would_go", int64(len(removed)), "kept", a.texts.Count(int64(stay))))
}

func (a *app) jobTemplates() *cobra.Command {
	return a.command("templates", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		all, err := fetch(ctx, a, (*client.Client).JobTemplates)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		for _, t := range all {
			fmt.Fprintf(a.out, "%s\n  %s\n", a.out.paint(bold, t.Name), a.t(t.Text.Code))
			facts := append(a.planFacts(t.Job), a.keepFacts(t.Job)...)
			for _, f := range facts {
				if f[1] != "" {
					fmt.Fprintf(a.out, "  %s: %s\n", a.t("head."+f[0]), f[1])
				}
			}
		}
		return nil
	})
}

// template returns the ready-made job of a name.
func (a *app) template(ctx context.Context, agent *client.Client, name string) (control.Job, error) {
	all, err := agent.JobTemplates(ctx)
	if err != nil {
		return control.Job{}, err
	}
	names := make([]string, 0, len(all))
	for _, t := range all {
		if t.Name == name {
			return t.Job, nil
		}
		names = append(names, t.Name)
	}
	return control.Job{}, errChoice.Because(nil, "flag", "--template", "value", name, "possible", list(names))
}
