package postgres

import "context"

// A txStyle says how a piece of work is made to count wholly or not at all: by a
// transaction, or inside one by a savepoint.
type txStyle int

const (
	transactions txStyle = iota
	savepoints
)

func (t txStyle) begin() string {
	if t == savepoints {
		return "SAVEPOINT piece"
	}
	return "BEGIN"
}

func (t txStyle) commit() string {
	if t == savepoints {
		return "RELEASE SAVEPOINT piece"
	}
	return "COMMIT"
}

// rollback undoes the piece; a broken connection has undone it already.
func (t txStyle) rollback(ctx context.Context, c *conn) error {
	if c.pg.IsClosed() {
		return nil
	}
	sql := "ROLLBACK"
	if t == savepoints {
		sql = "ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece"
	}
	return c.exec(context.WithoutCancel(ctx), sql)
}

// exec runs statements that count together. Outside a transaction the server
// sees to that itself.
func (t txStyle) exec(ctx context.Context, c *conn, sql string) error {
	if t == transactions {
		return c.exec(ctx, sql)
	}
	if err := c.exec(ctx, t.begin()); err != nil {
		return err
	}
	if err := c.exec(ctx, sql); err != nil {
		return errorsJoin(err, t.rollback(ctx, c))
	}
	return c.exec(ctx, t.commit())
}
