package recoverykit

import (
	"crypto/sha256"
	_ "embed" // the list
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/rahatbackup/rahat/internal/vault"
)

//go:embed english.txt
var english string

const (
	keySize   = 32 // bytes
	wordCount = 24 // they hold the key and a byte of checksum
	wordBits  = 11 // each is one of 2,048
	wordMask  = 1<<wordBits - 1
	abbrev    = 4 // letters that tell the list's words apart
)

// A vocabulary is the list with a way back from words to numbers.
type vocabulary struct {
	words  []string
	number map[string]int // of each word in capital letters
	short  map[string]int // of each word's first four letters
}

var vocabularies = sync.OnceValue(func() vocabulary {
	v := vocabulary{words: strings.Fields(english), number: map[string]int{}, short: map[string]int{}}
	for i, w := range v.words {
		w = plain(w)
		v.number[w] = i
		v.short[w[:min(abbrev, len(w))]] = i
	}
	return v
})

// find returns the number of a word in capital letters, which may be cut off
// after its first four letters or later.
func (v vocabulary) find(w string) (int, bool) {
	if i, ok := v.number[w]; ok {
		return i, true
	}
	if len(w) < abbrev {
		return 0, false
	}
	i, ok := v.short[w[:abbrev]]
	return i, ok && strings.HasPrefix(plain(v.words[i]), w)
}

// toWords is BIP 39: the bits of the key and then the first byte of its
// SHA-256, 11 at a time.
func toWords(key [keySize]byte) []string {
	sum := sha256.Sum256(key[:])
	list := vocabularies().words
	words := make([]string, 0, wordCount)
	bits, n := uint32(0), 0
	for _, b := range append(key[:], sum[0]) {
		bits, n = bits<<8|uint32(b), n+8
		if n >= wordBits {
			n -= wordBits
			words = append(words, list[bits>>n&wordMask])
		}
	}
	return words
}

// fields are the words of a text in capital letters. Whatever is not a letter
// stands between words: space, ends of lines, numbers, dots.
func fields(text string) []string {
	return strings.FieldsFunc(plain(text), func(r rune) bool { return !unicode.IsLetter(r) })
}

// ParseWords reads the 24 words as a person types them: in any case, with or
// without numbers, over several lines, each cut off after its first four
// letters if they like. [ErrWordCount], [ErrWord], [ErrChecksum].
func ParseWords(text string) (Identity, error) {
	typed := fields(text)
	if len(typed) == 0 {
		return Identity{}, ErrEmpty.Because(nil)
	}
	v := vocabularies()
	var all []byte
	bits, n := uint32(0), 0
	for i, w := range typed {
		number, ok := v.find(w)
		if !ok {
			return Identity{}, ErrWord.Because(nil, "number", strconv.Itoa(i+1))
		}
		bits, n = bits<<wordBits|uint32(number), n+wordBits
		for n >= 8 {
			n -= 8
			all = append(all, byte(bits>>n))
		}
	}
	if len(typed) != wordCount {
		return Identity{}, ErrWordCount.Because(nil, "count", strconv.Itoa(len(typed)))
	}
	key := [keySize]byte(all)
	if sum := sha256.Sum256(key[:]); sum[0] != all[keySize] {
		return Identity{}, ErrChecksum.Because(nil)
	}
	return fromBytes(key), nil
}

// Typed is what a text may be that a person gave as the key.
type Typed struct {
	// Identity is of the text that is, or holds, a recovery kit's key.
	Identity vault.Secret
	// Passphrase is the text where it may be one.
	Passphrase vault.Secret
	// Doubt says what is wrong with it if it was meant as a recovery kit's
	// key. It is worth telling when the passphrase does not fit either.
	Doubt error
}

// meant is how many of the list's words make a text look like a kit's.
const meant = wordCount / 2

// Read finds out what a person typed: a recovery kit's key in either form, or
// a passphrase. [ErrEmpty].
func Read(text string) (Typed, error) {
	if strings.TrimSpace(text) == "" {
		return Typed{}, ErrEmpty.Because(nil)
	}
	passphrase := vault.NewSecret(strings.TrimRight(text, "\r\n"))
	if strings.Contains(plain(text), identityPrefix) {
		id, err := ParseIdentity(text)
		if err != nil {
			return Typed{Passphrase: passphrase, Doubt: err}, nil
		}
		return Typed{Identity: id.Secret()}, nil
	}
	id, err := ParseWords(text)
	if err == nil {
		return Typed{Identity: id.Secret(), Passphrase: passphrase}, nil
	}
	known, v := 0, vocabularies()
	for _, w := range fields(text) {
		if _, ok := v.find(w); ok {
			known++
		}
	}
	if known < meant {
		err = nil
	}
	return Typed{Passphrase: passphrase, Doubt: err}, nil
}
