package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
)

// What can go wrong with a bucket, as a person meets it.
var (
	// ErrNoBucket: there is no bucket {bucket}.
	ErrNoBucket = problem.New("s3.no_bucket")
	// ErrWrongRegion: {bucket} is not in {region} but in {right}.
	ErrWrongRegion = problem.New("s3.wrong_region")
	// ErrUnknownKey: the server does not know the key ID {key_id}.
	ErrUnknownKey = problem.New("s3.unknown_key")
	// ErrWrongSecret: the secret does not belong to the key ID {key_id}.
	ErrWrongSecret = problem.New("s3.wrong_secret")
	// ErrClockSkew: this computer's clock differs by {difference} seconds from
	// the server's, where it is {time}.
	ErrClockSkew = problem.New("s3.clock_skew")
	// ErrNoObjectLock: {bucket} was made without Object Lock.
	ErrNoObjectLock = problem.New("s3.no_object_lock")
	// ErrLockDenied: the key may not lock objects in {bucket}.
	ErrLockDenied = problem.New("s3.lock_denied")
	// ErrNotS3: at {endpoint} is something that does not speak S3.
	ErrNotS3 = problem.New("s3.not_s3")
	// ErrCertificate: the certificate of {endpoint} cannot be trusted.
	ErrCertificate = problem.New("s3.certificate")
	// ErrChecksums: the server refuses the checksums we send.
	ErrChecksums = problem.New("s3.checksums_refused")
	// ErrRefused: the server at {endpoint} refused, in words of its own: {answer}.
	ErrRefused = problem.New("s3.refused")
	// ErrTooLarge: {key} is larger than the store can keep.
	ErrTooLarge = problem.New("s3.too_large")
)

// code returns the server's name for an error, or nothing.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// status returns the HTTP status of an error, or 0.
func status(err error) int {
	if e, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}

// header returns a header of the answer that was an error.
func header(err error, name string) string {
	if e, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && e.Response != nil && e.Response.Response != nil {
		return e.Response.Header.Get(name)
	}
	return ""
}

// explain gives an error of the server or the network its code. key may be
// empty. Errors that have a code, or come from the caller's reader, are left
// alone; when ctx is over its cause is what went wrong.
func (s *Store) explain(ctx context.Context, err error, key string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*sourceError](err); ok {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errTidy) {
		return cause
	}
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return err
	}
	if e := s.explainAnswer(err, key); e != nil {
		return e
	}
	return s.explainNetwork(err)
}

// explainAnswer explains what the server said, by its code.
func (s *Store) explainAnswer(err error, key string) error {
	cfg := &s.cfg
	switch code(err) {
	case "NoSuchBucket", "InvalidBucketName":
		return ErrNoBucket.Because(err, "bucket", cfg.Bucket, "endpoint", cfg.host())
	case "NoSuchKey", "NotFound", "NoSuchVersion", "MethodNotAllowed": // the last: a mark of deletion
		return store.ErrNotFound.Because(err, "key", key)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently", "TemporaryRedirect":
		return ErrWrongRegion.Because(err, "bucket", cfg.Bucket, "region", cfg.Region, "right", rightRegion(err))
	case "SignatureDoesNotMatch":
		return ErrWrongSecret.Because(err, "key_id", cfg.KeyID)
	case "InvalidAccessKeyId":
		return ErrUnknownKey.Because(err, "key_id", cfg.KeyID)
	case "RequestTimeTooSkewed", "RequestExpired":
		return cfg.skew(err)
	case "PreconditionFailed":
		return store.ErrExists.Because(err, "key", key)
	case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioStorageQuotaExceeded":
		return store.ErrNoSpace.Because(err, "place", cfg.place())
	case "ObjectParentIsFile", "ExistingObjectIsDirectory", "DirectoryObjectContainsData", "XMinioParentIsObject", "XMinioObjectExistsAsDirectory",
		"KeyTooLongError":
		return store.ErrBadKey.Because(err, "key", key)
	case "ConditionalRequestConflict", "OperationAborted", // other writers, again and again
		"RequestTimeout", "IncompleteBody": // the line broke off, as the server saw it
		return store.ErrUnavailable.Because(err, "place", cfg.place())
	case "EntityTooLarge":
		return ErrTooLarge.Because(err, "key", key)
	case "InvalidObjectState": // moved to an archive: no right is missing
		return cfg.refused(err)
	}
	return s.explainStatus(err, key)
}

