//go:build windows || (cgo && (linux || darwin))

package main

import (
	"context"

	"github.com/getlantern/systray"

	"github.com/rahatbackup/rahat/internal/tray"
)

// show shows a tray until it ends or ctx does. It must be called by the main
// goroutine, which the systems want for what is drawn.
func show(ctx context.Context, cfg tray.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &menu{}
	cfg.Show = m.show
	t := tray.New(cfg)
	m.click = t.Do
	ended := make(chan error, 1)
	systray.Run(func() {
		ended <- t.Run(ctx)
		systray.Quit()
	}, cancel) // the session may end before the tray does
	return <-ended
}

// A menu draws views. Its items are made with the first one and stay for good,
// as package tray promises and systray demands: it cannot remove any.
type menu struct {
	click func(tray.Action)
	drawn tray.View
	lines []*line
}

// show draws a view.
func (m *menu) show(v tray.View) {
	if v.Icon != m.drawn.Icon {
		i := icons[v.Icon]
		systray.SetTemplateIcon(i.template, i.regular)
	}
	if v.Tooltip != m.drawn.Tooltip {
		systray.SetTooltip(fit(v.Tooltip))
	}
	m.drawn = v
	if m.lines == nil {
		m.lines = m.add(nil, v.Menu)
		return
	}
	for i, row := range v.Menu {
		m.lines[i].show(row)
	}
}

// add makes the items of rows below parent, or on the first level.
func (m *menu) add(parent *systray.MenuItem, rows []tray.Row) []*line {
	lines := make([]*line, len(rows))
	for i, row := range rows {
		if row.Separator {
			systray.AddSeparator()
			lines[i] = &line{}
			continue
		}
		var item *systray.MenuItem
		if parent == nil {
			item = systray.AddMenuItem(escape(row.Label), "")
		} else {
			item = parent.AddSubMenuItem(escape(row.Label), "")
		}
		l := &line{item: item, label: row.Label}
		l.below = m.add(item, row.Rows)
		l.show(row)
		go l.listen(m.click)
		lines[i] = l
	}
	return lines
}
