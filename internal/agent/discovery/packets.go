package discovery

import "encoding/binary"

// sslPacket asks PostgreSQL whether it speaks TLS (SSLRequest). It is the one
// question PostgreSQL answers without a line in its log.
var sslPacket = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// redisPacket asks Redis and its kin who they are: INFO server.
var redisPacket = []byte("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")

// mongoPacket asks MongoDB who it is: the command buildInfo, which needs no
// login, as an OP_MSG.
var mongoPacket = makeMongoPacket()

// mongoRequest numbers our request; the answer names it.
const mongoRequest = 0x52484154

func makeMongoPacket() []byte {
	// {buildInfo: 1, $db: "admin"}
	elements := []byte("\x10buildInfo\x00\x01\x00\x00\x00" + "\x02$db\x00\x06\x00\x00\x00admin\x00" + "\x00")
	body := binary.LittleEndian.AppendUint32(nil, uint32(4+len(elements)))
	body = append(body, elements...)

	p := binary.LittleEndian.AppendUint32(nil, uint32(mongoBody+len(body)))
	p = binary.LittleEndian.AppendUint32(p, mongoRequest)
	p = binary.LittleEndian.AppendUint32(p, 0) // answers nothing
	p = binary.LittleEndian.AppendUint32(p, mongoMsg)
	p = append(p, 0, 0, 0, 0) // flags
	p = append(p, 0)          // a body follows
	return append(p, body...)
}

// preloginPacket opens a TDS conversation: VERSION, ENCRYPTION (not
// supported, so that no TLS handshake is expected), INSTOPT, THREADID, MARS.
var preloginPacket = []byte{
	0x12, 1, 0, 47, 0, 0, 1, 0, // type, last packet, length, -, packet 1, -
	0, 0, 26, 0, 6,
	1, 0, 32, 0, 1,
	2, 0, 33, 0, 1,
	3, 0, 34, 0, 4,
	4, 0, 38, 0, 1,
	0xff,
	0, 0, 0, 0, 0, 0, // version of the client
	2,          // encryption: not supported
	0,          // instance: any
	0, 0, 0, 0, // thread
	0, // MARS: off
}
