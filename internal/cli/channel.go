package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

// errChannelUnknown: no channel is called {name}; the agent's own.
var errChannelUnknown = problem.New("agent.no_channel")

func (a *app) channelCommand() *cobra.Command {
	return a.group("channel", a.channelAdd(), a.channelList(), a.channelShow(), a.channelEdit(), a.channelTest(),
		a.channelSwitch("pause", "channel.paused", true), a.channelSwitch("resume", "channel.resumed", false), a.channelRemove())
}

// channelFlags are the flags that say what a channel does.
type channelFlags struct {
	set, on []string
	secret  *secretFlags
}

// occasions are what a channel can be told of.
var occasions = []string{"failure", "overdue", "proof", "digest", "success"}

func addChannelFlags(c *cobra.Command) *channelFlags {
	f := &channelFlags{}
	c.Flags().StringArrayVar(&f.set, "set", nil, "")
	c.Flags().StringSliceVar(&f.on, "on", nil, "")
	f.secret = addSecretFlags(c, "secret")
	complete(c, "on", occasions)
	return f
}

// apply puts the flags that were given into n. A setting without a value is
// taken out.
func (a *app) apply(c *cobra.Command, f *channelFlags, n *control.NewChannel) (err error) {
	settings := maps.Clone(n.Settings)
	for _, s := range f.set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return errBadValue.Because(nil, "flag", "--set", "value", name, "command", c.CommandPath())
		}
		if passwordWithin.MatchString(value) || name == "password" || name == "secret" || name == "token" {
			return errSecretInURL.Because(nil, "flag", "--secret")
		}
		if settings == nil {
			settings = map[string]string{}
		}
		settings[name] = value
		if value == "" {
			delete(settings, name)
		}
	}
	n.Settings = settings
	if c.Flags().Changed("on") {
		for _, what := range f.on {
			if !slices.Contains(occasions, what) {
				return errChoice.Because(nil, "flag", "--on", "value", what, "possible", list(occasions))
			}
		}
		n.On = f.on
	}
	n.Secret, err = a.secret(c.Context(), f.secret)
	return err
}

func (a *app) channelAdd() *cobra.Command {
	var n control.NewChannel
	c := a.command("add NAME --kind KIND [flags]", args("NAME"), nil)
	choose(c, &n.Kind, "kind", "email", "webhook", "slack", "discord", "teams", "telegram")
	f := addChannelFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := need(c, "kind"); err != nil {
			return err
		}
		n.Name = args[0]
		if err := a.apply(c, f, &n); err != nil {
			return err
		}
		agent, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		added, err := agent.AddChannel(c.Context(), n)
		if err != nil {
			return err
		}
		return a.channelDone(added, "channel.added")
	}
	return c
}

func (a *app) channelDone(c control.Channel, key string) error {
	if a.json {
		return a.out.document(c)
	}
	a.done(key, "name", c.Name)
	return nil
}

func (a *app) channelEdit() *cobra.Command {
	c := a.command("edit NAME [flags]", args("NAME"), nil)
	f := addChannelFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		old, err := a.channel(c.Context(), args[0])
		if err != nil {
			return err
		}
		n := control.NewChannel{Channel: old.Channel}
		if err := a.apply(c, f, &n); err != nil {
			return err
		}
		edited, err := a.agent.EditChannel(c.Context(), n)
		if err != nil {
			return err
		}
		return a.channelDone(edited, "channel.edited")
	}
	c.ValidArgsFunction = first(a.offer(channelNames))
	return c
}

func (a *app) channelSwitch(name, key string, paused bool) *cobra.Command {
	c := a.command(name+" NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		old, err := a.channel(ctx, args[0])
		if err != nil {
			return err
		}
		old.Paused = paused
		edited, err := a.agent.EditChannel(ctx, control.NewChannel{Channel: old.Channel})
		if err != nil {
			return err
		}
		return a.channelDone(edited, key)
	})
	c.ValidArgsFunction = first(a.offer(channelNames))
	return c
}

// channel returns the channel called name.
func (a *app) channel(ctx context.Context, name string) (control.ChannelStatus, error) {
	all, err := fetch(ctx, a, (*client.Client).Channels)
	if err != nil {
		return control.ChannelStatus{}, err
	}
	i := slices.IndexFunc(all, func(c control.ChannelStatus) bool { return c.Name == name })
	if i < 0 {
		return control.ChannelStatus{}, errChannelUnknown.Because(nil, "name", name)
	}
	return all[i], nil
}

