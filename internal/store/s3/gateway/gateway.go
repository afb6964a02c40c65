// Package gateway starts a real S3 server, the Versity S3 Gateway, over a
// folder, for tests and benchmarks.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Variable names the environment variable that holds the path of the program.
const Variable = "RAHAT_TEST_S3"

// The owner's keys and the region of every gateway.
const (
	KeyID  = "RAHATTESTKEY"
	Secret = "rahat/test+secret" //nolint:gosec // of a server that lives as long as a test
	Region = "eu-central-1"
)

// ErrMissing: the program is not on this machine.
var ErrMissing = errors.New("no S3 server for tests on this machine: go run ./build setup fetches it and prints the variable " + Variable + " that names it")

// Program returns the path of the server: what [Variable] says, else what is in
// PATH.
func Program() (string, error) {
	if path := os.Getenv(Variable); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	return "", ErrMissing
}

// Server is a running gateway.
type Server struct {
	Endpoint string // http://127.0.0.1:port
	Dir      string // holds a folder for each bucket

	cmd  *exec.Cmd
	said *output
	done chan struct{}
}

// Start starts a server that keeps its buckets in dir, a folder that exists.
// Whoever starts it must call Stop.
func Start(ctx context.Context, dir string) (*Server, error) {
	var err error
	for range 3 { // a free port may be taken by another in the meantime
		s := &Server{Dir: filepath.Join(dir, "data")}
		if err = s.choosePort(ctx); err != nil {
			return nil, err
		}
		if err = s.run(ctx, dir); err == nil {
			return s, nil
		}
		if errors.Is(err, ErrMissing) || ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (s *Server) choosePort(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	s.Endpoint = "http://" + l.Addr().String()
	return l.Close()
}

func (s *Server) run(ctx context.Context, dir string) error {
	program, err := Program()
	if err != nil {
		return err
	}
	for _, name := range []string{"data", "versions", "iam"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return fmt.Errorf("make gateway folder: %w", err)
		}
	}
	s.said, s.done = &output{}, make(chan struct{})
	s.cmd = exec.Command(program, "--port", strings.TrimPrefix(s.Endpoint, "http://"), "--region", Region, "--keep-alive", "--quiet", //nolint:noctx // Stop ends it
		"--iam-dir", filepath.Join(dir, "iam"), "posix", "--versioning-dir", filepath.Join(dir, "versions"), s.Dir)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+KeyID, "ROOT_SECRET_KEY="+Secret)
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start gateway: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // it always ends by a signal, ours or not
		close(s.done)
	}()
	if err := s.answers(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// answers waits until the server does.
func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("the gateway does not answer"))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint, nil)
		if err != nil {
			return fmt.Errorf("ask gateway: %w", err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			http.DefaultClient.CloseIdleConnections()
			return res.Body.Close()
		}
		select {
		case <-s.done:
			return fmt.Errorf("the gateway ended: %s", s.said)
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), s.said)
		case <-tick.C:
		}
	}
}

// Stop ends the server at once, as a crash would. It may be called twice.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.done
}

// Restart starts a stopped server on the same port and folder.
func (s *Server) Restart(ctx context.Context) error { return s.run(ctx, filepath.Dir(s.Dir)) }

// PID returns the number of its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Client returns a client with the owner's keys. It does not try again.
func (s *Server) Client() *sdk.Client {
	return sdk.New(sdk.Options{
		Region: Region, BaseEndpoint: aws.String(s.Endpoint), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(KeyID, Secret, ""),
	})
}

// BucketOptions says what kind of bucket is made. The zero value is an ordinary
// one.
type BucketOptions struct {
	Versioned bool // keeps versions
	Locked    bool // Object Lock; keeps versions too
}

// MakeBucket makes a bucket.
func (s *Server) MakeBucket(ctx context.Context, name string, opt BucketOptions) error {
	client := s.Client()
	if _, err := client.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(opt.Locked),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		return fmt.Errorf("make bucket: %w", err)
	}
	if !opt.Versioned {
		return nil
	}
	return s.KeepVersions(ctx, name)
}

// KeepVersions makes a bucket keep versions from now on.
func (s *Server) KeepVersions(ctx context.Context, bucket string) error {
	_, err := s.Client().PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		return fmt.Errorf("keep versions: %w", err)
	}
	return nil
}

// output keeps what the server said.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() < 1<<20 {
		o.b.Write(p)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
