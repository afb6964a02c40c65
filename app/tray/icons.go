//go:build windows || (cgo && (linux || darwin))

package main

import (
	"fmt"

	"github.com/rahatbackup/rahat/internal/tray"
)

// A picture is one icon. Of the template only the shape counts; macOS wants it.
type picture struct{ regular, template []byte }

// icons are kept for as long as the program runs: what draws them reads them
// after they were set.
var icons = map[tray.Icon]picture{}

func init() {
	for _, i := range []tray.Icon{tray.Protected, tray.Attention, tray.NotProtected, tray.Running, tray.Unknown} {
		icons[i] = picture{read(string(i) + regular), read(string(i) + template)}
	}
}

// read returns an embedded file; that one is missing is a defect which every
// start shows.
func read(name string) []byte {
	data, err := pictures.ReadFile("icons/" + name)
	if err != nil {
		panic(fmt.Sprintf("tray: read embedded icon: %v", err))
	}
	return data
}
