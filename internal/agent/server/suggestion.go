package server

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
)

const (
	// folderName is what the folder with backups is called; no system has
	// such a folder of its own, and none translates or syncs it.
	folderName = "Rahat Backup"
	// placeName is what the destination in it is called.
	placeName = "disk"
	// mostTries bounds the search for a name that is free.
	mostTries = 100
)

// suggestDestination proposes a folder that would do for backups: of the
// person's own, empty or not there yet. The URL is empty when there is none.
func (s *Server) suggestDestination(ctx context.Context, _ *struct{}) (control.Destination, error) {
	known, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return control.Destination{}, err
	}
	has := func(match func(control.Destination) bool) bool { return slices.ContainsFunc(known, match) }
	var d control.Destination
	for n := 1; d.Name == "" || has(func(k control.Destination) bool { return k.Name == d.Name }); n++ {
		d.Name = numbered(placeName, "", n)
	}
	for _, base := range s.places() {
		for n := range mostTries {
			dir := filepath.Join(base, numbered(folderName, " ", n+1))
			address := fileURL(dir)
			if !vacant(dir) || inside(dir, s.Home) || has(func(k control.Destination) bool { return k.URL == address }) {
				continue
			}
			d.URL = address
			return d, nil
		}
	}
	return d, nil
}

// places are the folders that a folder with backups may stand in: the person's
// own, or where there is none, the one that our state is in.
func (s *Server) places() (all []string) {
	candidates := []string{filepath.Dir(s.Home)}
	if own, err := os.UserHomeDir(); err == nil {
		candidates = []string{own, candidates[0]}
	}
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && !inside(dir, s.Home) {
			all = append(all, dir)
		}
	}
	return all
}

// vacant reports whether a folder is empty or can be made.
func vacant(dir string) bool {
	entries, err := os.ReadDir(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

// inside reports whether dir is parent or lies in it, links considered.
func inside(dir, parent string) bool {
	rel, err := filepath.Rel(resolved(parent), resolved(dir))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolved follows the links of a path as far as it exists.
func resolved(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	if up := filepath.Dir(path); up != path {
		return filepath.Join(resolved(up), filepath.Base(path))
	}
	return path
}

// numbered adds a number to a name, from the second on.
func numbered(name, between string, n int) string {
	if n == 1 {
		return name
	}
	return name + between + strconv.Itoa(n)
}

// fileURL returns the address of a folder of this computer.
func fileURL(dir string) string {
	path := filepath.ToSlash(dir)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // file:///C:/...
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
