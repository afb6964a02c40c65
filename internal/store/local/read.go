package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// source reads what Put is given. Its errors are marked, so that an error of
// the caller's own reader is never taken for one of the disk.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s *source) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, &sourceError{err}
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

type sourceError struct{ err error }

func (e *sourceError) Error() string { return "read source: " + e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// reader reads an object until the context is over.
type reader struct {
	ctx context.Context
	s   *Store
	key string
	f   *os.File
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, fmt.Errorf("read object %s: %w", r.key, err)
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read object %s: %w", r.key, r.s.explain(err, r.key))
	}
	return n, err
}

func (r *reader) Close() error { return r.f.Close() }

// staleAfter is the age at which a temporary file has no writer any more.
const staleAfter = 24 * time.Hour

// List implements [store.Store]. It sees the folders as they are when it comes
// to them. Files whose names are not keys are passed over.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		w := walk{ctx: ctx, s: s, prefix: prefix, yield: yield}
		err := context.Cause(ctx)
		if err == nil {
			err = s.present()
		}
		if err == nil {
			err = w.dir("")
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(store.Object{}, fmt.Errorf("list objects: %w", s.explain(err, prefix)))
		}
	}
}

type walk struct {
	ctx    context.Context
	s      *Store
	prefix string
	yield  func(store.Object, error) bool
}

var errStop = errors.New("stopped by the caller")

// dir lists the folder of a key prefix: "" or one that ends in a slash.
func (w *walk) dir(at string) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	entries, err := os.ReadDir(w.s.root + string(filepath.Separator) + filepath.FromSlash(at))
	if errors.Is(err, fs.ErrNotExist) && at != "" {
		return w.s.present() // removed meanwhile, unless the disk is gone
	}
	if err != nil {
		return err
	}
	// In key order "a-b" stands before "a/b", so folders sort with a slash.
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	for _, e := range entries {
		if err := w.entry(at, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(at string, e os.DirEntry) error {
	key := at + e.Name()
	switch {
	case isTemp(e.Name()):
		w.s.sweep(key, e)
		return nil
	case store.CheckKey(key) != nil:
		return nil
	case e.IsDir():
		sub := key + "/"
		if strings.HasPrefix(sub, w.prefix) || strings.HasPrefix(w.prefix, sub) {
			return w.dir(sub)
		}
		return nil
	case !e.Type().IsRegular() || !strings.HasPrefix(key, w.prefix):
		return nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	if !w.yield(describe(key, info), nil) {
		return errStop
	}
	return nil
}

func sortKey(e os.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func isTemp(name string) bool {
	return strings.HasPrefix(name, "~") && (strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".claim"))
}

// sweep removes a temporary file whose writer died long ago.
func (s *Store) sweep(key string, e os.DirEntry) {
	info, err := e.Info()
	if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < staleAfter {
		return
	}
	// A file that cannot be removed, on a read-only disk say, harms nobody:
	// the next List tries again.
	_ = os.Remove(s.root + string(filepath.Separator) + filepath.FromSlash(key))
}
