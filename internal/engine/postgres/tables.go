package postgres

import "context"

func (r *restorer) restoreTables(ctx context.Context) error { return nil }
