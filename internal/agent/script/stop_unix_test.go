//go:build unix

package script

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

func TestAScriptThatDoesNotEndIsStoppedWithAllItStarted(t *testing.T) {
	// Its child holds the writing end of a pipe, which ends with the child.
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		f, err := os.Open(pipe)
		if err == nil {
			_, err = io.Copy(io.Discard, f)
			err = errors.Join(err, f.Close())
		}
		gone <- err
	}()
	s := command(`trap '' TERM; (trap '' TERM; exec 3> "` + pipe + `"; while :; do sleep 1; done) & while :; do sleep 1; done`)
	s.Seconds = 1
	_, _, err := runner(control.Job{Before: []control.Script{s}}).Before(t.Context())
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-gone:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("its child lives on")
	}
}
