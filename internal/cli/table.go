package cli

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/rahatbackup/rahat/internal/backup"
)

// cell is one field of a table.
type cell struct {
	text  string
	hue   hue
	right bool
}

// word is a cell of text, number one that is aligned to the right.
func word(s string) cell     { return cell{text: visible(s)} }
func number(s string) cell   { return cell{text: visible(s), right: true} }
func (c cell) in(h hue) cell { c.hue = h; return c }
func words(ss ...string) []cell {
	out := make([]cell, len(ss))
	for i, s := range ss {
		out[i] = word(s)
	}
	return out
}

// table prints rows under heads, in columns as wide as their widest cell.
// Nothing is cut: a table may be read by a person with a pipe.
func (p *paper) table(heads []string, rows [][]cell) {
	widths := make([]int, len(heads))
	for i, h := range heads {
		widths[i] = runewidth.StringWidth(h)
	}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(c.text))
		}
	}
	top := make([]cell, len(heads))
	for i, h := range heads {
		top[i] = cell{text: h, hue: dim, right: len(rows) > 0 && rows[0][i].right}
	}
	p.row(top, widths)
	for _, row := range rows {
		p.row(row, widths)
	}
}

func (p *paper) row(cells []cell, widths []int) {
	var b strings.Builder
	for i, c := range cells {
		gap := strings.Repeat(" ", max(0, widths[i]-runewidth.StringWidth(c.text)))
		last := i == len(cells)-1
		switch {
		case c.right:
			b.WriteString(gap + p.paint(c.hue, c.text))
		case last:
			b.WriteString(p.paint(c.hue, c.text))
		default:
			b.WriteString(p.paint(c.hue, c.text) + gap)
		}
		if !last {
			b.WriteString("  ")
		}
	}
	fmt.Fprintln(p, strings.TrimRight(b.String(), " "))
}

// heads returns the titles of columns.
func (a *app) heads(keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = a.t("head." + k)
	}
	return out
}

// status shows how a run stands: by a shape, a word and a colour.
func (a *app) status(s backup.Status) cell {
	shape, h := "○", none
	switch s {
	case backup.Queued:
		h = dim
	case backup.Running:
		shape = "▸"
	case backup.OK:
		shape, h = "✓", green
	case backup.Failed:
		shape, h = "✗", red
	case backup.Cancelled:
		shape = "–"
	case backup.Interrupted:
		shape, h = "▲", yellow
	}
	return word(shape + " " + a.t("status."+string(s))).in(h)
}

// yes shows a fact that is good when it holds.
func (a *app) yes(ok bool) cell {
	if ok {
		return word("✓ " + a.t("word.yes")).in(green)
	}
	return word("✗ " + a.t("word.no")).in(red)
}
