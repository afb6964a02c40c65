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
	if !appendTo(c.path, b) {
		c.remove()
	}
}

// appendTo adds to a file in one write, so that two processes do not mingle.
func appendTo(path string, b []byte) bool {
	if os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return false
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	_, err = f.Write(b)
	return f.Close() == nil && err == nil
}

// Beside the footers a second file remembers copies that were read and found
// wrong, 36 bytes each: pack hash, ordinal. A new backup stores such chunks
// anew; readers do not care. A wrong record costs one chunk.
const doubtRecord = 36

func (c *cache) doubtPath() string { return c.path + ".doubtful" }

func (c *cache) doubt(d doubtful) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path != "" {
		_ = appendTo(c.doubtPath(), binary.LittleEndian.AppendUint32(d.pack[:], d.ordinal))
	}
}

func (c *cache) doubts() map[doubtful]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" {
		return nil
	}
	b, err := os.ReadFile(c.doubtPath())
	if err != nil {
		return nil
	}
	all := make(map[doubtful]bool)
	for ; len(b) >= doubtRecord; b = b[doubtRecord:] {
		all[doubtful{[32]byte(b), binary.LittleEndian.Uint32(b[32:])}] = true
	}
	return all
}

// pardon forgets them: everything is about to be read again.
func (c *cache) pardon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path != "" {
		_ = os.Remove(c.doubtPath()) // if it stays, some chunks are stored twice
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
