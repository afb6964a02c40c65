package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/store"
)

// writerKey is the name of the metadata by which a writer knows its object
// again: an answer that got lost leaves open whether the object was written,
// and the repeated request is then refused because of the first one.
const writerKey = "rahat-writer"

// A writing is one Put.
type writing struct {
	s      *Store
	key    string
	name   *string
	writer map[string]string // metadata with writerKey
	size   int64
	room   window // for its parts in memory
}

// Put implements [store.Store]. It keeps at most 64 MiB in memory, or one part
// where that is larger (up to 256 MiB, in bodies of more than 58 GiB). After a failure it tidies up for at most 15 seconds; what a server
// that went away in that moment has kept is either nothing or the whole object.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	name, err := s.name(ctx, key)
	if err != nil {
		return store.Object{}, fmt.Errorf("put object: %w", err)
	}
	w := &writing{s: s, key: key, name: name, room: newWindow(), writer: map[string]string{writerKey: rand.Text()}}
	o, err := w.put(ctx, r)
	if err != nil {
		return store.Object{}, fmt.Errorf("put object %s: %w", key, err)
	}
	return o, nil
}

func (w *writing) put(ctx context.Context, r io.Reader) (store.Object, error) {
	first, more, err := fill(ctx, r, w.partSize(1))
	if err != nil {
		return store.Object{}, err
	}
	if !more {
		defer first.free()
		w.size = first.size
		if err := context.Cause(ctx); err != nil {
			return store.Object{}, err
		}
		return w.settle(ctx, w.whole(ctx, first))
	}
	return w.parts(ctx, first, r)
}

// partSize returns the bytes of part number n, from 1.
func (w *writing) partSize(n int) int64 {
	if w.s.cfg.part > 0 {
		return w.s.cfg.part
	}
	return partSize(n)
}

// onlyNew is the condition under which an object may be written.
func (w *writing) onlyNew() *string {
	if w.s.heads.Load() {
		return nil
	}
	return aws.String("*")
}

// whole writes a body by one request.
func (w *writing) whole(ctx context.Context, b *body) error {
	if w.s.heads.Load() {
		if err := w.absent(ctx); err != nil {
			return err
		}
	}
	in := &sdk.PutObjectInput{Bucket: &w.s.cfg.Bucket, Key: w.name, Body: b.reader(), ContentLength: &b.size, Metadata: w.writer, IfNoneMatch: w.onlyNew()}
	out, err := w.s.client.PutObject(ctx, in)
	if err != nil && in.IfNoneMatch != nil && status(err) == http.StatusNotImplemented {
		w.s.heads.Store(true)
		return w.whole(ctx, b)
	}
	if err == nil && out.VersionId != nil {
		w.s.versioned.Store(true)
	}
	return err
}

// absent returns ErrExists when the key is taken.
func (w *writing) absent(ctx context.Context) error {
	_, err := w.s.head(ctx, w.key, w.name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return store.ErrExists.Because(nil, "key", w.key)
}

// parts writes a body that does not fit into one request.
func (w *writing) parts(ctx context.Context, first *body, r io.Reader) (store.Object, error) {
	if err := w.absent(ctx); err != nil { // better now than after an hour
		first.free()
		return store.Object{}, err
	}
	in := &sdk.CreateMultipartUploadInput{Bucket: &w.s.cfg.Bucket, Key: w.name, Metadata: w.writer}
	if !w.s.cfg.PlainChecksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	begun, err := w.s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		first.free()
		return store.Object{}, w.s.explain(ctx, err, w.key)
	}
	done, err := w.send(ctx, begun.UploadId, first, r)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		w.s.abort(ctx, w.name, begun.UploadId)
		return store.Object{}, w.s.explain(ctx, err, w.key)
	}
	o, err := w.settle(ctx, w.complete(ctx, begun.UploadId, done))
	if err != nil {
		w.s.abort(ctx, w.name, begun.UploadId)
	}
	return o, err
}

// send reads and sends all parts. Several are on their way at once, as many as
// there is room for. It returns when none is on its way any more.
func (w *writing) send(ctx context.Context, upload *string, part *body, r io.Reader) ([]types.CompletedPart, error) {
	g, gctx := errgroup.WithContext(ctx)
	var done []types.CompletedPart
	slots := []*types.CompletedPart{}
	release, err := w.room.take(gctx, part.size)
	if err != nil {
		part.free()
		return nil, err
	}
	more := true
	for n := int32(1); ; n++ {
		w.size += part.size
		slot := &types.CompletedPart{PartNumber: aws.Int32(n)}
		slots = append(slots, slot)
		b, free := part, release
		g.Go(func() error {
			defer free()
			defer b.free()
			return w.sendPart(gctx, upload, b, slot)
		})
		if !more {
			break
		}
		if part, release, more, err = w.next(gctx, int(n)+1, r); err != nil {
			return nil, firstOf(g.Wait(), err)
		}
		if part == nil {
			break
		}
	}
	err = g.Wait()
	for _, s := range slots {
		done = append(done, *s)
	}
	return done, err
}

