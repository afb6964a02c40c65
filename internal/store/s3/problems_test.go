package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/vault"
)

func TestWhatIsWrongIsSaidRightAway(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t, gateway.BucketOptions{})
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><body><p>Welcome</p></body></html>")
	}))
	defer page.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	defer secure.Close()
	for name, c := range map[string]struct {
		address, secret string
		want            *problem.Problem
		param, value    string
	}{
		"no bucket":             {server.URL("no-such-bucket", ""), gateway.Secret, ErrNoBucket, "bucket", "no-such-bucket"},
		"wrong region":          {server.URL(bucket, "", "region", "us-west-2"), gateway.Secret, ErrWrongRegion, "right", gateway.Region},
		"wrong secret":          {server.URL(bucket, ""), "not-the-secret", ErrWrongSecret, "key_id", gateway.KeyID},
		"unknown key":           {server.URL(bucket, "", "key_id", "NOBODY"), gateway.Secret, ErrUnknownKey, "key_id", "NOBODY"},
		"a web page":            {server.URL(bucket, "", "endpoint", page.URL), gateway.Secret, ErrNotS3, "endpoint", page.URL},
		"https, it speaks http": {server.URL(bucket, "", "endpoint", strings.Replace(server.Endpoint, "http:", "https:", 1)), gateway.Secret, ErrNotS3, "", ""},
		"strange certificate":   {server.URL(bucket, "", "endpoint", secure.URL), gateway.Secret, ErrCertificate, "endpoint", secure.URL},
		"nobody there":          {server.URL(bucket, "p", "endpoint", "http://127.0.0.1:1"), gateway.Secret, store.ErrUnavailable, "place", "s3://" + bucket + "/p (http://127.0.0.1:1)"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configAt(t, c.address)
			cfg.Secret = vault.NewSecret(c.secret)
			_, err := Open(t.Context(), cfg)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if got := problem.Of(err); c.param != "" && got.Params[c.param] != c.value {
				t.Errorf("%s is %q, want %q", c.param, got.Params[c.param], c.value)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, cfg), c.secret) {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

// A bucket that is removed while we use it is not a bucket full of nothing.
func TestABucketThatIsGoneIsNotEmpty(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{}))
	s.cfg.Bucket = "gone"
	_, stat := s.Stat(t.Context(), "a")
	_, get := s.Get(t.Context(), "a", 0, -1)
	_, none := s.Get(t.Context(), "a", 0, 0)
	_, put := s.Put(t.Context(), "a", strings.NewReader("x"))
	_, large := s.Put(t.Context(), "a", noise(firstPart+1))
	var list error
	for _, err := range s.List(t.Context(), "") {
		list = err
	}
	for verb, err := range map[string]error{"stat": stat, "get": get, "get nothing": none, "put": put, "large put": large, "list": list,
		"delete": s.Delete(t.Context(), "a"), "lock": s.Retain(t.Context(), "a", time.Now())} {
		if !errors.Is(err, ErrNoBucket) {
			t.Errorf("%s: %v, want ErrNoBucket", verb, err)
		}
	}
}

// The requests are signed as by a computer whose clock is wrong; the server and
// its answer are real.
func TestAWrongClockIsSaidWithItsDifference(t *testing.T) {
	server := s3test.Start(t)
	for _, offset := range []time.Duration{3 * time.Hour, -40 * time.Minute} {
		cfg := config(t, server, gateway.BucketOptions{})
		cfg.clock = func() time.Time { return time.Now().Add(offset) }
		cfg.wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				keys, err := credentials.NewStaticCredentialsProvider(gateway.KeyID, gateway.Secret, "").Retrieve(r.Context())
				if err != nil {
					return nil, err
				}
				r.Header.Del("Authorization")
				if err := v4.NewSigner().SignHTTP(r.Context(), keys, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", gateway.Region, cfg.clock()); err != nil {
					return nil, err
				}
				return next.RoundTrip(r)
			})
		}
		_, err := Open(t.Context(), cfg)
		said, perr := time.ParseDuration(problem.Of(err).Params["difference"] + "s")
		if !errors.Is(err, ErrClockSkew) || perr != nil || (said-offset.Abs()).Abs() > 20*time.Second {
			t.Errorf("clock off by %v: %v", offset, err)
		}
	}
}

