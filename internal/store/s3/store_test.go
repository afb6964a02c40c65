package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	mrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/store/storetest"
	"github.com/rahatbackup/rahat/internal/vault"
)

// config returns how a fresh bucket is reached. Requests are repeated at once.
func config(t testing.TB, s *s3test.Server, opt gateway.BucketOptions, options ...string) Config {
	t.Helper()
	return configAt(t, s.URL(s.Bucket(t, opt), "backups/of-mine", options...))
}

func configAt(t testing.TB, address string) Config {
	t.Helper()
	cfg, err := Parse(address, vault.NewSecret(gateway.Secret))
	if err != nil {
		t.Fatal(err)
	}
	cfg.backoff = func(int) time.Duration { return time.Millisecond }
	return cfg
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConforms(t *testing.T) {
	server := s3test.Start(t)
	for name, c := range map[string]struct {
		bucket  gateway.BucketOptions
		options []string
	}{
		"ordinary bucket":     {},
		"bucket of versions":  {bucket: gateway.BucketOptions{Versioned: true}},
		"bucket with locks":   {bucket: gateway.BucketOptions{Locked: true}},
		"checksums left away": {options: []string{"checksum", "required"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) store.Store { return open(t, config(t, server, c.bucket, c.options...)) })
		})
	}
}

// noise is n bytes that do not compress.
func noise(n int64) io.Reader { return io.LimitReader(mrand.NewChaCha8([32]byte{7}), n) }

