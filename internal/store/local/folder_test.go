package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/storetest"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each way of giving a file its name has to do alone, and the next has to be
// tried when the file system does not know the better one.
func TestConformsWithEveryWayToName(t *testing.T) {
	unsupported := func(context.Context, string, string) error { return errors.ErrUnsupported }
	for i, publish := range publishers() {
		t.Run(string(rune('1'+i)), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				s := open(t, t.TempDir())
				s.publish = []func(context.Context, string, string) error{unsupported, publish}
				t.Cleanup(func() {
					if left := foreign(t, s.shew); len(left) > 0 {
						t.Errorf("temporary files are left: %q", left)
					}
				})
				return s
			})
		})
	}
}

// foreign lists the files below dir that are not objects.
func foreign(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && store.CheckKey(d.Name()) != nil {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAFailedPutLeavesNoFile(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Put(t.Context(), "a/b", iotest.ErrReader(errors.New("boom"))); err == nil {
		t.Fatal("put succeeded")
	}
	if left := foreign(t, s.shew); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestTheCallersErrorIsNotTakenForOneOfTheDisk(t *testing.T) {
	s := open(t, t.TempDir())
	for _, cause := range []error{fs.ErrNotExist, fs.ErrPermission, fs.ErrExist} {
		_, err := s.Put(t.Context(), "a", iotest.ErrReader(cause))
		if !errors.Is(err, cause) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAccess) || errors.Is(err, store.ErrExists) {
			t.Errorf("%v became %v", cause, err)
		}
	}
}

func TestLeftoversAreInvisibleAndSweptAfterADay(t *testing.T) {
	s := open(t, t.TempDir())
	storetest.Put(t, s, "a/b", []byte("x"))
	young, old := filepath.Join(s.shew, "a", "~young.tmp"), filepath.Join(s.shew, "a", "~old.tmp")
	claim, other := filepath.Join(s.shew, "~b.claim"), filepath.Join(s.shew, "Thumbs (1).db")
	for _, p := range []string{young, old, claim, other} {
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if p != young {
			past := time.Now().Add(-staleAfter - time.Minute)
			if err := os.Chtimes(p, past, past); err != nil {
				t.Fatal(err)
			}
		}
	}
	if keys := storetest.Keys(t, s, ""); len(keys) != 1 || keys[0] != "a/b" {
		t.Errorf("list shows %q", keys)
	}
	for p, want := range map[string]bool{young: true, old: false, claim: false, other: true} {
		if _, err := os.Stat(p); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", p, err, want)
		}
	}
}

func TestAFolderThatIsGoneIsUnavailableAndNeverMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stick")
	if _, err := Open(dir); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open: %v, want ErrUnavailable", err)
	}
	s, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, s, "a/b", []byte("x"))
	if err := os.Rename(dir, dir+".pulled"); err != nil {
		t.Fatal(err)
	}
	_, put := s.Put(t.Context(), "c/d", strings.NewReader("x"))
	_, get := s.Get(t.Context(), "a/b", 0, -1)
	_, stat := s.Stat(t.Context(), "a/b")
	_, free := s.Free(t.Context())
	var list error
	for _, err := range s.List(t.Context(), "a/") {
		list = err
	}
	for verb, err := range map[string]error{"put": put, "get": get, "stat": stat, "list": list, "free": free, "delete": s.Delete(t.Context(), "a/b")} {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v, want ErrUnavailable", verb, err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made again: %v", err)
	}
	if err := os.Rename(dir+".pulled", dir); err != nil {
		t.Fatal(err)
	}
	if got := storetest.Get(t, s, "a/b"); string(got) != "x" {
		t.Errorf("plugged in again: %q", got)
	}
}

func TestAnotherDiskUnderTheMountPointIsUnavailable(t *testing.T) {
	s := open(t, t.TempDir())
	s.dev++ // as if the disk had been pulled and the empty mount point were seen
	if _, err := s.Put(t.Context(), "a", strings.NewReader("x")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("put: %v, want ErrUnavailable", err)
	}
	if left := storetest.Keys(t, open(t, s.shew), ""); len(left) != 0 {
		t.Errorf("written to the wrong disk: %q", left)
	}
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("stat: %v, want ErrUnavailable", err)
	}
}

func TestOpenWantsAnAbsoluteFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []func(string) (*Store, error){Open, Create} {
		if _, err := f(file); !errors.Is(err, store.ErrNoFolder) {
			t.Errorf("a file: %v, want ErrNoFolder", err)
		}
	}
	for _, f := range []func(string) (*Store, error){Open, Create} {
		if _, err := f("relative"); !errors.Is(err, store.ErrBadURL) {
			t.Errorf("relative: %v, want ErrBadURL", err)
		}
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // rights come from the folder above
	}
	s, err := Create(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, s, "a/b", []byte("x"))
	for path, want := range map[string]fs.FileMode{"": 0o700, "a": 0o700, "a/b": 0o600} {
		info, err := os.Stat(filepath.Join(s.Dir(), path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestFreeKnowsTheDisk(t *testing.T) {
	s, ok := store.As[store.Sized](open(t, t.TempDir()))
	if !ok {
		t.Fatal("a folder knows no size")
	}
	if n, err := s.Free(t.Context()); err != nil || n <= 0 {
		t.Errorf("free: %d, %v", n, err)
	}
}

func TestADeadClaimIsTakenOverAndALivingOneRespected(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // claims are for other systems
	}
	s := open(t, t.TempDir())
	s.publish = publishers()[2:]
	claim := filepath.Join(s.shew, "~a.claim")
	if err := os.WriteFile(claim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Put(ctx, "a", strings.NewReader("x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("put past a living claim: %v", err)
	}
	past := time.Now().Add(-2 * time.Minute)
	if err := os.Chtimes(claim, past, past); err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, s, "a", []byte("x"))
	if left := foreign(t, s.shew); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
