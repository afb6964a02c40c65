package repository

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// cache keeps the sealed footers of packs on this machine, so that opening a
// repository reads only those of new packs. It is a file of records that are
// only ever appended:
//
//	pack hash 32 | pack size 8 | tail length 4 | head 40 | tail
//
// A footer proves itself when it is opened, so a record that is damaged or
// stale costs one read of the store and nothing else. That is why errors here
// are not returned: without the file everything works, only slower.
type cache struct {
	mu   sync.Mutex
	path string // empty: no cache
}

const cacheRecord = 32 + 8 + 4 + packHead

func newCache(dir, repo string) *cache {
	if dir == "" {
		return &cache{}
	}
	return &cache{path: filepath.Join(dir, repo+".footers")}
}

// load admits every footer in the file. A file with a bad record is removed;
// what was good has been used.
func (c *cache) load(r *Repository) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" {
		return
	}
	f, err := os.Open(c.path)
	if err != nil {
		return
	}
	good := readCache(bufio.NewReaderSize(f, 1<<18), r.admit)
	_ = f.Close() // only read
	if !good {
		c.remove()
	}
}

func readCache(in io.Reader, admit func(*foundPack) error) (good bool) {
	for {
		head := make([]byte, cacheRecord)
		if _, err := io.ReadFull(in, head); err != nil {
			return err == io.EOF
		}
		f := &foundPack{size: int64(binary.LittleEndian.Uint64(head[32:])), head: head[44:]}
		copy(f.sum[:], head)
		n := binary.LittleEndian.Uint32(head[40:])
		if n > maxFooter+packTail {
			return false
		}
		var err error
		if f.tail, err = io.ReadAll(io.LimitReader(in, int64(n))); err != nil || len(f.tail) != int(n) {
			return false
		}
		if admit(f) != nil {
			return false
		}
	}
}

// save appends footers.
func (c *cache) save(found []*foundPack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" || len(found) == 0 {
		return
	}
	var b []byte
	for _, f := range found {
		b = append(b, f.sum[:]...)
		b = binary.LittleEndian.AppendUint64(b, uint64(f.size))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.tail)))
		b = append(b, f.head...)
		b = append(b, f.tail...)
	}
	if os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(c.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, err = f.Write(b) // one write: two processes do not interleave
	if cerr := f.Close(); err != nil || cerr != nil {
		c.remove()
	}
}

// outdated removes the file: most of its packs are gone.
func (c *cache) outdated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path != "" {
		c.remove()
	}
}

func (c *cache) remove() {
	_ = os.Remove(c.path) // if it stays, it is read and removed the next time
}
