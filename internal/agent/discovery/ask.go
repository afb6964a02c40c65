package discovery

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
)

// longestAnswer is how many bytes of one answer are read.
const longestAnswer = 64 << 10

// A question is one packet, and who understands what comes back.
type question struct {
	packet  []byte
	readers []reader
}

var (
	postgresQuestion  = question{sslPacket, []reader{readPostgres, readMySQL}}
	mongoQuestion     = question{mongoPacket, []reader{readMongoDB, readMySQL}}
	redisQuestion     = question{redisPacket, []reader{readRedis, readMySQL}}
	sqlServerQuestion = question{preloginPacket, []reader{readSQLServer, readMySQL}}
)

// questions by engine; MySQL is asked by listening.
var questions = map[string]question{
	engine.Postgres:  postgresQuestion,
	engine.MongoDB:   mongoQuestion,
	engine.SQLServer: sqlServerQuestion,
	engine.Redis:     redisQuestion,
}

// A plan is how one address is asked: wait for a greeting if wait is not zero,
// then put the questions, each over a connection of its own (the first uses
// that of the greeting) until one is answered. No plan has more than two
// questions, and nothing else is ever sent to who has not been recognised.
type plan struct {
	wait      time.Duration
	questions []question
}

// planFor returns the plan for a port where hint, an engine or "", is to be
// expected, and after it the engines of likely. With sure, nothing but hint
// can be there.
func (p pace) planFor(hint string, sure bool, likely []string) plan {
	var it plan
	switch {
	case hint == "":
		it.wait = p.greeting
	case family(hint) == engine.MySQL:
		it.wait = p.patient
	}
	order := []string{hint}
	if !sure {
		order = slices.Concat(order, likely, usuallyLikely)
	}
	for i, kind := range order {
		q, asked := questions[kind]
		if asked && !slices.Contains(order[:i], kind) && len(it.questions) < mostQuestions {
			it.questions = append(it.questions, q)
		}
	}
	return it
}

// mostQuestions is how often one address is spoken to, at most, before it is
// recognised.
const mostQuestions = 2

// usuallyLikely are the engines to expect behind a port of which nothing is
// known, as far as they do not greet.
var usuallyLikely = []string{engine.Postgres, engine.MongoDB}

// An outcome of asking one address.
type outcome int

const (
	unreachable outcome = iota // no connection, nothing sent
	unknown                    // somebody, but no database we know
	recognised
)

// dialer opens a connection to one address.
type dialer func(context.Context) (net.Conn, error)

// ask carries out a plan on one address.
func (d *Discovery) ask(ctx context.Context, w way, plan plan) (answer, outcome) {
	return d.pace.ask(ctx, func(ctx context.Context) (net.Conn, error) { return d.dial(ctx, w) }, plan)
}

// ask carries out a plan. It takes at most the sum of the plan's waits.
func (p pace) ask(ctx context.Context, dial dialer, plan plan) (answer, outcome) {
	conn, err := p.connect(ctx, dial)
	if err != nil {
		return answer{}, unreachable
	}
	defer func() { conn.Close() }()
	if plan.wait > 0 {
		a, v, silent := listen(conn, plan.wait, []reader{readMySQL})
		if v == match {
			return a, recognised
		}
		if !silent {
			return answer{}, unknown // greeted us in another tongue, or hung up
		}
	}
	for i, q := range plan.questions {
		if i > 0 {
			next, err := p.connect(ctx, dial)
			if err != nil {
				return answer{}, unknown
			}
			conn.Close()
			conn = next
		}
		if err := send(conn, q.packet, p.answer); err != nil {
			return answer{}, unknown
		}
		a, v, _ := listen(conn, p.answer, q.readers)
		if v == match {
			p.takeLeave(ctx, conn, a)
			return a, recognised
		}
		if v == other {
			return answer{}, unknown // answered: no need to disturb it again
		}
	}
	return answer{}, unknown
}

// connect dials, and ends the connection when ctx does.
func (p pace) connect(ctx context.Context, dial dialer) (net.Conn, error) {
	short, cancel := context.WithTimeout(ctx, p.dial)
	defer cancel()
	conn, err := dial(short)
	if err != nil {
		return nil, err
	}
	return &boundConn{Conn: conn, unbind: context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

// A boundConn is closed with its context.
type boundConn struct {
	net.Conn
	unbind func() bool
}

func (c *boundConn) Close() error {
	c.unbind()
	return c.Conn.Close()
}

func send(conn net.Conn, packet []byte, wait time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	_, err := conn.Write(packet)
	return err
}

// listen reads until the readers are sure or wait is over. Silent means that
// the other side kept the connection open and said nothing. A server that
// hangs up without a word gets the verdict partial: it may dislike the packet
// and like the next.
func listen(conn net.Conn, wait time.Duration, readers []reader) (a answer, v verdict, silent bool) {
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return answer{}, other, false
	}
	b := make([]byte, 0, 512)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := conn.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if n > 0 {
			if a, v = identify(b, readers); v != partial {
				return a, v, false
			}
		}
		if err != nil {
			if len(b) == 0 {
				return answer{}, partial, errors.Is(err, os.ErrDeadlineExceeded)
			}
			return answer{}, other, false // said something and did not finish it
		}
		if len(b) >= longestAnswer {
			return answer{}, other, false
		}
	}
}

// takeLeave spares PostgreSQL a line in its log: once it has agreed to TLS, a
// connection closed before the handshake is an error to it, one closed after
// is not. Nothing is sent through the tunnel, so the certificate is of no
// concern, and a handshake that fails has no consequence.
func (p pace) takeLeave(ctx context.Context, conn net.Conn, a answer) {
	if !a.tls {
		return
	}
	if err := conn.SetDeadline(time.Now().Add(p.answer)); err != nil {
		return
	}
	tunnel := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // see above
	if tunnel.HandshakeContext(ctx) == nil {
		_ = tunnel.Close() // conn is closed by who opened it, error or not
	}
}
