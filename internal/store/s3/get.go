package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rahatbackup/rahat/internal/store"
)

// maxReopen is how often the connection of one reader may break.
const maxReopen = 8

// reader reads an object until the context is over.
type reader struct {
	ctx    context.Context
	s      *Store
	key    string
	name   *string
	body   io.ReadCloser
	etag   *string // of what was read so far
	at     int64   // where the next byte comes from
	end    int64   // where the range ends; -1: with the object, not known yet
	broken int     // times the connection broke
}

// open asks for the bytes from at to end.
func (r *reader) open() error {
	in := &sdk.GetObjectInput{Bucket: &r.s.cfg.Bucket, Key: r.name, IfMatch: r.etag}
	if r.end >= 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", r.at, r.end-1))
	} else if r.at > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.at))
	}
	out, err := r.s.client.GetObject(r.ctx, in)
	if status(err) == http.StatusRequestedRangeNotSatisfiable { // all of it lies beyond the end
		r.body, r.end = io.NopCloser(strings.NewReader("")), r.at
		return nil
	}
	if err != nil {
		if status(err) == http.StatusPreconditionFailed { // another object has the key by now
			return store.ErrNotFound.Because(err, "key", r.key)
		}
		return r.s.explain(r.ctx, err, r.key)
	}
	r.body, r.etag = out.Body, out.ETag
	if in.Range != nil && out.ContentRange == nil {
		return r.whole(aws.ToInt64(out.ContentLength))
	}
	r.end = r.at + aws.ToInt64(out.ContentLength)
	return nil
}

// whole copes with a server that knows no ranges, or not for an empty object:
// the answer is all of it.
func (r *reader) whole(size int64) error {
	if r.end < 0 || r.end > size {
		r.end = max(size, r.at)
	}
	if _, err := io.CopyN(io.Discard, r.body, min(r.at, size)); err != nil {
		return errors.Join(r.s.explain(r.ctx, err, r.key), r.body.Close())
	}
	return nil
}

func (r *reader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, fmt.Errorf("read object %s: %w", r.key, err)
	}
	if r.at >= r.end {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.at)])
	r.at += int64(n)
	if err == nil || r.at >= r.end {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if context.Cause(r.ctx) == nil && r.broken < maxReopen {
		r.broken++
		_ = r.body.Close() // of a connection that is broken
		r.body = http.NoBody
		if err = r.open(); err == nil {
			return n, nil
		}
	}
	return n, fmt.Errorf("read object %s: %w", r.key, r.s.explain(r.ctx, err, r.key))
}

func (r *reader) Close() error {
	if err := r.body.Close(); err != nil && context.Cause(r.ctx) == nil && r.at >= r.end {
		return fmt.Errorf("close object %s: %w", r.key, err)
	}
	return nil
}
