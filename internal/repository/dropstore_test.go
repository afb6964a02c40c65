package repository

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// dropStore keeps packs in files, so that they do not count as memory.
type dropStore struct {
	*memStore
	dir string
}

func (s *dropStore) file(key string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(key, "/", "_"))
}

func (s *dropStore) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	if !strings.HasPrefix(key, packsPrefix) {
		return s.memStore.Put(ctx, key, r)
	}
	f, err := os.Create(s.file(key))
	if err != nil {
		return store.Object{}, err
	}
	n, err := io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, store.Object{Key: key, Size: n, Modified: time.Now().Add(-time.Minute)})
	return store.Object{Key: key, Size: n}, err
}

func (s *dropStore) Delete(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, packsPrefix) {
		return s.memStore.Delete(ctx, key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = slices.DeleteFunc(s.sizes, func(o store.Object) bool { return o.Key == key })
	return os.Remove(s.file(key))
}

func (s *dropStore) Get(ctx context.Context, key string, off, n int64) (io.ReadCloser, error) {
	if !strings.HasPrefix(key, packsPrefix) {
		return s.memStore.Get(ctx, key, off, n)
	}
	f, err := os.Open(s.file(key))
	if err != nil {
		return nil, err
	}
	if n < 0 {
		n = 1 << 62
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, off, n), f}, nil
}