func (a *app) channelList() *cobra.Command {
	return a.command("list", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		all, err := fetch(ctx, a, (*client.Client).Channels)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		if len(all) == 0 {
			fmt.Fprintln(a.out, a.t("channel.none"))
			return nil
		}
		rows := make([][]cell, len(all))
		for i, c := range all {
			rows[i] = append(words(c.Name, c.Kind, told(c.Channel)), a.channelState(c),
				number(a.texts.Count(int64(c.Waiting))), word(a.since(c.LastOK)), word(a.channelNote(c)))
		}
		a.out.table(a.heads("name", "type", "told", "state", "waiting", "last_ok", "note"), rows)
		return nil
	})
}

// told lists what a channel is told.
func told(c control.Channel) string {
	if len(c.On) == 0 {
		return "failure, overdue, proof"
	}
	return list(c.On)
}

// channelState says how a channel does, by a shape, a word and a colour.
func (a *app) channelState(c control.ChannelStatus) cell {
	switch {
	case c.Paused:
		return word("○ " + a.t("job.waiting")).in(yellow)
	case c.Problem != nil:
		return word("✗ " + a.t("channel.failing")).in(red)
	}
	return word("▸ " + a.t("job.active"))
}

func (a *app) channelNote(c control.ChannelStatus) string {
	if c.Problem == nil {
		return ""
	}
	title, _ := a.texts.Problem(problem.Of(c.Problem.Err()))
	return title
}

// since writes a moment that may be missing.
func (a *app) since(at *time.Time) string {
	if at == nil {
		return ""
	}
	return a.moment(*at)
}

func (a *app) channelShow() *cobra.Command {
	c := a.command("show NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		c, err := a.channel(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(c)
		}
		a.showChannel(c)
		return nil
	})
	c.ValidArgsFunction = first(a.offer(channelNames))
	return c
}

func (a *app) showChannel(c control.ChannelStatus) {
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		settings = append(settings, name+"="+c.Settings[name])
	}
	secret := a.t("word.no")
	if c.Secret {
		secret = a.t("word.yes")
	}
	facts := [][2]string{
		{"name", c.Name}, {"type", c.Kind}, {"settings", strings.Join(settings, "  ")}, {"secret", secret}, {"told", told(c.Channel)},
		{"state", a.channelState(c).text}, {"last_ok", a.since(c.LastOK)}, {"retry", a.since(c.RetryAt)},
	}
	for name, n := range map[string]int{"waiting": c.Waiting, "given_up": c.GivenUp} {
		if n > 0 {
			facts = append(facts, [2]string{name, a.texts.Count(int64(n))})
		}
	}
	slices.SortStableFunc(facts[8:], func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
	a.facts(facts)
	if p := problem.Of(c.Problem.Err()); p != nil {
		title, remedy := a.text(p)
		fmt.Fprintf(a.out, "\n%s\n  %s\n  %s\n", a.out.paint(red, "✗ "+title), remedy, a.out.paint(dim, string(p.Code)))
	}
}

func (a *app) channelTest() *cobra.Command {
	c := a.command("test NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		t, err := agent.TestChannel(ctx, args[0])
		if err != nil {
			return err
		}
		p := problem.Of(t.Problem.Err())
		if a.json {
			return a.tested(outcome[control.ChannelTest]{t, a.errorDocument(p)}, p)
		}
		if p != nil {
			return p
		}
		a.done("channel.tested", "name", args[0], "time", a.elapsed(t.Seconds))
		return nil
	})
	c.ValidArgsFunction = first(a.offer(channelNames))
	return c
}

func (a *app) channelRemove() *cobra.Command {
	c := a.command("remove NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		return a.remove(ctx, (*client.Client).RemoveChannel, args[0], "channel.removed")
	})
	c.ValidArgsFunction = first(a.offer(channelNames))
	return c
}

func channelNames(ctx context.Context, _ *app, c *client.Client) (out []cobra.Completion, err error) {
	all, err := c.Channels(ctx)
	for _, ch := range all {
		out = append(out, offered(ch.Name, ch.Kind))
	}
	return out, err
}
