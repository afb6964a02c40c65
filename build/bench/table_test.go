package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestABrokenBoundFailsTheBenchmarkAndAKeptOneDoesNot(t *testing.T) {
	keep := filepath.Join(t.TempDir(), "RESULTS.md")
	var out strings.Builder
	b := &bench{out: &out, opt: Options{Rounds: 1, Keep: keep}}
	b.add("kept", 0.78, atMost(0.78), "1 MB", "2 MB")
	b.add("for the reader", 5, nil, "", "")
	if err := b.close(t.Context()); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	b.add("broken", 0.061, percent(0.06), "", "")
	if err := b.close(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") || strings.Contains(err.Error(), "kept") {
		t.Errorf("got %v, want an error that names what is broken", err)
	}
	text, err := os.ReadFile(keep)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "| broken ") || !strings.Contains(string(text), "NOT MET") || !strings.Contains(string(text), "≤ 0.0600 %") {
		t.Errorf("the table does not say what is broken:\n%s", text)
	}
}

func TestFiguresOfAGoBenchmarkAreRead(t *testing.T) {
	text := "goos: linux\nBenchmarkX/mark_and-repack-2 \t 1\t 204000000 ns/op\t 51.5 MB-heap-peak\nBenchmarkXY/no-2 1 5 ns/op\nPASS\n"
	parts, err := readBench("BenchmarkX", text)
	if err != nil || len(parts) != 1 || parts[0].name != "mark and-repack" || parts[0].of["ns/op"] != 204000000 || parts[0].of["MB-heap-peak"] != 51.5 {
		t.Errorf("%+v, %v", parts, err)
	}
	if _, err := readBench("BenchmarkX", "BenchmarkX/a-2 1 many ns/op\n"); err == nil {
		t.Error("what is no number is taken for one")
	}
}

func TestTheMedianIgnoresAnOutlier(t *testing.T) {
	if got := median([]float64{9, 1, 2}); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}

func TestCPUTimeAndMemoryOfThisProcessAreRead(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for x := uint64(1); ctx.Err() == nil; x = x*6364136223846793005 + 1 {
		if x%(1<<22) != 1 {
			continue
		}
		after, err := cpuTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after-before >= 50*time.Millisecond {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("a busy process used no CPU time")
	}
	held, err := memory(os.Getpid(), "VmRSS")
	if err != nil || held < 1<<20 {
		t.Errorf("got %d bytes, %v", held, err)
	}
	if err := resetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestStreamedRowsAreOfTheAskedSizeAndInKeyOrder(t *testing.T) {
	var rows strings.Builder
	if err := writeRows(&rows, 1, 1<<20); err != nil {
		t.Fatal(err)
	}
	if n := rows.Len(); n < 1<<20 || n > 1<<20+128<<10 {
		t.Errorf("got %d bytes for a megabyte", n)
	}
	if !strings.HasPrefix(rows.String(), "1\t") || !strings.Contains(rows.String(), "\n2\t") || !strings.HasSuffix(rows.String(), "\n") {
		t.Error("rows are not numbered lines")
	}
}
