package repository

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rahatbackup/rahat/internal/rowdelta"
)

// A pack is a write-once object that holds sealed blobs:
//
//	magic 8 | salt 32 | blobs | sealed footer | 4-byte footer length | magic 8
//
// It is named after the BLAKE3 of all of it.

// The forms of blobs. They are stored.
const (
	formRaw     = 0 // as it is
	formZstd    = 1 // one zstd frame
	formColumns = 2 // zstd frames that join to the columns of rows
	formDelta   = 3 // zstd frames that join to a delta
	formFooter  = 255
)

const (
	packHead      = magicSize + saltSize
	packTail      = 4 + magicSize
	footerOrdinal = 1<<32 - 1
	blobOverhead  = 1 + tagSize
	// packTarget is the size at which a pack is closed.
	packTarget = 16 << 20
	// maxPack is the largest pack that is read, in bytes.
	maxPack = 1 << 32
	// maxFooter is the largest sealed footer that is read.
	maxFooter = 64 << 20
	// maxDepth is the longest chain of deltas.
	maxDepth = 8
)

type blobID [32]byte

// blobMeta is a footer's line about one blob.
type blobMeta struct {
	id    blobID
	n     uint32 // bytes in the pack, overhead counted
	raw   uint32 // bytes of the chunk
	form  uint8
	depth uint8 // 0: plain; else greater than that of each base
	bases []blobID
}

func packName(sum []byte) string {
	h := hex.EncodeToString(sum)
	return packsPrefix + h[:2] + "/" + h
}

// packSum reads the hash back from a pack's name.
func packSum(name string) (sum [32]byte, ok bool) {
	if len(name) != len(packsPrefix)+3+64 {
		return sum, false
	}
	b, err := hex.DecodeString(name[len(packsPrefix)+3:])
	if err != nil || packName(b) != name {
		return sum, false
	}
	copy(sum[:], b)
	return sum, true
}

// sealer seals and opens the blobs of one pack. It is not for concurrent use.
type sealer struct {
	g     cipher.AEAD
	nonce [nonceSize]byte
	data  [saltSize + 5]byte // salt, ordinal, form
}

func newSealer(key, salt []byte) *sealer {
	s := &sealer{g: objectKey(key, salt, magicPack)}
	copy(s.data[:], salt)
	return s
}

func (s *sealer) at(ordinal uint32, form uint8) {
	binary.LittleEndian.PutUint32(s.nonce[nonceSize-4:], ordinal)
	binary.LittleEndian.PutUint32(s.data[saltSize:], ordinal)
	s.data[saltSize+4] = form
}

func (s *sealer) seal(dst []byte, ordinal uint32, form uint8, plain []byte) []byte {
	s.at(ordinal, form)
	return s.g.Seal(dst, s.nonce[:], plain, s.data[:])
}

func (s *sealer) open(dst []byte, ordinal uint32, form uint8, box []byte) ([]byte, error) {
	s.at(ordinal, form)
	return s.g.Open(dst, s.nonce[:], box, s.data[:])
}

// segment is the unit in which packs grow in memory, so that a small pack is
// small and a large one is never copied.
const segment = 1 << 20

// packBuilder is a pack in the making, in memory. It is not for concurrent use.
type packBuilder struct {
	s      *sealer
	num    uint32 // the pack's number in the index
	count  uint32
	size   int
	segs   [][]byte
	free   *segments
	footer []byte // lines about the blobs so far
	tail   []byte // of the finished pack
	box    []byte
}

func newPackBuilder(key []byte, num uint32, free *segments) *packBuilder {
	salt := randomSalt()
	p := &packBuilder{s: newSealer(key, salt), num: num, free: free}
	p.write([]byte(magicPack))
	p.write(salt)
	return p
}

func (p *packBuilder) write(b []byte) {
	p.size += len(b)
	for len(b) > 0 {
		last := len(p.segs) - 1
		if last < 0 || len(p.segs[last]) == segment {
			p.segs = append(p.segs, p.free.take())
			last++
		}
		n := min(len(b), segment-len(p.segs[last]))
		p.segs[last] = append(p.segs[last], b[:n]...)
		b = b[n:]
	}
}

// add seals a blob and returns where it lies. m.n is filled in.
func (p *packBuilder) add(m *blobMeta, payload []byte) (offset, ordinal uint32) {
	offset, ordinal = uint32(p.size), p.count
	p.box = p.s.seal(append(p.box[:0], m.form), ordinal, m.form, payload)
	p.write(p.box)
	m.n = uint32(len(p.box))
	p.footer = m.append(p.footer)
	p.count++
	return offset, ordinal
}

