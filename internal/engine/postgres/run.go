package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Run implements [engine.Runner]. What stands between two COMMITs is one
// transaction, as psql -c has it. The session is not ours but as the account
// would find it: with its search path and its time limits.
func (s *server) Run(ctx context.Context, database, sql string) (err error) {
	cfg, err := s.pgConfig(database)
	if err != nil {
		return err
	}
	cfg.RuntimeParams = map[string]string{"application_name": session["application_name"], "client_encoding": "UTF8"}
	pg, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return s.connectError(ctx, err, cfg)
	}
	c := &conn{pg: pg, database: database}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	results := pg.Exec(ctx, sql)
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() { // nobody reads them
		}
	}
	if err := results.Close(); err != nil {
		return c.fail(ctx, err)
	}
	return nil
}
