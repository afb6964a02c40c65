// Package recoverykit makes the key of a recovery kit, which no computer keeps,
// and reads it again as people type it. The key is an age X25519 identity; the
// same 32 bytes are written as 24 words too, which can be read out and typed.
// Package paper below makes the sheet that a person keeps.
package recoverykit

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"

	"filippo.io/age"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

// What can be wrong with a key that was typed. None of them shows any of it.
var (
	// ErrWordCount: there are {count} words instead of 24.
	ErrWordCount = problem.New("recoverykit.word_count")
	// ErrWord: word {number} is not on the list.
	ErrWord = problem.New("recoverykit.unknown_word")
	// ErrChecksum: the words do not fit together.
	ErrChecksum = problem.New("recoverykit.words_mistyped")
	// ErrIdentity: the line AGE-SECRET-KEY-1... is not whole or mistyped.
	ErrIdentity = problem.New("recoverykit.identity_mistyped")
	// ErrEmpty: nothing was typed.
	ErrEmpty = problem.New("recoverykit.empty")
)

// Form of an identity, which is Bech32 (BIP 173) in capital letters: a fixed
// beginning, the 32 bytes as 52 characters of 5 bits, and a checksum of 6.
const (
	identityPrefix = "AGE-SECRET-KEY-1"
	identityData   = 52
	identitySum    = 6
)

// alphabet writes 5 bits as a character, as BIP 173 does.
const alphabet = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"

var fiveBits = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// An Identity is a recovery kit's key. It shows itself only to those that ask
// for it by name, as a [vault.Secret] does.
type Identity struct {
	secret    vault.Secret
	recipient string
}

// New makes a key that nobody has.
func New() Identity {
	var key [keySize]byte
	rand.Read(key[:]) // never fails, see crypto/rand
	return fromBytes(key)
}

// Secret is the key as text, AGE-SECRET-KEY-1...
func (id Identity) Secret() vault.Secret { return id.secret }

// Recipient is the public half, age1..., which locks and does not open.
func (id Identity) Recipient() string { return id.recipient }

// Words is the key as 24 words of the English list of BIP 39, in order.
func (id Identity) Words() []string {
	data := strings.TrimPrefix(id.secret.Reveal(), identityPrefix)[:identityData]
	var key [keySize]byte
	if _, err := fiveBits.Decode(key[:], []byte(data)); err != nil {
		panic(err) // an Identity is made of a text that was read before
	}
	return toWords(key)
}

// ParseIdentity finds the key in a text: typed, from a file that age-keygen
// made, or a whole kit. Case, and space within the key, do not matter.
// [ErrIdentity].
func ParseIdentity(text string) (Identity, error) {
	text = plain(text)
	at := strings.Index(text, identityPrefix)
	if at < 0 {
		return Identity{}, ErrIdentity.Because(nil)
	}
	key := []byte(identityPrefix)
	for _, c := range []byte(text[at+len(identityPrefix):]) {
		if len(key) == len(identityPrefix)+identityData+identitySum {
			break
		}
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			continue
		}
		if !strings.ContainsRune(alphabet, rune(c)) {
			break
		}
		key = append(key, c)
	}
	return fromText(string(key))
}

// fromText takes an identity in its proper form.
func fromText(text string) (Identity, error) {
	id, err := age.ParseX25519Identity(text)
	if err != nil {
		return Identity{}, ErrIdentity.Because(nil) // the parser's error shows the key
	}
	return Identity{secret: vault.NewSecret(id.String()), recipient: id.Recipient().String()}, nil
}

func fromBytes(key [keySize]byte) Identity {
	data := fiveBits.EncodeToString(key[:])
	id, err := fromText(identityPrefix + data + checksum(data))
	if err != nil {
		panic(fmt.Sprintf("recoverykit: age refuses its own form: %v", err))
	}
	return id
}

// checksum is the checksum of Bech32 over an identity's beginning and data.
func checksum(data string) string {
	const human = "age-secret-key-"
	var values []byte
	for i := range len(human) {
		values = append(values, human[i]>>5)
	}
	values = append(values, 0)
	for i := range len(human) {
		values = append(values, human[i]&31)
	}
	for i := range len(data) {
		values = append(values, byte(strings.IndexByte(alphabet, data[i])))
	}
	sum := polymod(append(values, make([]byte, identitySum)...)) ^ 1
	var out [identitySum]byte
	for i := range out {
		out[i] = alphabet[sum>>(5*(identitySum-1-i))&31]
	}
	return string(out[:])
}

// polymod is the function of that name in BIP 173.
func polymod(values []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}

// plain writes a text in capital letters of ASCII. It knows the four letters
// that Turkish makes of i, because a key may be typed with that keyboard.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case r == 'ı', r == 'İ':
			return 'I'
		case r == '\u0307': // the dot of İ as a letter of its own
			return -1
		}
		return r
	}, text)
}
