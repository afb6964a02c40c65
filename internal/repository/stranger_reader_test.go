package repository_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// A stranger reads a repository and knows nothing of it but FORMAT.md. It was
// written before its author had seen a line of this package, and it shares
// none with it: when the two differ, FORMAT.md is wrong or the format changed.
// It prefers short to fast.
type stranger struct {
	store           fs.FS
	ids, data, meta []byte // K_id, K_data, K_meta
	copies          map[strangerHash][]strangerCopy

	used  map[strangerPlace]strangerCopy // the copies that were read
	known map[strangerHash]strangerKnown // and what they hold
}

// A strangerKnown is a chunk that was read, and the depth of its copy.
type strangerKnown struct {
	chunk []byte
	depth byte
}

type strangerHash [32]byte

// A strangerPlace is the place of a blob: a pack and an ordinal in it.
type strangerPlace struct {
	pack    string // its hash, hex
	ordinal uint32
}

// A strangerCopy is one copy of a chunk, as the footer of its pack says.
type strangerCopy struct {
	place       strangerPlace
	at, length  int // of the blob in the pack, form and tag counted
	raw         uint64
	form, depth byte
	bases       []strangerHash
}

// A strangerSlot is a key slot.
type strangerSlot struct {
	Format       int
	Kind         string
	Salt         []byte
	Time, Memory uint32
	Threads      uint8
	Recipient    string
	Box          []byte
}

var errStranger = errors.New("not as FORMAT.md says")

func strangerBad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errStranger, fmt.Sprintf(format, args...))
}

// strangerOpen opens the repository with the key that the slots of one kind
// give for the user's text: a passphrase, a secret or an age identity.
func strangerOpen(store fs.FS, kind, text string) (*stranger, error) {
	b, err := fs.ReadFile(store, "config")
	if err != nil {
		return nil, err
	}
	var config struct {
		Kind, ID, Sum, Mac string
		Format             int
	}
	if err := json.Unmarshal(b, &config); err != nil {
		return nil, err
	}
	sum := blake3.Sum256([]byte(config.ID))
	if config.Kind != "rahat repository" || config.Format != 1 || config.Sum != hex.EncodeToString(sum[:8]) {
		return nil, strangerBad("config %s", b)
	}
	master, err := strangerMaster(store, config.ID, kind, text)
	if err != nil {
		return nil, err
	}
	purpose := func(name string) []byte {
		return strangerDerive(master, []byte(config.ID), "rahat/1/"+name)
	}
	mac := strangerKeyed(purpose("config"), []byte("rahat repository 1 "+config.ID))
	if config.Mac != hex.EncodeToString(mac[:]) {
		return nil, strangerBad("config has the mac of another key")
	}
	s := &stranger{
		store: store,
		ids:   purpose("id"), data: purpose("data"), meta: purpose("meta"),
		used: map[strangerPlace]strangerCopy{}, known: map[strangerHash]strangerKnown{},
	}
	return s, nil
}

// strangerMaster takes the master key out of the slot that opens.
func strangerMaster(store fs.FS, id, kind, text string) ([]byte, error) {
	names, err := fs.Glob(store, "keys/*")
	if err != nil {
		return nil, err
	}
	tried := strangerBad("no key slot of kind %s", kind)
	for _, name := range names {
		b, err := fs.ReadFile(store, name)
		if err != nil {
			return nil, err
		}
		if sum := blake3.Sum256(b); name != "keys/"+hex.EncodeToString(sum[:16]) {
			return nil, strangerBad("%s is not the hash of its bytes", name)
		}
		var slot strangerSlot
		if err := json.Unmarshal(b, &slot); err != nil {
			return nil, err
		}
		if slot.Format != 1 || slot.Kind != kind {
			continue
		}
		master, err := slot.open(id, text)
		if err == nil && len(master) == 32 {
			return master, nil
		}
		tried = err
	}
	return nil, tried
}

