package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/store/storetest"
)

// faults is a network on which the n-th request goes wrong, from 1, or every
// one from the n-th.
type faults struct {
	next    http.RoundTripper
	kind    string
	n       int
	forever bool

	mu    sync.Mutex
	calls int
	fired int
}

// The ways a request goes wrong. The server and its answers are real.
const (
	refused500 = "the server breaks down"
	unsentCall = "it is not sent"
	lostAnswer = "it is done and the answer is lost"
	halfSent   = "the line breaks after half of the request"
	halfRead   = "the line breaks after half of the answer"
	slowCall   = "it is slow"
)

var errLine = errors.New("the line broke on purpose")

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.calls++
	hit := f.calls == f.n || f.forever && f.calls > f.n
	if hit {
		f.fired++
	}
	f.mu.Unlock()
	if !hit {
		return f.next.RoundTrip(r)
	}
	switch f.kind {
	case refused500:
		return answer(r, http.StatusInternalServerError, "<Error><Code>InternalError</Code></Error>"), nil
	case unsentCall:
		return nil, errLine
	case halfSent:
		if r.ContentLength > 1 {
			body := io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{errLine})
			r.Body = struct {
				io.Reader
				io.Closer
			}{body, r.Body}
		}
	case slowCall:
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.Context().Done():
			return nil, context.Cause(r.Context())
		}
	}
	res, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch {
	case f.kind == lostAnswer:
		return nil, errors.Join(errLine, res.Body.Close())
	case f.kind == halfRead && res.ContentLength > 1 && r.Method != http.MethodHead:
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(res.Body, res.ContentLength/2), broken{io.ErrUnexpectedEOF}), res.Body}
	}
	return res, nil
}

// A walker does one piece of work with a fault in it.
type walker struct {
	t       *testing.T
	server  *s3test.Server
	cfg     Config // of a prefix of its own, without faults
	f       *faults
	errs    map[string]error
	objects map[string][]byte
}

// work opens the store and does one of everything.
func (w *walker) work(locked bool) {
	cfg := w.cfg
	cfg.wrap = func(next http.RoundTripper) http.RoundTripper { w.f.next = next; return w.f }
	s, err := Open(w.t.Context(), cfg)
	if w.errs["open"] = err; err != nil {
		return
	}
	for key, data := range w.objects {
		_, err := s.Put(w.t.Context(), key, &uneven{r: bytes.NewReader(data)})
		if w.errs["put "+key] = err; err != nil {
			continue
		}
		got, err := io.ReadAll(&getting{s: s, ctx: w.t.Context(), key: key})
		if w.errs["get "+key] = err; err == nil && !bytes.Equal(got, data) {
			w.t.Errorf("%s came back changed", key)
		}
		_, w.errs["stat "+key] = s.Stat(w.t.Context(), key)
		if locked {
			w.errs["lock "+key] = s.Retain(w.t.Context(), key, time.Now().Add(time.Hour))
		}
	}
	for _, err := range s.List(w.t.Context(), "") {
		w.errs["list"] = err
	}
	if !locked {
		w.errs["delete small"] = s.Delete(w.t.Context(), "small")
	}
}

// getting opens an object at the first read.
type getting struct {
	s   *Store
	ctx context.Context
	key string
	r   io.ReadCloser
}

func (g *getting) Read(p []byte) (n int, err error) {
	if g.r == nil {
		if g.r, err = g.s.Get(g.ctx, g.key, 0, -1); err != nil {
			return 0, err
		}
	}
	n, err = g.r.Read(p)
	if err != nil {
		_ = g.r.Close() // of a connection that may be broken
	}
	return n, err
}

