// Package s3 is a store in a bucket of Amazon S3 or of a server that speaks the
// same protocol.
//
// A key is the name of an object below the prefix of the address. A body of up
// to 20 MiB is written by one request, a larger one in parts of which several
// are on their way at once. Neither replaces an object: the server is told to
// refuse that. In a bucket that keeps versions, Delete removes the version
// itself, so that its room is given back. See DECISIONS.md.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rahatbackup/rahat/internal/store"
)

// Store is a prefix of a bucket that keeps objects. Its methods may be called
// from several goroutines and several processes.
type Store struct {
	cfg    Config
	client *sdk.Client
	prefix string // of object names: empty, or ends in a slash

	// versioned: the bucket keeps versions, or may.
	versioned atomic.Bool
	// heads: the server does not know "only if there is none", so Put looks
	// first. Two writers of one key at the same moment are then not kept apart.
	heads atomic.Bool
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Retainer = (*Store)(nil)
)

// Open returns the store in a bucket, which must exist. It makes sure that the
// address and the keys are right, and ends uploads below the prefix that
// somebody began more than a day ago and never finished.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg, client: newClient(cfg), prefix: cfg.Prefix}
	if s.prefix != "" {
		s.prefix += "/"
	}
	s.heads.Store(cfg.LookFirst)
	if err := s.present(ctx); err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	v, err := s.client.GetBucketVersioning(ctx, &sdk.GetBucketVersioningInput{Bucket: &cfg.Bucket})
	s.versioned.Store(err != nil || v.Status != "") // who may not ask must reckon with versions
	s.abortStale(ctx)
	return s, nil
}

// present returns nil when the bucket is there and may be read.
func (s *Store) present(ctx context.Context) error {
	out, err := s.client.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &s.prefix, MaxKeys: aws.Int32(1)})
	if err != nil {
		return s.explain(ctx, err, "")
	}
	if aws.ToString(out.Name) != s.cfg.Bucket { // a page that happens to be XML
		return ErrNotS3.Because(nil, "endpoint", s.cfg.host())
	}
	return nil
}

// name returns the object that holds key.
func (s *Store) name(ctx context.Context, key string) (*string, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := store.CheckKey(key); err != nil {
		return nil, err
	}
	return aws.String(s.prefix + key), nil
}

// Get implements [store.Store]. A connection that breaks is made anew where it
// broke.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	name, err := s.name(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("get object: %w", err)
	}
	if offset < 0 {
		return nil, fmt.Errorf("get object %s: negative offset", key)
	}
	if length == 0 { // a range of nothing cannot be asked for
		if _, err := s.Stat(ctx, key); err != nil {
			return nil, err
		}
		return io.NopCloser(strings.NewReader("")), nil
	}
	r := &reader{ctx: ctx, s: s, key: key, name: name, at: offset, end: -1}
	if length > 0 {
		r.end = offset + length
	}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("get object %s: %w", key, err)
	}
	return r, nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, key string) (store.Object, error) {
	name, err := s.name(ctx, key)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat object: %w", err)
	}
	h, err := s.head(ctx, key, name)
	if err != nil {
		return store.Object{}, fmt.Errorf("stat object %s: %w", key, err)
	}
	return describe(key, h.ContentLength, h.LastModified), nil
}

// head asks for an object's particulars. The answer to HEAD has no body that
// could say what was missing, so a bucket that is gone would look like an
// object that is: then the bucket itself is asked.
func (s *Store) head(ctx context.Context, key string, name *string) (*sdk.HeadObjectOutput, error) {
	h, err := s.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: name})
	if err == nil {
		return h, nil
	}
	if status(err) >= 300 && status(err) < 500 && ctx.Err() == nil {
		if gone := s.present(ctx); gone != nil {
			return nil, gone
		}
	}
	return nil, s.explain(ctx, err, key)
}

// List implements [store.Store]. It asks for a page of up to 1000 objects at a
// time. Objects whose names are not keys are passed over.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		pages := sdk.NewListObjectsV2Paginator(s.client, &sdk.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: aws.String(s.prefix + prefix)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(store.Object{}, fmt.Errorf("list objects: %w", s.explain(ctx, err, "")))
				return
			}
			if !s.yieldPage(ctx, page.Contents, yield) {
				return
			}
		}
	}
}

func (s *Store) yieldPage(ctx context.Context, page []types.Object, yield func(store.Object, error) bool) bool {
	for _, o := range page {
		key := strings.TrimPrefix(aws.ToString(o.Key), s.prefix)
		if store.CheckKey(key) != nil {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			yield(store.Object{}, fmt.Errorf("list objects: %w", err))
			return false
		}
		if !yield(describe(key, o.Size, o.LastModified), nil) {
			return false
		}
	}
	return true
}

// describe turns what the server says into an object. Some answers hold
// fractions of a second, others do not.
func describe(key string, size *int64, modified *time.Time) store.Object {
	return store.Object{Key: key, Size: aws.ToInt64(size), Modified: aws.ToTime(modified).UTC().Truncate(time.Second)}
}

// afterwards returns a context for what has to be tidied up even when ctx is
// over.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.WithoutCancel(ctx), tidyLimit, errTidy)
}

// tidyLimit bounds how long a Put that failed stays to tidy up.
const tidyLimit = 15 * time.Second

var errTidy = errors.New("the destination does not answer")
