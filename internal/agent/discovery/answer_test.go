package discovery

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
)

// mysqlPacket frames a payload as a server's first packet.
func mysqlPacket(payload string) string {
	return string([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, 0}) + payload
}

func mysqlGreets(version string, serial uint32) string {
	return mysqlPacket("\x0a" + version + "\x00" + string(binary.LittleEndian.AppendUint32(nil, serial)) +
		"12345678\x00\xfe\xf7\x08\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00123456789012\x00mysql_native_password\x00")
}

// mongoSays is an answer to mongoPacket with a document of these elements.
func mongoSays(elements string) string {
	p := binary.LittleEndian.AppendUint32(nil, uint32(mongoBody+4+len(elements)+1))
	p = binary.LittleEndian.AppendUint32(p, 7)
	p = binary.LittleEndian.AppendUint32(p, mongoRequest)
	p = binary.LittleEndian.AppendUint32(p, mongoMsg)
	p = append(p, 0, 0, 0, 0, 0)
	p = binary.LittleEndian.AppendUint32(p, uint32(4+len(elements)+1))
	return string(p) + elements + "\x00"
}

func bsonText(name, value string) string {
	return "\x02" + name + "\x00" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(value)+1))) + value + "\x00"
}

// tdsSays is an answer to preloginPacket with the options VERSION and
// ENCRYPTION.
func tdsSays(major, minor byte, build uint16) string {
	body := "\x01\x00\x11\x00\x01" + "\x00\x00\x0b\x00\x06" + "\xff" +
		string([]byte{major, minor, byte(build >> 8), byte(build), 0, 0}) + "\x01"
	// Offsets count from the start of the body: ENCRYPTION at 17, VERSION at 11.
	return string([]byte{tdsReply, 1, 0, byte(tdsHeader + len(body)), 0, 0, 1, 0}) + body
}

const redisInfo = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:0123abcd\r\ntcp_port:6379\r\n"

const valkeyInfo = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nrun_id:77\r\n"

