package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOneFailedStepFailsTheWholeAndTheOthersRun(t *testing.T) {
	var out strings.Builder
	r := New(&out)
	ran := 0
	for _, err := range []error{nil, errors.New("broken"), nil} {
		r.Do(t.Context(), "a step", func(context.Context) error { ran++; return err })
	}
	if err := r.Close(t.Context()); err == nil || ran != 3 {
		t.Errorf("got %v after %d steps, want an error after 3", err, ran)
	}
	if want := "\n2 passed, 1 failed\n"; !strings.HasSuffix(out.String(), want) || !strings.Contains(out.String(), "broken") {
		t.Errorf("got %q, want the reason and the closing line %q", out.String(), want)
	}
}

func TestAnInterruptedRunIsNotASuccess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := New(&strings.Builder{})
	if r.Do(ctx, "a step", func(context.Context) error { return nil }) {
		t.Error("a step ran after the interrupt")
	}
	if r.Close(ctx) == nil {
		t.Error("an interrupted run passed")
	}
}

func TestAFailedCommandSaysWhatItSaid(t *testing.T) {
	_, err := Cmd("sh", "-c", "echo reason >&2; exit 3").Output(t.Context())
	if err == nil || !strings.Contains(err.Error(), "reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if _, err := Cmd("no-such-program-here").Output(t.Context()); err == nil || !strings.Contains(err.Error(), "is not installed") {
		t.Errorf("got %v", err)
	}
	got, err := Cmd("sh", "-c", "echo $X; echo noise >&2").With("X=1").Output(t.Context())
	if err != nil || got != "1\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCancellingStopsACommand(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Cmd("sleep", "30").Output(ctx); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
}
