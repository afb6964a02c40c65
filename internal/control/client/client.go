// Package client speaks the control API to the agent of this machine. Errors
// of the agent come back as *problem.Problem with their code and parameters,
// so [errors.Is] works across the socket.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/version"
)

// What can go wrong between a client and the agent.
var (
	// ErrUnreachable: no agent answers at {address}.
	ErrUnreachable = problem.New("control.unreachable")
	// ErrVersion: the agent speaks API {agent_api} (version {agent}), this
	// program {client_api} (version {client}).
	ErrVersion = problem.New("control.version_mismatch")
	// ErrProtocol: the agent's answer makes no sense: {cause}.
	ErrProtocol = problem.New("control.bad_answer")
	// ErrStart: the agent program could not be started: {cause}.
	ErrStart = problem.New("control.start_failed")
	// ErrNoAgent: there is no program {program} to start.
	ErrNoAgent = problem.New("control.agent_missing")
	// ErrSlowStart: the agent was started but did not answer within
	// {seconds} s.
	ErrSlowStart = problem.New("control.start_timeout")
)

// ErrStopped is the cause of an [ErrUnreachable] after an agent that was asked
// to stop. One that died says nothing of the kind.
var ErrStopped = errors.New("the agent was asked to stop")

// Dial connects to an agent.
type Dial func(ctx context.Context) (net.Conn, error)

// A Client talks to one agent. It opens connections as needed and keeps idle
// ones for a short while. Its methods may be called from several goroutines;
// how long one may take is up to its context.
type Client struct {
	http    *http.Client
	address string // for messages
}

// New returns a client that reaches its agent through dial. address names the
// agent in error messages.
func New(dial Dial, address string) *Client {
	t := &http.Transport{
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		IdleConnTimeout: 10 * time.Second,
		// The answers do not leave the machine.
		DisableCompression: true,
	}
	return &Client{http: &http.Client{Transport: t}, address: address}
}

// Default returns a client of the agent whose state is in home. It does not
// connect yet.
func Default(home paths.Home) *Client { return New(DialHome(home), string(home)) }

// DialHome connects to the agent whose state is in home, for those who pass
// requests on.
func DialHome(home paths.Home) Dial {
	return func(ctx context.Context) (net.Conn, error) {
		path, err := home.Socket()
		if err != nil {
			return nil, err
		}
		return ipc.Dial(ctx, path)
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one call: body may be nil, and so may the place for the answer.
type request struct {
	method, path string
	query        url.Values
	body, answer any
	// anyVersion lets the call pass between versions that do not fit.
	anyVersion bool
}

// do makes a call and decodes its answer.
func (c *Client) do(ctx context.Context, r request) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if r.answer == nil || resp.StatusCode == http.StatusNoContent {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	} else {
		err = json.NewDecoder(resp.Body).Decode(r.answer)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return ErrProtocol.Because(fmt.Errorf("read answer to %s %s: %w", r.method, r.path, err), "cause", err.Error())
}

// send makes a call and returns its answer if that is 2xx, else its problem.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode body of %s %s: %w", r.method, r.path, err)
		}
		body = bytes.NewReader(b)
	}
	u, err := url.Parse("http://agent" + r.path)
	if err != nil {
		return nil, fmt.Errorf("make path %s: %w", r.path, err)
	}
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request %s %s: %w", r.method, r.path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !r.anyVersion {
		req.Header.Set(control.HeaderAPI, strconv.Itoa(version.API))
		req.Header.Set(control.HeaderVersion, version.Version)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if !r.anyVersion {
		err = checkVersion(resp.Header)
	}
	if err == nil && resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	if err == nil {
		err = readProblem(resp)
	}
	return nil, err
}

// unreachable says why there was no answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	return ErrUnreachable.Because(err, "address", c.address)
}

// checkVersion compares the API version that every answer carries with ours.
func checkVersion(h http.Header) error {
	api := h.Get(control.HeaderAPI)
	if api == strconv.Itoa(version.API) {
		return nil
	}
	return ErrVersion.Because(nil, control.MismatchParams(api, h.Get(control.HeaderVersion), strconv.Itoa(version.API), version.Version)...)
}

// readProblem rebuilds the agent's error.
func readProblem(resp *http.Response) error {
	var p control.Problem
	err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p)
	if err != nil || p.Code == "" {
		err = errors.Join(fmt.Errorf("status %s without a problem", resp.Status), err)
		return ErrProtocol.Because(err, "cause", err.Error())
	}
	return p.Err()
}