func bulk(text string) string { return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n" }

// every reads with all readers, as no question does.
var every = []reader{readPostgres, readMySQL, readMongoDB, readRedis, readSQLServer}

var understood = []struct {
	name, bytes string
	read        reader
	want        answer
}{
	{"postgres without TLS", "N", readPostgres, answer{engine: "postgres", product: "PostgreSQL"}},
	{"postgres with TLS", "S", readPostgres, answer{engine: "postgres", product: "PostgreSQL", tls: true}},
	{"mariadb 10", mysqlGreets("5.5.5-10.11.19-MariaDB-0+deb12u1", 31), readMySQL, answer{engine: "mariadb", product: "MariaDB", version: "10.11.19", serial: 31}},
	{"mariadb 11", mysqlGreets("11.8.2-MariaDB-log", 1), readMySQL, answer{engine: "mariadb", product: "MariaDB", version: "11.8.2", serial: 1}},
	{"mysql 8", mysqlGreets("8.0.43-0ubuntu0.24.04.1", 1<<31), readMySQL, answer{engine: "mysql", product: "MySQL", version: "8.0.43", serial: 1 << 31}},
	{"mysql 9", mysqlGreets("9.4.0", 8), readMySQL, answer{engine: "mysql", product: "MySQL", version: "9.4.0", serial: 8}},
	{"mariadb turns away", mysqlPacket("\xff\x6a\x04Host '10.0.0.7' is not allowed to connect to this MariaDB server"), readMySQL,
		answer{engine: "mariadb", product: "MariaDB", refusal: "Host '10.0.0.7' is not allowed to connect to this MariaDB server"}},
	{"mysql is full", mysqlPacket("\xff\x10\x04Too many connections"), readMySQL, answer{engine: "mysql", product: "MySQL", refusal: "Too many connections", full: true}},
	{"redis", bulk(redisInfo), readRedis, answer{engine: "redis", product: "Redis", version: "7.0.15", identity: "0123abcd"}},
	{"valkey", bulk(valkeyInfo), readRedis, answer{engine: "redis", product: "Valkey", version: "8.1.1", identity: "77"}},
	{"redis with password", "-NOAUTH Authentication required.\r\n", readRedis, answer{engine: "redis", product: "Redis"}},
	{"redis in protected mode", "-DENIED Redis is running in protected mode\r\n", readRedis, answer{engine: "redis", product: "Redis"}},
	{"mongodb", mongoSays("\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f" + bsonText("version", "7.0.42") + bsonText("gitVersion", "x")), readMongoDB,
		answer{engine: "mongodb", product: "MongoDB", version: "7.0.42"}},
	{"mongodb, version behind other types", mongoSays("\x04modules\x00\x05\x00\x00\x00\x00" + "\x03openssl\x00\x05\x00\x00\x00\x00" + "\x08debug\x00\x00" + "\x10bits\x00\x40\x00\x00\x00" +
		"\x05b\x00\x02\x00\x00\x00\x00ab" + "\x0an\x00" + bsonText("version", "4.4.29")), readMongoDB, answer{engine: "mongodb", product: "MongoDB", version: "4.4.29"}},
	{"ferretdb", mongoSays(bsonText("version", "7.0.42") + bsonText("ferretdbVersion", "v1.24.2")), readMongoDB, answer{engine: "mongodb", product: "FerretDB", version: "7.0.42"}},
	{"mongodb that will not say", mongoSays("\x01ok\x00\x00\x00\x00\x00\x00\x00\x00\x00" + bsonText("errmsg", "no")), readMongoDB, answer{engine: "mongodb", product: "MongoDB"}},
	{"sql server 2022", tdsSays(16, 0, 4135), readSQLServer, answer{engine: "sqlserver", product: "Microsoft SQL Server", version: "16.0.4135"}},
}

func TestAnswersAreUnderstood(t *testing.T) {
	for _, tt := range understood {
		t.Run(tt.name, func(t *testing.T) {
			got, v := tt.read([]byte(tt.bytes))
			if v != match || got != tt.want {
				t.Errorf("got %+v, verdict %d, want %+v", got, v, tt.want)
			}
		})
	}
}

func TestAnswersMayComeInPieces(t *testing.T) {
	for _, tt := range understood {
		for n := range len(tt.bytes) {
			if _, v := tt.read([]byte(tt.bytes[:n])); v != partial {
				t.Fatalf("%s: verdict %d after %d of %d bytes, want partial", tt.name, v, n, len(tt.bytes))
			}
		}
	}
}

func TestNoAnswerIsTakenForAnother(t *testing.T) {
	for _, tt := range understood {
		matches := 0
		for _, read := range every {
			if _, v := read([]byte(tt.bytes)); v == match {
				matches++
			}
		}
		if matches != 1 {
			t.Errorf("%s: %d readers take it for theirs", tt.name, matches)
		}
	}
}

// strangers are what other services say.
var strangers = map[string]string{
	"ssh":          "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n",
	"smtp":         "220 mail.example.org ESMTP Postfix\r\n",
	"ftp":          "220 (vsFTPd 3.0.5)\r\n",
	"pop3":         "+OK Dovecot ready.\r\n",
	"imap":         "* OK IMAP4rev1 ready\r\n",
	"http":         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request",
	"tls alert":    "\x15\x03\x01\x00\x02\x02\x46",
	"nats":         "INFO {\"server_id\":\"x\"}\r\n",
	"pop3 error":   "-ERR unknown command\r\n",
	"memcached":    "ERROR\r\n",
	"mysql x":      "\x05\x00\x00\x00\x0b\x08\x05\x1a\x00",
	"vnc":          "RFB 003.008\n",
	"telnet":       "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27",
	"zeros":        strings.Repeat("\x00", 100),
	"huge mysql":   "\xff\xff\xff\x00\x0a",
	"bad mysql":    mysqlPacket("\x0a\x1b[31mevil\x00" + strings.Repeat("\x00", 20)),
	"cut mysql":    mysqlPacket("\x0a8.0.43"),
	"odd error":    mysqlPacket("\xff\x01\x00oops"),
	"mongo query":  string(mongoPacket),
	"mongo tiny":   "\x10\x00\x00\x00\x01\x00\x00\x00TAHR\xdd\x07\x00\x00",
	"mongo giant":  "\xff\xff\xff\x7f\x01\x00\x00\x00TAHR\xdd\x07\x00\x00",
	"tds empty":    "\x04\x01\x00\x09\x00\x00\x01\x00\xff",
	"tds far away": "\x04\x01\x00\x0e\x00\x00\x01\x00\x00\xff\xff\x00\x06\xff",
	"redis others": bulk("hello:world\r\n"),
	"redis huge":   "$99999999999999999999\r\n",
	"redis wrong":  "$-1\r\n",
	"yes":          "Sure\n",
}

func TestOtherServicesAreNotTakenForDatabases(t *testing.T) {
	for name, said := range strangers {
		for _, q := range questions {
			if a, v := identify([]byte(said), q.readers); v == match {
				t.Errorf("%s was taken for %+v", name, a)
			}
		}
		if a, v := identify([]byte(said), []reader{readMySQL}); v == match {
			t.Errorf("%s was taken for %+v", name, a)
		}
	}
}

func TestQuestionsAreAsTheProtocolsSay(t *testing.T) {
	if n := binary.BigEndian.Uint32(sslPacket); int(n) != len(sslPacket) || binary.BigEndian.Uint32(sslPacket[4:]) != 80877103 {
		t.Errorf("SSLRequest %x", sslPacket)
	}
	if n := binary.BigEndian.Uint16(preloginPacket[2:]); int(n) != len(preloginPacket) {
		t.Errorf("PRELOGIN says %d bytes, has %d", n, len(preloginPacket))
	}
	body := preloginPacket[tdsHeader:]
	end := bytes.IndexByte(body, tdsTerminator) + 1
	for at := 0; body[at] != tdsTerminator; at += tdsOption {
		offset, size := int(binary.BigEndian.Uint16(body[at+1:])), int(binary.BigEndian.Uint16(body[at+3:]))
		if offset != end {
			t.Errorf("option %d stands at %d, want %d", body[at], offset, end)
		}
		end += size
	}
	if end != len(body) {
		t.Errorf("options end at %d of %d", end, len(body))
	}
	if n := binary.LittleEndian.Uint32(mongoPacket); int(n) != len(mongoPacket) || binary.LittleEndian.Uint32(mongoPacket[mongoBody:]) != n-mongoBody {
		t.Errorf("OP_MSG lengths in %x", mongoPacket)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, tt := range understood {
		f.Add([]byte(tt.bytes))
	}
	for _, said := range strangers {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for _, read := range every {
			a, v := read(b)
			if v == match && (a.engine == "" || a.product == "") {
				t.Errorf("matched nothing: %+v", a)
			}
			if v != match && a != (answer{}) {
				t.Errorf("verdict %d, and yet %+v", v, a)
			}
			for _, text := range []string{a.version, a.refusal, a.identity} {
				if !printable([]byte(text)) {
					t.Errorf("unprintable %q", text)
				}
			}
		}
		if !bytes.Equal(before, b) {
			t.Error("changed its input")
		}
	})
}
