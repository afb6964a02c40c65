package main

import (
	"embed"
	"strings"
)

//go:embed icons/*.ico
var pictures embed.FS

const regular, template = ".ico", ".ico"

func screen() error { return nil }

// escape makes a title show as it is: one & would underline the next letter.
func escape(title string) string { return strings.ReplaceAll(title, "&", "&&") }
