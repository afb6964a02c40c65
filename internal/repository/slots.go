package repository

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"

	"filippo.io/age"
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/argon2"
)

// Slots are the ways into a repository. Each that is given becomes a key slot:
// an object that holds the master key sealed for it.
type Slots struct {
	Passphrase vault.Secret // what a person knows; through Argon2id
	Secret     vault.Secret // what a machine keeps, from [NewSecret]
	Recipients []string     // age X25519 recipients ("age1..."), for recovery kits
}

// NewSecret returns a fresh secret for the machine's keychain: 32 random bytes
// in base64.
func NewSecret() vault.Secret {
	b := make([]byte, 32)
	rand.Read(b) // never fails, see crypto/rand
	return vault.NewSecret(base64.StdEncoding.EncodeToString(b))
}

// A Key opens one kind of slot: [Passphrase], [SecretKey] or [Identity].
type Key interface {
	// unlock returns the master key in the slot, or an error if this is not
	// its key.
	unlock(repo string, s *slot) (master, error)
}

type (
	passphrase  struct{ v vault.Secret }
	secretKey   struct{ v vault.Secret }
	identityKey struct{ v vault.Secret }
)

// Passphrase is the key a person knows.
func Passphrase(s vault.Secret) Key { return passphrase{s} }

// SecretKey is the key a machine keeps.
func SecretKey(s vault.Secret) Key { return secretKey{s} }

// Identity is the key of a recovery kit: an age X25519 identity
// ("AGE-SECRET-KEY-1...").
func Identity(s vault.Secret) Key { return identityKey{s} }

// The kinds of slots. They are stored.
const (
	slotPassphrase = "passphrase"
	slotSecret     = "secret"
	slotAge        = "age"
)

// Cost of Argon2id for new slots: 64 MiB as RFC 9106 suggests where memory is
// short, and about 150 ms.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
)

// A slot is stored as JSON under keys/ and the BLAKE3 of its bytes.
type slot struct {
	Format    int    `json:"format"`
	Kind      string `json:"kind"`
	Salt      []byte `json:"salt,omitempty"`    // 32 bytes
	Time      uint32 `json:"time,omitempty"`    // Argon2id
	Memory    uint32 `json:"memory,omitempty"`  // Argon2id, KiB
	Threads   uint8  `json:"threads,omitempty"` // Argon2id
	Recipient string `json:"recipient,omitempty"`
	Box       []byte `json:"box"` // the master key: AES-256-GCM, or an age file
}

var errNotSigned = errors.New("not signed by the repository's key")

var errNotThisKey = errors.New("the key does not fit")

// makeSlots seals the master key for every way in.
func (m *master) makeSlots(repo string, s Slots) ([]slot, error) {
	var all []slot
	if !s.Passphrase.Empty() {
		k := slot{Format: formatVersion, Kind: slotPassphrase, Salt: randomSalt(), Time: argonTime, Memory: argonMemory, Threads: argonThreads}
		k.Box = m.box(repo, &k, k.passphraseKey(s.Passphrase))
		all = append(all, k)
	}
	if !s.Secret.Empty() {
		k := slot{Format: formatVersion, Kind: slotSecret, Salt: randomSalt()}
		k.Box = m.box(repo, &k, k.secretKey(s.Secret))
		all = append(all, k)
	}
	for _, text := range s.Recipients {
		box, err := m.ageBox(repo, text)
		if err != nil {
			return nil, ErrRecipient.Because(err, "recipient", text)
		}
		all = append(all, slot{Format: formatVersion, Kind: slotAge, Recipient: text, Box: box})
	}
	if len(all) == 0 {
		return nil, ErrNoSlot.Because(nil)
	}
	return all, nil
}

func randomSalt() []byte {
	b := make([]byte, saltSize)
	rand.Read(b) // never fails, see crypto/rand
	return b
}

func (s *slot) passphraseKey(p vault.Secret) []byte {
	return argon2.IDKey([]byte(p.Composed()), s.Salt, s.Time, s.Memory, s.Threads, 32)
}

func (s *slot) secretKey(v vault.Secret) []byte {
	k, err := hkdf.Key(sha256.New, []byte(v.Reveal()), s.Salt, "rahat/1/slot secret", 32)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot make
	}
	return k
}

// slotData is what is authenticated with a box, so that a slot opens only the
// repository it was made for.
func slotData(repo, kind string) []byte { return []byte("rahat/1/slot " + kind + " " + repo) }

// box seals the master key; the nonce is zero because the key is fresh.
func (m *master) box(repo string, s *slot, key []byte) []byte {
	return newGCM(key).Seal(nil, make([]byte, nonceSize), m[:], slotData(repo, s.Kind))
}

