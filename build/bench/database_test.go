package bench

import (
	"os"
	"testing"
)

func TestTheGeneratedDatabaseIsTheSameEveryTime(t *testing.T) {
	var sums [2]string
	for i := range sums {
		dir, err := os.MkdirTemp("", "rahat-bench")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		d, err := StartDatabase(t.Context(), dir, 0.001)
		if err != nil {
			t.Fatal(err)
		}
		sums[i], err = d.Query(t.Context(), `SELECT count(*) || ' ' || sum(hashtextextended(r, 0)::numeric) FROM (
			SELECT c::text FROM customers c UNION ALL SELECT o::text FROM orders o UNION ALL SELECT e::text FROM events e) all_rows(r)`)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if sums[0] != sums[1] || sums[0][:5] != "4700 " {
		t.Errorf("got %q and %q, want 4700 rows and equal sums", sums[0], sums[1])
	}
}
