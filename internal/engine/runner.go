package engine

import "context"

// A Runner is a server that can run a person's own statements, such as those
// before and after a backup. Find it with a type assertion.
type Runner interface {
	// Run runs SQL in a database, as the account of the server and with the
	// settings that it has by itself; several statements are separated as the
	// engine does. A nil error means that all of it was done. When ctx ends,
	// the statement is stopped on the server too. [ErrNoDatabase] when there is
	// no such database.
	Run(ctx context.Context, database, sql string) error
}
