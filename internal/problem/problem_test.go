package problem

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

var errTest = New("test.broken")

func TestProblemsMatchByCodeThroughWraps(t *testing.T) {
	p := errTest.Because(io.EOF, "path", "/x")
	err := fmt.Errorf("open file: %w", p)
	if !errors.Is(err, errTest) || !errors.Is(err, io.EOF) || errors.Is(err, New("test.other")) {
		t.Errorf("%v does not match as it should", err)
	}
	if got := Of(err); got.Code != "test.broken" || got.Params["path"] != "/x" {
		t.Errorf("Of: %+v", got)
	}
	if want := `test.broken path="/x": EOF`; p.Error() != want {
		t.Errorf("%q, want %q", p.Error(), want)
	}
	if len(errTest.Params) != 0 || errTest.Err != nil {
		t.Error("the sentinel was changed")
	}
}

func TestAnErrorWithoutACodeIsInternal(t *testing.T) {
	if got := Of(io.EOF); got.Code != Internal || !errors.Is(got, io.EOF) {
		t.Errorf("%+v", got)
	}
	if Of(nil) != nil {
		t.Error("no error is no problem")
	}
}

func TestCatchTurnsAPanicIntoAProblem(t *testing.T) {
	f := func(panics bool) (err error) {
		defer Catch(&err)
		if panics {
			panic("a defect")
		}
		return io.EOF
	}
	if err := f(true); Of(err).Code != Internal || !strings.Contains(err.Error(), "a defect") || !strings.Contains(err.Error(), "problem_test.go") {
		t.Errorf("%v", err)
	}
	if err := f(false); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}