// check looks at what is there by a store without faults.
func (w *walker) check() {
	w.t.Helper()
	s := open(w.t, w.cfg)
	for verb, err := range w.errs {
		switch {
		case err == nil:
		case !w.f.forever:
			w.t.Errorf("%s failed: %v", verb, err)
		case !errors.Is(err, store.ErrUnavailable):
			w.t.Errorf("%s: %v, code %s, want ErrUnavailable", verb, err, problem.Of(err).Code)
		}
	}
	for key, data := range w.objects {
		put, tried := w.errs["put "+key]
		got, err := io.ReadAll(&getting{s: s, ctx: w.t.Context(), key: key})
		deleted, gone := w.errs["delete "+key]
		switch {
		case errors.Is(err, store.ErrNotFound):
			if tried && put == nil && !gone {
				w.t.Errorf("%s was put and is not there", key)
			}
		case err != nil || !bytes.Equal(got, data):
			w.t.Errorf("%s is there and not whole: %d bytes, %v", key, len(got), err)
		case !tried || put != nil && !w.f.forever || gone && deleted == nil:
			w.t.Errorf("%s is there, put said %v, delete %v", key, put, deleted)
		}
	}
}

// leftovers counts uploads that even the next day's look does not end.
func (w *walker) leftovers() int {
	cfg := w.cfg
	cfg.clock = func() time.Time { return time.Now().Add(25 * time.Hour) }
	open(w.t, cfg)
	prefix := cfg.Prefix + "/"
	out, err := w.server.Client().ListMultipartUploads(w.t.Context(), &sdk.ListMultipartUploadsInput{Bucket: &cfg.Bucket, Prefix: &prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.Uploads)
}

// Every request of a store's life goes wrong in turn, in every way, once and for
// ever: once is got over, for ever is said, and no half of anything is left.
func TestAnyRequestThatGoesWrongIsGotOverOrSaid(t *testing.T) {
	server := s3test.Start(t)
	objects := map[string][]byte{"small": noiseBytes(1000), "large": noiseBytes(5<<20 + 17)}
	walks := 0
	for _, locked := range []bool{false, true} {
		bucket := server.Bucket(t, gateway.BucketOptions{Locked: locked})
		for _, kind := range []string{refused500, unsentCall, lostAnswer, halfSent, halfRead, slowCall} {
			for _, forever := range []bool{false, true} {
				if testing.Short() && (locked || kind != lostAnswer) {
					continue
				}
				if forever && (kind == slowCall || kind == halfSent || kind == halfRead) {
					continue
				}
				name := fmt.Sprintf("%s, for ever %v, locked %v", kind, forever, locked)
				walks++
				walk := walks
				t.Run(name, func(t *testing.T) {
					t.Parallel() // most of it is waiting for the next try
					for n := 1; ; n++ {
						w := &walker{t: t, server: server, errs: map[string]error{}, objects: objects, f: &faults{kind: kind, n: n, forever: forever},
							cfg: configAt(t, server.URL(bucket, fmt.Sprintf("walk-%d-%d", walk, n)))}
						w.cfg.part = 5 << 20
						w.work(locked)
						if w.f.fired == 0 {
							t.Logf("%d turns", n-1)
							return
						}
						w.check()
						if left := w.leftovers(); left != 0 {
							t.Errorf("%d uploads are left", left)
						}
						if t.Failed() {
							t.Fatalf("request %d", n)
						}
					}
				})
			}
		}
	}
}

// A server that is gone in the middle of an upload and back is found again by
// the next Put.
func TestAServerThatGoesAwayAndComesBack(t *testing.T) {
	server := s3test.Start(t)
	cfg := config(t, server, gateway.BucketOptions{})
	s := open(t, cfg)
	down := reading(func() { server.Stop() })
	if _, err := s.Put(t.Context(), "a", io.MultiReader(noise(firstPart*2), down)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("put while it goes: %v, want ErrUnavailable", err)
	}
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("stat while it is gone: %v", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := storetest.Keys(t, s, ""); len(keys) != 0 {
		t.Errorf("there is %q", keys)
	}
	storetest.Put(t, s, "a", []byte("x"))
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}
