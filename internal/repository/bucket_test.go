package repository

import (
	"errors"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/s3"
	"github.com/rahatbackup/rahat/internal/store/s3/gateway"
	"github.com/rahatbackup/rahat/internal/store/s3/s3test"
	"github.com/rahatbackup/rahat/internal/store/storetest"
	"github.com/rahatbackup/rahat/internal/vault"
)

// The life of a repository in a bucket of a real S3 server, with and without
// versions.
func TestARepositoryInABucket(t *testing.T) {
	server := s3test.Start(t)
	for name, opt := range map[string]gateway.BucketOptions{"ordinary": {}, "versions": {Versioned: true}} {
		if testing.Short() && opt.Versioned {
			continue
		}
		t.Run(name, func(t *testing.T) {
			st := openBucket(t, server, opt)
			opt := Options{CacheDir: t.TempDir()}
			r, err := Create(t.Context(), st, Slots{Secret: testSecret}, opt)
			if err != nil {
				t.Fatal(err)
			}
			// More than half of the first is of no use to the second, so that
			// however the parts share the packs, one of these is worth repacking.
			state := func(v int) []stream {
				return []stream{rowsPart("a", table(20000, v, 50)), bytesPart("b", randomBytes(16<<20, 1)), pagesPart("c", pages(100, uint64(v))), bytesPart("d", randomBytes(20<<20, uint64(v)))}
			}
			full := makeBackup(t, r, backup.Full, nil, state(0)...)
			inc := makeBackup(t, r, backup.Incremental, full, state(1)...)
			if inc.AddedBytes > full.AddedBytes*6/10 {
				t.Errorf("the second backup added %d bytes to %d", inc.AddedBytes, full.AddedBytes)
			}
			r, err = Open(t.Context(), st, opt, SecretKey(testSecret))
			if err != nil {
				t.Fatal(err)
			}
			mustHold(t, r, full.ID, state(0)...)
			if err := r.Forget(t.Context(), full.ID); err != nil {
				t.Fatal(err)
			}
			pruneUntilFreed(t, r)
			mustHold(t, r, inc.ID, state(1)...)
			rep, err := r.CheckAll(t.Context(), nil)
			if err != nil || len(rep.Damage) != 0 || rep.Packs == 0 {
				t.Fatalf("%+v, %v", rep, err)
			}
			if ids, err := r.Backups(t.Context()); err != nil || len(ids) != 1 || ids[0] != inc.ID {
				t.Errorf("%v, %v", ids, err)
			}
		})
	}
}

func openBucket(t *testing.T, server *s3test.Server, opt gateway.BucketOptions) store.Store {
	t.Helper()
	cfg, err := s3.Parse(server.URL(server.Bucket(t, opt), "backups"), vault.NewSecret(gateway.Secret))
	if err != nil {
		t.Fatal(err)
	}
	st, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// pruneUntilFreed prunes until room was given back: what is marked must be older
// than all who may use it, and the server's clock counts in seconds.
func pruneUntilFreed(t *testing.T, r *Repository) {
	t.Helper()
	var rep PruneReport
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-time.After(200 * time.Millisecond) {
		if rep, err = r.Prune(t.Context(), PruneOptions{}); err != nil {
			t.Fatal(err)
		}
		if rep.FreedBytes > 0 {
			return
		}
	}
	t.Errorf("no room was given back: %+v; there is %q", rep, storetest.Keys(t, r.st, ""))
}

// A bucket made without Object Lock is known before the first backup.
func TestABucketThatCannotLockIsSaid(t *testing.T) {
	r, err := Create(t.Context(), openBucket(t, s3test.Start(t), gateway.BucketOptions{}), Slots{Secret: testSecret}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.TryLock(t.Context()); !errors.Is(err, s3.ErrNoObjectLock) {
		t.Errorf("%v, want ErrNoObjectLock", err)
	}
}

// What is locked cannot be forgotten, by nobody, and stays whole.
func TestALockedBackupInABucketStays(t *testing.T) {
	st := openBucket(t, s3test.Start(t), gateway.BucketOptions{Locked: true})
	r, err := Create(t.Context(), st, Slots{Secret: testSecret}, Options{Lock: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.TryLock(t.Context()); err != nil {
		t.Errorf("the lock is tried: %v", err)
	}
	parts := []stream{bytesPart("a", randomBytes(300000, 1))}
	m := makeBackup(t, r, backup.Full, nil, parts...)
	if err := r.Forget(t.Context(), m.ID); !errors.Is(err, store.ErrLocked) {
		t.Errorf("forget: %v, want ErrLocked", err)
	}
	for o, err := range st.List(t.Context(), packsPrefix) {
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Delete(t.Context(), o.Key); !errors.Is(err, store.ErrLocked) {
			t.Errorf("delete %s: %v, want ErrLocked", o.Key, err)
		}
	}
	mustHold(t, openNow(t, st), m.ID, parts...)
}
