package firstrun

import (
	"crypto/sha256"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

func TestTheSampleShopIsTheSameEveryTimeAndSound(t *testing.T) {
	var sums [2][32]byte
	for i := range sums {
		path := filepath.Join(t.TempDir(), "shop.sqlite")
		if err := MakeSample(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(data)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for query, want := range map[string]string{
			"PRAGMA integrity_check":                                             "ok",
			"SELECT count(*) FROM customers":                                     "600",
			"SELECT count(*) FROM orders":                                        "2500",
			"SELECT count(*) > 5000 FROM order_lines":                            "1",
			"SELECT count(*) FROM pragma_foreign_key_check":                      "0",
			"SELECT count(DISTINCT name) FROM products":                          "180",
			"SELECT count(*) > 0 FROM customers WHERE city IN ('İzmir','Iğdır')": "1",
		} {
			var got string
			if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil || got != want {
				t.Errorf("%s: got %q, %v; want %q", query, got, err, want)
			}
		}
	}
	if sums[0] != sums[1] {
		t.Error("two samples differ")
	}
}

func TestASampleThatIsThereIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.sqlite")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeSample(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
		t.Errorf("got %q, %v", data, err)
	}
}
