package window

import (
	"bytes"
	"io/fs"
)

// Coloured returns pages whose index says from its first byte which colours the
// person has: what draws them learns of it only later, and until then a dark
// window would flash in white.
func Coloured(pages fs.FS, dark bool) fs.FS {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	return coloured{pages, []byte(`<html data-mantine-color-scheme="` + scheme + `"`)}
}

type coloured struct {
	fs.FS
	root []byte // what the tag of the whole page begins with
}

// ReadFile implements [fs.ReadFileFS].
func (c coloured) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(c.FS, name)
	if err == nil && name == "index.html" {
		data = bytes.Replace(data, []byte("<html"), c.root, 1)
	}
	return data, err
}
