package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"

	"github.com/zeebo/blake3"
)

// Reread reads whole packs in the order of their names, from behind from
// (empty: from the first), until at least n bytes were read or none is left;
// next is where to go on, empty when the round is complete. A round begins with
// the small objects: config, keys, manifests, labels, marks and leases. Every
// object is compared with its hash or its seal; no chunk is decoded, so it
// costs reading and little else.
//
// Report has packs and bytes as they are stored; of damage it names the
// object, and for a pack every backup that needs it. Copies of chunks found
// damaged are stored anew by the next backup that has them. Packs that come
// while a round is on may have to wait for the next.
func (r *Repository) Reread(ctx context.Context, from string, n int64, obs backup.Observe) (next string, rep Report, err error) {
	if err := r.refresh(ctx); err != nil {
		return from, Report{}, err
	}
	c := newChecker(r, obs, n)
	if from == "" {
		if err := c.reread(ctx); err != nil {
			return from, c.report(), err
		}
	}
	last, read, more := from, int64(0), false
	for o, err := range r.st.List(ctx, packsPrefix) {
		if err != nil {
			return last, c.report(), fmt.Errorf("list packs: %w", err)
		}
		sum, ok := packSum(o.Key)
		if !ok || o.Key <= from {
			continue
		}
		if more = read >= n && last != from; more {
			break
		}
		if err := c.rereadPack(ctx, o, sum); err != nil {
			return last, c.report(), err
		}
		last, read = o.Key, read+o.Size
		c.obs(backup.Progress{Phase: backup.PhaseRead, Item: o.Key, Done: read, Total: n})
	}
	c.rep.Bytes = read
	if !more {
		last = ""
	}
	return last, c.report(), nil
}

// reread checks what is not a pack.
func (c *checker) reread(ctx context.Context) error {
	ids, err := c.r.Backups(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		_, err := c.r.Manifest(ctx, id)
		switch {
		case err == nil || errors.Is(err, ErrNoBackup):
		case isDamage(err):
			c.id = id
			c.note("", manifestName(id), 0, 0, err)
		default:
			return err
		}
	}
	return c.small(ctx)
}

func (c *checker) rereadPack(ctx context.Context, o store.Object, sum [32]byte) error {
	err := c.wholePack(ctx, o, sum)
	switch {
	case errors.Is(err, store.ErrNotFound): // pruned meanwhile
		return nil
	case err == nil:
		c.packs[sum] = true
		return nil
	case !isDamage(err):
		return err
	}
	c.packs[sum] = true
	if cerr := c.doubt(ctx, sum); cerr != nil {
		return cerr
	}
	return c.concerned(ctx, o.Key, sum, err)
}

// doubt reads the copies in a damaged pack one by one, so that those that are
// wrong are known as such.
func (c *checker) doubt(ctx context.Context, sum [32]byte) error {
	l := newLoader(ctx, c.r, &view{})
	var buf []byte
	for _, num := range c.r.index.within(sum) {
		at := c.r.index.at(num)
		out, err := l.decode(buf[:0], &at)
		switch {
		case err == nil:
			buf = out
		case !isDamage(err):
			return err
		case !errors.As(err, new(*baseError)):
			c.r.spoil(&at)
		}
	}
	return nil
}

// within returns the copies in a pack.
func (x *index) within(sum [32]byte) (nums []int32) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	pack, ok := x.named[sum]
	if !ok {
		return nil
	}
	for i := range x.recs {
		if x.recs[i].pack == pack {
			nums = append(nums, int32(i))
		}
	}
	return nums
}

// concerned notes a damaged pack for every backup that was written with it.
func (c *checker) concerned(ctx context.Context, name string, sum [32]byte, why error) error {
	ids, err := c.r.Backups(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, id := range ids {
		d, err := c.r.document(ctx, id)
		switch {
		case isDamage(err) || errors.Is(err, ErrNoBackup):
			continue
		case err != nil:
			return err
		}
		for p := d.Packs; len(p) > 0; p = p[32:] {
			if bytes.Equal(p[:32], sum[:]) {
				c.id, found = id, true
				c.note("", name, 0, 0, why)
				break
			}
		}
	}
	if !found {
		c.id = ""
		c.note("", name, 0, 0, why)
	}
	return nil
}

// small opens every small object but the manifests.
func (c *checker) small(ctx context.Context) error {
	c.id = ""
	magics := map[string]string{labelPrefix: magicLabel, leasePrefix: magicLease, turnPrefix: magicLease, marksPrefix: magicMark}
	cfg, err := readConfig(ctx, c.r.st)
	switch {
	case err == nil && !c.r.keys.owns(cfg):
		c.note("", configName, 0, 0, damaged(configName, errNotSigned))
	case isDamage(err) || errors.Is(err, ErrNotFound):
		c.note("", configName, 0, 0, damaged(configName, err))
	case err != nil:
		return err
	}
	for _, prefix := range []string{keysPrefix, labelPrefix, leasePrefix, turnPrefix, marksPrefix} {
		for o, err := range c.r.st.List(ctx, prefix) {
			if err != nil {
				return fmt.Errorf("list %s: %w", prefix, err)
			}
			if magic := magics[prefix]; magic == "" {
				_, err = readSlot(ctx, c.r.st, o.Key)
			} else if ours(o.Key) {
				_, err = c.r.openSmall(ctx, o.Key, magic, maxMark)
			}
			switch {
			case err == nil || errors.Is(err, store.ErrNotFound): // gone since it was listed
			case isDamage(err):
				c.note("", o.Key, 0, 0, err)
			default:
				return err
			}
		}
	}
	return nil
}

func (c *checker) wholePack(ctx context.Context, o store.Object, sum [32]byte) error {
	if err := c.r.brokenPack(o.Key); err != nil {
		return err
	}
	r, err := c.r.st.Get(ctx, o.Key, 0, -1)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	h := blake3.New()
	_, err = io.Copy(h, r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	if [32]byte(h.Sum(nil)) != sum {
		return damaged(o.Key, errors.New("its name is not its hash"))
	}
	return nil
}
