package repository

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store/local"
)

// The same on a real folder: names that a file system takes, and files that
// another process finds.
func TestARepositoryInAFolder(t *testing.T) {
	dir := t.TempDir()
	st, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{CacheDir: t.TempDir()}
	r, err := Create(t.Context(), st, Slots{Secret: testSecret}, opt)
	if err != nil {
		t.Fatal(err)
	}
	state := func(v int) []stream {
		return []stream{rowsPart("a", table(20000, v, 50)), rowsPart("b", table(5, v, 1)), pagesPart("c", pages(100, uint64(v)))}
	}
	full := makeBackup(t, r, backup.Full, nil, state(0)...)
	inc := makeBackup(t, r, backup.Incremental, full, state(1)...)
	r, err = Open(t.Context(), st, opt, SecretKey(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, r, full.ID, state(0)...)
	mustHold(t, r, inc.ID, state(1)...)
	rep, err := r.CheckAll(t.Context(), nil)
	if err != nil || len(rep.Damage) != 0 || rep.Packs != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	var size int64
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum := full.AddedBytes + inc.AddedBytes; size > sum+2000 || size < sum-2000 {
		t.Errorf("the folder holds %d bytes, the manifests say %d", size, sum)
	}
}