func TestAnswersOfOtherServersAreUnderstoodByAFakeServer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string // name: value
		body   string
		want   *problem.Problem
	}{
		"Amazon's redirect":     {301, "X-Amz-Bucket-Region: eu-west-3", "<Error><Code>PermanentRedirect</Code></Error>", ErrWrongRegion},
		"a redirect of no code": {307, "", "", ErrWrongRegion},
		"no right":              {403, "", "<Error><Code>AccessDenied</Code></Error>", store.ErrAccess},
		"storage cap":           {403, "", "<Error><Code>AccessDenied</Code><Message>Cannot upload files, storage cap exceeded.</Message></Error>", store.ErrNoSpace},
		"full disk":             {507, "", "<Error><Code>XMinioStorageFull</Code></Error>", store.ErrNoSpace},
		"quota":                 {403, "", "<Error><Code>QuotaExceeded</Code></Error>", store.ErrNoSpace},
		"checksums":             {400, "", "<Error><Code>InvalidArgument</Code><Message>Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call.</Message></Error>", ErrChecksums},
		"writers that meet":     {409, "", "<Error><Code>ConditionalRequestConflict</Code></Error>", store.ErrUnavailable},
		"a name too short":      {400, "", "<Error><Code>InvalidBucketName</Code></Error>", ErrNoBucket},
		"in an archive":         {403, "", "<Error><Code>InvalidObjectState</Code><Message>Not valid for its storage class</Message></Error>", ErrRefused},
		"a reason of its own":   {400, "", "<Error><Code>AccountProblem</Code><Message>Pay first.</Message></Error>", ErrRefused},
		"too many requests":     {429, "", "<Error><Code>TooManyRequests</Code></Error>", store.ErrUnavailable},
		"a line that broke off": {400, "", "<Error><Code>RequestTimeout</Code></Error>", store.ErrUnavailable},
		"overload":              {503, "", "<Error><Code>SlowDown</Code></Error>", store.ErrUnavailable},
		"breakdown":             {500, "", "<Error><Code>InternalError</Code></Error>", store.ErrUnavailable},
		"proxy":                 {502, "Content-Type: text/html", "<html>Bad gateway</html>", store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configAt(t, "s3://bucket?endpoint=http://192.0.2.1&region=us-east-1&key_id=K")
			cfg.wrap = func(http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) {
					a := answer(r, c.status, c.body)
					if k, v, ok := strings.Cut(c.header, ": "); ok {
						a.Header.Set(k, v)
					}
					return a, nil
				})
			}
			if _, err := Open(t.Context(), cfg); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			} else if c.header != "" && c.want == ErrWrongRegion && problem.Of(err).Params["right"] != "eu-west-3" {
				t.Errorf("right region %q", problem.Of(err).Params["right"])
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]Config{
		"s3://my.bucket":                                         {Bucket: "my.bucket", Region: "us-east-1"},
		"s3://b-1/a/b/?region=eu-west-1":                         {Bucket: "b-1", Prefix: "a/b", Region: "eu-west-1"},
		"s3://b-1?endpoint=http://[::1]:9000/&path_style=true":   {Bucket: "b-1", Endpoint: "http://[::1]:9000", Region: "us-east-1", PathStyle: true},
		"s3://b-1?provider=wasabi&region=eu-central-2":           {Bucket: "b-1", Endpoint: "https://s3.eu-central-2.wasabisys.com", Region: "eu-central-2", PlainChecksums: true},
		"s3://b-1?provider=b2&region=us-west-004":                {Bucket: "b-1", Endpoint: "https://s3.us-west-004.backblazeb2.com", Region: "us-west-004", PlainChecksums: true},
		"s3://b-1?provider=r2&account=0123abc":                   {Bucket: "b-1", Endpoint: "https://0123abc.r2.cloudflarestorage.com", Region: "auto", PlainChecksums: true},
		"s3://b-1?provider=minio&endpoint=https://nas:9000":      {Bucket: "b-1", Endpoint: "https://nas:9000", Region: "us-east-1", PathStyle: true},
		"s3://b-1?provider=wasabi&region=x-1&checksum=supported": {Bucket: "b-1", Endpoint: "https://s3.x-1.wasabisys.com", Region: "x-1"},
		"s3://b-1?lock=governance&exclusive=look":                {Bucket: "b-1", Region: "us-east-1", Governance: true, LookFirst: true},
	} {
		got, err := Parse(address, vault.NewSecret("ID:se:cret"))
		if err != nil || got.KeyID != "ID" || got.Secret.Reveal() != "se:cret" {
			t.Errorf("%s: %v", address, err)
		}
		got.KeyID, got.Secret = "", vault.Secret{}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n%+v, want\n%+v", address, got, want)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for address, want := range map[string]*problem.Problem{
		"":                                  store.ErrBadURL,
		"s3:bucket":                         store.ErrBadURL,
		"s3:///prefix":                      store.ErrBadURL,
		"s3://user:pass@bucket":             store.ErrBadURL,
		"s3://bucket/../up":                 store.ErrBadURL,
		"s3://bucket/a//b":                  store.ErrBadURL,
		"s3://bucket/a b":                   store.ErrBadURL,
		"s3://bucket#part":                  store.ErrBadURL,
		"s3://bucket?region=a%zz":           store.ErrBadURL,
		"file:///bucket":                    store.ErrBadURL,
		"s3://bucket?secret=x":              ErrOption,
		"s3://bucket?provider=ibm":          ErrOption,
		"s3://bucket?region=eu.evil.com/":   ErrOption,
		"s3://bucket?endpoint=ftp://host":   ErrOption,
		"s3://bucket?endpoint=host:9000":    ErrOption,
		"s3://bucket?endpoint=http://u:p@h": ErrOption,
		"s3://bucket?path_style=maybe":      ErrOption,
		"s3://bucket?checksum=none":         ErrOption,
		"s3://bucket?lock=no":               ErrOption,
		"s3://bucket?exclusive=no":          ErrOption,
		"s3://bucket?provider=wasabi":       ErrNoEndpoint,
		"s3://bucket?provider=r2":           ErrNoEndpoint,
		"s3://bucket?provider=minio":        ErrNoEndpoint,
	} {
		if _, err := Parse(address, vault.NewSecret("ID:secret")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	for _, c := range [][2]string{{"", ""}, {"", "secret"}, {"", ":secret"}, {"", "ID:"}, {"ID", ""}, {"ID", "  "}} {
		if _, err := Parse("s3://bucket?key_id="+c[0], vault.NewSecret(c[1])); !errors.Is(err, ErrNoKeys) {
			t.Errorf("key ID %q and secret %q: %v", c[0], c[1], err)
		}
	}
	if cfg, err := Parse("s3://bucket?key_id=ID", vault.NewSecret("a:b\n")); err != nil || cfg.KeyID != "ID" || cfg.Secret.Reveal() != "a:b" {
		t.Errorf("a secret with a colon: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("s3://bucket/prefix?endpoint=https://host:9000&region=eu-west-1&path_style=true&key_id=x", "secret")
	f.Add("s3://b-1?provider=r2&account=0123abc", "ID:secret")
	f.Fuzz(func(t *testing.T, address, secret string) {
		cfg, err := Parse(address, vault.NewSecret(secret))
		if err == nil {
			newClient(cfg)
			if cfg.Bucket == "" || cfg.KeyID == "" || cfg.Region == "" {
				t.Errorf("%q: %+v", address, cfg)
			}
		}
	})
}

func TestAStoppedOpenSaysWhy(t *testing.T) {
	why := errors.New("closing")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Open(ctx, configAt(t, "s3://bucket?endpoint=http://127.0.0.1:1&key_id=K")); !errors.Is(err, why) {
		t.Errorf("%v, want the cause", err)
	}
}
