package check

import (
	"strings"
	"testing"
)

func TestABlockCountsOnceHoweverManyProgramsSawIt(t *testing.T) {
	profile := `mode: atomic
example.org/a/x.go:1.1,2.2 3 0
example.org/a/x.go:1.1,2.2 3 7
example.org/a/y.go:1.1,2.2 1 0
example.org/b/z.go:1.1,2.2 4 0
`
	got, err := tallyProfile(strings.NewReader(profile))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]tally{"example.org/a": {4, 3}, "example.org/b": {4, 0}}
	if len(got) != len(want) {
		t.Fatalf("got packages %v, want %v", got, want)
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: got %+v, want %+v", name, got[name], w)
		}
	}
	if p := got["example.org/a"].percent(); p != 75 {
		t.Errorf("got %v percent, want 75", p)
	}
}

func TestADamagedProfileIsAnError(t *testing.T) {
	for _, profile := range []string{"x.go:1.1,2.2 3", "x.go:1.1,2.2 three 1"} {
		if _, err := tallyProfile(strings.NewReader(profile)); err == nil {
			t.Errorf("%q was read without an error", profile)
		}
	}
}

func TestOutputOfTestsLosesOnlyTheCoverageNotes(t *testing.T) {
	in := "ok  \texample.org/a\t0.1s\tcoverage: 3.1% of statements in ./internal/...\n" +
		"\texample.org/b\t\tcoverage: 0.0% of statements\n" +
		"--- FAIL: TestX (0.00s)\n    x_test.go:3: coverage: of the house\nFAIL"
	var out strings.Builder
	if err := withoutCoverage(&out, strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	want := "ok  \texample.org/a\t0.1s\n--- FAIL: TestX (0.00s)\n    x_test.go:3: coverage: of the house\nFAIL\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}
