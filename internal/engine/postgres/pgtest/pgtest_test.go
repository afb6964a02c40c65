package pgtest

import "testing"

func TestServerAnswersAndForgetsNothing(t *testing.T) {
	s := Start(t, Options{})
	s.Exec(t, "postgres", "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL)")
	got := s.Query(t, "postgres", "SELECT a FROM t ORDER BY a")
	if len(got) != 2 || got[0][0] != "1" || got[1][0] != "<null>" {
		t.Fatalf("got %v", got)
	}
}
