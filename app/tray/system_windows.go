package main

import (
	"embed"
	"strings"

	"github.com/rahatbackup/rahat/internal/tray"
)

//go:embed icons/*.ico
var pictures embed.FS

const regular, template = ".ico", ".ico"

func screen() error { return nil }

// escape makes a title show as it is: one & would underline the next letter.
func escape(title string) string { return strings.ReplaceAll(title, "&", "&&") }

// fit shortens a tooltip. There is room for 127 units, but systray gives a size
// of its data that no Windows has, and wine then takes the oldest form: 63, and
// rubbish behind what is longer.
func fit(tooltip string) string { return tray.Fit(tooltip, 63) }
