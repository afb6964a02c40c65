// Package local is a store in a folder: of a disk, a stick or a network share.
//
// A key is a path below the folder. An object is first written under a
// temporary name in its own folder, flushed to the disk, and then given its
// name in one step that never replaces, so that a reader, a crash or a pulled
// plug sees all of it or nothing. Temporary names hold a '~', which no key
// may; [Store.List] does not show them and removes those older than a day.
//
// One key may not be the folder of another ("a" and "a/b"): such a Put fails
// with [store.ErrBadKey].
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// Store is a folder that keeps objects. Its methods may be called from several
// goroutines and several processes.
type Store struct {
	root string // absolute; on Windows in the \\?\ form
	shew string // the folder as the user wrote it, for messages
	dev  device // the disk the folder was on when it was opened

	// publish are the ways to give a finished file its name without
	// replacing, best first; the next is tried when one is errors.ErrUnsupported.
	publish []func(ctx context.Context, temp, final string) error

	// flush and flushDir make a file's bytes and the names in a folder
	// survive a power cut.
	flush    func(*os.File) error
	flushDir func(dir string) error
}

var (
	_ store.Store = (*Store)(nil)
	_ store.Sized = (*Store)(nil)
)

// Open returns the store in dir, an absolute path of an existing folder. A
// folder that is not there is [store.ErrUnavailable]: perhaps a disk that is
// not plugged in, which must not be mistaken for an empty one. Use [Create] to
// make a new one.
func Open(dir string) (*Store, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("open folder: %w", store.ErrBadURL.Because(nil, "url", dir))
	}
	s := &Store{root: longPath(filepath.Clean(dir)), shew: filepath.Clean(dir), publish: publishers(), flush: (*os.File).Sync, flushDir: syncDir}
	info, err := os.Stat(s.root)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: s.shew, Err: errNotDir}
	}
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", s.explain(err, ""))
	}
	s.dev = deviceOf(info)
	return s, nil
}

// Create makes dir and its parents if they are absent and opens it. It is for
// the moment a person sets up a destination; later, use [Open].
func Create(dir string) (*Store, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("create folder: %w", store.ErrBadURL.Because(nil, "url", dir))
	}
	s := &Store{root: longPath(filepath.Clean(dir)), shew: filepath.Clean(dir)}
	if err := os.MkdirAll(s.root, dirMode); err != nil {
		return nil, fmt.Errorf("create folder: %w", s.explain(err, ""))
	}
	return Open(dir)
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.shew }

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	final, err := s.path(ctx, key)
	if err != nil {
		return store.Object{}, fmt.Errorf("put object: %w", err)
	}
	if err := s.absent(key, final); err != nil {
		return store.Object{}, fmt.Errorf("put object: %w", err)
	}
	temp, err := s.writeTemp(ctx, filepath.Dir(final), r)
	if err != nil {
		return store.Object{}, fmt.Errorf("put object %s: %w", key, s.explain(err, key))
	}
	if err := s.name(ctx, temp, final); err != nil {
		err = errors.Join(err, removeIfThere(ctx, temp))
		return store.Object{}, fmt.Errorf("put object %s: %w", key, s.explain(err, key))
	}
	info, err := os.Stat(final)
	if err == nil {
		err = s.flushDir(filepath.Dir(final))
	}
	if err != nil {
		// It may not survive a power cut, so it must not be seen.
		err = errors.Join(err, removeIfThere(ctx, final))
		return store.Object{}, fmt.Errorf("put object %s: %w", key, s.explain(err, key))
	}
	return describe(key, info), nil
}

