// Package backup holds the nouns of the trade: what a backup is, what it is
// made of, and what happens while one is made. It depends on nothing.
package backup

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// ID names one backup, run or job for good. It is a UUIDv7 (RFC 9562, 5.7), so
// IDs sort by the time they were made.
type ID string

// NewID returns a fresh ID for a moment.
func NewID(now time.Time) ID {
	var b [16]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// Type is the kind of a backup. Its values are stored, so they are never
// renamed.
type Type string

// The types of backups.
const (
	Full         Type = "full"         // leans on nothing
	Differential Type = "differential" // leans on the last full
	Incremental  Type = "incremental"  // leans on the last backup of any type
	Log          Type = "log"          // the server's log since the last one
)

// Valid reports whether t is one of the types above.
func (t Type) Valid() bool {
	return t == Full || t == Differential || t == Incremental || t == Log
}

// Name is a name as the server's bytes, which need not be UTF-8. In JSON it is
// a string when it is UTF-8 and {"b64": "..."} when it is not, so that nothing
// is replaced by U+FFFD.
type Name string

// MarshalJSON implements [json.Marshaler].
func (n Name) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(n)) {
		return json.Marshal(string(n))
	}
	return json.Marshal(map[string][]byte{"b64": []byte(n)})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Name) UnmarshalJSON(j []byte) error {
	if len(j) > 0 && j[0] == '{' {
		var m map[string][]byte
		if err := json.Unmarshal(j, &m); err != nil {
			return err
		}
		*n = Name(m["b64"])
		return nil
	}
	return json.Unmarshal(j, (*string)(n))
}

// Kind says what a part's bytes are made of, which decides how the repository
// cuts them and what it counts. Its values are stored.
type Kind string

// The kinds of parts.
const (
	// Rows are lines ended by '\n' with fields separated by '\t', as COPY
	// text writes them. Each has the same number of fields.
	Rows Kind = "rows"
	// Pages are pieces of a page file that is written in place.
	Pages Kind = "pages"
	// Bytes are anything else.
	Bytes Kind = "bytes"
)

// A Part is one stream of a backup: the rows of one table, the schema, the
// large objects.
type Part struct {
	// Name is unique within the backup and stable from one backup to the
	// next, because the part of the same name in the base backup is what an
	// incremental leans on.
	Name Name `json:"name"`
	Kind Kind `json:"kind"`
	// Format says what the bytes are, for readers of the backup:
	// "pg_copy_text", "pg_copy_binary", "pg_dump_custom", "json", "sqlite".
	Format string `json:"format"`
	// Key is, for Rows, how many leading fields identify a row; 0: all.
	Key int `json:"key,omitempty"`
	// PageSize is, for Pages, the size of a page in bytes.
	PageSize int `json:"page_size,omitempty"`
	// Exact says that a restored database yields the same bytes for this
	// part, so that a proof can compare them. Rows are always compared, in
	// any order.
	Exact bool `json:"exact,omitempty"`
	// Table is set when the part holds the rows of one table.
	Table *Table `json:"table,omitempty"`
	// Detail is what the engine needs to restore the part; opaque to all
	// others.
	Detail json.RawMessage `json:"detail,omitempty"`
	// Estimate is the expected size in bytes, for progress and for the
	// order of work; 0 when unknown. It is not stored.
	Estimate int64 `json:"-"`
}

// Table names a table; Schema is empty where the engine has none.
type Table struct {
	Schema  Name   `json:"schema,omitempty"`
	Name    Name   `json:"name"`
	Columns []Name `json:"columns,omitempty"` // in the order of the fields
}

// String returns schema.name, for people; it is not quoted.
func (t Table) String() string {
	if t.Schema == "" {
		return string(t.Name)
	}
	return string(t.Schema) + "." + string(t.Name)
}

// A StoredPart is a Part after it has been written to a repository.
type StoredPart struct {
	Part
	Bytes int64 `json:"bytes"`          // plain
	Rows  int64 `json:"rows,omitempty"` // lines, for Rows
	// Checksum is, for Rows, the order-free checksum of the lines (see
	// package rowdelta), else BLAKE3 of the bytes; hex.
	Checksum string `json:"checksum"`
	// Ref says where the bytes lie; opaque to all but the repository.
	Ref json.RawMessage `json:"ref"`
}

// A Manifest says everything needed to restore a backup without a catalog. It
// is written to the repository last: a backup exists if and only if its
// manifest does.
type Manifest struct {
	ID      ID     `json:"id"`
	Type    Type   `json:"type"`
	Base    ID     `json:"base,omitempty"` // the backup this one leans on
	Root    ID     `json:"root,omitempty"` // the full at the root of the chain; itself for a full
	Depth   int    `json:"depth"`          // links to Root; 0 for a full
	Engine  string `json:"engine"`
	Machine string `json:"machine"` // host name of the agent
	Server  string `json:"server"`  // as configured
	Job     string `json:"job,omitempty"`
	// Origin is, for a copy, the ID of the repository that the backup was
	// made in; empty where it was made.
	Origin string `json:"origin,omitempty"`
	// Database is the name on the server.
	Database      Name      `json:"database"`
	ServerVersion string    `json:"server_version"` // as the server says it
	Tool          string    `json:"tool,omitempty"` // client tool and its version
	Agent         string    `json:"agent"`          // version of Rahat Backup that wrote it
	Point         string    `json:"point,omitempty"`
	Started       time.Time `json:"started"` // UTC
	Finished      time.Time `json:"finished"`
	// Detail is what the engine says of the database as a whole; opaque.
	Detail   json.RawMessage `json:"detail,omitempty"`
	Warnings []Warning       `json:"warnings,omitempty"`
	Parts    []StoredPart    `json:"parts"`

	PlainBytes  int64 `json:"plain_bytes"`  // sum of the parts
	StoredBytes int64 `json:"stored_bytes"` // what all blobs it needs take, shared ones too
	AddedBytes  int64 `json:"added_bytes"`  // what this backup alone put into the store, all objects counted
}

// Rows returns the number of rows in all parts.
func (m *Manifest) Rows() (n int64) {
	for i := range m.Parts {
		n += m.Parts[i].Rows
	}
	return n
}

// A Warning is a problem that did not stop the run, ready to be stored.
type Warning struct {
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
	Detail string            `json:"detail,omitempty"` // the cause, for logs
}