// explainStatus explains what the server said, by its status and words.
func (s *Store) explainStatus(err error, key string) error {
	cfg, said := &s.cfg, strings.ToLower(err.Error())
	switch n := status(err); {
	case n == http.StatusInsufficientStorage || n == http.StatusForbidden && strings.Contains(said, "cap exceeded"):
		return store.ErrNoSpace.Because(err, "place", cfg.place())
	case n == http.StatusForbidden || n == http.StatusUnauthorized:
		return store.ErrAccess.Because(err, "place", cfg.place())
	case n >= 400 && n < 600 && n != http.StatusServiceUnavailable && strings.Contains(said, "x-amz-") && (strings.Contains(said, "checksum") || strings.Contains(said, "trailer")):
		return ErrChecksums.Because(err, "endpoint", cfg.host())
	case n == http.StatusNotFound && code(err) != "":
		return store.ErrNotFound.Because(err, "key", key)
	case n >= 300 && n < 400:
		return ErrWrongRegion.Because(err, "bucket", cfg.Bucket, "region", cfg.Region, "right", rightRegion(err))
	case n >= 500 || n == http.StatusTooManyRequests || n == http.StatusRequestTimeout:
		return store.ErrUnavailable.Because(err, "place", cfg.place())
	case n >= 400 && code(err) != "":
		return cfg.refused(err)
	}
	return nil
}

// refused passes on what the server said, in its words: it knows more than we.
func (c *Config) refused(err error) error {
	said := code(err)
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorMessage() != "" {
		said += ": " + e.ErrorMessage()
	}
	return ErrRefused.Because(err, "endpoint", c.host(), "answer", said)
}

// explainNetwork explains what kept us from an answer.
func (s *Store) explainNetwork(err error) error {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return ErrCertificate.Because(err, "endpoint", s.cfg.host())
	}
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	_, notXML := errors.AsType[*smithy.DeserializationError](err)
	if notTLS || notXML && !isCutOff(err) || strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return ErrNotS3.Because(err, "endpoint", s.cfg.host())
	}
	if noAnswer(err) {
		return store.ErrUnavailable.Because(err, "place", s.cfg.place())
	}
	return err
}

// noAnswer reports whether a request came to no whole answer.
func noAnswer(err error) bool {
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	_, network := errors.AsType[net.Error](err)
	return unsent || network || isCutOff(err)
}

// isCutOff reports whether an answer ended too early. The parser of XML has its
// own words for it.
func isCutOff(err error) bool {
	return err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "unexpected EOF"))
}

// expecting is how servers name the right region in words.
var expecting = regexp.MustCompile(`expecting ['"]([a-z0-9-]+)['"]`)

// rightRegion returns the region the server says, or a question mark.
func rightRegion(err error) string {
	if r := header(err, "X-Amz-Bucket-Region"); r != "" {
		return r
	}
	if m := expecting.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return "?"
}

// skew says by how many seconds the clocks differ, and the server's time.
func (c *Config) skew(err error) error {
	theirs, perr := http.ParseTime(header(err, "Date"))
	if perr != nil {
		return ErrClockSkew.Because(err, "difference", "?", "time", "?")
	}
	seconds := strconv.FormatFloat(math.Abs(c.now().Sub(theirs).Round(time.Second).Seconds()), 'f', 0, 64)
	return ErrClockSkew.Because(err, "difference", seconds, "time", theirs.UTC().Format(time.RFC3339))
}

// noObjectLock reports whether the bucket cannot lock. Amazon and the others
// have no code of their own for it.
func noObjectLock(err error) bool {
	said := err.Error()
	return code(err) == "ObjectLockConfigurationNotFoundError" || status(err) == http.StatusNotImplemented ||
		code(err) == "InvalidRequest" && strings.Contains(strings.ReplaceAll(said, " ", ""), "missingObjectLockConfiguration")
}
