// Package s3test starts real S3 servers for tests. A machine without one fails
// the test with how to get it: a skipped test proves nothing.
package s3test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
)

// Server is a gateway that ends with the test.
type Server struct{ *gateway.Server }

// Start starts a server.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := gateway.Start(context.WithoutCancel(t.Context()), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		unlock(t, filepath.Dir(s.Dir))
	})
	return &Server{s}
}

// unlock makes all folders writable, so that the test's folder can be removed.
func unlock(t testing.TB, dir string) {
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700) //nolint:gosec // folders of a test
	})
	if err != nil {
		t.Error(err)
	}
}

// Bucket makes a bucket and returns its name.
func (s *Server) Bucket(t testing.TB, opt gateway.BucketOptions) string {
	t.Helper()
	name := "b-" + strings.ToLower(rand.Text())
	if err := s.MakeBucket(t.Context(), name, opt); err != nil {
		t.Fatal(err)
	}
	return name
}

// URL returns the address of a prefix of a bucket, with the key ID and without
// the secret. Further options are given as name, value.
func (s *Server) URL(bucket, prefix string, options ...string) string {
	q := url.Values{"endpoint": {s.Endpoint}, "region": {gateway.Region}, "path_style": {"true"}, "key_id": {gateway.KeyID}}
	for i := 0; i+1 < len(options); i += 2 {
		q.Set(options[i], options[i+1])
	}
	u := url.URL{Scheme: "s3", Host: bucket, Path: "/" + prefix, RawQuery: q.Encode()}
	return u.String()
}
