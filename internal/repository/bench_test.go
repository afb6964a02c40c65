package repository

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/zeebo/blake3"
)

// The stages of the pipeline, each alone, on rows of about 90 bytes of which
// one percent changes. The stages cut, delta, columns and row sum are measured
// in package rowdelta.
func BenchmarkStages(b *testing.B) {
	chunk := table(6000, 0, 0)
	w := &Writer{r: &Repository{}}
	k := &worker{w: w, zstd: newEncoder()}
	chunks := 1 // handled by one call of f
	bench := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(chunks * len(chunk)))
			for b.Loop() {
				f()
			}
		})
	}
	h := keyedHash(make([]byte, 32))
	bench("hash", func() {
		h.Reset()
		h.Write(chunk)
		h.Sum(nil)
	})
	bench("compress rows", func() {
		k.z = k.zstd.EncodeAll(chunk, k.z[:0])
	})
	bench("compress columns", func() {
		k.probe, k.byCol = 1, true
		k.compress(backup.Rows, chunk)
	})
	k.probe, k.byCol = 1, true
	_, z := k.compress(backup.Rows, chunk)
	z = bytes.Clone(z)
	s := newSealer(make([]byte, 32), make([]byte, saltSize))
	var box []byte
	bench("encrypt", func() { box = s.seal(box[:0], 1, formColumns, z) })
	var segs segments
	m := blobMeta{form: formColumns}
	chunks = 32
	bench("pack", func() {
		p := newPackBuilder(make([]byte, 32), 0, &segs)
		for range 32 {
			p.add(&m, z)
		}
		p.finish()
		segs.give(p.segs)
	})
	chunks = 1
	bench("name pack", func() { blake3.Sum256(z) })
}

// The whole of it into a store in memory: a full, an incremental after one
// percent of the rows changed, an unchanged incremental, and reading back.
func BenchmarkRepository(b *testing.B) {
	old, cur := table(400000, 0, 0), table(400000, 1, 100)
	st := newMemStore()
	r := create(b, st)
	full := makeBackup(b, r, backup.Full, nil, rowsPart("t", old))
	inc := makeBackup(b, r, backup.Incremental, full, rowsPart("t", cur))
	run := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(old)))
			b.ReportAllocs()
			for b.Loop() {
				f(b)
			}
		})
	}
	run("full", func(b *testing.B) {
		makeBackup(b, create(b, newMemStore()), backup.Full, nil, rowsPart("t", old))
	})
	run("incremental", func(b *testing.B) {
		b.StopTimer()
		st2 := newMemStore()
		for k, v := range st.objects {
			st2.objects[k] = v
		}
		for _, k := range st2.keys(packsPrefix) {
			if len(st2.objects[k]) < 1<<20 {
				delete(st2.objects, k)
			}
		}
		r := reopen(b, st2)
		b.StartTimer()
		m := makeBackup(b, r, backup.Incremental, full, rowsPart("t", cur))
		b.ReportMetric(float64(m.AddedBytes)/float64(full.AddedBytes)*100, "%added")
	})
	run("unchanged", func(b *testing.B) {
		m := makeBackup(b, r, backup.Incremental, inc, rowsPart("t", cur))
		b.ReportMetric(float64(m.AddedBytes)/float64(full.AddedBytes)*100, "%added")
	})
	run("read", func(b *testing.B) {
		rc, err := r.Source(inc).Open(b.Context(), inc.Parts[0])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, rc); err != nil {
			b.Fatal(err)
		}
		rc.Close()
	})
}

var workloads = flag.String("workloads", "", "folder of workloads, each with files v0, v1, ...: measure them")

// BenchmarkWorkloads stores v0 of every workload as a full and each later
// version as an incremental on the one before, and reads every one back.
func BenchmarkWorkloads(b *testing.B) {
	if *workloads == "" {
		b.Skip("needs -workloads")
	}
	dirs, err := os.ReadDir(*workloads)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range dirs {
		b.Run(d.Name(), func(b *testing.B) { workload(b, filepath.Join(*workloads, d.Name())) })
	}
}