// finish seals the footer.
func (p *packBuilder) finish() {
	plain := binary.AppendUvarint(nil, uint64(p.count))
	plain = append(plain, p.footer...)
	box := p.s.seal(nil, footerOrdinal, formFooter, plain)
	p.write(box)
	plainTail := append(binary.LittleEndian.AppendUint32(nil, uint32(len(box))), magicPack...)
	p.write(plainTail)
	p.tail = append(slices.Clone(box), plainTail...)
	p.footer, p.box = nil, nil
}

// found returns the finished pack's ends, for the cache.
func (p *packBuilder) found(sum [32]byte) *foundPack {
	return &foundPack{sum: sum, size: int64(p.size), head: slices.Clone(p.segs[0][:packHead]), tail: p.tail}
}

// reader reads the finished pack.
func (p *packBuilder) reader() io.Reader { return &segmentReader{segs: p.segs} }

type segmentReader struct {
	segs [][]byte
	at   int
}

func (r *segmentReader) Read(b []byte) (int, error) {
	for len(r.segs) > 0 && r.at == len(r.segs[0]) {
		r.segs, r.at = r.segs[1:], 0
	}
	if len(r.segs) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.segs[0][r.at:])
	r.at += n
	return n, nil
}

// append appends the footer's line: id, uvarint length, uvarint raw length,
// form, depth, number of bases, their ids.
func (m *blobMeta) append(b []byte) []byte {
	b = append(b, m.id[:]...)
	b = binary.AppendUvarint(b, uint64(m.n))
	b = binary.AppendUvarint(b, uint64(m.raw))
	b = append(b, m.form, m.depth, uint8(len(m.bases)))
	for _, x := range m.bases {
		b = append(b, x[:]...)
	}
	return b
}

var errFooter = errors.New("footer is not well-formed")

// decodeFooter reads a footer; blobs is the number of bytes between head and
// footer, which the blobs must fill exactly.
func decodeFooter(b []byte, blobs int64) ([]blobMeta, error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b))/37 {
		return nil, errFooter
	}
	b = b[k:]
	all := make([]blobMeta, n)
	for i := range all {
		var err error
		if b, err = all[i].decode(b); err != nil {
			return nil, err
		}
		blobs -= int64(all[i].n)
	}
	if len(b) != 0 || blobs != 0 {
		return nil, errFooter
	}
	return all, nil
}

func (m *blobMeta) decode(b []byte) ([]byte, error) {
	if len(b) < len(m.id) {
		return nil, errFooter
	}
	b = b[copy(m.id[:], b):]
	n, k := binary.Uvarint(b)
	if k <= 0 || n < blobOverhead || n > 2*rowdelta.MaxChunk {
		return nil, errFooter
	}
	b = b[k:]
	raw, k := binary.Uvarint(b)
	if k <= 0 || raw > rowdelta.MaxChunk || len(b) < k+3 {
		return nil, errFooter
	}
	b = b[k:]
	m.n, m.raw, m.form, m.depth = uint32(n), uint32(raw), b[0], b[1]
	bases := int(b[2])
	b = b[3:]
	isDelta := m.form == formDelta
	if m.form > formDelta || m.depth > maxDepth || bases > rowdelta.MaxBases || len(b) < bases*len(m.id) ||
		isDelta != (m.depth > 0) || isDelta != (bases > 0) {
		return nil, errFooter
	}
	m.bases = make([]blobID, bases)
	for i := range m.bases {
		b = b[copy(m.bases[i][:], b):]
	}
	return b, nil
}

// footerOf opens the footer of a pack of size bytes. head is its first bytes,
// tail its last: the sealed footer and what follows.
func footerOf(key, head, tail []byte, size int64, name string) ([]blobMeta, error) {
	if len(head) < packHead || len(tail) < packTail+tagSize || size < int64(packHead+len(tail)) {
		return nil, damaged(name, errors.New("cut off"))
	}
	if err := checkMagic(head, magicPack, name); err != nil {
		return nil, err
	}
	box := tail[:len(tail)-packTail]
	plain, err := newSealer(key, head[magicSize:packHead]).open(nil, footerOrdinal, formFooter, box)
	if err != nil {
		return nil, damaged(name, fmt.Errorf("open footer: %w", err))
	}
	all, err := decodeFooter(plain, size-int64(packHead+len(tail)))
	if err != nil {
		return nil, damaged(name, err)
	}
	return all, nil
}

// footerSize reads the length of the tail (footer, its length, magic) from the
// last bytes of a pack.
func footerSize(end []byte, size int64, name string) (int64, error) {
	if len(end) < packTail || string(end[len(end)-magicSize:]) != magicPack {
		return 0, damaged(name, errors.New("it has no end"))
	}
	n := int64(binary.LittleEndian.Uint32(end[len(end)-packTail:])) + packTail
	if n < packTail+tagSize || n > maxFooter || n > size-packHead {
		return 0, damaged(name, errors.New("it has no footer"))
	}
	return n, nil
}
