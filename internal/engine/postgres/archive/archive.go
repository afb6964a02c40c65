// Package archive reads what pg_dump -Fc writes: the table of contents of a
// custom format archive, which holds the SQL of every object with its owner,
// schema, tablespace and dependencies. Reading it ourselves means that a restore
// needs no client tool, knows each statement by name, and can decide the order
// of work.
//
// The format is that of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c
// (WriteHead, WriteToc) and pg_backup_custom.c, versions 1.12 (PostgreSQL 9.0)
// to 1.16 (17, 18). How an entry becomes SQL follows _printTocEntry there.
package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Section says when an entry is restored.
type Section int

// The sections, as numbered in archives. None: as the entries before it.
const (
	None Section = iota + 1
	PreData
	Data
	PostData
)

// An Entry is one object of the archive.
type Entry struct {
	ID         int
	Class, OID string // of the catalog row the object came from
	Tag        string // the object's name
	Desc       string // its kind: "TABLE", "FK CONSTRAINT", "ACL"
	Section    Section
	Defn       string // the SQL that makes it; may be empty
	Drop       string // the SQL that drops it; may be empty
	Namespace  string
	Tablespace *string // nil: the object has none; "": the database's
	TableAM    string  // table access method; may be empty
	RelKind    byte    // 0 when the archive does not say
	Owner      string
	Deps       []int // IDs of entries it needs
	HasData    bool
}

// An Archive is the head and the table of contents of an archive.
type Archive struct {
	Version    string // of the format: "1.14"
	ServerInfo string // as pg_dump wrote it: "15.18 (Debian ...)"
	DumpInfo   string
	Encoding   string // client_encoding of the SQL
	StdStrings bool   // backslashes in '...' are ordinary
	SearchPath string // the statement that sets the search path
	Entries    []Entry
}

// ErrFormat is wrapped when the bytes are not an archive that is understood.
var ErrFormat = errors.New("not a pg_dump archive of a known version")

const (
	customFormat = 1
	maxMinor     = 16
	maxEntries   = 50_000_000
	maxString    = 1 << 30 // the server cannot make a longer one
)

// Read reads the table of contents from r, which must be a custom format
// archive. What follows the table of contents is not read. A minor version
// newer than is known is tried: every field is checked, so a layout that has
// changed ends in an error and not in wrong SQL.
func Read(r io.Reader) (*Archive, error) {
	d := &decoder{r: bufio.NewReaderSize(r, 64<<10)}
	a := d.head()
	if d.err == nil {
		d.toc(a)
	}
	if d.err != nil {
		if errors.Is(d.err, io.EOF) {
			d.err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read archive: %w", d.err)
	}
	return a, nil
}

// A decoder reads the primitives; after the first error it returns zeros.
type decoder struct {
	r       *bufio.Reader
	minor   int
	intSize int
	offSize int
	err     error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
}

func (d *decoder) byte() byte {
	if d.err != nil {
		return 0
	}
	b, err := d.r.ReadByte()
	d.err = err
	return b
}

// int reads a sign byte and intSize bytes, least significant first.
func (d *decoder) int() int {
	neg := d.byte() != 0
	n := 0
	for i := range d.intSize {
		n |= int(d.byte()) << (8 * i)
	}
	if neg {
		return -n
	}
	return n
}

// str reads a length and bytes; ok is false for the null string.
func (d *decoder) str() (s string, ok bool) {
	n := d.int()
	if d.err != nil || n < 0 {
		return "", false
	}
	if n > maxString {
		d.fail("a string of %d bytes", n)
		return "", false
	}
	// Grow as bytes come: a damaged length must not take the memory.
	var b strings.Builder
	got, err := io.CopyN(&b, d.r, int64(n))
	if err != nil || got != int64(n) {
		d.err = io.ErrUnexpectedEOF
		return "", false
	}
	return b.String(), true
}

func (d *decoder) text() string {
	s, _ := d.str()
	return s
}

func (d *decoder) head() *Archive {
	var magic [5]byte
	for i := range magic {
		magic[i] = d.byte()
	}
	if d.err == nil && string(magic[:]) != "PGDMP" {
		d.fail("starts with %q", magic[:])
	}
	major := d.byte()
	d.minor = int(d.byte())
	d.byte() // revision
	d.intSize, d.offSize = int(d.byte()), int(d.byte())
	format := d.byte()
	if d.err == nil && (major != 1 || d.minor < 12 || d.intSize < 4 || d.intSize > 8 || d.offSize < 4 || d.offSize > 8 || format != customFormat) {
		d.fail("version %d.%d, sizes %d and %d, format %d", major, d.minor, d.intSize, d.offSize, format)
	}
	if d.minor >= 15 {
		d.byte() // compression algorithm
	} else {
		d.int() // compression level
	}
	for range 7 {
		d.int() // sec, min, hour, mday, mon, year, isdst of the dump
	}
	a := &Archive{Version: fmt.Sprintf("%d.%d", major, d.minor), StdStrings: true, Encoding: "UTF8"}
	d.text() // name of the database
	a.ServerInfo, a.DumpInfo = d.text(), d.text()
	return a
}

func (d *decoder) toc(a *Archive) {
	n := d.int()
	if n < 0 || n > maxEntries {
		d.fail("%d entries", n)
	}
	for range n {
		e := d.entry()
		if d.err != nil {
			return
		}
		switch e.Desc {
		case "ENCODING":
			a.Encoding = quoted(e.Defn)
		case "STDSTRINGS":
			a.StdStrings = quoted(e.Defn) != "off"
		case "SEARCHPATH":
			a.SearchPath = e.Defn
		default:
			a.Entries = append(a.Entries, e)
		}
	}
}

// quoted returns what stands between the first two single quotes of s.
func quoted(s string) string {
	_, s, _ = strings.Cut(s, "'")
	s, _, _ = strings.Cut(s, "'")
	return s
}

func (d *decoder) entry() Entry {
	e := Entry{ID: d.int(), HasData: d.int() != 0, Class: d.text(), OID: d.text(), Tag: d.text(), Desc: d.text()}
	e.Section = Section(d.int())
	if d.err == nil && (e.ID <= 0 || e.Desc == "" || e.Section < None || e.Section > PostData) {
		d.fail("entry %d of kind %.40q in section %d", e.ID, e.Desc, e.Section)
	}
	e.Defn, e.Drop = d.text(), d.text()
	d.text() // the COPY statement of data
	e.Namespace = d.text()
	if ts, ok := d.str(); ok {
		e.Tablespace = &ts
	}
	if d.minor >= 14 {
		e.TableAM = d.text()
	}
	if d.minor >= 16 {
		e.RelKind = byte(d.int())
	}
	e.Owner = d.text()
	if oids := d.text(); d.err == nil && oids != "false" && oids != "true" {
		d.fail("entry %d says %.40q of OIDs", e.ID, oids)
	}
	for d.err == nil {
		s, ok := d.str()
		if !ok {
			break
		}
		dep, err := strconv.Atoi(s)
		if err != nil {
			d.fail("entry %d depends on %.40q", e.ID, s)
		}
		e.Deps = append(e.Deps, dep)
	}
	d.byte() // whether the place of the data is known
	for range d.offSize {
		d.byte()
	}
	return e
}
