package window

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/version"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// agent is one with real events and a real socket, and nothing behind them.
type agent struct {
	t      *testing.T
	home   paths.Home
	api    int
	broker *queue.Broker
	asked  chan *http.Request // what is not a question for status or events

	server *http.Server
	end    context.CancelFunc // ends the streams as a stop does
	served chan struct{}
	// streams yields the connection of each event stream, once it is open.
	streams chan net.Conn
}

type connKey struct{}

// start starts an agent of home, which the test's end stops.
func start(t *testing.T, home paths.Home, api int) *agent {
	t.Helper()
	a := &agent{t: t, home: home, api: api, broker: queue.NewBroker(time.Now), asked: make(chan *http.Request, 10), served: make(chan struct{}), streams: make(chan net.Conn, 100)}
	path, err := home.Socket()
	if err != nil {
		t.Fatal(err)
	}
	l, err := ipc.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	base, end := context.WithCancel(context.Background())
	a.end = end
	a.server = &http.Server{
		Handler:     a,
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	go func() { _ = a.server.Serve(l); close(a.served) }() // ends with the server
	t.Cleanup(a.die)
	return a
}

// die ends the agent as a kill does: what it was saying is cut off.
func (a *agent) die() {
	a.server.Close()
	a.end()
	<-a.served
}

// stop ends the agent as it does when it is asked to.
func (a *agent) stop() {
	a.t.Helper()
	a.end()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.server.Shutdown(ctx); err != nil {
		a.t.Error(err)
	}
	<-a.served
}

// stream waits until somebody listens.
func (a *agent) stream() net.Conn {
	a.t.Helper()
	select {
	case conn := <-a.streams:
		return conn
	case <-time.After(patience):
		a.t.Fatal("nobody listens to the agent")
		return nil
	}
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(control.HeaderAPI, strconv.Itoa(a.api))
	w.Header().Set(control.HeaderVersion, "9.9.9")
	switch r.URL.Path {
	case "/api/hello":
		a.write(w, control.Hello{API: a.api, Version: "9.9.9", Epoch: a.broker.Epoch()})
	case "/api/status":
		a.write(w, control.StatusReport{Seq: a.broker.Seq(), Epoch: a.broker.Epoch()})
	case "/api/events":
		a.events(w, r)
	default:
		a.asked <- r
		fmt.Fprintf(w, "%s %s", r.Method, r.URL)
	}
}

func (a *agent) events(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		a.t.Error(err)
	}
	out := http.NewResponseController(w)
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok && out.Flush() == nil {
		a.streams <- conn
	}
	for e := range a.broker.Events(r.Context(), after, r.URL.Query().Get("epoch")) {
		data, err := json.Marshal(e)
		if err != nil {
			a.t.Error(err)
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
		if out.Flush() != nil {
			return // the client is gone
		}
	}
}

func (a *agent) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		a.t.Error(err)
	}
}

// page is what listens to the events of a window.
type page struct {
	t     *testing.T
	heard chan news
}

// news is one event that pages heard.
type news struct {
	event string
	data  []any
}

func newPage(t *testing.T) *page { return &page{t: t, heard: make(chan news, 10_000)} }

func (p *page) emit(event string, data ...any) { p.heard <- news{event, data} }

// next returns what comes next.
func (p *page) next() news {
	p.t.Helper()
	select {
	case n := <-p.heard:
		return n
	case <-time.After(patience):
		p.t.Fatal("nothing came")
		return news{}
	}
}

// link waits for news of the link that says up, and returns why it is not.
func (p *page) link(up bool) string {
	p.t.Helper()
	for {
		n := p.next()
		if n.event != EventLink || n.data[0] != up {
			continue
		}
		if up {
			return ""
		}
		why, ok := n.data[1].(*control.Problem)
		if !ok {
			p.t.Fatalf("the link is down without a reason: %+v", n)
		}
		return why.Code
	}
}

// event waits for an event of the agent.
func (p *page) event() control.Event {
	p.t.Helper()
	for {
		if n := p.next(); n.event == EventAgent {
			e, ok := n.data[0].(control.Event)
			if !ok {
				p.t.Fatalf("no event: %+v", n)
			}
			return e
		}
	}
}

// run runs a link until the test ends.
func run(t *testing.T, l *Link) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
}

// shortHome is a home whose socket has a short path.
func shortHome(t *testing.T) paths.Home { t.Helper(); return paths.Home(t.TempDir()) }

const ours = version.API