func (m *master) ageBox(repo, text string) ([]byte, error) {
	to, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, fmt.Errorf("parse recipient: %w", err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt to recipient: %w", err)
	}
	if _, err := w.Write(append(m[:], slotData(repo, slotAge)...)); err != nil {
		return nil, fmt.Errorf("encrypt to recipient: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt to recipient: %w", err)
	}
	return b.Bytes(), nil
}

func (s *slot) open(repo string, key []byte) (m master, err error) {
	b, err := newGCM(key).Open(nil, make([]byte, nonceSize), s.Box, slotData(repo, s.Kind))
	if err != nil || copy(m[:], b) != len(m) {
		return m, errNotThisKey
	}
	return m, nil
}

func (k passphrase) unlock(repo string, s *slot) (master, error) {
	if s.Kind != slotPassphrase {
		return master{}, errNotThisKey
	}
	return s.open(repo, s.passphraseKey(k.v))
}

func (k secretKey) unlock(repo string, s *slot) (master, error) {
	if s.Kind != slotSecret {
		return master{}, errNotThisKey
	}
	return s.open(repo, s.secretKey(k.v))
}

func (k identityKey) unlock(repo string, s *slot) (m master, err error) {
	if s.Kind != slotAge {
		return m, errNotThisKey
	}
	id, err := age.ParseX25519Identity(k.v.Reveal())
	if err != nil {
		return m, errNotThisKey // the parser's error shows the secret
	}
	r, err := age.Decrypt(bytes.NewReader(s.Box), id)
	if err != nil {
		return m, errNotThisKey
	}
	b, err := io.ReadAll(io.LimitReader(r, 1<<10))
	if err != nil || len(b) < len(m) || !bytes.Equal(b[len(m):], slotData(repo, slotAge)) {
		return m, errNotThisKey
	}
	copy(m[:], b)
	return m, nil
}

// maxSlot is the largest slot that is read.
const maxSlot = 16 << 10

// parseSlot reads a slot and checks that opening it costs no more than it may.
func parseSlot(b []byte) (*slot, error) {
	var s slot
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("parse slot: %w", err)
	}
	ok := s.Format == formatVersion && len(s.Box) >= 32
	switch s.Kind {
	case slotPassphrase:
		ok = ok && len(s.Salt) == saltSize && s.Time >= 1 && s.Time <= 16 && s.Threads >= 1 &&
			s.Memory >= 8*uint32(s.Threads) && s.Memory <= 1<<20
	case slotSecret:
		ok = ok && len(s.Salt) == saltSize
	}
	if !ok {
		return nil, errors.New("parse slot: senseless values")
	}
	return &s, nil
}

func slotName(b []byte) string {
	sum := blake3.Sum256(b)
	return keysPrefix + hex.EncodeToString(sum[:16])
}

// name returns where the slot is stored.
func (s *slot) name() (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode slot: %w", err)
	}
	return slotName(b), nil
}

func putSlots(ctx context.Context, st store.Store, slots []slot) error {
	for _, s := range slots {
		b, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode slot: %w", err)
		}
		if err := put(ctx, st, slotName(b), b); err != nil {
			return err
		}
	}
	return nil
}

// unlock tries every key on every slot and tells the name of the one that
// opened. A slot that opens but holds the key of
// another repository (one whose creation was interrupted) does not count.
func unlock(ctx context.Context, st store.Store, c config, keys []Key) (master, string, error) {
	var slots []*slot
	var names []string
	var broken error
	for o, err := range st.List(ctx, keysPrefix) {
		if err != nil {
			return master{}, "", fmt.Errorf("list %s: %w", keysPrefix, err)
		}
		s, err := readSlot(ctx, st, o.Key)
		switch {
		case err == nil:
			slots, names = append(slots, s), append(names, o.Key)
		case errors.Is(err, store.ErrNotFound): // removed since it was listed
		case isDamage(err):
			broken = err
		default:
			return master{}, "", err
		}
	}
	if len(slots) == 0 && broken == nil {
		return master{}, "", ErrMissing.Because(nil, "object", keysPrefix)
	}
	for _, k := range keys {
		for i, s := range slots {
			m, err := k.unlock(c.ID, s)
			if err != nil {
				continue
			}
			sec := m.secrets(c.ID)
			if !sec.owns(c) {
				return m, "", damaged(configName, errNotSigned)
			}
			return m, names[i], nil
		}
	}
	if broken != nil {
		return master{}, "", broken
	}
	return master{}, "", ErrWrongKey.Because(nil)
}

func readSlot(ctx context.Context, st store.Store, name string) (*slot, error) {
	b, err := readObject(ctx, st, name, maxSlot)
	if err != nil {
		return nil, err
	}
	if slotName(b) != name {
		return nil, damaged(name, errors.New("its name is not its hash"))
	}
	s, err := parseSlot(b)
	if err != nil {
		return nil, damaged(name, err)
	}
	return s, nil
}
