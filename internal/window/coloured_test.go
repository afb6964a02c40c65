package window

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestPagesHaveTheirColoursFromTheFirstByte(t *testing.T) {
	pages := fstest.MapFS{"index.html": {Data: []byte(`<!doctype html><html lang="en"><p>&lt;html`)}, "a/x.js": {Data: []byte("<html")}}
	for dark, want := range map[bool]string{
		true:  `<!doctype html><html data-mantine-color-scheme="dark" lang="en"><p>&lt;html`,
		false: `<!doctype html><html data-mantine-color-scheme="light" lang="en"><p>&lt;html`,
	} {
		c := Coloured(pages, dark)
		if got, err := fs.ReadFile(c, "index.html"); err != nil || string(got) != want {
			t.Errorf("dark %v: %q, %v", dark, got, err)
		}
		if got, err := fs.ReadFile(c, "a/x.js"); err != nil || string(got) != "<html" {
			t.Errorf("another file: %q, %v", got, err)
		}
		if _, err := fs.ReadFile(c, "none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
	}
}
