package repository

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// Forget removes backups: their manifests, then their labels. The room they
// take is given back by [Repository.Prune]. Backups that lean on a forgotten
// one keep all they need. An id that is not there is no error. A backup that
// the store forbids to delete stays whole, the others go, and the error is
// [store.ErrLocked].
func (r *Repository) Forget(ctx context.Context, ids ...backup.ID) error {
	var locked []error
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !idPattern.MatchString(string(id)) {
			continue
		}
		name := manifestName(id)
		err := r.st.Delete(ctx, name)
		if errors.Is(err, store.ErrLocked) {
			locked = append(locked, fmt.Errorf("delete %s: %w", name, err))
			continue
		}
		if err != nil {
			return errors.Join(append(locked, fmt.Errorf("delete %s: %w", name, err))...)
		}
		gone[string(id)] = true
	}
	return errors.Join(append(locked, r.dropLabels(ctx, gone))...)
}

// dropLabels removes what is said of backups that are gone.
func (r *Repository) dropLabels(ctx context.Context, gone map[string]bool) error {
	prefix := labelPrefix
	if len(gone) == 1 {
		for id := range gone {
			prefix += id + "-"
		}
	}
	all, err := r.numbered(ctx, prefix)
	if err != nil {
		return err
	}
	for _, o := range all {
		if !gone[o.id] {
			continue
		}
		if err := r.st.Delete(ctx, o.name); err != nil {
			return fmt.Errorf("delete %s: %w", o.name, err)
		}
	}
	return nil
}

// Usage is what a repository takes.
type Usage struct {
	Backups, Packs int
	Bytes          int64 // of all objects in the store
}

// Usage counts what is in the store.
func (r *Repository) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	for o, err := range r.st.List(ctx, "") {
		if err != nil {
			return Usage{}, fmt.Errorf("list objects: %w", err)
		}
		u.Bytes += o.Size
		if _, ok := packSum(o.Key); ok {
			u.Packs++
		}
		if id, ok := strings.CutPrefix(o.Key, manifestPrefix); ok && idPattern.MatchString(id) {
			u.Backups++
		}
	}
	return u, nil
}
