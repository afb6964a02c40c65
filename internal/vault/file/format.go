package file

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/rahatbackup/rahat/internal/vault"
)

// The form on disk, version 1; numbers are big-endian:
//
//	 0  8   "RAHATVLT"
//	 8  1   version: 1
//	 9  1   lock: 1 passphrase, 2 key
//	10  4   Argon2id passes        } zero for a key
//	14  4   Argon2id memory, KiB   }
//	18  1   Argon2id lanes         }
//	19 16   salt                   }
//	35 24   nonce
//	59  n   XChaCha20-Poly1305 of the secrets, bytes 0-34 authenticated too
//	 *  32  SHA-256 of everything before it
//
// The secrets are a JSON object of names and base64 values. The last field
// tells accidents (damaged) from a key that does not fit; it proves nothing
// against an attacker, the cipher does.
const (
	magic     = "RAHATVLT"
	version   = 1
	lockPass  = 1
	lockKey   = 2
	headerLen = 35
	minLen    = headerLen + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead + sha256.Size
	maxLen    = 16 << 20
	keyLen    = chacha20poly1305.KeySize
)

// The cost of a passphrase: RFC 9106's second recommended choice.
const (
	argonPasses = 3
	argonMemory = 64 << 10 // KiB
	argonLanes  = 4
)

// Limits on what a file may demand, so that a damaged or planted one cannot
// make us take all memory or a day.
const (
	maxPasses = 64
	maxMemory = 1 << 20 // KiB: 1 GiB
	maxLanes  = 32
)

// header says how the key is made. It is comparable.
type header struct {
	lock   byte
	passes uint32
	memory uint32 // KiB
	lanes  byte
	salt   [16]byte
}

func newHeader(stretch bool) header {
	if !stretch {
		return header{lock: lockKey}
	}
	h := header{lock: lockPass, passes: argonPasses, memory: argonMemory, lanes: argonLanes}
	rand.Read(h.salt[:]) // never fails, see crypto/rand
	return h
}

// key makes the file's key from what the source gave.
func (h header) key(secret []byte, stretch bool) ([]byte, error) {
	if stretch != (h.lock == lockPass) {
		return nil, vault.ErrWrongKey.Because(errors.New("the file is locked in another way, passphrase or keychain"))
	}
	if stretch {
		key := argon2.IDKey(secret, h.salt[:], h.passes, h.memory, h.lanes, keyLen)
		// The agent idles in less memory than was just used once.
		debug.FreeOSMemory()
		return key, nil
	}
	if len(secret) != keyLen {
		return nil, vault.ErrWrongKey.Because(fmt.Errorf("the key has %d bytes, want %d", len(secret), keyLen))
	}
	return bytes.Clone(secret), nil
}

func (h header) encode() []byte {
	b := append([]byte(magic), version, h.lock)
	b = binary.BigEndian.AppendUint32(b, h.passes)
	b = binary.BigEndian.AppendUint32(b, h.memory)
	b = append(b, h.lanes)
	return append(b, h.salt[:]...)
}

// parse checks everything that needs no key.
func parse(b []byte) (header, error) {
	switch {
	case len(b) < minLen || len(b) > maxLen:
		return header{}, fmt.Errorf("%d bytes is no length of a vault", len(b))
	case string(b[:len(magic)]) != magic:
		return header{}, errors.New("not a vault")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return header{}, errors.New("checksum does not match")
	}
	if b[8] != version {
		return header{}, fmt.Errorf("version %d is not known to this program", b[8])
	}
	h := header{
		lock:   b[9],
		passes: binary.BigEndian.Uint32(b[10:]),
		memory: binary.BigEndian.Uint32(b[14:]),
		lanes:  b[18],
		salt:   [16]byte(b[19:headerLen]),
	}
	switch h.lock {
	case lockKey:
		if h != (header{lock: lockKey}) {
			return header{}, errors.New("fields that must be zero are not")
		}
	case lockPass:
		if h.passes < 1 || h.passes > maxPasses || h.memory < 8 || h.memory > maxMemory || h.lanes < 1 || h.lanes > maxLanes {
			return header{}, fmt.Errorf("unreasonable cost: %d passes, %d KiB, %d lanes", h.passes, h.memory, h.lanes)
		}
	default:
		return header{}, fmt.Errorf("unknown lock %d", h.lock)
	}
	return h, nil
}

// unseal opens a parsed file.
func unseal(b, key []byte) (map[string][]byte, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	nonce := b[headerLen : headerLen+aead.NonceSize()]
	plain, err := aead.Open(nil, nonce, b[headerLen+aead.NonceSize():len(b)-sha256.Size], b[:headerLen])
	if err != nil {
		return nil, vault.ErrWrongKey.Because(nil)
	}
	defer clear(plain)
	secrets := map[string][]byte{}
	if err := json.Unmarshal(plain, &secrets); err != nil {
		// Not the cause: it could quote a secret.
		return nil, vault.ErrDamaged.Because(errors.New("the secrets cannot be read"))
	}
	return secrets, nil
}

// seal is the inverse of parse and unseal.
func seal(h header, key []byte, secrets map[string][]byte) ([]byte, error) {
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, fmt.Errorf("encode secrets: %w", err)
	}
	defer clear(plain)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	b := h.encode()
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails, see crypto/rand
	b = append(b, nonce...)
	b = aead.Seal(b, nonce, plain, b[:headerLen])
	if len(b)+sha256.Size > maxLen {
		return nil, fmt.Errorf("the secrets take %d bytes, more than a vault holds", len(b))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}
