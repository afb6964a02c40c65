//go:build desktop && !linux

package main

import (
	"context"

	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/rahatbackup/rahat/internal/window"
)

// prepare says whether pages will be dark unless the person chose otherwise.
// The screens are known once there is a window.
func prepare(ctx context.Context) (screens []window.Rect, dark bool, err error) {
	dark, _ = window.Dark(ctx) // light where nothing is set
	return nil, dark, nil
}

// settle puts the window at its place on the screen it is on: here places count
// from its corner.
func settle(view context.Context, place window.Place) {
	all, err := runtime.ScreenGetAll(view)
	if err != nil {
		return // it stays in the middle
	}
	for _, s := range all {
		if !s.IsCurrent {
			continue
		}
		fit := place.Fit([]window.Rect{{Width: s.Size.Width, Height: s.Size.Height}})
		if fit.Width != place.Width || fit.Height != place.Height {
			runtime.WindowSetSize(view, fit.Width, fit.Height)
		}
		if fit.Placed && !fit.Maximised {
			runtime.WindowSetPosition(view, fit.X, fit.Y)
		}
	}
}

// where returns the window's place.
func where(view context.Context) (place window.Rect, known bool) {
	place.Width, place.Height = runtime.WindowGetSize(view)
	place.X, place.Y = runtime.WindowGetPosition(view)
	return place, true
}

// raise brings the window before the others.
func raise(view context.Context) {
	if runtime.WindowIsMinimised(view) {
		runtime.WindowUnminimise(view)
	}
	runtime.WindowShow(view)
}
