package enginetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// watchArguments looks for a secret in the arguments of all processes until
// stop is called, which returns those that had it. It sees something on Linux
// only.
func watchArguments(t testing.TB, secret string) (stop func() []string) {
	t.Helper()
	end, result := make(chan struct{}), make(chan []string, 1)
	go func() {
		var seen []string
		for {
			seen = append(seen, argumentsWith(secret)...)
			select {
			case <-end:
				result <- seen
				return
			default:
			}
		}
	}()
	return func() []string { close(end); return <-result }
}

func argumentsWith(secret string) (seen []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return []string{"bad pattern: " + err.Error() + secret}
	}
	for _, f := range files {
		// A process that ended meanwhile has no arguments to look at.
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), secret) {
			seen = append(seen, string(b))
		}
	}
	return seen
}
