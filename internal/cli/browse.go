package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

const (
	// shownRows is how many rows a person is shown when nobody says.
	shownRows = 50
	// askedRows is how many rows the agent gives at once.
	askedRows = 1000
)

func (a *app) browseCommand() *cobra.Command {
	var offset, limit uint64
	var csv bool
	c := a.command("browse ID [TABLE] [flags]", args("ID", "[TABLE]"), nil)
	c.Flags().Uint64Var(&offset, "offset", 0, "")
	c.Flags().Uint64Var(&limit, "limit", shownRows, "")
	c.Flags().BoolVar(&csv, "csv", false, "")
	c.ValidArgsFunction = a.completeTable
	c.RunE = func(c *cobra.Command, args []string) error {
		if a.json && csv {
			return errConflict.Because(nil, "flags", list([]string{"--json", "--csv"}))
		}
		agent, err := a.connect(c.Context())
		if err != nil {
			return err
		}
		b := &browsing{a: a, agent: agent, id: args[0], offset: int64(offset), limit: int64(limit)}
		if len(args) == 1 {
			if err := refuse(c, "rahat browse ID", "csv", "offset", "limit"); err != nil {
				return err
			}
			return b.tables(c.Context())
		}
		b.table = args[1]
		if csv {
			return b.csv(c.Context())
		}
		return b.rows(c.Context())
	}
	return c
}

