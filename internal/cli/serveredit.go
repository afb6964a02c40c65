package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

// serverEdit changes how a server is reached; what is not named stays, also the
// password.
func (a *app) serverEdit() *cobra.Command {
	var n control.NewServer
	var options []string
	c := a.command("edit NAME [--address ADDRESS] [--user USER] [--password] [--option KEY=VALUE]", args("NAME"), nil)
	secret := addSecretFlags(c, "password")
	c.Flags().StringVar(&n.Address, "address", "", "")
	c.Flags().StringVar(&n.User, "user", "", "")
	c.Flags().StringArrayVar(&options, "option", nil, "")
	c.ValidArgsFunction = first(a.offer(serverNames))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if passwordWithin.MatchString(n.Address) {
			return errSecretInURL.Because(nil, "flag", "--password")
		}
		s, err := a.server(ctx, args[0])
		if err != nil {
			return err
		}
		if c.Flags().Changed("user") {
			s.User = n.User
		}
		if c.Flags().Changed("address") {
			s.Address = n.Address
			if s.Engine == "sqlite" {
				if s.Address, err = filepath.Abs(s.Address); err != nil {
					return fmt.Errorf("find file %s: %w", n.Address, err)
				}
			}
		}
		if c.Flags().Changed("option") {
			if s.Options, err = pairs(options); err != nil {
				return err
			}
		}
		n.Server = s
		if n.Password, err = a.secret(ctx, secret); err != nil {
			return err
		}
		edited, err := a.agent.EditServer(ctx, n)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(edited)
		}
		a.done("server.edited", "name", edited.Name)
		return nil
	}
	return c
}

// server returns the server called name.
func (a *app) server(ctx context.Context, name string) (control.Server, error) {
	all, err := fetch(ctx, a, (*client.Client).Servers)
	if err != nil {
		return control.Server{}, err
	}
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return control.Server{}, errServerUnknown.Because(nil, "name", name)
}
