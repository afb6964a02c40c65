package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/rahatbackup/rahat/internal/recoverykit/paper"
	"github.com/rahatbackup/rahat/internal/store"
)

// maxReadme bounds what is read of a file that may be anybody's, in bytes.
const maxReadme = 64 << 10

// leaveReadme makes sure that the file which says how to restore lies beside
// the backups. It is for people; a destination that cannot take it is used all
// the same.
func (s *Server) leaveReadme(ctx context.Context, st store.Store, address string) {
	if err := writeReadme(ctx, st, address); err != nil {
		s.Log.WarnContext(ctx, "cannot write what to do beside the backups", "err", err)
	}
}

// writeReadme writes the file unless it is there in this version or a newer
// one. Objects are never replaced, so an old one is deleted first; should we
// die in between, the next time finds none.
func writeReadme(ctx context.Context, st store.Store, address string) error {
	present, err := readReadme(ctx, st)
	there := err == nil
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	case there && (paper.VersionOf(present) >= paper.ReadmeVersion || paper.VersionOf(present) < 0):
		return nil // below 0: it is somebody else's
	case there:
		if err := st.Delete(ctx, paper.ReadmeName); err != nil {
			return fmt.Errorf("delete old %s: %w", paper.ReadmeName, err)
		}
	}
	_, err = st.Put(ctx, paper.ReadmeName, bytes.NewReader(paper.Readme(address)))
	if err != nil && !errors.Is(err, store.ErrExists) { // another computer was faster
		return fmt.Errorf("write %s: %w", paper.ReadmeName, err)
	}
	return nil
}

func readReadme(ctx context.Context, st store.Store) (_ []byte, err error) {
	r, err := st.Get(ctx, paper.ReadmeName, 0, maxReadme)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", paper.ReadmeName, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}
