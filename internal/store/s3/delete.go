package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/rahatbackup/rahat/internal/store"
)

// maxVersions bounds how many versions of one key Delete removes. We write one;
// more are there only when something else wrote over it.
const maxVersions = 100

// Delete implements [store.Store]. In a bucket that keeps versions it removes
// the versions that can be seen, so that their room is given back. What is
// locked is [store.ErrLocked].
func (s *Store) Delete(ctx context.Context, key string) error {
	name, err := s.name(ctx, key)
	if err == nil {
		err = s.remove(ctx, key, name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete object %s: %w", key, err)
	}
	return nil
}

func (s *Store) remove(ctx context.Context, key string, name *string) error {
	for range maxVersions {
		var version *string
		if s.versioned.Load() {
			h, err := s.head(ctx, key, name)
			if err != nil {
				return err
			}
			version = h.VersionId
		}
		hidden, err := s.removeVersion(ctx, key, name, version)
		if err != nil {
			return err
		}
		if hidden == nil {
			if version == nil {
				return nil
			}
			continue
		}
		// The bucket began to keep versions after the object was written: what
		// was removed is only hidden behind a mark. The mark is taken away, and
		// the object, whose version is called null.
		s.versioned.Store(true)
		for _, v := range []*string{hidden, aws.String("null")} {
			if _, err := s.removeVersion(ctx, key, name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeVersion removes one version, or without one the object of a bucket that
// keeps none. If the bucket does keep them, hidden is the mark it made instead.
func (s *Store) removeVersion(ctx context.Context, key string, name, version *string) (hidden *string, err error) {
	out, err := s.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: name, VersionId: version})
	if err == nil {
		if version == nil && aws.ToBool(out.DeleteMarker) {
			hidden = out.VersionId
		}
		return hidden, nil
	}
	if denied(err) {
		if until, locked := s.lockedUntil(ctx, name); locked {
			return nil, store.Locked(key, until, err)
		}
	}
	return nil, s.explain(ctx, err, key)
}

// denied reports whether the server does not allow something: a lock looks like
// a right that is missing.
func denied(err error) bool {
	switch status(err) {
	case http.StatusForbidden, http.StatusBadRequest, http.StatusConflict:
		return true
	}
	return false
}

// lockedUntil says whether deletion is forbidden, and until when if there is an
// end to it. Who may not ask does not learn it.
func (s *Store) lockedUntil(ctx context.Context, name *string) (until time.Time, locked bool) {
	h, err := s.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: name})
	if err != nil {
		return time.Time{}, false
	}
	if t := aws.ToTime(h.ObjectLockRetainUntilDate); t.After(time.Now()) {
		return t, true
	}
	return time.Time{}, h.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn
}

// Retain implements [store.Retainer] by Object Lock: in the mode COMPLIANCE
// nobody can take the lock away before its time, in the mode GOVERNANCE those
// can who have a right of their own for it. A lock that lasts longer stays. The
// bucket must have been made with Object Lock, else it is [ErrNoObjectLock].
func (s *Store) Retain(ctx context.Context, key string, until time.Time) error {
	name, err := s.name(ctx, key)
	if err != nil {
		return fmt.Errorf("lock object: %w", err)
	}
	until = until.UTC().Add(time.Second - 1).Truncate(time.Second) // servers count in seconds
	mode := types.ObjectLockRetentionModeCompliance
	if s.cfg.Governance {
		mode = types.ObjectLockRetentionModeGovernance
	}
	_, err = s.client.PutObjectRetention(ctx, &sdk.PutObjectRetentionInput{Bucket: &s.cfg.Bucket, Key: name,
		Retention: &types.ObjectLockRetention{Mode: mode, RetainUntilDate: &until}})
	if err == nil {
		return nil
	}
	if err := s.explainLock(ctx, err, key, name, until); err != nil {
		return fmt.Errorf("lock object %s: %w", key, err)
	}
	return nil
}

// explainLock returns nil when a lock was refused because a longer one is there.
func (s *Store) explainLock(ctx context.Context, err error, key string, name *string, until time.Time) error {
	switch {
	case noObjectLock(err):
		return ErrNoObjectLock.Because(err, "bucket", s.cfg.Bucket)
	case !denied(err) || ctx.Err() != nil:
		return s.explain(ctx, err, key)
	}
	h, herr := s.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: name})
	if herr == nil && !aws.ToTime(h.ObjectLockRetainUntilDate).Before(until) {
		return nil
	}
	if code(err) == "AccessDenied" {
		return ErrLockDenied.Because(err, "bucket", s.cfg.Bucket)
	}
	return s.explain(ctx, err, key)
}

// staleAfter is the age at which an upload has no writer any more.
const staleAfter = 24 * time.Hour

// abortStale ends uploads whose writer died: their parts take room and nobody
// sees them. It looks at the first thousand, and what it cannot do it leaves to
// the next time: a key may lack the right to list uploads.
func (s *Store) abortStale(ctx context.Context) {
	out, err := s.client.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: &s.cfg.Bucket, Prefix: &s.prefix})
	if err != nil {
		return
	}
	for _, u := range out.Uploads {
		if u.Initiated != nil && s.cfg.now().Sub(*u.Initiated) > staleAfter {
			s.abort(ctx, u.Key, u.UploadId)
		}
	}
}

// abort ends an upload, so that its parts take no room. One that cannot be ended
// is found by a later abortStale.
func (s *Store) abort(ctx context.Context, name, upload *string) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_, _ = s.client.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: &s.cfg.Bucket, Key: name, UploadId: upload})
}