func workload(b *testing.B, dir string) {
	part := backup.Part{Name: "t", Kind: backup.Rows, Key: 1}
	switch filepath.Base(dir) {
	case "sqlite":
		part.Kind, part.PageSize = backup.Pages, 4096
	case "bak":
		part.Kind = backup.Bytes
	case "heap":
		part.Key = 0
	}
	files, err := filepath.Glob(filepath.Join(dir, "v*"))
	if err != nil || len(files) < 2 {
		b.Fatal(files, err)
	}
	st := newMemStore()
	r := create(b, st)
	var base *backup.Manifest
	for i, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		typ := backup.Incremental
		if i == 0 {
			typ = backup.Full
		}
		b.Run(filepath.Base(name), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			c0 := cpuSeconds()
			m := makeBackup(b, r, typ, base, stream{part, data})
			c1 := cpuSeconds()
			got, err := readPart(b.Context(), r.Source(m), m.Parts[0])
			if err != nil || !bytes.Equal(got, data) {
				b.Fatal("differs: ", err)
			}
			c2 := cpuSeconds()
			runtime.GC()
			b.ReportMetric(float64(m.AddedBytes)/1e6, "MBadded")
			b.ReportMetric(float64(len(data))/1e6/(c1-c0), "MB/s-write")
			b.ReportMetric(float64(len(data))/1e6/(c2-c1), "MB/s-read")
			base = m
		})
	}
}

// pruneStore makes a repository with many backups that have many small chunks
// in all: each is a full or leans on the one before, and has a few chunks of
// its own in each of its parts.
func pruneStore(b *testing.B, backups, chunks int) *dropStore {
	st := &dropStore{memStore: newMemStore(), dir: b.TempDir()}
	r, err := Create(b.Context(), st, Slots{Secret: testSecret}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	const parts, start = 20, 5000
	all := [parts][]uint64{} // what each part is made of
	next := uint64(0)
	for ; next < start; next++ {
		all[next%parts] = append(all[next%parts], next)
	}
	var base *backup.Manifest
	for n := range backups {
		for ; int(next) < start+(chunks-start)*n/backups; next++ { // five parts change
			p := all[(n*5+int(next)%5)%parts]
			p[(int(next)*7919)%len(p)] = next
		}
		typ := backup.Incremental
		if n%30 == 0 || base.Depth == maxDepth {
			typ, base = backup.Full, nil
		}
		w, err := r.Begin(b.Context(), head(typ), base)
		if err != nil {
			b.Fatal(err)
		}
		for p := range all {
			k := w.takeWorker()
			if err := k.begin(backup.Part{Name: backup.Name(fmt.Sprint("table ", p)), Kind: backup.Bytes}); err != nil {
				b.Fatal(err)
			}
			for i, c := range all[p] {
				data := randomBytes(600, c)
				binary.LittleEndian.PutUint64(data, c)
				if err := k.chunk(rowdelta.Chunk{Data: data, Start: uint64(i), End: uint64(i + 1)}); err != nil {
					b.Fatal(err)
				}
			}
			s, err := k.finish()
			if err != nil {
				b.Fatal(err)
			}
			w.whole(s)
			w.giveWorker(k)
		}
		if base, err = w.Commit(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		if err := w.Abort(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return st
}

// BenchmarkPrune prunes a repository of 1,000 backups and 100,000 chunks of
// which the older half and every third of the others were forgotten: a process
// that has just started, without a cache, marks and repacks, a second one
// deletes. Run it with -benchtime 1x: a third time there is nothing to do.
func BenchmarkPrune(b *testing.B) {
	st := pruneStore(b, 1000, 100000)
	r, err := Open(b.Context(), st, Options{}, SecretKey(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	ids, err := r.Backups(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, what := range []string{"nothing", "mark and repack", "delete"} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				benchPrune(b, st)
			}
		})
		for i, id := range ids {
			if i < len(ids)/2 || i%3 == 0 {
				if err := r.Forget(b.Context(), id); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

func benchPrune(b *testing.B, st store.Store) {
	b.StopTimer()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := newPeak()
	b.StartTimer()
	r, err := Open(b.Context(), st, Options{}, SecretKey(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	rep, err := r.Prune(b.Context(), PruneOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(peak.stop()-before.HeapAlloc)/1e6, "MB-heap-peak")
	b.ReportMetric(float64(len(r.index.recs)), "copies")
	for unit, n := range map[string]int{"packs": rep.Packs, "marked": rep.Marked, "deleted": rep.Deleted, "repacked": rep.Repacked} {
		b.ReportMetric(float64(n), unit)
	}
	b.StartTimer()
}

// peak watches the heap.
type peak struct {
	most uint64
	end  chan struct{}
	done chan struct{}
}

func newPeak() *peak {
	p := &peak{end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			p.most = max(p.most, m.HeapAlloc)
			select {
			case <-p.end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return p
}

func (p *peak) stop() uint64 {
	close(p.end)
	<-p.done
	return p.most
}