// Get implements [store.Store].
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get object: %w", err)
	}
	if offset < 0 {
		return nil, fmt.Errorf("get object %s: negative offset", key)
	}
	var f *os.File
	err = patiently(ctx, func() (err error) { f, err = os.Open(path); return err })
	if err != nil {
		return nil, fmt.Errorf("get object %s: %w", key, s.explain(err, key))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		err = errors.Join(err, f.Close())
		return nil, fmt.Errorf("get object %s: %w", key, s.explain(err, key))
	}
	rd := &reader{ctx: ctx, s: s, key: key, f: f, r: f}
	if length >= 0 {
		rd.r = io.LimitReader(f, length)
	}
	return rd, nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, key string) (store.Object, error) {
	path, err := s.path(ctx, key)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat object: %w", err)
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return store.Object{}, fmt.Errorf("stat object %s: %w", key, s.explain(err, key))
	}
	return describe(key, info), nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	path, err := s.path(ctx, key)
	if err != nil {
		return fmt.Errorf("delete object: %w", err)
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode().IsRegular() {
		err = removeIfThere(ctx, path)
	}
	if err = s.explain(err, key); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	return nil
}

// Free implements [store.Sized]: what the account may still write.
func (s *Store) Free(ctx context.Context) (int64, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("measure free space: %w", err)
	}
	n, err := freeSpace(s.root)
	if err != nil {
		return 0, fmt.Errorf("measure free space: %w", s.explain(err, ""))
	}
	return n, nil
}

// path checks key and returns where its object lies.
func (s *Store) path(ctx context.Context, key string) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	return s.root + string(filepath.Separator) + filepath.FromSlash(key), nil
}

// absent fails early, before a long upload, when key is taken.
func (s *Store) absent(key, final string) error {
	info, err := os.Lstat(final)
	switch {
	case errors.Is(err, fs.ErrNotExist) || isNotDir(err):
		return s.present()
	case err != nil:
		return s.explain(err, key)
	case info.IsDir():
		return store.ErrBadKey.Because(nil, "key", key)
	default:
		return store.ErrExists.Because(nil, "key", key)
	}
}

// writeTemp writes all of r to a temporary file in dir and flushes it. On
// error nothing is left.
func (s *Store) writeTemp(ctx context.Context, dir string, r io.Reader) (path string, err error) {
	if err := s.present(); err != nil {
		return "", err
	}
	if err := s.mkdirs(dir); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "~"+strings.ToLower(rand.Text())+".tmp")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return "", err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, &source{ctx: ctx, r: r}, make([]byte, 256<<10))
	if err == nil {
		err = s.flush(f)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return "", errors.Join(err, removeIfThere(ctx, path))
	}
	return path, nil
}

// mkdirs makes the folders between the root and dir, but never the root: when
// that is gone, the disk is.
func (s *Store) mkdirs(dir string) error {
	if dir == s.root {
		return nil
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := s.mkdirs(parent); err != nil {
		return err
	}
	err := os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		if info, serr := os.Stat(dir); serr != nil || !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: errNotDir}
		}
		return nil // another writer was faster
	}
	if err != nil {
		return err
	}
	return s.flushDir(parent)
}

// name gives the temporary file its name, never replacing.
func (s *Store) name(ctx context.Context, temp, final string) (err error) {
	for _, publish := range s.publish {
		err = patiently(ctx, func() error { return publish(ctx, temp, final) })
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return err
}

// present returns ErrUnavailable when the folder is gone or lies on another
// disk than when it was opened: a mount point whose disk was pulled is an
// empty folder of the system disk.
func (s *Store) present() error {
	info, err := os.Stat(s.root)
	if err == nil && info.IsDir() && deviceOf(info) == s.dev {
		return nil
	}
	return store.ErrUnavailable.Because(err, "place", s.shew)
}

// describe turns a file into an object.
func describe(key string, info fs.FileInfo) store.Object {
	return store.Object{Key: key, Size: info.Size(), Modified: info.ModTime().UTC()}
}

// removeIfThere removes a file; it works on when ctx is over, because that is
// when it is needed.
func removeIfThere(ctx context.Context, path string) error {
	err := patiently(context.WithoutCancel(ctx), func() error { return os.Remove(path) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// patiently repeats f while another program (a virus scanner, an indexer)
// holds the file open, for at most two seconds. Only Windows knows that.
func patiently(ctx context.Context, f func() error) error {
	var err error
	for wait := 10 * time.Millisecond; wait < time.Second; wait *= 2 {
		if err = f(); err == nil || !heldOpen(err) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}
