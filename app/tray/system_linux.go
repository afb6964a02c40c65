//go:build cgo

package main

/*
#cgo pkg-config: gtk+-3.0
#include <gtk/gtk.h>

static int begin(void) {
	// Panels show it when the pointer rests on the icon.
	g_set_application_name("Rahat Backup");
	return gtk_init_check(NULL, NULL);
}
*/
import "C"

import (
	"embed"
	"strings"
)

//go:embed icons/protected.png icons/attention.png icons/not_protected.png icons/running.png icons/unknown.png
var pictures embed.FS

const regular, template = ".png", ".png"

// screen fails when there is no display. GTK would end the program then, or
// when it is closed to us, with words of its own.
func screen() error {
	if C.begin() == 0 {
		return ErrNoDisplay
	}
	return nil
}

// escape makes a title show as it is: by com.canonical.dbusmenu, one _ would
// underline the next letter.
func escape(title string) string { return strings.ReplaceAll(title, "_", "__") }

// fit does nothing: systray shows no tooltips here, and panels show the
// program's name instead.
func fit(tooltip string) string { return tooltip }
