package repository

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/rahatbackup/rahat/internal/rowdelta"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/zeebo/blake3"
)

// formatVersion is the version of everything in FORMAT.md.
const formatVersion = 1

// The names of objects.
const (
	configName     = "config"
	keysPrefix     = "keys/"
	packsPrefix    = "packs/"
	manifestPrefix = "manifests/"
	leasePrefix    = "leases/"
	marksPrefix    = "marks/"
	labelPrefix    = "labels/"
	turnPrefix     = "prunes/"
)

// config is the object a repository begins with; it can be read without a key.
type config struct {
	Kind   string `json:"kind"`   // "rahat repository"
	Format int    `json:"format"` // of everything in the repository
	ID     string `json:"id"`     // a UUID
	Sum    string `json:"sum"`    // BLAKE3 of the ID, 8 bytes, hex: tells damage from a wrong key
	MAC    string `json:"mac"`    // keyed BLAKE3 of kind, format and ID, hex
}

const configKind = "rahat repository"

var idPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// parseConfig reads what can be read without a key. Its form is so strict that
// no byte can differ.
func parseConfig(b []byte) (config, error) {
	var c config
	if err := json.Unmarshal(b, &c); err != nil {
		return c, damaged(configName, err)
	}
	if c.Kind == configKind && c.Format > formatVersion {
		return c, ErrNewer.Because(nil, "object", configName)
	}
	again, err := json.Marshal(c)
	if err != nil || !bytes.Equal(again, b) || c.Kind != configKind || c.Format != formatVersion || !idPattern.MatchString(c.ID) || c.Sum != idSum(c.ID) {
		return c, damaged(configName, err)
	}
	return c, nil
}

func idSum(id string) string {
	sum := blake3.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// master is the random key everything else is derived from.
type master [32]byte

func newMaster() (m master) {
	rand.Read(m[:]) // never fails, see crypto/rand
	return m
}

// derive returns n bytes for a purpose: HKDF-SHA256(master, salt repository
// id, info "rahat/1/" + purpose).
func (m *master) derive(repo, purpose string, n int) []byte {
	k, err := hkdf.Key(sha256.New, m[:], []byte(repo), "rahat/1/"+purpose, n)
	if err != nil {
		panic(err) // only for lengths that HKDF cannot make
	}
	return k
}

// secrets are the keys of a repository that is open.
type secrets struct {
	id   []byte // names chunks
	data []byte // packs
	meta []byte // manifests, labels, leases, marks
	conf []byte // the config's MAC
	seed *rowdelta.Seed
}

func (m *master) secrets(repo string) secrets {
	return secrets{
		id:   m.derive(repo, "id", 32),
		data: m.derive(repo, "data", 32),
		meta: m.derive(repo, "meta", 32),
		conf: m.derive(repo, "config", 32),
		seed: rowdelta.NewSeed(m.derive(repo, "cut", rowdelta.SeedSize)),
	}
}

// mac is what the config of a repository with these secrets must carry.
func (s *secrets) mac(repo string) string {
	h := keyedHash(s.conf)
	fmt.Fprintf(h, "%s %d %s", configKind, formatVersion, repo)
	return hex.EncodeToString(h.Sum(nil))
}

func (s *secrets) owns(c config) bool {
	return subtle.ConstantTimeCompare([]byte(c.MAC), []byte(s.mac(c.ID))) == 1
}

// keyedHash returns a BLAKE3 hasher for a key of 32 bytes.
func keyedHash(key []byte) *blake3.Hasher {
	h, err := blake3.NewKeyed(key)
	if err != nil {
		panic(err) // only for another length
	}
	return h
}

func readConfig(ctx context.Context, st store.Store) (config, error) {
	b, err := readObject(ctx, st, configName, 4096)
	if errors.Is(err, store.ErrNotFound) {
		return config{}, ErrNotFound.Because(nil)
	}
	if err != nil {
		return config{}, err
	}
	return parseConfig(b)
}

// readObject reads a whole object of at most limit bytes; a longer one is
// damaged.
func readObject(ctx context.Context, st store.Store, name string, limit int64) ([]byte, error) {
	b, err := readRange(ctx, st, name, 0, limit+1)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, damaged(name, errors.New("too long"))
	}
	return b, nil
}

// readRange reads up to length bytes from offset.
func readRange(ctx context.Context, st store.Store, name string, offset, length int64) ([]byte, error) {
	r, err := st.Get(ctx, name, offset, length)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, length))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// put writes a small object.
func put(ctx context.Context, st store.Store, name string, b []byte) error {
	if _, err := st.Put(ctx, name, bytes.NewReader(b)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
