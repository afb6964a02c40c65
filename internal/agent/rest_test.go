package agent

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once, when nothing has stirred for a while, and again
// only after something did.
func TestMemoryIsGivenBackOnceAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pass := func(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // fake time
		began := time.Now()
		var given []time.Duration
		r := newRest(func(context.Context) { given = append(given, time.Since(began)) })
		end := r.run(t.Context())
		handler := r.after(http.NotFoundHandler())
		ask := func() {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		}
		for range 10 { // one after the other: no rest between
			ask()
			pass(restAfter - time.Second)
		}
		pass(time.Hour)
		r.stir()
		pass(time.Hour)
		r.stir()
		end()
		pass(time.Hour)
		synctest.Wait()
		want := []time.Duration{9*(restAfter-time.Second) + restAfter, 10*(restAfter-time.Second) + time.Hour + restAfter}
		if len(given) != len(want) || given[0] != want[0] || given[1] != want[1] {
			t.Errorf("given back at %v, want %v", given, want)
		}
	})
}