func TestBodiesOfUnknownLengthComeBackWhateverTheirSize(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{}))
	for _, size := range []int64{0, 1, slab - 1, slab, slab + 1, firstPart - 1, firstPart, firstPart + 1, 2 * firstPart, 5*firstPart + 12345} {
		key := fmt.Sprint("size/", size)
		sum := sha256.New()
		// A reader with its end and last bytes at once, in odd pieces.
		o, err := s.Put(t.Context(), key, io.TeeReader(&uneven{r: noise(size)}, sum))
		if err != nil || o.Size != size {
			t.Fatalf("put %d bytes: %+v, %v", size, o, err)
		}
		r, err := s.Get(t.Context(), key, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		back := sha256.New()
		if n, err := io.Copy(back, r); err != nil || n != size || !bytes.Equal(back.Sum(nil), sum.Sum(nil)) {
			t.Errorf("%d bytes came back as %d, %v, or changed", size, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := uploads(t, server, s); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// uneven reads in pieces of odd sizes.
type uneven struct {
	r io.Reader
	n int
}

func (u *uneven) Read(p []byte) (int, error) {
	u.n = u.n%99991 + 7919
	return u.r.Read(p[:min(len(p), u.n)])
}

// uploads counts the unfinished uploads of a bucket.
func uploads(t *testing.T, server *s3test.Server, s *Store) int {
	t.Helper()
	out, err := server.Client().ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: &s.cfg.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

func TestPartsGrowToTerabytesInBoundedMemory(t *testing.T) {
	var total int64
	for n := 1; n <= maxParts; n++ {
		size := partSize(n)
		if size < 5<<20 || size > largestPart || n > 1 && size < partSize(n-1) {
			t.Fatalf("part %d has %d bytes", n, size)
		}
		if total += size; size > windowBytes && total < 58<<30 {
			t.Errorf("part %d, at %d bytes, does not fit into the window", n, total)
		}
	}
	if total < 1<<40 || partSize(math.MaxInt32) > largestPart {
		t.Errorf("10,000 parts hold %d bytes", total)
	}
}

func TestAnInterruptedPutLeavesNothing(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{}))
	why := errors.New("the source broke")
	for _, size := range []int64{0, 100, firstPart - 1, firstPart, 3*firstPart + 5} {
		_, err := s.Put(t.Context(), "a/b", io.MultiReader(noise(size), broken{why}))
		if !errors.Is(err, why) {
			t.Errorf("after %d bytes: %v, want the reader's error", size, err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		_, err = s.Put(ctx, "a/b", io.MultiReader(noise(size), reading(func() { cancel(stop) })))
		if !errors.Is(err, stop) {
			t.Errorf("stopped after %d bytes: %v, want the cause", size, err)
		}
	}
	if keys := storetest.Keys(t, s, ""); len(keys) != 0 || uploads(t, server, s) != 0 {
		t.Errorf("left: %q and %d uploads", keys, uploads(t, server, s))
	}
	storetest.Put(t, s, "a/b", []byte("x")) // the key is not burnt
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// reading calls itself at the end of what it reads.
type reading func()

func (f reading) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestALargeObjectIsNotReplaced(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{Versioned: true}))
	storetest.Put(t, s, "a", []byte("first"))
	if _, err := s.Put(t.Context(), "a", noise(firstPart+9)); !errors.Is(err, store.ErrExists) {
		t.Errorf("large over small: %v", err)
	}
	// The other writer comes while we send.
	late := reading(func() { storetest.Put(t, s, "b", []byte("other")) })
	if _, err := s.Put(t.Context(), "b", io.MultiReader(noise(2*firstPart), late)); !errors.Is(err, store.ErrExists) {
		t.Errorf("the later of two: %v", err)
	}
	if got := storetest.Get(t, s, "a"); string(got) != "first" {
		t.Errorf("a is %.20q", got)
	}
	if got := storetest.Get(t, s, "b"); string(got) != "other" || uploads(t, server, s) != 0 {
		t.Errorf("b is %.20q, %d uploads are left", got, uploads(t, server, s))
	}
}

func TestAServerThatCannotRefuseIsAskedFirst(t *testing.T) {
	server := s3test.Start(t)
	cfg := config(t, server, gateway.BucketOptions{})
	knows := false
	cfg.wrap = func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-None-Match") == "" {
				return next.RoundTrip(r)
			}
			knows = true
			return answer(r, http.StatusNotImplemented, "<Error><Code>NotImplemented</Code><Message>a header is not implemented</Message></Error>"), nil
		})
	}
	s := open(t, cfg)
	for key, size := range map[string]int64{"small": 10, "large": firstPart + 10} {
		if o, err := s.Put(t.Context(), key, noise(size)); err != nil || o.Size != size {
			t.Errorf("%s: %+v, %v", key, o, err)
		}
		if _, err := s.Put(t.Context(), key, noise(5)); !errors.Is(err, store.ErrExists) {
			t.Errorf("%s again: %v, want ErrExists", key, err)
		}
	}
	if !knows {
		t.Error("the condition was never tried")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func TestAVersionedBucketGivesItsRoomBack(t *testing.T) {
	server := s3test.Start(t)
	for name, opt := range map[string]gateway.BucketOptions{"from the start": {Versioned: true}, "since it was opened": {}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config(t, server, opt))
			if !opt.Versioned {
				storetest.Put(t, s, "old", []byte("x"))
				if err := server.KeepVersions(t.Context(), s.cfg.Bucket); err != nil {
					t.Fatal(err)
				}
			} else {
				storetest.Put(t, s, "old", noiseBytes(firstPart+1))
			}
			storetest.Put(t, s, "new", []byte("y"))
			for _, key := range []string{"old", "new", "never"} {
				if err := s.Delete(t.Context(), key); err != nil {
					t.Errorf("delete %s: %v", key, err)
				}
			}
			out, err := server.Client().ListObjectVersions(t.Context(), &sdk.ListObjectVersionsInput{Bucket: &s.cfg.Bucket})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Versions) != 0 || len(out.DeleteMarkers) != 0 {
				t.Errorf("%d versions and %d marks of deletion are left", len(out.Versions), len(out.DeleteMarkers))
			}
		})
	}
}

func noiseBytes(n int64) []byte {
	b, _ := io.ReadAll(noise(n)) // it cannot fail
	return b
}

func TestALockForbidsDeletionUntilItsTime(t *testing.T) {
	server := s3test.Start(t)
	for _, mode := range []string{"compliance", "governance"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := open(t, config(t, server, gateway.BucketOptions{Locked: true}, "lock", mode))
			storetest.Put(t, s, "kept", []byte("x"))
			until := time.Now().Add(4 * time.Second)
			retain(t, s, "kept", until)
			retain(t, s, "kept", until.Add(-3*time.Second)) // a longer lock stays
			if err := s.Delete(t.Context(), "kept"); !errors.Is(err, store.ErrLocked) {
				t.Errorf("delete: %v, want ErrLocked", err)
			}
			if got := storetest.Get(t, s, "kept"); string(got) != "x" {
				t.Errorf("it is now %q", got)
			}
			retain(t, s, "kept", until.Add(time.Second)) // longer is allowed
			for s.Delete(t.Context(), "kept") != nil && time.Now().Before(until.Add(30*time.Second)) {
				<-time.After(100 * time.Millisecond) // the server's clock is real
			}
			if time.Now().Before(until) {
				t.Error("deleted before its time")
			}
			if keys := storetest.Keys(t, s, ""); len(keys) != 0 {
				t.Errorf("still there: %q", keys)
			}
		})
	}
}

