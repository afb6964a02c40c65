package sqlite

import (
	"io/fs"
	"os"
	"slices"
	"sync"
)

// held knows the files that this process has open through SQLite.
//
// On Unix a process loses all its locks on a file when it closes any descriptor
// of it (https://www.sqlite.org/howtocorrupt.html, 2.2). So a file that SQLite
// has open must not be opened beside it, not even to look at its first bytes:
// the snapshot or the restore under way would go on without its lock. As the
// locks, this list belongs to the process.
var held heldFiles

type heldFiles struct {
	mu   sync.Mutex
	list []*heldFile
}

type heldFile struct {
	info  fs.FileInfo // says which file, by whatever name
	head  []byte      // what it began with when it was first opened
	count int
}

// peek returns the first bytes of a file: as they are, or, while SQLite has the
// file open, as they were before.
func (h *heldFiles) peek(path string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if f := h.find(info); f != nil {
		return f.head, nil
	}
	return readHead(path)
}

// hold notes that SQLite is about to open a file, which must exist. The file
// counts as held until release is called, after SQLite closed it.
func (h *heldFiles) hold(path string) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f := h.find(info)
	if f == nil {
		head, err := readHead(path)
		if err != nil {
			return nil, err
		}
		f = &heldFile{info: info, head: head}
		h.list = append(h.list, f)
	}
	f.count++
	return sync.OnceFunc(func() { h.release(f) }), nil
}

func (h *heldFiles) release(f *heldFile) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.count--; f.count == 0 {
		h.list = slices.DeleteFunc(h.list, func(g *heldFile) bool { return g == f })
	}
}

func (h *heldFiles) find(info fs.FileInfo) *heldFile {
	for _, f := range h.list {
		if os.SameFile(f.info, info) {
			return f
		}
	}
	return nil
}
