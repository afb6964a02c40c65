package sqlite

// Endless implements enginetest.WithRunning.
func (*fixtures) Endless() string {
	return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
}
