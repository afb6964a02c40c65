package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/build/step"
)

// gatewayVersion is that of the Versity S3 Gateway, the S3 server of the tests:
// of those that can be built here it alone knows locks, versions and
// conditional writes.
const gatewayVersion = "v1.8.0"

// gateway returns the S3 server, built from its module if it is not there.
func gateway(ctx context.Context, out io.Writer) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "versitygw-"+gatewayVersion)
	program := filepath.Join(dir, "versitygw")
	if isFile(program) {
		return program, nil
	}
	fmt.Fprintf(out, "building the S3 server %s (a few minutes, once)\n", gatewayVersion)
	err = makeFolder(dir, func(temp string) error {
		install := step.Cmd("go", "install", "-trimpath", "github.com/versity/versitygw/cmd/versitygw@"+gatewayVersion)
		install.Dir = os.TempDir() // not in this module: its own go.mod counts
		_, err := install.With("GOBIN="+temp, "CGO_ENABLED=0", "GOFLAGS=").Output(ctx)
		return err
	})
	return program, err
}

// ForS3 makes sure that the S3 server is there and returns its path.
func ForS3(ctx context.Context, out io.Writer) (program string, err error) {
	err = locked(ctx, func() error {
		program, err = gateway(ctx, out)
		return err
	})
	return program, err
}
