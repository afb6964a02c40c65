// Package store is the contract of a destination's storage: a flat set of
// write-once named objects. Drivers stand below (local, mem, ...), beside
// decorators (fault, throttle); storetest checks every one of them.
package store

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong, as a person meets it.
var (
	// ErrNotFound: no object has that key.
	ErrNotFound = problem.New("store.not_found")
	// ErrExists: Put found an object of that key.
	ErrExists = problem.New("store.exists")
	// ErrAccess: the destination refuses us.
	ErrAccess = problem.New("store.access_denied")
	// ErrNoSpace: the destination is full.
	ErrNoSpace = problem.New("store.no_space")
	// ErrUnavailable: the destination is not there (unplugged, offline).
	ErrUnavailable = problem.New("store.unavailable")
	// ErrNoFolder: a file stands at {place}, or above it, where a folder is needed.
	ErrNoFolder = problem.New("store.not_a_folder")
	// ErrBadKey: a key breaks the rules of [Store].
	ErrBadKey = problem.New("store.bad_key")
	// ErrLocked: the store forbids to delete {key} before {until}.
	ErrLocked = problem.New("store.locked")
	// ErrBadURL: the destination's address cannot be understood.
	ErrBadURL = problem.New("store.bad_url")
)

// A Store keeps named objects. An implementation must guarantee:
//
//   - atomicity: a reader never sees part of an object. Put that fails or is
//     cancelled leaves nothing visible under key.
//   - read-after-write: once Put returns, Get, Stat and List see the object.
//   - durability: once Put returns, the object survives a power cut.
//
// Keys are slash-separated, [A-Za-z0-9._/-] only, at most 512 bytes, without
// empty, "." or ".." elements (see [CheckKey]). No two keys may differ in case
// alone: where file names know no case, either would be the other. Methods may be called from
// several goroutines.
type Store interface {
	// Put writes a new object of unknown length from r, until io.EOF. It
	// never replaces: an existing key is ErrExists. Any error from r other
	// than io.EOF aborts the write and is returned, wrapped.
	Put(ctx context.Context, key string, r io.Reader) (Object, error)

	// Get reads length bytes from offset, or to the end if length < 0. A
	// range beyond the end of the object yields what there is. The caller
	// closes the reader.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat describes one object.
	Stat(ctx context.Context, key string) (Object, error)

	// List yields the objects whose key starts with prefix, in key order. It
	// stops after yielding a non-nil error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes an object. Removing one that does not exist is not an
	// error, so that a half-done prune can be repeated. One that may not be
	// removed yet is ErrLocked and stays whole (see [Locked]).
	Delete(ctx context.Context, key string) error
}

// An Object describes what is stored under a key.
type Object struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // UTC; the store's clock, not ours
}

// Retainer is implemented by stores that can forbid deletion for a while
// (S3 Object Lock). Find it with [As].
type Retainer interface {
	// Retain forbids deletion of key until the given moment.
	Retain(ctx context.Context, key string, until time.Time) error
}

// Locked returns [ErrLocked] for an object that must not be deleted before
// until; a zero time means that nobody knows.
func Locked(key string, until time.Time, cause error) error {
	text := "?"
	if !until.IsZero() {
		text = until.UTC().Format(time.RFC3339)
	}
	return ErrLocked.Because(cause, "key", key, "until", text)
}

// Sized is implemented by stores that know how much room is left. Find it
// with [As].
type Sized interface {
	// Free returns the bytes that can still be written.
	Free(ctx context.Context) (bytes int64, err error)
}

// As looks for T in s and in the stores it wraps.
func As[T any](s Store) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		u, ok := s.(interface{ Unwrap() Store })
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	var zero T
	return zero, false
}

// MaxKey is the longest key in bytes.
const MaxKey = 512

// CheckKey returns [ErrBadKey] unless key obeys the rules of [Store].
func CheckKey(key string) error {
	bad := len(key) == 0 || len(key) > MaxKey
	start := 0
	for i := 0; i <= len(key) && !bad; i++ {
		if i < len(key) && key[i] != '/' {
			bad = !keyByte(key[i])
			continue
		}
		el := key[start:i]
		bad = el == "" || el == "." || el == ".."
		start = i + 1
	}
	if bad {
		return ErrBadKey.Because(nil, "key", key)
	}
	return nil
}

func keyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}
