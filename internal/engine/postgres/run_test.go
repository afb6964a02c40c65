package postgres

// Endless implements enginetest.WithRunning.
func (fixtures) Endless() string { return "SELECT pg_sleep(90)" }
