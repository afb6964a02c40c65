package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/rahatbackup/rahat/internal/clienttool"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
)

// lockWait is how long pg_dump waits for a lock. A change of a table may stand
// in the queue before it, waiting for our own locks: only giving them back ends
// that.
const lockWait = 10 * time.Second

// dumpSchema has pg_dump write everything but rows, and keeps it compressed in
// memory until it is asked for: a failure can be met by beginning anew now, not
// later, and SQL shrinks to a tenth.
func (n *snapshot) dumpSchema(ctx context.Context, enc string) (*archive.Archive, error) {
	args := []string{"--format=custom", "--compress=0", "--snapshot=" + n.id, "--section=pre-data", "--section=post-data",
		"--no-password", "--lock-wait-timeout=" + strconv.FormatInt(n.s.lockWait.Milliseconds(), 10), "--no-blobs", "--encoding=" + enc}
	settings := maps.Clone(session)
	delete(settings, "application_name")
	for _, o := range sessionSince {
		if n.version.Major >= o.major {
			settings[o.name] = o.value
		}
	}
	var packed bytes.Buffer
	zw, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("compress schema: %w", err)
	}
	pr, pw := io.Pipe()
	var toc *archive.Archive
	var g errgroup.Group
	g.Go(func() (err error) {
		toc, err = archive.Read(pr)
		// Whether it was understood or not, pg_dump must not block.
		_, cerr := io.Copy(io.Discard, pr)
		return errors.Join(err, cerr)
	})
	out := archive.Undated(io.MultiWriter(zw, pw))
	err = n.s.runner.Run(ctx, clienttool.Command{Path: n.tool.Path, Args: args, Env: n.s.toolEnv(n.database, settings), Stdout: out})
	pw.CloseWithError(err)
	tocErr := g.Wait()
	if err != nil {
		return nil, n.dumpError(ctx, err)
	}
	if err := errors.Join(tocErr, zw.Close()); err != nil {
		return nil, engine.ErrToolFailed.Because(err, "tool", "pg_dump", "message", firstLine(err))
	}
	n.hold(partSchema, packed.Bytes())
	return toc, nil
}

// dumpError sorts out why pg_dump failed, which it says in English because we
// ask it to, though the server may speak another language.
func (n *snapshot) dumpError(ctx context.Context, err error) error {
	f, ok := errors.AsType[*clienttool.Failed](err)
	if !ok {
		return err
	}
	msg := f.Message()
	switch {
	case strings.Contains(f.Stderr, "server version mismatch"):
		return engine.ErrToolTooOld.Because(err, "tool", "pg_dump", "have", n.tool.Version.String(), "version", n.version.String())
	case strings.Contains(f.Stderr, "out of shared memory"):
		return ErrLocks.Because(err, "database", n.database)
	case strings.Contains(f.Stderr, "LOCK TABLE"), strings.Contains(f.Stderr, "could not open relation"), strings.Contains(f.Stderr, "cache lookup failed"):
		// A waiting change of a table stands between pg_dump and a lock
		// we hold already, or a table has gone.
		if strings.Contains(f.Stderr, "permission denied") {
			return engine.ErrPrivilege.Because(err, "user", n.user(), "object", denied(msg))
		}
		n.warn(ErrDDLWaits)
		return fmt.Errorf("%w: %w", errChanged, err)
	case strings.Contains(f.Stderr, "permission denied"):
		return engine.ErrPrivilege.Because(err, "user", n.user(), "object", denied(msg))
	case strings.Contains(f.Stderr, "undefined symbol"), strings.Contains(f.Stderr, "could not load library"):
		return ErrLibrary.Because(err, "library", quotedIn(f.Stderr))
	}
	if aerr := n.alive(ctx); aerr != nil {
		return aerr
	}
	return engine.ErrToolFailed.Because(err, "tool", "pg_dump", "message", msg)
}

// agree holds our list of tables against pg_dump's: rows of a table it does not
// make could not be restored, and a table we do not read would come back empty.
func (n *snapshot) agree(ctx context.Context, toc *archive.Archive, tables []*table) error {
	made := map[string]bool{}
	for i := range toc.Entries {
		if e := &toc.Entries[i]; e.Desc == "TABLE" {
			made[e.OID] = true
		}
	}
	var wrong []string
	for _, t := range tables {
		if !made[t.oid] && !t.config {
			wrong = append(wrong, t.String())
		}
		delete(made, t.oid)
	}
	if len(made) > 0 {
		n.mu.Lock()
		defer n.mu.Unlock()
		rows, err := n.a.query(ctx, "SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind = 'p' OR c.relpersistence = 'u'")
		if err != nil {
			return fmt.Errorf("list partitioned tables: %w", err)
		}
		for _, r := range rows {
			delete(made, r.str(0))
		}
		for i := range toc.Entries {
			if e := &toc.Entries[i]; e.Desc == "TABLE" && made[e.OID] {
				wrong = append(wrong, e.Namespace+"."+e.Tag)
			}
		}
	}
	if len(wrong) > 0 {
		return ErrTablesDiffer.Because(nil, "tables", strings.Join(wrong[:min(10, len(wrong))], ", "))
	}
	return nil
}
