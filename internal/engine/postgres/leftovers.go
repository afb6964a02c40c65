package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
)

// unfinished is the comment of a database that is being filled. With its name
// it says that the database is ours and not whole.
const unfinished = "Rahat Backup is restoring into this database. It is not complete."

// lockClass is the first half of our advisory locks: "RBAK".
const lockClass = 0x5242414b

// claim takes the lock that says somebody is at work on a database. It is the
// connection's and so ends with this process, however that ends.
func (c *conn) claim(ctx context.Context, database string) (bool, error) {
	got, err := c.one(ctx, fmt.Sprintf("SELECT pg_catalog.pg_try_advisory_lock(%d, %d)", lockClass, lockNumber(database)))
	if err != nil {
		return false, fmt.Errorf("claim database: %w", err)
	}
	return got == "t", nil
}

// release gives the lock back.
func (c *conn) release(ctx context.Context, database string) error {
	_, err := c.one(ctx, fmt.Sprintf("SELECT pg_catalog.pg_advisory_unlock(%d, %d)", lockClass, lockNumber(database)))
	return err
}

func lockNumber(database string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(database)) // a hash does not fail
	return int32(h.Sum32())
}

// sweep drops what restores left that were killed: databases with our name and
// comment on which nobody works, here or on another computer. One that cannot
// be dropped is no reason to stop.
func (r *restorer) sweep(ctx context.Context) error {
	rows, err := r.admin.query(ctx, "SELECT d.datname FROM pg_catalog.pg_database d WHERE pg_catalog.shobj_description(d.oid, 'pg_database') = "+literal(unfinished)+
		" AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) AND pg_catalog.pg_has_role(d.datdba, 'USAGE')")
	if err != nil {
		return fmt.Errorf("look for unfinished restores: %w", err)
	}
	for _, row := range rows {
		name := row.str(0)
		if !workRE.MatchString(name) {
			continue
		}
		free, err := r.admin.claim(ctx, name)
		if err != nil {
			return err
		}
		if !free {
			continue
		}
		if err := r.s.drop(ctx, r.admin, name); err != nil {
			r.warn(ErrLeftBehind.Because(err, "database", name))
		}
		if err := r.admin.release(ctx, name); err != nil {
			return fmt.Errorf("release database: %w", err)
		}
	}
	return nil
}
