package rowdelta

import "encoding/binary"

// EntrySize is the length of a stored [Entry].
const EntrySize = 48

// An Entry is one line of a stream's chunk list.
type Entry struct {
	ID     [32]byte // keyed hash of the raw bytes
	Anchor uint64   // of the chunk's start
	Raw    uint32   // length in bytes
	Rows   uint32   // lines that end in it
}

// Append appends the stored form: ID, anchor, raw length and rows, integers
// little-endian.
func (e *Entry) Append(b []byte) []byte {
	b = append(b, e.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, e.Anchor)
	b = binary.LittleEndian.AppendUint32(b, e.Raw)
	return binary.LittleEndian.AppendUint32(b, e.Rows)
}

// DecodeEntry reads the stored form from the first [EntrySize] bytes of b.
func DecodeEntry(b []byte) (e Entry) {
	_ = b[EntrySize-1]
	copy(e.ID[:], b)
	e.Anchor = binary.LittleEndian.Uint64(b[32:])
	e.Raw = binary.LittleEndian.Uint32(b[40:])
	e.Rows = binary.LittleEndian.Uint32(b[44:])
	return e
}
