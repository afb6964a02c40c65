package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) keysCommand() *cobra.Command {
	return a.group("keys", a.keysList(), a.keysAdd(), a.keysRemove(), a.keysRotate())
}

func (a *app) keysList() *cobra.Command {
	c := a.command("list NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		all, err := agent.Keys(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		a.keyTable(all)
		return nil
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}

func (a *app) keyTable(all []control.KeySlot) {
	ids := make([]string, len(all))
	for i, k := range all {
		ids[i] = k.ID
	}
	ids = shortIDs(ids)
	rows := make([][]cell, len(all))
	for i, k := range all {
		whose, since := k.Recipient, ""
		if k.This {
			whose = a.t("key.this")
		}
		if k.Created != nil {
			since = a.moment(*k.Created)
		}
		rows[i] = words(ids[i], a.t("key.kind."+k.Kind), whose, since)
	}
	a.out.table(a.heads("key", "key_kind", "key_whose", "key_since"), rows)
}

func (a *app) keysAdd() *cobra.Command {
	var k control.NewKey
	c := a.command("add NAME [--passphrase | --recipient RECIPIENT]", args("NAME"), nil)
	passphrase := addSecretFlags(c, "passphrase")
	passphrase.twice = true
	c.Flags().StringVar(&k.Recipient, "recipient", "", "")
	c.ValidArgsFunction = first(a.offer(destinationNames))
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if !passphrase.given() && k.Recipient == "" {
			return errMissing.Because(nil, "flags", list([]string{"--passphrase", "--recipient"}), "command", c.CommandPath())
		}
		if k.Passphrase, err = a.secret(ctx, passphrase); err != nil {
			return err
		}
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		all, err := agent.AddKey(ctx, args[0], k)
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		a.done("key.added", "name", args[0])
		return nil
	}
	return c
}

func (a *app) keysRemove() *cobra.Command {
	c := a.command("remove NAME ID", args("NAME", "ID"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		if err := agent.RemoveKey(ctx, args[0], args[1]); err != nil {
			return err
		}
		if a.json {
			return a.out.document(removed{args[1]})
		}
		a.done("key.removed", "name", args[0], "id", args[1])
		return nil
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}

func (a *app) keysRotate() *cobra.Command {
	c := a.command("rotate NAME", args("NAME"), func(ctx context.Context, _ *cobra.Command, args []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		all, err := agent.RotateKey(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			return a.out.document(some(all))
		}
		a.done("key.rotated", "name", args[0])
		return nil
	})
	c.ValidArgsFunction = first(a.offer(destinationNames))
	return c
}
