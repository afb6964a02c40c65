package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

func (a *app) jobCommand() *cobra.Command {
	return a.group("job", a.jobAdd(), a.jobList(), a.jobShow(), a.jobEdit(), a.jobPreview(), a.jobTemplates(),
		a.jobSwitch("pause", "job.paused", (*client.Client).PauseJob),
		a.jobSwitch("resume", "job.resumed", (*client.Client).ResumeJob), a.jobRemove())
}

// jobFlags are the flags that say what a job does.
type jobFlags struct {
	server, kind, level string
	databases, to       []string
	plan                planFlags
	scripts             *scriptFlags
	keep                keepFlags
}

func (a *app) addJobFlags(c *cobra.Command) *jobFlags {
	f := &jobFlags{scripts: addScriptFlags(c)}
	c.Flags().StringVar(&f.server, "server", "", "")
	c.Flags().Var(&nameList{&f.databases}, "database", "")
	c.Flags().StringSliceVar(&f.to, "to", nil, "")
	addTypeFlag(c, &f.kind)
	addVerifyFlag(c, &f.level)
	f.plan.add(c)
	a.addKeepFlags(c, &f.keep)
	completeBy(c, "server", a.offer(serverNames))
	completeBy(c, "to", a.offer(destinationNames))
	return f
}

func addTypeFlag(c *cobra.Command, value *string) {
	choose(c, value, "type", string(backup.Full), string(backup.Differential), string(backup.Incremental))
}

func addVerifyFlag(c *cobra.Command, value *string) {
	choose(c, value, "verify", "none", "basic", "database", "full")
}

// apply puts the flags that were given into j.
func (f *jobFlags) apply(c *cobra.Command, j *control.Job) {
	for name, put := range map[string]func(){
		"server":   func() { j.Server = f.server },
		"database": func() { j.Databases = f.databases },
		"to":       func() { j.Destinations = f.to },
		"type":     func() { j.Type = backup.Type(f.kind) },
		"verify":   func() { j.Verify = f.level },
	} {
		if c.Flags().Changed(name) {
			put()
		}
	}
	f.plan.apply(c, j)
	f.scripts.apply(c, j)
	f.keep.apply(c, j)
}

func (a *app) jobAdd() *cobra.Command {
	c := a.command("add NAME --server S --database D[,D] --to DEST [flags]", args("NAME"), nil)
	f := a.addJobFlags(c)
	var template string
	c.Flags().StringVar(&template, "template", "", "")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := need(c, "server", "database", "to"); err != nil {
			return err
		}
		agent, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		j := control.Job{Type: backup.Incremental}
		if template != "" {
			if j, err = a.template(c.Context(), agent, template); err != nil {
				return err
			}
		}
		j.Name = args[0]
		f.apply(c, &j)
		if err := a.accept(c.Context(), agent, j, f.keep.sure); err != nil {
			return err
		}
		added, err := agent.AddJob(c.Context(), j)
		if err != nil {
			return err
		}
		return a.jobDone(added, "job.added")
	}
	return c
}

func (a *app) jobDone(j control.Job, key string) error {
	if a.json {
		return a.out.document(j)
	}
	a.done(key, "name", j.Name)
	return nil
}

func (a *app) jobList() *cobra.Command {
	return a.command("list", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		jobs, err := fetch(ctx, a, (*client.Client).Jobs)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(jobs))
		}
		if len(jobs) == 0 {
			fmt.Fprintln(a.out, a.t("job.none"))
			return nil
		}
		rows := make([][]cell, len(jobs))
		for i, j := range jobs {
			state := word("▸ " + a.t("job.active"))
			if j.Paused {
				state = word("○ " + a.t("job.waiting")).in(yellow)
			}
			rows[i] = append(words(j.Name, j.Server, list(j.Databases), list(j.Destinations), j.Schedule, a.typeName(j.Type), a.levelName(j.Verify)), state)
		}
		a.out.table(a.heads("name", "server", "databases", "destination", "schedule", "type", "verify", "state"), rows)
		return nil
	})
}

func (a *app) typeName(t backup.Type) string { return a.t("type." + string(t)) }

// levelName names a level of proof; none given means none.
func (a *app) levelName(level string) string {
	if level == "" {
		level = "none"
	}
	return a.t("level." + level)
}

// job returns the job called name.
func (a *app) job(ctx context.Context, name string) (control.Job, error) {
	jobs, err := fetch(ctx, a, (*client.Client).Jobs)
	if err != nil {
		return control.Job{}, err
	}
	for _, j := range jobs {
		if j.Name == name {
			return j, nil
		}
	}
	return control.Job{}, errJobUnknown.Because(nil, "name", name)
}

func (a *app) jobShow() *cobra.Command {
	c := a.command("show NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		j, err := a.job(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(j)
		}
		state := a.t("job.active")
		if j.Paused {
			state = a.t("job.waiting")
		}
		a.facts(slices.Concat([][2]string{
			{"name", j.Name},
			{"server", j.Server},
			{"databases", list(j.Databases)},
			{"destination", list(j.Destinations)},
			{"type", a.typeName(j.Type)},
			{"verify", a.levelName(j.Verify)},
		}, a.planFacts(j), a.keepFacts(j), [][2]string{{"state", state}}))
		a.showScripts(j)
		if j.Paused || j.Schedule == "" && j.Prove == "" {
			return nil
		}
		next, err := a.agent.PreviewJob(ctx, j)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.out)
		a.showMoments(j, next)
		return nil
	})
	c.ValidArgsFunction = first(a.offer(jobNames))
	return c
}

// facts prints values under the titles of the columns they would have in a
// table. What is empty is left out.
func (a *app) facts(facts [][2]string) {
	var lines [][2]string
	for _, f := range facts {
		if f[1] != "" {
			lines = append(lines, [2]string{a.t("head." + f[0]), visible(f[1])})
		}
	}
	fmt.Fprintln(a.out, columns(lines))
}

func (a *app) jobEdit() *cobra.Command {
	var rename string
	c := a.command("edit NAME [flags]", args("NAME"), nil)
	f := a.addJobFlags(c)
	c.Flags().StringVar(&rename, "rename", "", "")
	c.RunE = func(c *cobra.Command, args []string) error {
		j, err := a.job(c.Context(), args[0])
		if err != nil {
			return err
		}
		f.apply(c, &j)
		if rename != "" {
			j.Name = rename
		}
		if err := a.accept(c.Context(), a.agent, j, f.keep.sure); err != nil {
			return err
		}
		edited, err := a.agent.EditJob(c.Context(), args[0], j)
		if err != nil {
			return err
		}
		return a.jobDone(edited, "job.edited")
	}
	c.ValidArgsFunction = first(a.offer(jobNames))
	return c
}

func (a *app) jobSwitch(name, key string, call func(*client.Client, context.Context, string) (control.Job, error)) *cobra.Command {
	c := a.command(name+" NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		j, err := call(agent, ctx, args[0])
		if err != nil {
			return err
		}
		return a.jobDone(j, key)
	})
	c.ValidArgsFunction = first(a.offer(jobNames))
	return c
}

func (a *app) jobRemove() *cobra.Command {
	c := a.command("remove NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		return a.remove(ctx, (*client.Client).RemoveJob, args[0], "job.removed")
	})
	c.ValidArgsFunction = first(a.offer(jobNames))
	return c
}
