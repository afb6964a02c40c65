package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/store"
)

// When Put returns, the object survives a power cut: its bytes were flushed
// before it got its name, then every folder in which a name is new. A flush
// that fails is a Put that fails and leaves nothing.
func TestPutFlushesBytesThenNamesBeforeItReturns(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const text = "the bytes of the object"
	final := filepath.Join(s.root, "a", "b", "c")
	var done []string
	s.flush = func(f *os.File) error {
		b, err := os.ReadFile(f.Name())
		_, named := os.Stat(final)
		if err != nil || string(b) != text || named == nil {
			t.Errorf("flushed %q, %v; it has its name: %v", b, err, named == nil)
		}
		done = append(done, "bytes")
		return f.Sync()
	}
	s.flushDir = func(dir string) error {
		rel, err := filepath.Rel(s.root, dir)
		if err != nil {
			t.Error(err)
		}
		_, named := os.Stat(final)
		if (named == nil) != (len(done) > 0 && done[len(done)-1] == "bytes") {
			t.Errorf("folder %q is flushed and the object is there: %v, after %v", rel, named == nil, done)
		}
		done = append(done, filepath.ToSlash(rel))
		return syncDir(dir)
	}
	if _, err := s.Put(t.Context(), "a/b/c", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if want := []string{".", "a", "bytes", "a/b"}; !slices.Equal(done, want) {
		t.Errorf("flushed %q, want %q", done, want)
	}
	boom := errors.New("the disk does not answer")
	for name, spoil := range map[string]func(){
		"bytes":  func() { s.flush = func(*os.File) error { return boom } },
		"folder": func() { s.flush, s.flushDir = (*os.File).Sync, func(string) error { return boom } },
	} {
		s.flush, s.flushDir = (*os.File).Sync, syncDir
		spoil()
		if _, err := s.Put(t.Context(), "a/b/d", strings.NewReader(text)); !errors.Is(err, boom) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Stat(t.Context(), "a/b/d"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: the object is there: %v", name, err)
		}
	}
}
