package repository

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	saltSize  = 32
	nonceSize = 12
	tagSize   = 16
	magicSize = 8
)

// The first 8 bytes of objects: seven letters and the format's version.
const (
	magicPack     = "RAHATPK\x01"
	magicManifest = "RAHATMF\x01"
	magicLease    = "RAHATLS\x01"
	magicMark     = "RAHATMK\x01"
	magicLabel    = "RAHATLB\x01"
)

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for another length of key
	}
	g, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for another size of block
	}
	return g
}

// objectKey is the key of one object: HKDF-SHA256(key, salt, info the magic).
func objectKey(key, salt []byte, magic string) cipher.AEAD {
	k, err := hkdf.Key(sha256.New, key, salt, magic, 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot make
	}
	return newGCM(k)
}

// seal makes a small object: magic, salt, AES-256-GCM of the plaintext with a
// zero nonce. The magic and the object's name are authenticated, so one object
// cannot stand in for another.
func seal(key []byte, magic, name string, plain []byte) []byte {
	out := append([]byte(magic), randomSalt()...)
	g := objectKey(key, out[magicSize:], magic)
	return g.Seal(out, make([]byte, nonceSize), plain, []byte(magic+name))
}

const sealOverhead = magicSize + saltSize + tagSize

// unseal is the inverse of seal.
func unseal(key []byte, magic, name string, b []byte) ([]byte, error) {
	if err := checkMagic(b, magic, name); err != nil {
		return nil, err
	}
	if len(b) < sealOverhead {
		return nil, damaged(name, errors.New("cut off"))
	}
	g := objectKey(key, b[magicSize:magicSize+saltSize], magic)
	plain, err := g.Open(nil, make([]byte, nonceSize), b[magicSize+saltSize:], []byte(magic+name))
	if err != nil {
		return nil, damaged(name, err)
	}
	return plain, nil
}

// checkMagic tells an object of a newer format from one that is damaged.
func checkMagic(b []byte, magic, name string) error {
	const v = magicSize - 1
	switch {
	case len(b) < magicSize || string(b[:v]) != magic[:v] || b[v] == 0:
		return damaged(name, errors.New("not of its kind"))
	case b[v] > magic[v]:
		return ErrNewer.Because(nil, "object", name)
	}
	return nil
}

// maxPlain bounds what a small object may become when it is decompressed.
const maxPlain = 512 << 20

// squeeze compresses a document and pads it with zeros to size bytes if that
// is more: 4-byte little-endian length of the zstd frame, the frame, zeros.
func squeeze(enc *zstd.Encoder, doc []byte, size int) []byte {
	out := enc.EncodeAll(doc, make([]byte, 4, 4+len(doc)/4+64))
	binary.LittleEndian.PutUint32(out, uint32(len(out)-4))
	for len(out) < size {
		out = append(out, 0)
	}
	return out
}

// unsqueeze is the inverse of squeeze.
func unsqueeze(b []byte) ([]byte, error) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return nil, errors.New("length does not fit")
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain))
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	defer dec.Close()
	doc, err := dec.DecodeAll(b[4:4+binary.LittleEndian.Uint32(b)], nil)
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return doc, nil
}

// newEncoder returns the one way the repository compresses. Without
// all-literal entropy coding a column of numbers or hex, which has no matches,
// would be stored as it is.
func newEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return e
}
