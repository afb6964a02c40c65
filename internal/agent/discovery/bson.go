package discovery

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// bsonSize is the size of values of fixed size, by type.
// https://bsonspec.org/spec.html
var bsonSize = map[byte]int{
	0x01: 8,  // double
	0x06: 0,  // undefined
	0x07: 12, // object id
	0x08: 1,  // boolean
	0x09: 8,  // date
	0x0a: 0,  // null
	0x10: 4,  // int32
	0x11: 8,  // timestamp
	0x12: 8,  // int64
	0x13: 16, // decimal128
	0x7f: 0,  // max key
	0xff: 0,  // min key
}

const bsonString = 0x02

// documentStrings yields the text fields of a BSON document's top level, up to
// the first thing it cannot read.
func documentStrings(b []byte) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(b) < 5 {
			return
		}
		b = b[4:] // the document's own length: the message has one already
		for len(b) > 0 && b[0] != 0 {
			kind := b[0]
			end := bytes.IndexByte(b[1:], 0)
			if end < 0 {
				return
			}
			name := string(b[1 : 1+end])
			b = b[1+end+1:]
			size, ok := bsonValue(kind, b)
			if !ok {
				return
			}
			if kind == bsonString && printable(b[4:size-1]) && !yield(name, string(b[4:size-1])) {
				return
			}
			b = b[size:]
		}
	}
}

// bsonValue returns how many bytes a value takes, and whether they are there.
func bsonValue(kind byte, b []byte) (int, bool) {
	if size, ok := bsonSize[kind]; ok {
		return size, size <= len(b)
	}
	if len(b) < 4 {
		return 0, false
	}
	length := int64(binary.LittleEndian.Uint32(b))
	var size, least int64
	switch kind {
	case bsonString, 0x0d, 0x0e: // text, code, symbol: length counts the final zero
		size, least = 4+length, 5
	case 0x03, 0x04, 0x0f: // document, array, code with scope: length counts itself
		size, least = length, 4
	case 0x05: // binary: length, subtype, bytes
		size, least = 4+1+length, 5
	default:
		return 0, false
	}
	return int(size), size >= least && size <= int64(len(b))
}
