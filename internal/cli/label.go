package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
)

func (a *app) labelCommand() *cobra.Command {
	var pin, unpin, noNote bool
	var tag, untag []string
	var note string
	c := a.command("label ID [--pin|--unpin] [--tag T[,T]] [--untag T[,T]] [--note TEXT|--no-note]", args("ID"), nil)
	c.Flags().BoolVar(&pin, "pin", false, "")
	c.Flags().BoolVar(&unpin, "unpin", false, "")
	c.Flags().StringSliceVar(&tag, "tag", nil, "")
	c.Flags().StringSliceVar(&untag, "untag", nil, "")
	c.Flags().StringVar(&note, "note", "", "")
	c.Flags().BoolVar(&noNote, "no-note", false, "")
	c.ValidArgsFunction = first(a.offer(backupIDs))
	c.RunE = func(c *cobra.Command, args []string) error {
		if pin && unpin {
			return errConflict.Because(nil, "flags", "--pin, --unpin")
		}
		if note != "" && noNote {
			return errConflict.Because(nil, "flags", "--note, --no-note")
		}
		ctx := c.Context()
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		b, err := agent.GetBackup(ctx, args[0])
		if err != nil {
			return err
		}
		l := b.Label
		l.Pinned = (l.Pinned || pin) && !unpin
		l.Tags = slices.DeleteFunc(append(slices.Clone(l.Tags), tag...), func(t string) bool { return slices.Contains(untag, t) })
		if note != "" || noNote {
			l.Note = note
		}
		if slices.ContainsFunc([]string{"pin", "unpin", "tag", "untag", "note", "no-note"}, c.Flags().Changed) {
			if b, err = agent.SetLabel(ctx, b.ID, l); err != nil {
				return err
			}
		}
		if a.json {
			return a.out.document(b)
		}
		said := a.labelText(b.Label)
		if said == "" {
			said = a.t("label.nothing")
		}
		a.done("label.done", "id", shortID(b.ID), "label", said)
		return nil
	}
	return c
}

// labelText is what is written on a backup, in one line.
func (a *app) labelText(l control.Label) string {
	var parts []string
	if l.Pinned {
		parts = append(parts, a.t("label.pinned"))
	}
	for _, t := range l.Tags {
		parts = append(parts, "#"+t)
	}
	if l.Note != "" {
		parts = append(parts, fmt.Sprintf("%q", l.Note))
	}
	return strings.Join(parts, " ")
}
