//go:build unix

package ipc

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holder makes the test program hold a lock until its standard input ends.
const holder = "RAHAT_TEST_HOLD_LOCK"

// caller makes the test program connect to a socket and say what it gets.
const caller = "RAHAT_TEST_CONNECT"

func TestMain(m *testing.M) {
	if path := os.Getenv(holder); path != "" {
		hold(path)
	}
	if path := os.Getenv(caller); path != "" {
		call(path)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func hold(path string) {
	if _, err := TryLock(path); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // until the test lets go or kills us
	os.Exit(0)
}

func TestLockIsForOneProcessAndEndsWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.lock")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), holder+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	lock, err := TryLock(path)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := TryLock(path)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	if err := again.Unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestLockInAFolderThatIsNotThereIsAProblem(t *testing.T) {
	if _, err := TryLock(filepath.Join(t.TempDir(), "x", "agent.lock")); !errors.Is(err, ErrLock) {
		t.Errorf("got %v", err)
	}
}
