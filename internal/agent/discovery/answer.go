package discovery

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
)

// An answer is what a server tells of itself before any login.
type answer struct {
	engine  string
	product string
	version string // empty when it is told only after login

	refusal  string // the server's words when it accepts nobody from here
	full     bool   // the refusal is for want of a free connection
	identity string // Redis: the same on every way to one server
	serial   uint32 // MySQL: counts the connections of one server
	tls      bool   // PostgreSQL: it now waits for a TLS handshake
}

// A verdict on the bytes read so far.
type verdict int

const (
	other   verdict = iota // not this product, whatever follows
	partial                // it may be; more bytes will tell
	match
)

// A reader recognises the answer of one product. It is given all bytes read so
// far and must not keep them.
type reader func([]byte) (answer, verdict)

// identify asks the readers in turn.
func identify(b []byte, readers []reader) (answer, verdict) {
	best := other
	for _, read := range readers {
		a, v := read(b)
		if v == match {
			return a, match
		}
		best = max(best, v)
	}
	return answer{}, best
}

// readPostgres reads the answer to an SSLRequest: one byte, and silence. A
// server that says S waits for a TLS handshake.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
func readPostgres(b []byte) (answer, verdict) {
	switch {
	case len(b) == 0:
		return answer{}, partial
	case len(b) == 1 && (b[0] == 'S' || b[0] == 'N'):
		return answer{engine: engine.Postgres, product: "PostgreSQL", tls: b[0] == 'S'}, match
	}
	return answer{}, other
}

const (
	mysqlHeader   = 4    // length (3 bytes) and sequence number
	mysqlLongest  = 1024 // of a greeting or refusal; real ones have about 100 bytes
	mysqlGreeting = 0x0a // protocol version 10
	mysqlError    = 0xff
	mysqlNoRoom   = 1040 // ER_CON_COUNT_ERROR
)

// readMySQL reads the packet with which MySQL and MariaDB greet, or turn away,
// whoever connects.
// https://mariadb.com/kb/en/connection/#initial-handshake-packet
func readMySQL(b []byte) (answer, verdict) {
	if len(b) < mysqlHeader {
		return answer{}, partial
	}
	size := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	if size < 4 || size > mysqlLongest || b[3] != 0 {
		return answer{}, other
	}
	if len(b) > mysqlHeader && b[mysqlHeader] != mysqlGreeting && b[mysqlHeader] != mysqlError {
		return answer{}, other
	}
	if len(b) < mysqlHeader+size {
		return answer{}, partial
	}
	packet := b[mysqlHeader : mysqlHeader+size]
	if packet[0] == mysqlError {
		return mysqlRefusal(packet[1:])
	}
	return mysqlHello(packet[1:])
}

func mysqlHello(b []byte) (answer, verdict) {
	end := bytes.IndexByte(b, 0)
	// After the version: connection number, 8 random bytes, a zero.
	if end < 1 || len(b) < end+1+4+8+1 || b[end+1+4+8] != 0 || !printable(b[:end]) {
		return answer{}, other
	}
	version := string(b[:end])
	a := answer{
		engine: engine.MySQL, product: "MySQL",
		serial: binary.LittleEndian.Uint32(b[end+1:]),
	}
	if strings.Contains(version, "MariaDB") {
		a.engine, a.product = engine.MariaDB, "MariaDB"
		// MariaDB 10 pretends to be 5.5.5 for the sake of old replicas.
		version = strings.TrimPrefix(version, "5.5.5-")
	}
	a.version, _, _ = strings.Cut(version, "-")
	return a, match
}

func mysqlRefusal(b []byte) (answer, verdict) {
	if len(b) < 3 || !printable(b[2:]) {
		return answer{}, other
	}
	code := binary.LittleEndian.Uint16(b)
	if code < 1000 || code > 4999 {
		return answer{}, other
	}
	a := answer{engine: engine.MySQL, product: "MySQL", refusal: string(b[2:]), full: code == mysqlNoRoom}
	if strings.Contains(a.refusal, "MariaDB") {
		a.engine, a.product = engine.MariaDB, "MariaDB"
	}
	return a, match
}

