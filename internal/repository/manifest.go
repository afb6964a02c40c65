package repository

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/rowdelta"
	"github.com/rahatbackup/rahat/internal/store"
)

// document is the stored form of a manifest.
type document struct {
	Format   int              `json:"format"`
	Packs    []byte           `json:"packs"` // the hashes of all packs it needs, 32 bytes each, sorted
	Manifest *backup.Manifest `json:"manifest"`
}

// ref says where a part's bytes lie. It is the JSON of StoredPart.Ref.
type ref struct {
	Plan *rowdelta.Plan `json:"plan,omitempty"` // how the stream is cut
	// Level is 0 when Chunks lists the stream's chunks, 1 when it lists
	// chunks that hold the list.
	Level  int    `json:"level,omitempty"`
	Chunks []byte `json:"chunks,omitempty"` // entries of 48 bytes
	// Bundle: the part is the bytes of the one chunk from At on.
	Bundle bool   `json:"bundle,omitempty"`
	At     uint32 `json:"at,omitempty"`
}

func (r *ref) entries() []rowdelta.Entry {
	out := make([]rowdelta.Entry, 0, len(r.Chunks)/rowdelta.EntrySize)
	for b := r.Chunks; len(b) > 0; b = b[rowdelta.EntrySize:] {
		out = append(out, rowdelta.DecodeEntry(b))
	}
	return out
}

var errRef = errors.New("a part's place is not well-formed")

// parseRef reads where a part lies and checks what can be checked without the
// chunks.
func parseRef(p *backup.StoredPart) (*ref, error) {
	var r ref
	if err := json.Unmarshal(p.Ref, &r); err != nil {
		return nil, fmt.Errorf("part %q: %w", string(p.Name), err)
	}
	ok := len(r.Chunks)%rowdelta.EntrySize == 0 && (r.Level == 0 || r.Level == 1) && p.Bytes >= 0 && p.Rows >= 0
	if r.Bundle {
		ok = ok && r.Level == 0 && len(r.Chunks) == rowdelta.EntrySize
	}
	var sum int64
	for b := r.Chunks; ok && len(b) > 0; b = b[rowdelta.EntrySize:] {
		e := rowdelta.DecodeEntry(b)
		ok = e.Raw >= 1 && e.Raw <= rowdelta.MaxChunk && (r.Level == 0 || e.Raw%rowdelta.EntrySize == 0)
		sum += int64(e.Raw)
	}
	switch {
	case r.Bundle:
		ok = ok && int64(r.At)+p.Bytes <= sum
	case r.Level == 0:
		ok = ok && sum == p.Bytes
	}
	if !ok {
		return nil, fmt.Errorf("part %q: %w", string(p.Name), errRef)
	}
	return &r, nil
}

// maxManifest is the largest sealed manifest that is read.
const maxManifest = 256 << 20

func manifestName(id backup.ID) string { return manifestPrefix + string(id) }

// Manifest reads one backup's manifest. ErrNoBackup, ErrDamaged, ErrNewer.
func (r *Repository) Manifest(ctx context.Context, id backup.ID) (*backup.Manifest, error) {
	d, err := r.document(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.Manifest, nil
}

func (r *Repository) document(ctx context.Context, id backup.ID) (*document, error) {
	if !idPattern.MatchString(string(id)) {
		return nil, ErrNoBackup.Because(nil, "id", string(id))
	}
	name := manifestName(id)
	b, err := readObject(ctx, r.st, name, maxManifest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoBackup.Because(err, "id", string(id))
	}
	if err != nil {
		return nil, err
	}
	plain, err := unseal(r.keys.meta, magicManifest, name, b)
	if err != nil {
		return nil, err
	}
	doc, err := unsqueeze(plain)
	if err != nil {
		return nil, damaged(name, err)
	}
	d, err := parseDocument(doc, name)
	if err != nil {
		return nil, err
	}
	if d.Manifest.ID != id {
		return nil, damaged(name, errors.New("it describes another backup"))
	}
	return d, nil
}

// parseDocument reads a manifest's JSON.
func parseDocument(b []byte, name string) (*document, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, damaged(name, err)
	}
	if d.Format > formatVersion {
		return nil, ErrNewer.Because(nil, "object", name)
	}
	m := d.Manifest
	if m == nil || d.Format != formatVersion || !m.Type.Valid() || m.Depth < 0 || m.Depth > maxDepth || len(d.Packs)%32 != 0 {
		return nil, damaged(name, errors.New("senseless values"))
	}
	for i := range m.Parts {
		if _, err := parseRef(&m.Parts[i]); err != nil {
			return nil, damaged(name, err)
		}
	}
	return &d, nil
}

// padding is the step in which sealed manifests grow, so that their size is
// known before the number that counts it is written into them.
const padding = 64

// sealManifest encodes a manifest with AddedBytes counting the manifest
// itself on top of added.
func (r *Repository) sealManifest(d *document, added int64) ([]byte, error) {
	slices.SortFunc(d.Manifest.Parts, func(a, b backup.StoredPart) int {
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	r.encMu.Lock()
	defer r.encMu.Unlock()
	size := 0
	for {
		d.Manifest.AddedBytes = added + int64(size) + sealOverhead
		doc, err := encodeJSON(d)
		if err != nil {
			return nil, fmt.Errorf("encode manifest: %w", err)
		}
		plain := squeeze(r.enc, doc, size)
		if len(plain) == size {
			return seal(r.keys.meta, magicManifest, manifestName(d.Manifest.ID), plain), nil
		}
		size = (len(plain) + padding - 1) / padding * padding
	}
}

// encodeJSON is [json.Marshal] without the detour for HTML.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
