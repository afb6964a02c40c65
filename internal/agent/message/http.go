package message

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/version"
)

const (
	// requestTime bounds one request, in the whole.
	requestTime = 10 * time.Second
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 64 << 10
)

// An answer is what an address answered, or the beginning of it.
type answer struct {
	status int
	text   []byte
	wait   time.Duration // how long it wants to be left alone; 0: it does not say
}

// post sends JSON to an address and returns the answer, whatever its status,
// unless it leads elsewhere.
func (s *Sender) post(ctx context.Context, to *url.URL, body []byte, header http.Header) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return a, ErrBadURL.Because(nil, "setting", "url") // the error names the address
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "RahatBackup/"+version.Version)
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: s.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer,
	}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return a, stopped(ctx, network(err, to.Hostname(), requestTime))
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil && len(text) == 0 {
		return a, stopped(ctx, network(err, to.Hostname(), requestTime))
	}
	if resp.StatusCode/100 == 3 {
		return a, ErrRedirect.Because(nil, "host", to.Hostname(), "status", strconv.Itoa(resp.StatusCode))
	}
	return answer{resp.StatusCode, text, retryAfter(resp.Header)}, nil
}

// stopped gives the reason why a request was ended from outside, if it was.
func stopped(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

// retryAfter reads how long a server wants to be left alone, in seconds.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(n > 0) || n > longestWait.Seconds() {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// A later is an error that says how long the other side wants to be left alone.
type later struct {
	error
	wait time.Duration
}

// Unwrap returns the error itself.
func (l later) Unwrap() error { return l.error }

// judge turns the status of an answer into a problem; nil for 2xx.
func (a answer) judge(host, why string) error {
	params := []string{"host", host, "status", strconv.Itoa(a.status), "reason", reason(why)}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return ErrUnauthorized.Because(nil, params...)
	case http.StatusGone:
		return ErrGone.Because(nil, params...)
	case http.StatusTooManyRequests:
		return later{ErrBusy.Because(nil, params...), a.wait}
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return ErrServer.Because(nil, params...)
	}
	switch a.status / 100 {
	case 2:
		return nil
	case 4:
		return ErrRejected.Because(nil, params...)
	}
	return later{ErrServer.Because(nil, params...), a.wait}
}

// encode makes JSON, in which < and & are as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
