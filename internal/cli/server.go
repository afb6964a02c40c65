package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/problem"
)

func (a *app) serverCommand() *cobra.Command {
	return a.group("server", a.serverAdd(), a.serverList(), a.serverEdit(), a.serverTest(), a.serverRemove())
}

func (a *app) serverAdd() *cobra.Command {
	var s control.NewServer
	var options []string
	c := a.command("add NAME --engine ENGINE --address ADDRESS [flags]", args("NAME"), nil)
	secret := addSecretFlags(c, "password")
	choose(c, &s.Engine, "engine", "postgres", "sqlite")
	c.Flags().StringVar(&s.Address, "address", "", "")
	c.Flags().StringVar(&s.User, "user", "", "")
	c.Flags().StringArrayVar(&options, "option", nil, "")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if err := need(c, "engine", "address"); err != nil {
			return err
		}
		if passwordWithin.MatchString(s.Address) {
			return errSecretInURL.Because(nil, "flag", "--password")
		}
		s.Name = args[0]
		if s.Options, err = pairs(options); err != nil {
			return err
		}
		if s.Engine == "sqlite" {
			if s.Address, err = filepath.Abs(s.Address); err != nil {
				return fmt.Errorf("find file %s: %w", s.Address, err)
			}
		}
		if s.Password, err = a.secret(ctx, secret); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		added, err := agent.AddServer(ctx, s)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(added)
		}
		a.done("server.added", "name", added.Name)
		return nil
	}
	return c
}

// pairs reads KEY=VALUE options.
func pairs(options []string) (map[string]string, error) {
	if len(options) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(options))
	for _, o := range options {
		k, v, ok := strings.Cut(o, "=")
		if !ok || k == "" {
			return nil, errBadValue.Because(nil, "flag", "--option", "value", o, "command", "rahat server add")
		}
		out[k] = v
	}
	return out, nil
}

func (a *app) serverList() *cobra.Command {
	return a.command("list", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		servers, err := fetch(ctx, a, (*client.Client).Servers)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(servers))
		}
		if len(servers) == 0 {
			fmt.Fprintln(a.out, a.t("server.none"))
			return nil
		}
		rows := make([][]cell, len(servers))
		for i, s := range servers {
			rows[i] = words(s.Name, s.Engine, s.Address, s.User)
		}
		a.out.table(a.heads("name", "engine", "address", "user"), rows)
		return nil
	})
}

func (a *app) serverTest() *cobra.Command {
	c := a.command("test NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		t, err := agent.TestServer(ctx, args[0])
		if err != nil {
			return err
		}
		p := problem.Of(t.Problem.Err())
		if a.json {
			return a.tested(outcome[control.ServerTest]{t, a.errorDocument(p)}, p)
		}
		if p != nil {
			return p
		}
		a.showServer(args[0], t)
		return nil
	})
	c.ValidArgsFunction = first(a.offer(serverNames))
	return c
}

// tested prints the document of a test and fails if the test did.
func (a *app) tested(document any, p *problem.Problem) error {
	if err := a.out.document(document); err != nil {
		return err
	}
	if p == nil {
		return nil
	}
	return &failures{list: []failure{{problem: p}}, printed: true}
}

func (a *app) showServer(name string, t control.ServerTest) {
	a.done("server.reached", "name", name, "product", strings.TrimSpace(t.Product+" "+t.Version), "size", a.texts.Bytes(t.SizeBytes))
	if t.Tool != "" {
		fmt.Fprintf(a.out, "  %s\n", a.t("server.tool", "tool", visible(t.Tool)))
	}
	a.warn("", t.Warnings)
	if len(t.Databases) == 0 {
		return
	}
	rows := make([][]cell, len(t.Databases))
	for i, d := range t.Databases {
		rows[i] = []cell{word(d.Name), number(a.texts.Bytes(d.SizeBytes)), a.yes(d.Readable)}
	}
	fmt.Fprintln(a.out)
	a.out.table(a.heads("database", "size", "readable"), rows)
}

func (a *app) serverRemove() *cobra.Command {
	c := a.command("remove NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		return a.remove(ctx, (*client.Client).RemoveServer, args[0], "server.removed")
	})
	c.ValidArgsFunction = first(a.offer(serverNames))
	return c
}

// removed is the document of a command that removed something.
type removed struct {
	Removed string `json:"removed"`
}

// remove removes the thing called name.
func (a *app) remove(ctx context.Context, call func(*client.Client, context.Context, string) error, name, key string) error {
	agent, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if err := call(agent, ctx, name); err != nil {
		return err
	}
	if a.json {
		return a.out.document(removed{name})
	}
	a.done(key, "name", name)
	return nil
}

// fetch asks the agent, which is started if need be, for something.
func fetch[T any](ctx context.Context, a *app, call func(*client.Client, context.Context) (T, error)) (T, error) {
	agent, err := a.connect(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	return call(agent, ctx)
}

// some makes an empty list of none, so that JSON has [] and not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
