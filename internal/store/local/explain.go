package local

import (
	"context"
	"errors"
	"io/fs"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
)

// errNotDir: a file stands where a folder is needed.
var errNotDir = errors.New("not a folder")

// explain gives an error of the system its code. key may be empty. Errors that
// have a code, come from the caller's reader or from ctx are left alone.
func (s *Store) explain(err error, key string) error {
	if err == nil {
		return nil
	}
	if keepAsIs(err) {
		return err
	}
	switch {
	case isNoSpace(err):
		return store.ErrNoSpace.Because(err, "place", s.shew)
	case errors.Is(err, fs.ErrPermission) || isReadOnly(err):
		return store.ErrAccess.Because(err, "place", s.shew)
	case isGone(err):
		return store.ErrUnavailable.Because(err, "place", s.shew)
	case key == "" && (errors.Is(err, errNotDir) || isNotDir(err)):
		return store.ErrNoFolder.Because(err, "place", s.shew)
	case key == "" && errors.Is(err, fs.ErrNotExist):
		return store.ErrUnavailable.Because(err, "place", s.shew)
	case errors.Is(err, fs.ErrExist):
		return store.ErrExists.Because(err, "key", key)
	case errors.Is(err, errNotDir) || isBadName(err):
		return store.ErrBadKey.Because(err, "key", key)
	case errors.Is(err, fs.ErrNotExist) || isNotDir(err):
		if gone := s.present(); gone != nil {
			return gone
		}
		return store.ErrNotFound.Because(err, "key", key)
	}
	return err
}

func keepAsIs(err error) bool {
	if _, ok := errors.AsType[*sourceError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*problem.Problem](err); ok {
		return true
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
