package repository

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/store"
)

// A Slot is one way into a repository, as anybody who sees the store can tell
// it from the others.
type Slot struct {
	ID        string    // 32 hex digits, for good
	Kind      string    // "passphrase", "secret" or "age"; empty: damaged, or of a newer version
	Recipient string    // of an age slot
	Created   time.Time // by the store's clock
	Opened    bool      // this Repository was opened, or made, with it
}

// Slots lists the ways in, in the order of their IDs. One whose object cannot
// be understood is listed without a kind.
func (r *Repository) Slots(ctx context.Context) ([]Slot, error) {
	var all []Slot
	for o, err := range r.st.List(ctx, keysPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", keysPrefix, err)
		}
		line := Slot{ID: strings.TrimPrefix(o.Key, keysPrefix), Created: o.Modified, Opened: o.Key == r.slot}
		s, err := readSlot(ctx, r.st, o.Key)
		switch {
		case err == nil:
			line.Kind, line.Recipient = s.Kind, s.Recipient
		case errors.Is(err, store.ErrNotFound): // removed since it was listed
			continue
		case !isDamage(err):
			return nil, err
		}
		all = append(all, line)
	}
	return all, nil
}

// RemoveSlot takes one way in away. ErrNoSuchSlot; ErrLastKey for the last one
// that can be understood and for the one this Repository was opened with: who
// removes a key must hold another that works. [store.ErrLocked] while the
// store forbids it.
func (r *Repository) RemoveSlot(ctx context.Context, id string) error {
	all, err := r.Slots(ctx)
	if err != nil {
		return err
	}
	name, there, others := keysPrefix+id, false, 0
	for _, s := range all {
		switch {
		case s.ID == id:
			there = true
		case s.Kind != "":
			others++
		}
	}
	if !there {
		return ErrNoSuchSlot.Because(nil, "id", id)
	}
	if name == r.slot || others == 0 {
		return ErrLastKey.Because(nil, "id", id)
	}
	b, err := readObject(ctx, r.st, name, maxSlot)
	if errors.Is(err, store.ErrNotFound) {
		return nil // somebody else was faster
	}
	if err != nil && !isDamage(err) {
		return err
	}
	if err := r.st.Delete(ctx, name); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return r.keepOneSlot(ctx, name, b)
}

// keepOneSlot puts a slot back when this Repository's own is gone: two
// machines that each remove the other's key at once must not lock out both.
func (r *Repository) keepOneSlot(ctx context.Context, name string, b []byte) error {
	ctx = context.WithoutCancel(ctx)
	_, err := r.st.Stat(ctx, r.slot)
	if err == nil {
		return nil
	}
	if perr := r.putOnce(ctx, name, b); perr != nil {
		return errors.Join(err, perr)
	}
	if errors.Is(err, store.ErrNotFound) {
		return ErrLastKey.Because(err, "id", strings.TrimPrefix(name, keysPrefix))
	}
	return fmt.Errorf("look at %s: %w", r.slot, err)
}
