//go:build desktop

package main

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/options/windows"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/window"
)

// settingsWait bounds how long the window waits for the person's choice of
// colours, which only an agent that runs already can tell.
const settingsWait = 150 * time.Millisecond

// A program is the window that is open.
type program struct {
	home     paths.Home
	instance *window.Instance
	route    string // of the page to open first
	texts    *i18n.Texts
	log      *slog.Logger

	link  *window.Link
	place window.Place
	first sync.Once       // the route is opened by the first page
	view  context.Context // of the WebView, from its start on
}

func newProgram(home paths.Home, instance *window.Instance, route string, texts *i18n.Texts, log *slog.Logger) *program {
	p := &program{home: home, instance: instance, route: route, texts: texts, log: log}
	p.link = window.NewLink(home, func(event string, data ...any) { runtime.EventsEmit(p.view, event, data...) })
	return p
}

// show opens the window and returns when it is closed.
func (p *program) show(ctx context.Context) (err error) {
	screens, systemDark, err := prepare(ctx)
	if err != nil {
		return err
	}
	place, err := window.ReadPlace(p.home)
	if err != nil {
		p.log.WarnContext(ctx, "the window's place is forgotten", "err", err)
	}
	p.place = place.Fit(screens)
	// Without a screen Wails panics, and a trace helps nobody.
	defer func() {
		if trouble := recover(); trouble != nil {
			err = window.ErrNoDisplay.Because(fmt.Errorf("panic: %v", trouble))
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return wails.Run(p.options(ctx, p.dark(ctx, systemDark)))
}

// dark reports whether the pages will have dark colours, so that the window has
// them before there is a page.
func (p *program) dark(ctx context.Context, system bool) bool {
	ctx, cancel := context.WithTimeout(ctx, settingsWait)
	defer cancel()
	agent := client.Default(p.home)
	defer agent.Close()
	settings, err := agent.Settings(ctx)
	if err != nil || settings.Theme == "system" { // without an agent nobody can tell yet
		return system
	}
	return settings.Theme == "dark"
}

func (p *program) options(ctx context.Context, dark bool) *options.App {
	background, theme := options.NewRGB(0xf6, 0xf7, 0xf9), windows.Light // the pages' --bg
	if dark {
		background, theme = options.NewRGB(0x0e, 0x11, 0x15), windows.Dark
	}
	state := options.Normal
	if p.place.Maximised {
		state = options.Maximised
	}
	return &options.App{
		Title: "Rahat Backup",
		Width: p.place.Width, Height: p.place.Height,
		MinWidth: window.MinWidth, MinHeight: window.MinHeight,
		WindowStartState:         state,
		BackgroundColour:         background,
		AssetServer:              &assetserver.Options{Handler: window.Handler(p.home, p.link, window.Saver(p.askWhere), pagesHandler(dark), p.log)},
		EnableDefaultContextMenu: true, // a person copies addresses and pastes passwords
		LogLevelProduction:       logger.ERROR,
		OnStartup:                func(view context.Context) { p.started(ctx, view) },
		OnDomReady:               func(view context.Context) { runtime.WindowExecJS(view, linksScript) },
		OnBeforeClose:            p.closing,
		Linux: &linux.Options{
			Icon:             icon,
			ProgramName:      "rahat-window",
			WebviewGpuPolicy: linux.WebviewGpuPolicyNever, // saves 80 MB, and pages of text need none
			Messages:         &linux.Messages{WebKit2GTKMinRequired: p.texts.T("window.webkit.old")},
		},
		Windows: &windows.Options{
			Theme:               theme,
			WebviewUserDataPath: p.home.WebViewData(),
			Messages:            webView2Messages(p.texts),
		},
	}
}

// started is called as soon as there is a window, in a goroutine of its own. It
// runs until ctx ends.
func (p *program) started(ctx, view context.Context) {
	p.view = view
	settle(view, p.place)
	runtime.EventsOn(view, window.EventRetry, func(...any) { p.link.Retry() })
	runtime.EventsOn(view, window.EventReady, func(...any) {
		p.link.Ready()
		p.first.Do(func() { p.turnTo(p.route) }) // a page that is loaded anew stays where it is
	})
	go p.link.Run(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case route := <-p.instance.Opened():
			raise(view)
			p.turnTo(route)
		}
	}
}

// askWhere asks the person where a file is to go; "" when nowhere.
func (p *program) askWhere(name string) (string, error) {
	opt := runtime.SaveDialogOptions{DefaultFilename: name, Title: p.texts.T("window.save"), CanCreateDirectories: true}
	if home, err := os.UserHomeDir(); err == nil { // else where the dialog begins by itself
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			opt.DefaultDirectory = home
		}
	}
	return runtime.SaveFileDialog(p.view, opt)
}

// turnTo shows the page at a route, unless that is empty.
func (p *program) turnTo(route string) {
	if route != "" {
		runtime.EventsEmit(p.view, window.EventOpen, route)
	}
}

// closing remembers where the window is. It never prevents the closing.
func (p *program) closing(view context.Context) (prevent bool) {
	place := p.place
	place.Maximised = runtime.WindowIsMaximised(view)
	if !place.Maximised && !runtime.WindowIsMinimised(view) {
		place.Rect, place.Placed = where(view)
	}
	if err := place.Save(p.home); err != nil {
		p.log.WarnContext(view, "the window's place cannot be remembered", "err", err)
	}
	return false
}

// icon is what window lists and switchers show.
//
//go:embed icon.png
var icon []byte

// linksScript opens what leads out of the program in the person's browser: the
// WebView would show it instead of our pages, with no way back.
//
//go:embed links.js
var linksScript string
