package rowdelta

import (
	"encoding/binary"
	"math/bits"
)

// SeedSize is the number of secret bytes a [Seed] is made from.
const SeedSize = 16 + 256*8

// A Seed makes the places of cuts a secret of the repository, so that the
// sizes of chunks do not tell an onlooker which known file they came from. It
// is immutable and may be shared.
type Seed struct {
	k    [2]uint64
	gear [256]uint64
}

// NewSeed reads a seed from secret bytes: two little-endian words for the row
// hash, 256 for the gear table. It panics unless there are [SeedSize] of them.
func NewSeed(secret []byte) *Seed {
	if len(secret) != SeedSize {
		panic("rowdelta: a seed is made from SeedSize bytes")
	}
	s := new(Seed)
	for i := range s.k {
		s.k[i] = binary.LittleEndian.Uint64(secret[8*i:])
	}
	for i := range s.gear {
		s.gear[i] = binary.LittleEndian.Uint64(secret[16+8*i:])
	}
	return s
}

// Constants that keep the rounds apart; their bits are evenly mixed.
const (
	mixLen  = 0x9e3779b97f4a7c15
	mixBody = 0xe7037ed1a0b428db
	mixTail = 0x8ebc6af09c88c6e3
	mixLast = 0x589965cc75374cc3
)

// Hash is a keyed 64-bit hash with full avalanche (each round folds a 128-bit
// product). It places cuts and finds candidates; it never identifies data.
func (s *Seed) Hash(b []byte) uint64 {
	h := s.k[0] ^ uint64(len(b))*mixLen
	for len(b) >= 8 {
		h = fold(h^le64(b), mixBody^s.k[1])
		b = b[8:]
	}
	var t uint64
	for i, x := range b {
		t |= uint64(x) << (8 * i)
	}
	return fold(fold(h^t^mixTail, mixLast^s.k[1])^s.k[0], mixBody)
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
