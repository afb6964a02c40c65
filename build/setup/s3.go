package setup

import (
	"context"
	"io"
)

// gatewayVersion is that of the Versity S3 Gateway, the S3 server of the tests:
// of those that can be built here it alone knows locks, versions and
// conditional writes.
const gatewayVersion = "v1.8.0"

// gateway returns the S3 server, built if it is not there.
func gateway(ctx context.Context, out io.Writer) (string, error) {
	return built(ctx, out, "github.com/versity/versitygw/cmd/versitygw", gatewayVersion)
}

// ForS3 makes sure that the S3 server is there and returns its path.
func ForS3(ctx context.Context, out io.Writer) (program string, err error) {
	err = locked(ctx, func() error {
		program, err = gateway(ctx, out)
		return err
	})
	return program, err
}
