package repository

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/backup"
)

// A PartWriter takes the bytes of one part. It is not for concurrent use, but
// several may be used at once. The work (cutting, looking up, compressing,
// sealing) is done within Write.
type PartWriter struct {
	w    *Writer
	part backup.Part
	head []byte  // the part while it is small
	k    *worker // once it is not
	err  error
	over bool
}

var errClosed = errors.New("the part is already closed or aborted")

// Part begins a part. Its name must not have been used in this backup, except
// by a part that was aborted.
func (w *Writer) Part(p backup.Part) (*PartWriter, error) {
	if err := w.failed(); err != nil {
		return nil, err
	}
	switch p.Kind {
	case backup.Rows, backup.Pages, backup.Bytes:
	default:
		return nil, fmt.Errorf("begin part %q: kind %q is not one", string(p.Name), p.Kind)
	}
	w.partsMu.Lock()
	defer w.partsMu.Unlock()
	if w.parts[p.Name] != nil {
		return nil, fmt.Errorf("begin part %q: it is already there", string(p.Name))
	}
	w.parts[p.Name] = nil
	return &PartWriter{w: w, part: p}, nil
}

// Write takes the next bytes. An error of the store, met by this or another
// part, is returned at once and again on every later call.
func (p *PartWriter) Write(b []byte) (int, error) {
	if p.over {
		return 0, errClosed
	}
	if p.err != nil {
		return 0, p.err
	}
	if p.err = p.w.failed(); p.err != nil {
		return 0, p.err
	}
	if p.k == nil {
		if len(p.head)+len(b) < bundleLimit {
			p.head = append(p.head, b...)
			return len(b), nil
		}
		if p.err = p.stream(); p.err != nil {
			return 0, p.err
		}
	}
	n, err := p.k.cut.Write(b)
	p.err = err
	return n, err
}

// stream goes over from a small part to one with a chunk list of its own.
func (p *PartWriter) stream() error {
	p.k = p.w.takeWorker()
	if err := p.k.begin(p.part); err != nil {
		return err
	}
	head := p.head
	p.head = nil
	_, err := p.k.cut.Write(head)
	return err
}

// Close completes the part. After an error the part is not whole.
func (p *PartWriter) Close() error {
	if p.over {
		return errClosed
	}
	err := p.err
	if err == nil {
		err = p.w.failed()
	}
	if err == nil {
		err = p.finish()
	}
	if err != nil {
		p.err = err
		p.Abort()
	}
	p.over = true
	return err
}

func (p *PartWriter) finish() error {
	if p.k == nil {
		return p.w.addSmall(p.part, p.head)
	}
	s, err := p.k.finish()
	if err != nil {
		return err
	}
	p.w.whole(s)
	p.w.giveWorker(p.k)
	p.k = nil
	return nil
}

// Abort throws away what was written. It does nothing after Close, and may be
// called twice.
func (p *PartWriter) Abort() {
	if p.over {
		return
	}
	p.over, p.head = true, nil
	if p.k != nil {
		p.w.giveWorker(p.k)
		p.k = nil
	}
}

// whole notes a complete part.
func (w *Writer) whole(s *backup.StoredPart) {
	w.partsMu.Lock()
	defer w.partsMu.Unlock()
	s.Estimate = 0
	w.parts[s.Name] = s
}

func (w *Writer) takeWorker() *worker {
	w.partsMu.Lock()
	defer w.partsMu.Unlock()
	if n := len(w.idle); n > 0 {
		k := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return k
	}
	return newWorker(w)
}

func (w *Writer) giveWorker(k *worker) {
	w.partsMu.Lock()
	defer w.partsMu.Unlock()
	w.idle = append(w.idle, k)
}

func encodeRef(r *ref) (json.RawMessage, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode where a part lies: %w", err)
	}
	return b, nil
}