// TDS, the protocol of SQL Server.
// https://learn.microsoft.com/openspecs/windows_protocols/ms-tds (2.2.6.5 PRELOGIN)
const (
	tdsHeader     = 8
	tdsReply      = 0x04
	tdsLongest    = 4096
	tdsOption     = 5 // token, offset, length
	tdsVersion    = 0
	tdsTerminator = 0xff
)

// readSQLServer reads the answer to a PRELOGIN packet.
func readSQLServer(b []byte) (answer, verdict) {
	if len(b) > 0 && b[0] != tdsReply {
		return answer{}, other
	}
	if len(b) < tdsHeader {
		return answer{}, partial
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	if size <= tdsHeader || size > tdsLongest {
		return answer{}, other
	}
	if len(b) < size {
		return answer{}, partial
	}
	body := b[tdsHeader:size]
	for at := 0; at+tdsOption <= len(body) && body[at] != tdsTerminator; at += tdsOption {
		if body[at] != tdsVersion {
			continue
		}
		from := int(binary.BigEndian.Uint16(body[at+1:]))
		if from+4 > len(body) || binary.BigEndian.Uint16(body[at+3:]) < 4 {
			return answer{}, other
		}
		v := body[from:]
		return answer{
			engine: engine.SQLServer, product: "Microsoft SQL Server",
			version: strconv.Itoa(int(v[0])) + "." + strconv.Itoa(int(v[1])) + "." + strconv.Itoa(int(binary.BigEndian.Uint16(v[2:]))),
		}, match
	}
	return answer{}, other
}

// redisRefusals are the errors with which a server shows that it is Redis.
var redisRefusals = []string{"-NOAUTH", "-NOPERM", "-DENIED"}

// readRedis reads what Redis and its kin answer to redisPacket: a bulk string
// of "name:value" lines, or a refusal.
// https://redis.io/docs/latest/develop/reference/protocol-spec
func readRedis(b []byte) (answer, verdict) {
	if len(b) == 0 {
		return answer{}, partial
	}
	if b[0] != '-' && b[0] != '$' {
		return answer{}, other
	}
	first, text, whole := strings.Cut(string(b), "\r\n")
	if !whole {
		return answer{}, partial
	}
	a := answer{engine: engine.Redis, product: "Redis"}
	for _, word := range redisRefusals {
		if strings.HasPrefix(first, word) {
			return a, match
		}
	}
	size, err := strconv.ParseUint(first[1:], 10, 16)
	if first[0] != '$' || err != nil {
		return answer{}, other
	}
	if uint64(len(text)) < size+2 { // it ends with a line end of its own
		return answer{}, partial
	}
	fields := map[string]string{}
	for line := range strings.Lines(text[:size]) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if printable([]byte(value)) {
			fields[name] = value
		}
	}
	a.version, a.identity = fields["redis_version"], fields["run_id"]
	if v := fields["valkey_version"]; v != "" {
		a.product, a.version = "Valkey", v
	}
	if a.version == "" {
		return answer{}, other
	}
	return a, match
}

// MongoDB's wire protocol.
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol
const (
	mongoHeader  = 16
	mongoLongest = 48_000_000
	mongoMsg     = 2013 // OP_MSG
	mongoBody    = mongoHeader + 4 + 1
)

// readMongoDB reads the answer to mongoPacket, a buildInfo command. A server
// that does not want to tell its version is still MongoDB.
func readMongoDB(b []byte) (answer, verdict) {
	if len(b) < mongoHeader {
		return answer{}, partial
	}
	size := binary.LittleEndian.Uint32(b)
	if size < mongoBody+5 || size > mongoLongest ||
		binary.LittleEndian.Uint32(b[8:]) != mongoRequest || // not an answer to us
		binary.LittleEndian.Uint32(b[12:]) != mongoMsg {
		return answer{}, other
	}
	if uint32(len(b)) < size && len(b) < longestAnswer {
		return answer{}, partial
	}
	a := answer{engine: engine.MongoDB, product: "MongoDB"}
	for name, value := range documentStrings(b[mongoBody:min(len(b), int(size))]) {
		switch name {
		case "version":
			a.version = value
		case "ferretdbVersion":
			a.product = "FerretDB"
		}
	}
	return a, match
}

// printable reports whether a server's text may be shown as it is.
func printable(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) < 0
}