// completeTable completes a backup, then one of its tables.
func (a *app) completeTable(c *cobra.Command, given []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(given) {
	case 0:
		return a.offer(backupIDs)(c, given, typed)
	case 1:
		return a.offer(func(ctx context.Context, a *app, agent *client.Client) (out []cobra.Completion, err error) {
			all, err := agent.BackupTables(ctx, given[0])
			for _, t := range all {
				out = append(out, offered(tableName(t.Schema, t.Name), a.countOf(t.Rows)))
			}
			return out, err
		})(c, given, typed)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func tableName(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

// countOf writes a number of rows, nothing when it is not known.
func (a *app) countOf(rows int64) string {
	if rows < 0 {
		return ""
	}
	return a.texts.Count(rows)
}

// browsing is one look into a backup.
type browsing struct {
	a             *app
	agent         *client.Client
	id, table     string
	offset, limit int64 // a limit of 0: all
}

// tables lists the tables of the backup.
func (b *browsing) tables(ctx context.Context) error {
	a := b.a
	all, err := b.agent.BackupTables(ctx, b.id)
	if err != nil {
		return err
	}
	if a.json {
		return a.out.document(some(all))
	}
	if len(all) == 0 {
		fmt.Fprintln(a.out, a.t("browse.none"))
		return nil
	}
	rows := make([][]cell, len(all))
	for i, t := range all {
		size := ""
		if t.Bytes >= 0 {
			size = a.texts.Bytes(t.Bytes)
		}
		note := ""
		if t.Partitions > 0 {
			note = a.texts.N("browse.partitions", int64(t.Partitions))
		}
		rows[i] = []cell{word(tableName(t.Schema, t.Name)), number(a.countOf(t.Rows)), number(size), number(strconv.Itoa(len(t.Columns))), word(note)}
	}
	a.out.table(a.heads("table", "rows", "size", "columns", "note"), rows)
	if slices.ContainsFunc(all, func(t control.BackupTable) bool { return t.Rows < 0 }) && !a.quiet {
		fmt.Fprintf(a.out, "\n%s\n", a.t("browse.uncounted"))
	}
	return nil
}

// pages asks for the rows that are wanted, a page at a time.
func (b *browsing) pages(ctx context.Context, show func(control.BackupRows) error) error {
	offset, left := b.offset, b.limit
	for {
		n := int64(askedRows)
		if b.limit > 0 {
			n = min(n, left)
		}
		page, err := b.agent.BackupRows(ctx, b.id, "", b.table, offset, int(n))
		if err != nil {
			return err
		}
		if err := show(page); err != nil {
			return err
		}
		if err := b.a.out.failed(); err != nil {
			return err
		}
		offset, left = offset+int64(len(page.Rows)), left-int64(len(page.Rows))
		if !page.More || len(page.Rows) == 0 || b.limit > 0 && left <= 0 {
			return nil
		}
	}
}

// rows shows the rows that are wanted, all at once.
func (b *browsing) rows(ctx context.Context) error {
	a := b.a
	var all control.BackupRows
	err := b.pages(ctx, func(page control.BackupRows) error {
		rows, cut := append(all.Rows, page.Rows...), all.Cut+page.Cut
		all = page
		all.Offset, all.Rows, all.Cut = b.offset, rows, cut
		return nil
	})
	if err != nil {
		return err
	}
	if a.json {
		all.Rows = some(all.Rows)
		return a.out.document(all)
	}
	if len(all.Rows) == 0 {
		fmt.Fprintln(a.out, a.t("browse.no_rows"))
		return nil
	}
	a.showRows(all)
	if a.quiet {
		return nil
	}
	last := all.Offset + int64(len(all.Rows))
	text := a.t("browse.shown", "from", a.texts.Count(all.Offset+1), "to", a.texts.Count(last))
	if all.More {
		text += " " + a.t("browse.more", "offset", strconv.FormatInt(last, 10))
	}
	if all.Cut > 0 {
		text += " " + a.texts.N("browse.cut", int64(all.Cut))
	}
	fmt.Fprintf(a.out, "\n%s\n", text)
	return nil
}

// showRows prints a table, fitted to a terminal, or, when it has too many columns
// for that, every row as a list.
func (a *app) showRows(p control.BackupRows) {
	heads := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		heads[i] = visible(c)
	}
	rows := make([][]cell, len(p.Rows))
	for i, row := range p.Rows {
		rows[i] = make([]cell, len(row))
		for k, v := range row {
			rows[i][k] = value(v)
		}
	}
	if a.out.terminal == nil {
		a.out.table(heads, rows)
		return
	}
	width, _ := a.out.size()
	if fit(heads, rows, width) {
		a.out.table(heads, rows)
		return
	}
	for i, row := range rows {
		fmt.Fprintf(a.out, "%s\n", a.out.paint(dim, "— "+a.t("browse.row", "n", a.texts.Count(p.Offset+int64(i)+1))))
		a.list(heads, row, width)
	}
}

// list prints one row as a list.
func (a *app) list(heads []string, row []cell, width int) {
	left := 0
	for _, h := range heads {
		left = max(left, min(runewidth.StringWidth(h), width/3))
	}
	for k, c := range row {
		text := runewidth.Truncate(c.text, max(width-left-2, narrowest), "…")
		fmt.Fprintf(a.out, "%s  %s\n", runewidth.FillRight(runewidth.Truncate(heads[k], left, "…"), left), a.out.paint(c.hue, text))
	}
}

// value shows a field. NULL is told from a text that says so.
func value(v *string) cell {
	switch {
	case v == nil:
		return word("NULL").in(dim)
	case *v == "NULL" || *v == `"NULL"`:
		return word(strconv.Quote(*v))
	}
	return word(*v)
}

// narrowest is how far a column may be cut, in places of a terminal.
const narrowest = 8

// fit cuts what is wide until a table fits into a width. It changes nothing and
// returns false when too little would be left of it.
func fit(heads []string, rows [][]cell, width int) bool {
	widths := make([]int, len(heads))
	total := 2 * (len(heads) - 1)
	for i := range heads {
		widths[i] = widest(heads, rows, i)
		total += widths[i]
	}
	for ; total > width; total-- {
		i := slices.Index(widths, slices.Max(widths))
		if widths[i] <= narrowest {
			return false
		}
		widths[i]--
	}
	for i, w := range widths {
		heads[i] = runewidth.Truncate(heads[i], w, "…")
		for _, row := range rows {
			row[i].text = runewidth.Truncate(row[i].text, w, "…")
		}
	}
	return true
}

func widest(heads []string, rows [][]cell, i int) int {
	w := runewidth.StringWidth(heads[i])
	for _, row := range rows {
		w = max(w, runewidth.StringWidth(row[i].text))
	}
	return w
}

// csv writes the rows as RFC 4180 has it, as they come. NULL is an empty field
// and the empty text is "", as PostgreSQL reads and writes them.
func (b *browsing) csv(ctx context.Context) error {
	first, cut := true, 0
	err := b.pages(ctx, func(page control.BackupRows) error {
		cut += page.Cut
		if first {
			heads := make([]*string, len(page.Columns))
			for i := range page.Columns {
				heads[i] = &page.Columns[i]
			}
			b.a.out.csvLine(heads)
			first = false
		}
		for _, row := range page.Rows {
			b.a.out.csvLine(row)
		}
		return nil
	})
	if err == nil && cut > 0 {
		fmt.Fprintf(b.a.err, "%s\n", b.a.err.paint(yellow, "▲ "+b.a.texts.N("browse.cut", int64(cut))))
	}
	return err
}

// csvLine prints one record; on a terminal it is made safe as all else.
func (p *paper) csvLine(row []*string) {
	fields := make([]string, len(row))
	for i, v := range row {
		if v == nil {
			continue
		}
		s := *v
		if p.terminal != nil {
			s = visible(s)
		}
		if s == "" || strings.ContainsAny(s, "\",\r\n") || strings.TrimSpace(s) != s {
			s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		fields[i] = s
	}
	fmt.Fprint(p, strings.Join(fields, ",")+"\r\n")
}