// firstOf returns the error of a part that failed, if one did, or else what the
// reader said: the failure of a part ends the reading.
func firstOf(part, reading error) error {
	if part != nil {
		return part
	}
	return reading
}

// next reads part number n. There is none when the body has ended exactly
// before it.
func (w *writing) next(ctx context.Context, n int, r io.Reader) (part *body, release func(), more bool, err error) {
	if n > maxParts {
		return nil, nil, false, ErrTooLarge.Because(nil, "key", w.key)
	}
	if release, err = w.room.take(ctx, w.partSize(n)); err != nil {
		return nil, nil, false, err
	}
	part, more, err = fill(ctx, r, w.partSize(n))
	if err == nil && part.size > 0 {
		return part, release, more, nil
	}
	if part != nil {
		part.free()
	}
	release()
	return nil, nil, false, err
}

func (w *writing) sendPart(ctx context.Context, upload *string, b *body, slot *types.CompletedPart) error {
	in := &sdk.UploadPartInput{Bucket: &w.s.cfg.Bucket, Key: w.name, UploadId: upload, PartNumber: slot.PartNumber, Body: b.reader(), ContentLength: &b.size}
	if !w.s.cfg.PlainChecksums {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
	}
	out, err := w.s.client.UploadPart(ctx, in)
	if err != nil {
		return err
	}
	slot.ETag, slot.ChecksumCRC32 = out.ETag, out.ChecksumCRC32
	return nil
}

// complete makes the parts one object.
func (w *writing) complete(ctx context.Context, upload *string, done []types.CompletedPart) error {
	if w.s.heads.Load() {
		if err := w.absent(ctx); err != nil {
			return err
		}
	}
	in := &sdk.CompleteMultipartUploadInput{Bucket: &w.s.cfg.Bucket, Key: w.name, UploadId: upload, IfNoneMatch: w.onlyNew(),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}
	out, err := w.s.client.CompleteMultipartUpload(ctx, in)
	if err != nil && in.IfNoneMatch != nil && status(err) == http.StatusNotImplemented {
		w.s.heads.Store(true)
		return w.complete(ctx, upload, done)
	}
	if err == nil && out.VersionId != nil {
		w.s.versioned.Store(true)
	}
	return err
}

// settle finds out what a write came to, whose request ended with wrote. An
// object of ours is there or it is not; the answer to the request alone does
// not say so when it got lost.
func (w *writing) settle(ctx context.Context, wrote error) (store.Object, error) {
	if errors.Is(wrote, store.ErrExists) {
		return store.Object{}, wrote
	}
	look, cancel := ctx, context.CancelFunc(func() {})
	if wrote != nil {
		look, cancel = afterwards(ctx)
	}
	defer cancel()
	h, err := w.s.head(look, w.key, w.name)
	switch {
	case err != nil && wrote == nil && !errors.Is(err, store.ErrNotFound):
		// It is there, the server said so; only its time is not known.
		return store.Object{Key: w.key, Size: w.size, Modified: time.Now().UTC().Truncate(time.Second)}, nil
	case err != nil && wrote == nil:
		return store.Object{}, err
	case err != nil:
		return store.Object{}, w.s.explain(ctx, wrote, w.key)
	case h.Metadata[writerKey] != w.writer[writerKey]:
		if wrote == nil || refused(wrote) {
			return store.Object{}, store.ErrExists.Because(wrote, "key", w.key)
		}
		return store.Object{}, w.s.explain(ctx, wrote, w.key)
	case ctx.Err() != nil && wrote != nil || aws.ToInt64(h.ContentLength) != w.size:
		err := fmt.Errorf("the object has %d bytes of %d: %w", aws.ToInt64(h.ContentLength), w.size, errors.Join(wrote, context.Cause(ctx)))
		return store.Object{}, errors.Join(err, w.s.Delete(look, w.key))
	}
	return describe(w.key, h.ContentLength, h.LastModified), nil
}

// refused reports whether a write was refused because of another object.
func refused(err error) bool {
	return status(err) == http.StatusPreconditionFailed || status(err) == http.StatusConflict
}
