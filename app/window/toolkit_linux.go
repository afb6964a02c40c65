//go:build desktop

package main

/*
#cgo pkg-config: gtk+-3.0
#include <gtk/gtk.h>
#ifdef GDK_WINDOWING_X11
#include <gdk/gdkx.h>
#endif

static gboolean knowsPlaces(void) {
#ifdef GDK_WINDOWING_X11
	return GDK_IS_X11_DISPLAY(gdk_display_get_default());
#else
	return FALSE;
#endif
}

static void preferDark(gboolean dark) {
	g_object_set(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", dark, NULL);
}

// isDark looks at what WebKitGTK makes prefers-color-scheme of.
static gboolean isDark(void) {
	gboolean dark = FALSE;
	gchar *theme = NULL;
	g_object_get(gtk_settings_get_default(), "gtk-application-prefer-dark-theme", &dark, "gtk-theme-name", &theme, NULL);
	const gchar *forced = g_getenv("GTK_THEME");
	if (forced)
		dark = g_str_has_suffix(forced, ":dark") || g_str_has_suffix(forced, "-dark");
	else if (theme)
		dark = dark || g_str_has_suffix(theme, "-dark") || g_str_has_suffix(theme, "-Dark");
	g_free(theme);
	return dark;
}

static int screenCount(void) { return gdk_display_get_n_monitors(gdk_display_get_default()); }

static GdkRectangle screen(int n) {
	GdkRectangle area;
	gdk_monitor_get_workarea(gdk_display_get_monitor(gdk_display_get_default(), n), &area);
	return area;
}

static gboolean moveNow(gpointer data) {
	GdkPoint *to = data;
	GList *windows = gtk_window_list_toplevels();
	for (GList *w = windows; w; w = w->next)
		if (gtk_window_get_window_type(GTK_WINDOW(w->data)) == GTK_WINDOW_TOPLEVEL)
			gtk_window_move(GTK_WINDOW(w->data), to->x, to->y);
	g_list_free(windows);
	g_free(to);
	return G_SOURCE_REMOVE;
}

// move comes after all that the start of the window has queued, such as putting
// it in the middle.
static void move(int x, int y) {
	GdkPoint *to = g_new(GdkPoint, 1);
	to->x = x;
	to->y = y;
	g_idle_add_full(G_PRIORITY_LOW, moveNow, to, NULL);
}
*/
import "C"

import (
	"context"
	"fmt"
	"os"

	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/rahatbackup/rahat/internal/window"
)

// prepare opens the display, and says which screens it has and whether pages
// will be dark unless the person chose otherwise. The portal knows of a desktop
// that is set to dark, GTK 3 does not, so it is told.
func prepare(ctx context.Context) (screens []window.Rect, dark bool, err error) {
	if err := interpret(); err != nil {
		return nil, false, err
	}
	if C.gtk_init_check(nil, nil) == 0 {
		return nil, false, window.ErrNoDisplay
	}
	if dark, known := window.Dark(ctx); known && dark {
		C.preferDark(1)
	}
	if C.knowsPlaces() != 0 {
		for n := range C.screenCount() {
			area := C.screen(n)
			screens = append(screens, window.Rect{X: int(area.x), Y: int(area.y), Width: int(area.width), Height: int(area.height)})
		}
	}
	return screens, C.isDark() != 0, nil
}

// interpret has WebKit run the pages' JavaScript without compiling it. Forms and
// tables are as quick that way, and the memory that they are shown in is a
// seventh smaller, a fifth after some use.
func interpret() error {
	const option = "JSC_useJIT"
	if _, chosen := os.LookupEnv(option); chosen {
		return nil
	}
	if err := os.Setenv(option, "0"); err != nil {
		return fmt.Errorf("set up the WebView: %w", err)
	}
	return nil
}

// settle puts the window at its place, which on Wayland only the desktop knows.
func settle(_ context.Context, place window.Place) {
	if place.Placed && !place.Maximised && C.knowsPlaces() != 0 {
		C.move(C.int(place.X), C.int(place.Y))
	}
}

// where returns the window's place, and whether that can be known.
func where(view context.Context) (place window.Rect, known bool) {
	place.Width, place.Height = runtime.WindowGetSize(view)
	place.X, place.Y = runtime.WindowGetPosition(view)
	return place, C.knowsPlaces() != 0
}

// raise brings the window before the others.
func raise(view context.Context) {
	runtime.WindowShow(view)
	runtime.WindowUnminimise(view) // GTK: present
}
