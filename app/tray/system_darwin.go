//go:build cgo

package main

import "embed"

//go:embed icons/*.png
var pictures embed.FS

const regular, template = ".png", ".template.png"

func screen() error { return nil }

// escape makes a title show as it is.
func escape(title string) string { return title }

func fit(tooltip string) string { return tooltip }
