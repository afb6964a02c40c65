// Package frontend holds the built pages, which the programs that show them
// carry inside. They are built by the build program; before that the folders
// hold nothing but a file that keeps them in the repository, and a program that
// finds no index.html in them was built without its pages.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist/window
var window embed.FS

// Window returns the pages of the window: index.html and what it loads.
func Window() fs.FS {
	pages, err := fs.Sub(window, "dist/window")
	if err != nil {
		panic(err) // the name of the folder is not a valid path: a slip in this file
	}
	return pages
}
