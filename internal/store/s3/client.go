package s3

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// attempts is how often a request is tried, maxBackoff the longest wait in
	// between; waits double and are random. Together that is about half a
	// minute. Who runs the backup tries again for longer.
	attempts   = 6
	maxBackoff = 15 * time.Second
	// silence is how long a connection may carry nothing: a server that puts
	// the parts of a large object together says nothing for a while.
	silence = 3 * time.Minute
)

// tuning is what tests set.
type tuning struct {
	wrap    func(http.RoundTripper) http.RoundTripper // around the network
	backoff func(attempt int) time.Duration           // between attempts
	clock   func() time.Time
	part    int64 // bytes of every part; 0: as partSize says
}

// newClient makes the client of Amazon's own library. Everything it may do is
// said here: it reads no file and no environment.
func newClient(cfg Config) *sdk.Client {
	options := sdk.Options{
		Region:       cfg.Region,
		UsePathStyle: cfg.PathStyle,
		Credentials:  aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(cfg.KeyID, cfg.Secret.Reveal(), "")),
		HTTPClient:   newHTTP(cfg),
		Retryer:      newRetryer(cfg),
		AppID:        "rahat-backup",
		// A clock that is wrong by a quarter of an hour also dates backups and
		// ends locks wrongly: it is said and not worked around.
		DisableClockSkewCorrection: true,
		// Whole objects and packs are checked by the repository's own seals,
		// which can tell damage from a broken line.
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	}
	if cfg.PlainChecksums {
		options.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}
	if cfg.Endpoint != "" {
		options.BaseEndpoint = aws.String(cfg.Endpoint)
	}
	return sdk.New(options)
}

func newRetryer(cfg Config) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = maxBackoff
		if cfg.backoff != nil {
			o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return cfg.backoff(attempt), nil })
		}
		// Two writers of one key met: Amazon asks to try again.
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(cutOff), retry.RetryableErrorCode{Codes: map[string]struct{}{"ConditionalRequestConflict": {}, "OperationAborted": {}}})
	})
}

// cutOff says that an answer which ended too early is worth another try. What
// the request did is then not known: see settle.
func cutOff(err error) aws.Ternary {
	if isCutOff(err) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

func newHTTP(cfg Config) *http.Client {
	var transport http.RoundTripper = network
	if cfg.wrap != nil {
		transport = cfg.wrap(transport)
	}
	// A redirect means the wrong region: followed, it would only fail later
	// and less clearly, because the signature holds for one host.
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// network keeps the connections of all stores, so that one that is opened again
// need not greet the server anew.
var network = &http.Transport{
	Proxy: http.ProxyFromEnvironment,
	DialContext: func(ctx context.Context, kind, address string) (net.Conn, error) {
		dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
		conn, err := dialer.DialContext(ctx, kind, address)
		if err != nil {
			return nil, err
		}
		return &talking{conn}, nil
	},
	TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	TLSHandshakeTimeout: 20 * time.Second,
	MaxIdleConnsPerHost: 16,
	IdleConnTimeout:     time.Minute,
	WriteBufferSize:     64 << 10,
	ReadBufferSize:      64 << 10,
	DisableCompression:  true,
}

// talking is a connection that breaks when nothing moves on it.
type talking struct{ net.Conn }

func (c *talking) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *talking) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
