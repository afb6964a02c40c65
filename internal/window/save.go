package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/internal/problem"
)

// SavePath is where pages send a file that the person wants to keep: the
// WebViews of Linux and macOS take no downloads.
const SavePath = "/window/save"

// mostSaved is the size of the largest file that pages may save, in bytes.
const mostSaved = 32 << 20

// ErrNotSaved: the file could not be written to {path}: {cause}.
var ErrNotSaved = problem.New("window.not_saved")

// Saver answers POST [SavePath]?name=NAME: it asks the person where the file of
// that name is to go and writes the body there, so that only they can read it.
// The answer holds its path, or is empty when they thought better of it: ask
// returns "" then.
func Saver(ask func(name string) (path string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Query().Get("name"))
		if r.Method != http.MethodPost || name == "." || name == string(filepath.Separator) {
			http.Error(w, "POST a file with its name", http.StatusBadRequest)
			return
		}
		// All of it first: the person must not be asked about half a file.
		content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostSaved))
		if err != nil {
			refuse(w, r, ErrNotSaved.Because(err, "path", name, "cause", err.Error()))
			return
		}
		path, err := ask(name)
		if err == nil && path == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err == nil {
			err = write(path, content)
		}
		if err != nil {
			refuse(w, r, ErrNotSaved.Because(err, "path", path, "cause", cause(err).Error()))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"path": path}) // a page that has gone needs no answer
	})
}

// write writes a file whole or not at all: what was there before stays until
// the new one is complete.
func write(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".rahat-*") // which only its owner can read
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("put file in place: %w", err)
	}
	return nil
}

// cause is what a person is told of an error: not the name of a file that was
// only on its way.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