func retain(t *testing.T, s *Store, key string, until time.Time) {
	t.Helper()
	r, ok := store.As[store.Retainer](s)
	if !ok {
		t.Fatal("it cannot lock")
	}
	if err := r.Retain(t.Context(), key, until); err != nil {
		t.Errorf("lock until %v: %v", until, err)
	}
}

func TestABucketWithoutLocksSaysSo(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{}))
	storetest.Put(t, s, "a", []byte("x"))
	if err := s.Retain(t.Context(), "a", time.Now().Add(time.Hour)); !errors.Is(err, ErrNoObjectLock) {
		t.Errorf("%v, want ErrNoObjectLock", err)
	}
	if err := s.Retain(t.Context(), "a b", time.Now().Add(time.Hour)); err == nil {
		t.Error("a bad key was locked")
	}
}

func TestStaleUploadsAreEndedWhenItIsOpened(t *testing.T) {
	server := s3test.Start(t)
	cfg := config(t, server, gateway.BucketOptions{})
	s := open(t, cfg)
	begin := func(name string) {
		if _, err := server.Client().CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: &cfg.Bucket, Key: &name}); err != nil {
			t.Fatal(err)
		}
	}
	begin(cfg.Prefix + "/packs/dead")
	begin("another/program")
	open(t, cfg)
	if n := uploads(t, server, s); n != 2 {
		t.Errorf("%d uploads, want 2: they are young", n)
	}
	cfg.clock = func() time.Time { return time.Now().Add(25 * time.Hour) }
	open(t, cfg)
	if n := uploads(t, server, s); n != 1 {
		t.Errorf("%d uploads, want the other program's", n)
	}
}

func TestTwoPrefixesOfABucketAreTwoStores(t *testing.T) {
	server := s3test.Start(t)
	bucket := server.Bucket(t, gateway.BucketOptions{})
	one, two, all := open(t, configAt(t, server.URL(bucket, "a"))), open(t, configAt(t, server.URL(bucket, "ab/c"))), open(t, configAt(t, server.URL(bucket, "")))
	storetest.Put(t, one, "k", []byte("one"))
	storetest.Put(t, two, "k", []byte("two"))
	if got := storetest.Get(t, one, "k"); string(got) != "one" {
		t.Errorf("got %q", got)
	}
	if a, b, c := storetest.Keys(t, one, ""), storetest.Keys(t, two, ""), storetest.Keys(t, all, ""); len(a) != 1 || len(b) != 1 || len(c) != 2 {
		t.Errorf("%q, %q, %q", a, b, c)
	}
}

func TestManyObjectsAreListedPageByPage(t *testing.T) {
	if testing.Short() {
		t.Skip("two thousand objects take a while")
	}
	server := s3test.Start(t)
	s := open(t, config(t, server, gateway.BucketOptions{}))
	const n = 2100
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				name := aws.String(fmt.Sprintf("%sp/%05d", s.prefix, i))
				if _, err := s.client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &s.cfg.Bucket, Key: name, Body: strings.NewReader("x")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	keys := storetest.Keys(t, s, "p/")
	for i, key := range keys {
		if key != fmt.Sprintf("p/%05d", i) {
			t.Fatalf("number %d is %s", i, key)
		}
	}
	if len(keys) != n {
		t.Errorf("%d of %d", len(keys), n)
	}
}

func TestASlabBodyReadsAsOneStretch(t *testing.T) {
	want := make([]byte, 2*slab+77)
	if _, err := rand.Read(want); err != nil {
		t.Fatal(err)
	}
	b, more, err := fill(t.Context(), bytes.NewReader(want), 5*slab)
	if err != nil || more || b.size != int64(len(want)) {
		t.Fatalf("%d bytes, more %v, %v", b.size, more, err)
	}
	for range 3 {
		r := b.reader()
		got, err := io.ReadAll(&uneven{r: r})
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	p := make([]byte, 10)
	if n, err := b.ReadAt(p, b.size-3); n != 3 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	b.free()
	if b, more, err := fill(t.Context(), bytes.NewReader(want), slab+5); err != nil || !more || b.size != slab+5 {
		t.Errorf("a part: %v, %v", more, err)
	}
}
