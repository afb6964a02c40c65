package s3

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

// What can be wrong with an address, as a person meets it.
var (
	// ErrOption: the address says {option}={value}, which is not known.
	ErrOption = problem.New("s3.bad_option")
	// ErrNoEndpoint: {provider} needs {option} in the address.
	ErrNoEndpoint = problem.New("s3.option_missing")
	// ErrNoKeys: there is no key ID, or no secret that belongs to it.
	ErrNoKeys = problem.New("s3.no_keys")
)

// Config says where a bucket is and how to speak with its server. [Parse] makes
// one of an address.
type Config struct {
	Bucket    string
	Prefix    string // of all object names, without a slash at its ends; may be empty
	Endpoint  string // URL of the server; empty: Amazon's own for Region
	Region    string
	PathStyle bool // the bucket stands in the path and not in the host name
	KeyID     string
	Secret    vault.Secret // the secret access key
	// PlainChecksums leaves away the checksums that servers are asked to keep
	// beside an object. What is sent is still covered by its signature.
	PlainChecksums bool
	// Governance makes locks that those can take away who have a right of
	// their own for it.
	Governance bool
	// LookFirst asks whether an object is there before it is written, for
	// servers that cannot be told to refuse it.
	LookFirst bool

	tuning
}

// A preset is what is known about a provider. {region} and {account} in the
// endpoint stand for the options of these names.
type preset struct {
	endpoint, region string
	pathStyle, plain bool
	lookFirst        bool
}

// presets are by the name in "?provider=". Their endpoints are from the
// providers' documents. Who refuses the checksums that Amazon's software sends
// since 2025, or took long to accept them, is asked for none.
var presets = map[string]preset{
	"aws":    {region: "us-east-1"},
	"wasabi": {endpoint: "https://s3.{region}.wasabisys.com", plain: true},
	"b2":     {endpoint: "https://s3.{region}.backblazeb2.com", plain: true},
	"r2":     {endpoint: "https://{account}.r2.cloudflarestorage.com", region: "auto", plain: true},
	"minio":  {endpoint: "{endpoint}", region: "us-east-1", pathStyle: true},
}

// plainName is what a region or an account may be: it becomes part of a host
// name.
var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// bucketName is what a bucket may be called, at Amazon and elsewhere.
var bucketName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{1,62}$`)

// Parse reads an address such as
//
//	s3://bucket/prefix?endpoint=https://host:9000&region=eu-west-1&path_style=true&key_id=...
//	s3://bucket/prefix?provider=wasabi&region=eu-central-2&key_id=...
//
// The providers are aws, which is meant when neither provider nor endpoint is
// given, wasabi, b2, r2 (with account=) and minio (with endpoint=). Further
// options: checksum=required for servers that refuse checksums (supported is
// the default), lock=governance (compliance is the default), and
// exclusive=look for servers that cannot refuse to replace an object (refuse is
// the default).
//
// The secret is the secret access key, or KEYID:SECRET when the address names
// no key ID. No file and no environment variable of Amazon's own tools is read.
func Parse(address string, secret vault.Secret) (Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.User != nil || u.Opaque != "" || u.Fragment != "" || !bucketName.MatchString(u.Host) {
		return Config{}, store.ErrBadURL.Because(nil, "url", address)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" && (len(prefix) > 400 || !prefixName.MatchString(prefix)) {
		return Config{}, store.ErrBadURL.Because(nil, "url", address)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, store.ErrBadURL.Because(nil, "url", address)
	}
	cfg := Config{Bucket: u.Host, Prefix: prefix}
	if err := cfg.options(query); err != nil {
		return Config{}, err
	}
	return cfg, cfg.keys(query.Get("key_id"), secret)
}

// prefixName keeps to what needs no escaping anywhere.
var prefixName = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`)

// options fills in what the query says, over what the provider is known for.
func (c *Config) options(query url.Values) error {
	provider := query.Get("provider")
	if provider == "" && query.Has("endpoint") {
		c.Region = "us-east-1" // what servers of one's own take
	} else if err := c.preset(provider, query); err != nil {
		return err
	}
	for option, values := range query {
		if err := c.option(option, values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) preset(provider string, query url.Values) error {
	if provider == "" {
		provider = "aws"
	}
	p, ok := presets[provider]
	if !ok {
		return ErrOption.Because(nil, "option", "provider", "value", provider)
	}
	c.Region, c.PathStyle, c.PlainChecksums, c.LookFirst = p.region, p.pathStyle, p.plain, p.lookFirst
	if query.Has("endpoint") {
		return nil
	}
	c.Endpoint = p.endpoint
	for _, option := range []string{"region", "account", "endpoint"} {
		hole := "{" + option + "}"
		if !strings.Contains(c.Endpoint, hole) {
			continue
		}
		value := query.Get(option)
		if value == "" {
			return ErrNoEndpoint.Because(nil, "provider", provider, "option", option)
		}
		if !plainName.MatchString(value) {
			return ErrOption.Because(nil, "option", option, "value", value)
		}
		c.Endpoint = strings.ReplaceAll(c.Endpoint, hole, value)
	}
	return nil
}

// option takes one option of the query.
func (c *Config) option(option, value string) error {
	ok := true
	switch option {
	case "provider", "key_id", "account": // read elsewhere
	case "endpoint":
		e, err := url.Parse(value)
		ok = err == nil && (e.Scheme == "https" || e.Scheme == "http") && e.Host != "" && e.User == nil && e.RawQuery == ""
		c.Endpoint = strings.TrimSuffix(value, "/")
	case "region":
		ok = plainName.MatchString(value)
		c.Region = value
	case "path_style":
		ok = oneOf(value, "true", "false")
		c.PathStyle = value == "true"
	case "checksum":
		ok = oneOf(value, "supported", "required")
		c.PlainChecksums = value == "required"
	case "lock":
		ok = oneOf(value, "compliance", "governance")
		c.Governance = value == "governance"
	case "exclusive":
		ok = oneOf(value, "refuse", "look")
		c.LookFirst = value == "look"
	default:
		ok = false
	}
	if !ok {
		return ErrOption.Because(nil, "option", option, "value", value)
	}
	return nil
}

func oneOf(value string, known ...string) bool {
	for _, k := range known {
		if value == k {
			return true
		}
	}
	return false
}

// keys takes the two keys apart.
func (c *Config) keys(id string, secret vault.Secret) error {
	c.KeyID, c.Secret = id, secret
	first, rest, two := strings.Cut(strings.TrimSpace(secret.Reveal()), ":")
	switch {
	case two && (id == "" || id == first):
		c.KeyID, c.Secret = first, vault.NewSecret(rest)
	default:
		c.Secret = vault.NewSecret(strings.TrimSpace(secret.Reveal()))
	}
	if c.KeyID == "" || c.Secret.Empty() {
		return ErrNoKeys.Because(nil, "bucket", c.Bucket)
	}
	return nil
}

// place says where the store is, for people.
func (c *Config) place() string {
	place := "s3://" + c.Bucket
	if c.Prefix != "" {
		place += "/" + c.Prefix
	}
	if c.Endpoint != "" {
		place += " (" + c.host() + ")"
	}
	return place
}

// host names the server, for people.
func (c *Config) host() string {
	if c.Endpoint == "" {
		return "Amazon S3"
	}
	return c.Endpoint
}

func (c *Config) now() time.Time {
	if c.clock != nil {
		return c.clock()
	}
	return time.Now()
}
