//go:build linux || darwin

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
)

func TestErrorsOfTheSystemGetTheirCode(t *testing.T) {
	s := open(t, t.TempDir())
	own := errors.New("something else")
	for _, c := range []struct {
		err  error
		key  string
		want error
	}{
		{unix.ENOSPC, "a", store.ErrNoSpace},
		{unix.EDQUOT, "a", store.ErrNoSpace},
		{unix.EFBIG, "a", store.ErrNoSpace},
		{unix.EACCES, "a", store.ErrAccess},
		{unix.EPERM, "", store.ErrAccess},
		{unix.EROFS, "a", store.ErrAccess},
		{unix.EIO, "a", store.ErrUnavailable},
		{unix.ESTALE, "a", store.ErrUnavailable},
		{unix.EHOSTDOWN, "", store.ErrUnavailable},
		{unix.ENOENT, "a", store.ErrNotFound},
		{unix.ENOENT, "", store.ErrUnavailable},
		{unix.ENOTDIR, "a/b", store.ErrNotFound},
		{unix.EEXIST, "a", store.ErrExists},
		{unix.ENAMETOOLONG, "a", store.ErrBadKey},
		{own, "a", own},
	} {
		err := fmt.Errorf("wrapped: %w", &fs.PathError{Op: "x", Path: "y", Err: c.err})
		got := s.explain(err, c.key)
		if !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%v (key %q): %v, want %v", c.err, c.key, got, c.want)
		}
		if p := problem.Of(got); p.Code == store.ErrNoSpace.Code && p.Params["place"] != s.shew {
			t.Errorf("%v does not say where: %v", c.err, p.Params)
		}
	}
}
