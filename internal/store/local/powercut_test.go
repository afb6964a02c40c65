package local

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
)

// A disk knows what of a folder would be there after a power cut: the bytes of
// files that were flushed, and the names that a folder had when it was flushed.
type disk struct {
	root string
	cut  int // the flush that the power fails at
	// after is what is left, once the power has failed.
	after []string

	mu      sync.Mutex
	flushes int
	bytes   []file            // the newest last
	names   map[string][]file // of folders
	fresh   func() string     // makes an empty folder
}

// A file is one with the bytes that were flushed, or a folder.
type file struct {
	fs.FileInfo
	data []byte
}

var errPower = errors.New("the power has failed")

// fails reports whether there is no power any more.
func (d *disk) fails() bool {
	if d.flushes++; d.flushes == d.cut {
		d.after = []string{d.left(func(dir string) []file { return d.names[dir] }), d.left(d.entries)}
	}
	return d.flushes >= d.cut
}

func (d *disk) flush(f *os.File) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails() {
		return errPower
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(f.Name())
	d.bytes = append(d.bytes, file{info, data})
	return err
}

func (d *disk) flushDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails() {
		return errPower
	}
	d.names[dir] = d.entries(dir)
	return nil
}

// entries are what a folder has now, with zeros in files that were not flushed.
func (d *disk) entries(dir string) (out []file) {
	list, err := os.ReadDir(dir)
	for _, e := range list {
		info, ierr := e.Info()
		if err = errors.Join(err, ierr); ierr == nil {
			out = append(out, file{info, d.data(info)})
		}
	}
	if err != nil {
		panic(err)
	}
	return out
}

// left makes the folder as it is after the cut, with the names that names says a
// folder has.
func (d *disk) left(names func(dir string) []file) string {
	to := d.fresh()
	var fill func(from, to string)
	fill = func(from, to string) {
		for _, e := range names(from) {
			path := filepath.Join(to, e.Name())
			var err error
			if e.IsDir() {
				err = os.Mkdir(path, 0o700)
				fill(filepath.Join(from, e.Name()), path)
			} else {
				err = os.WriteFile(path, e.data, 0o600)
			}
			if err != nil {
				panic(err)
			}
		}
	}
	fill(d.root, to)
	return to
}

func (d *disk) data(e fs.FileInfo) []byte {
	for _, f := range slices.Backward(d.bytes) {
		if os.SameFile(f.FileInfo, e) {
			return f.data
		}
	}
	return make([]byte, e.Size())
}

var (
	powerKey   = repository.NewSecret()
	powerClock = time.Date(2027, 1, 2, 3, 0, 0, 0, time.UTC)
)

// content is what the n-th backup holds.
func content(n int) []byte {
	b := make([]byte, 300_000)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func powerID(n int) backup.ID { return backup.NewID(powerClock.Add(time.Duration(n) * time.Hour)) }

// save makes the n-th backup.
func save(t *testing.T, r *repository.Repository, n int, id backup.ID) error {
	m := backup.Manifest{
		ID: id, Type: backup.Full, Engine: "postgres", Machine: "here", Server: "main", Database: "shop", Agent: "test",
		Started: powerClock.Add(time.Duration(n) * time.Hour),
	}
	w, err := r.Begin(t.Context(), m, nil)
	if err != nil {
		return err
	}
	p, err := w.Part(backup.Part{Name: "a", Kind: backup.Bytes, Format: "json"})
	if err == nil {
		_, err = p.Write(content(n))
	}
	if err == nil {
		err = p.Close()
	}
	if err == nil {
		_, err = w.Commit(t.Context(), nil)
	}
	if err != nil {
		return errors.Join(err, w.Abort(t.Context()))
	}
	return nil
}

// holds checks that a repository has these backups whole, and no other but
// perhaps one.
func holds(t *testing.T, r *repository.Repository, want map[backup.ID]int, perhaps map[backup.ID]int) {
	t.Helper()
	ids, err := r.Backups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if !slices.Contains(ids, id) {
			t.Errorf("backup %d is lost", want[id])
		}
	}
	for _, id := range ids {
		n, known := want[id]
		if !known {
			n, known = perhaps[id]
		}
		m, err := r.Manifest(t.Context(), id)
		if err != nil || !known {
			t.Fatalf("backup %s, known: %v, %v", id, known, err)
		}
		in, err := r.Source(m).Open(t.Context(), m.Parts[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err = errors.Join(err, in.Close()); err != nil || !bytes.Equal(got, content(n)) {
			t.Errorf("backup %d has %d bytes, %v", n, len(got), err)
		}
	}
	if rep, err := r.CheckAll(t.Context(), nil); err != nil || len(rep.Damage) > 0 {
		t.Errorf("%v, %v", rep.Damage, err)
	}
}

// Wherever the power fails, and whether or not the names that were not flushed
// survive it: what was said to be backed up is there and whole, what was not is
// whole or not there, what was removed may be back, and the next backup works.
func TestAfterAPowerCutBackupsAreWholeOrNotThere(t *testing.T) {
	const backups = 3
	opt := repository.Options{Now: func() time.Time { return powerClock }, Machine: "here"}
	for cut := 1; ; cut++ {
		d := &disk{root: t.TempDir(), cut: cut, names: map[string][]file{}, fresh: t.TempDir}
		st, err := Open(d.root)
		if err != nil {
			t.Fatal(err)
		}
		st.flush, st.flushDir = d.flush, d.flushDir
		want, perhaps := map[backup.ID]int{}, map[backup.ID]int{}
		r, err := repository.Create(t.Context(), st, repository.Slots{Secret: powerKey}, opt)
		made := err == nil
		for n := 1; err == nil && n <= backups; n++ {
			id := powerID(n)
			perhaps[id] = n
			if err = save(t, r, n, id); err == nil {
				want[id] = n
			}
		}
		if err == nil && len(d.after) == 0 {
			if cut < 20 {
				t.Errorf("only %d flushes", cut-1)
			}
			t.Logf("the power failed at %d flushes", cut-1)
			return
		}
		if !errors.Is(err, errPower) {
			t.Fatalf("cut %d: %v", cut, err)
		}
		for _, dir := range d.after {
			st, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			r, err := repository.Open(t.Context(), st, opt, repository.SecretKey(powerKey))
			if errors.Is(err, repository.ErrNotFound) && !made {
				r, err = repository.Create(t.Context(), st, repository.Slots{Secret: powerKey}, opt)
			}
			if err != nil {
				t.Fatalf("cut %d: %v", cut, err)
			}
			holds(t, r, want, perhaps)
			next := powerID(backups + 1)
			if err := save(t, r, backups+1, next); err != nil {
				t.Fatalf("cut %d: the next backup: %v", cut, err)
			}
			want[next] = backups + 1
			holds(t, r, want, perhaps)
			delete(want, next)
		}
	}
}