func (s *strangerSlot) open(id, text string) ([]byte, error) {
	additional := []byte("rahat/1/slot " + s.Kind + " " + id)
	switch s.Kind {
	case "passphrase":
		key := argon2.IDKey(norm.NFC.Bytes([]byte(text)), s.Salt, s.Time, s.Memory, s.Threads, 32)
		return strangerUnbox(key, make([]byte, 12), s.Box, additional)
	case "secret":
		key := strangerDerive([]byte(text), s.Salt, "rahat/1/slot secret")
		return strangerUnbox(key, make([]byte, 12), s.Box, additional)
	case "age":
		identity, err := age.ParseX25519Identity(text)
		if err != nil {
			return nil, err
		}
		r, err := age.Decrypt(bytes.NewReader(s.Box), identity)
		if err != nil {
			return nil, err
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		master, found := bytes.CutSuffix(plain, additional)
		if !found || s.Recipient != identity.Recipient().String() {
			return nil, strangerBad("age slot of another repository or recipient")
		}
		return master, nil
	}
	return nil, strangerBad("slot of kind %s", s.Kind)
}

// small opens a small sealed object, such as a manifest.
func (s *stranger) small(name, magic string) ([]byte, error) {
	b, err := fs.ReadFile(s.store, name)
	if err != nil {
		return nil, err
	}
	if len(b) < 40 || string(b[:8]) != magic {
		return nil, strangerBad("magic of %s", name)
	}
	key := strangerDerive(s.meta, b[8:40], magic)
	return strangerUnbox(key, make([]byte, 12), b[40:], []byte(magic+name))
}

const strangerPackMagic = "RAHATPK\x01"

// index reads the footers of packs, given by hash.
func (s *stranger) index(packs []string) error {
	s.copies = map[strangerHash][]strangerCopy{}
	for _, pack := range packs {
		b, err := s.pack(pack)
		if err != nil {
			return err
		}
		end := len(b) - 12
		if string(b[:8]) != strangerPackMagic || string(b[end+4:]) != strangerPackMagic {
			return strangerBad("magic of pack %s", pack)
		}
		length := int(binary.LittleEndian.Uint32(b[end:]))
		if length > end-40 {
			return strangerBad("footer length of pack %s", pack)
		}
		footer, err := s.unboxBlob(b, math.MaxUint32, 255, b[end-length:end])
		if err != nil {
			return err
		}
		if err := s.addFooter(pack, footer, end-length); err != nil {
			return err
		}
	}
	return nil
}

// pack returns a whole pack, its hash compared.
func (s *stranger) pack(pack string) ([]byte, error) {
	b, err := fs.ReadFile(s.store, "packs/"+pack[:2]+"/"+pack)
	if err != nil {
		return nil, err
	}
	if sum := blake3.Sum256(b); hex.EncodeToString(sum[:]) != pack || len(b) < 8+32+4+8 {
		return nil, strangerBad("hash of pack %s", pack)
	}
	return b, nil
}

// unboxBlob opens a box that lies in the pack.
func (s *stranger) unboxBlob(pack []byte, ordinal uint32, form byte, box []byte) ([]byte, error) {
	salt := pack[8:40]
	number := binary.LittleEndian.AppendUint32(nil, ordinal)
	key := strangerDerive(s.data, salt, strangerPackMagic)
	return strangerUnbox(key, slices.Concat(make([]byte, 8), number), box, slices.Concat(salt, number, []byte{form}))
}

// addFooter notes the blobs of a footer; they must end where it begins.
func (s *stranger) addFooter(pack string, footer []byte, end int) error {
	r := strangerBytes{rest: footer}
	at := 40
	for ordinal := range r.uvarint() {
		id := strangerHash(r.take(32))
		c := strangerCopy{place: strangerPlace{pack, uint32(ordinal)}, at: at, length: int(r.uvarint()), raw: r.uvarint()}
		c.form, c.depth = r.take(1)[0], r.take(1)[0]
		for range r.take(1)[0] {
			c.bases = append(c.bases, strangerHash(r.take(32)))
		}
		if r.short || c.length < 17 || c.length > end-at || c.raw > 16<<20 || c.depth > 8 ||
			len(c.bases) > 3 || (c.form == 3) != (c.depth > 0) || (c.form == 3) != (len(c.bases) > 0) {
			return strangerBad("footer of pack %s, blob %d", pack, ordinal)
		}
		at += c.length
		s.copies[id] = append(s.copies[id], c)
	}
	if r.short || len(r.rest) > 0 || at != end {
		return strangerBad("end of the footer of pack %s", pack)
	}
	return nil
}

// chunk returns a chunk from its copy of least depth, below a depth.
func (s *stranger) chunk(id strangerHash, below byte) ([]byte, error) {
	if k, ok := s.known[id]; ok && k.depth < below {
		return k.chunk, nil
	}
	copies := slices.Clone(s.copies[id])
	slices.SortStableFunc(copies, func(a, b strangerCopy) int { return int(a.depth) - int(b.depth) })
	tried := strangerBad("no copy of chunk %x", id)
	for _, c := range copies {
		if c.depth >= below {
			break
		}
		chunk, err := s.read(c)
		if err == nil && strangerKeyed(s.ids, chunk) == id && uint64(len(chunk)) == c.raw {
			s.used[c.place], s.known[id] = c, strangerKnown{chunk, c.depth}
			return chunk, nil
		}
		tried = errors.Join(tried, err, strangerBad("chunk %x in %v", id, c.place))
	}
	return nil, tried
}

// read opens and unpacks one copy.
func (s *stranger) read(c strangerCopy) ([]byte, error) {
	pack, err := s.pack(c.place.pack)
	if err != nil {
		return nil, err
	}
	blob := pack[c.at : c.at+c.length]
	if blob[0] != c.form {
		return nil, strangerBad("form of blob %v", c.place)
	}
	payload, err := s.unboxBlob(pack, c.place.ordinal, c.form, blob[1:])
	if err != nil || c.form == 0 {
		return payload, err
	}
	if payload, err = strangerUnzstd(payload); err != nil {
		return nil, err
	}
	switch c.form {
	case 1:
		return payload, nil
	case 2:
		return strangerColumns(payload)
	case 3:
		var base []byte
		for _, id := range c.bases {
			b, err := s.chunk(id, c.depth)
			if err != nil {
				return nil, err
			}
			base = append(base, b...)
		}
		return strangerDelta(payload, base)
	}
	return nil, strangerBad("form %d", c.form)
}

// strangerColumns turns columns back into rows.
func strangerColumns(b []byte) ([]byte, error) {
	r := strangerBytes{rest: b}
	columns, rows := r.uvarint(), r.uvarint()
	if columns < 2 || columns > 1000 {
		return nil, strangerBad("%d columns", columns)
	}
	lengths := make([]uint64, columns)
	for i := range lengths {
		lengths[i] = r.uvarint()
	}
	fields := make([][]string, columns)
	for i, length := range lengths {
		fields[i] = strings.SplitAfter(string(r.take(length)), "\n")
		if uint64(len(fields[i])) != rows+1 || fields[i][rows] != "" {
			return nil, strangerBad("column %d does not have %d fields", i, rows)
		}
	}
	if r.short || len(r.rest) > 0 {
		return nil, strangerBad("length of the columns")
	}
	var chunk []byte
	for row := range rows {
		for i := range fields {
			field := fields[i][row]
			chunk = append(chunk, field[:len(field)-1]...)
			chunk = append(chunk, '\t')
		}
		chunk[len(chunk)-1] = '\n'
	}
	return chunk, nil
}

// strangerDelta undoes a delta.
func strangerDelta(b, base []byte) ([]byte, error) {
	r := strangerBytes{rest: b}
	steps, from, to := r.uvarint(), r.uvarint(), r.uvarint()
	if steps > uint64(len(b)) || from != uint64(len(base)) {
		return nil, strangerBad("a delta of %d steps to %d bytes, not to %d", steps, from, len(base))
	}
	lit, skip, lengths := make([]uint64, steps), make([]int64, steps), make([]uint64, steps)
	for i := range lit {
		lit[i] = r.uvarint()
	}
	for i := range skip {
		skip[i] = r.varint()
	}
	for i := range lengths {
		lengths[i] = r.uvarint()
	}
	var chunk []byte
	at := int64(0)
	for i := range steps {
		chunk = append(chunk, r.take(lit[i])...)
		at += skip[i]
		if at < 0 || at > int64(from) || lengths[i] > from-uint64(at) {
			return nil, strangerBad("step %d copies from outside of the base", i)
		}
		chunk = append(chunk, base[at:uint64(at)+lengths[i]]...)
		at += int64(lengths[i])
	}
	if r.short || len(r.rest) > 0 || uint64(len(chunk)) != to {
		return nil, strangerBad("a delta leaves %d bytes and makes %d, not %d", len(r.rest), len(chunk), to)
	}
	return chunk, nil
}

// strangerBytes reads fields one after another. Past the end it gives zeros
// and is short, and what it gave must not be used.
type strangerBytes struct {
	rest  []byte
	short bool
}

func (r *strangerBytes) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.short = nil, true
		return make([]byte, min(n, 32))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *strangerBytes) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.short = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *strangerBytes) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func strangerUnbox(key, nonce, box, additional []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, nonce, box, additional)
}

// strangerDerive is HKDF-SHA256 to 32 bytes.
func strangerDerive(secret, salt []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, salt, info, 32)
	if err != nil {
		panic(err) // only for lengths over 8,160 bytes
	}
	return key
}

// strangerKeyed is the keyed BLAKE3.
func strangerKeyed(key, b []byte) (sum strangerHash) {
	h, err := blake3.NewKeyed(key)
	if err != nil {
		panic(err) // only for keys that are not of 32 bytes
	}
	h.Write(b) // never fails
	h.Sum(sum[:0])
	return sum
}

func strangerUnzstd(b []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(b, nil)
}
