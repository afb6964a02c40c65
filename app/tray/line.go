//go:build windows || (cgo && (linux || darwin))

package main

import (
	"sync/atomic"

	"github.com/getlantern/systray"

	"github.com/rahatbackup/rahat/internal/tray"
)

// A line is one item of the menu; a separator has no item. What it shows is
// kept here, because on some systems setting a title, even the same one, shows
// what was hidden and makes the desktop read the whole menu anew.
type line struct {
	item   *systray.MenuItem
	action atomic.Pointer[tray.Action]
	below  []*line

	label            string
	hidden, disabled bool
}

// show makes the line look like row.
func (l *line) show(row tray.Row) {
	if l.item == nil {
		return
	}
	l.action.Store(&row.Action)
	for i, sub := range row.Rows {
		l.below[i].show(sub)
	}
	if row.Hidden {
		if !l.hidden {
			l.item.Hide()
		}
		l.hidden = true
		return
	}
	if row.Label != l.label {
		l.item.SetTitle(escape(row.Label))
	}
	if row.Disabled && !l.disabled {
		l.item.Disable()
	} else if !row.Disabled && l.disabled {
		l.item.Enable()
	}
	if l.hidden {
		l.item.Show()
	}
	l.label, l.disabled, l.hidden = row.Label, row.Disabled, false
}

// listen hands on the line's clicks until the program ends.
func (l *line) listen(click func(tray.Action)) {
	for range l.item.ClickedCh {
		click(*l.action.Load())
	}
}
